// The server's process: which files can be it, and its start.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';

/** What is written about the process. */
interface Log {
  info(message: string): void;
  error(message: string): void;
}

/** Starts the server; fails if the program cannot be started. */
export async function spawnServer(program: string, log: Log): Promise<ChildProcessWithoutNullStreams> {
  // In the user's home, not in the workspace: nothing of a project may decide what is run or read.
  const child = spawn(program, ['serve'], { cwd: os.homedir(), stdio: 'pipe' });
  await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  child.on('error', (error) => log.error(error.message));
  // A server that has gone is noticed by its closed output; writing to it must not throw.
  child.stdin.on('error', () => undefined);
  child.once('exit', (code, signal) => {
    log.info(`the server ended with ${signal ?? `code ${code}`}`);
  });
  return child;
}

/** Whether a file can be executed. */
export function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
