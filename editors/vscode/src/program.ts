// The server's program run as a command: what it can do, its models, its statistics.

import { execFile } from 'node:child_process';
import * as os from 'node:os';
import { promisify } from 'node:util';

/** Commands answer at once; one that does not hangs. */
const PATIENCE_MS = 15_000;

/** Runs the program and returns what it printed. */
export async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, {
    cwd: os.homedir(),
    timeout: PATIENCE_MS,
    maxBuffer: 1 << 24,
    windowsHide: true,
  });
  return stdout;
}

/** The commands that a program's `--help` lists. */
export function commandsIn(help: string): Set<string> {
  const [, list = ''] = help.split(/^Commands:$/m);
  const [section = ''] = list.split(/\n\s*\n/);
  return new Set([...section.matchAll(/^ {2}([a-z][\w-]*)/gm)].map((match) => match[1] ?? ''));
}

/** A model that the program knows and can run. */
export interface Model {
  name: string;
  /** Size, licence and state in words. */
  about: string;
  /** Whether its file is on this machine. */
  installed: boolean;
}

/** The name under which the list has the model inside the program. */
const EMBEDDED = 'lowkey-default';

/**
 * The models in the output of `lowkey models list --json`, without the one inside the program
 * and those that this version cannot run.
 */
export function modelsIn(json: string): Model[] {
  const list = field(JSON.parse(json), 'models');
  return (Array.isArray(list) ? list : []).flatMap((entry: unknown) => {
    const name = field(entry, 'name');
    if (typeof name !== 'string' || name === EMBEDDED || field(entry, 'runs') === false) {
      return [];
    }
    const installed = field(entry, 'installed') !== false;
    const words = ['parameters', 'size', 'license', 'terms'].map((key) => field(entry, key));
    const known = words.filter((word) => typeof word === 'string' && word !== '');
    return [{ name, about: [...known, ...(installed ? ['on this machine'] : [])].join(' · '), installed }];
  });
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as { [key: string]: unknown })[key] : undefined;
}
