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

/** A model that the program knows. */
export interface Model {
  name: string;
  about: string;
}

/**
 * The models in the output of `lowkey models list --json`: a list of objects with `name`, alone
 * or below `models`. What else an object tells becomes its description.
 */
export function modelsIn(json: string): Model[] {
  const value: unknown = JSON.parse(json);
  const list = Array.isArray(value) ? value : field(value, 'models');
  return (Array.isArray(list) ? list : []).flatMap((entry: unknown) => {
    const name = field(entry, 'name');
    return typeof name === 'string' ? [{ name, about: about(entry) }] : [];
  });
}

function about(entry: unknown): string {
  const words = ['description', 'about', 'license', 'size', 'state', 'status']
    .map((key) => field(entry, key))
    .filter((word) => typeof word === 'string' && word !== '');
  if (field(entry, 'installed') === true) {
    words.push('on this machine');
  }
  return words.join(' · ');
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as { [key: string]: unknown })[key] : undefined;
}
