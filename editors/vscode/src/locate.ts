// Where the server's program is: the setting, else the one in the extension, else PATH.
//
// Pure, except for the check whether a file can be run, which the caller passes in. A setting that names
// no program is an error and never skipped: the user wants that program and no other.

import * as path from 'node:path';

/** What the search may look at. */
export interface Places {
  /** The setting `lowkey.server.path`; empty when it is not set. */
  setting: string;
  /** The extension's folder. */
  extension: string;
  /** The user's home, for a leading `~`. */
  home: string;
  /** PATH and, on Windows, PATHEXT. */
  env: { [name: string]: string | undefined };
  platform: string;
  /** Whether a file exists and can be run. */
  isProgram: (file: string) => boolean;
}

/** The program and who named it, or why there is none. */
export type Found =
  | { program: string; from: 'setting' | 'extension' | 'path' }
  | { missing: string };

/** Looks for the server's program in the order that the README gives. */
export function locate(places: Places): Found {
  const { setting, extension, platform, isProgram } = places;
  const { join } = platform === 'win32' ? path.win32 : path.posix;
  const file = platform === 'win32' ? 'lowkey.exe' : 'lowkey';
  if (setting.trim() !== '') {
    return named(places, file);
  }
  const bundled = join(extension, 'server', file);
  if (isProgram(bundled)) {
    return { program: bundled, from: 'extension' };
  }
  const onPath = inPath(places, file);
  if (onPath !== undefined) {
    return { program: onPath, from: 'path' };
  }
  return {
    missing: `There is no program "${file}" in this extension and none in PATH.`,
  };
}

function named({ setting, home, platform, isProgram, env, ...rest }: Places, file: string): Found {
  const { join, isAbsolute } = platform === 'win32' ? path.win32 : path.posix;
  const given = setting.trim().replace(/^~(?=$|[/\\])/, home);
  const isName = !/[/\\]/.test(given);
  if (isName) {
    const program = inPath({ setting, home, platform, isProgram, env, ...rest }, given);
    return program === undefined
      ? { missing: `The setting lowkey.server.path names "${given}", which is not in PATH.` }
      : { program, from: 'setting' };
  }
  if (!isAbsolute(given)) {
    return { missing: `The setting lowkey.server.path is "${given}"; it takes a full path or a name in PATH.` };
  }
  for (const program of [given, join(given, file)]) {
    if (isProgram(program)) {
      return { program, from: 'setting' };
    }
  }
  return { missing: `The setting lowkey.server.path names "${given}", which cannot be run.` };
}

function inPath({ env, platform, isProgram }: Places, name: string): string | undefined {
  const { join, isAbsolute, delimiter } = platform === 'win32' ? path.win32 : path.posix;
  // Windows spells it "Path".
  const variable = Object.keys(env).find((key) => key.toUpperCase() === 'PATH');
  const folders = (variable === undefined ? '' : env[variable] ?? '').split(delimiter);
  const endings = platform === 'win32' && !/\.exe$/i.test(name) ? ['.exe'] : [''];
  return folders
    // A relative folder in PATH would mean one of the workspace.
    .filter((folder) => isAbsolute(folder))
    .flatMap((folder) => endings.map((ending) => join(folder, name + ending)))
    .find(isProgram);
}
