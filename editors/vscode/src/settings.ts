// The editor's settings as the server gets them: only those that the user has set.
//
// VS Code knows a default for every setting and would send it, and the server would then take
// the default for the user's will and lay it over `lowkey.toml`. Null means "not set".

/** The layers of one setting in VS Code. */
export interface Layers {
  readonly globalValue?: unknown;
  readonly workspaceValue?: unknown;
  readonly workspaceFolderValue?: unknown;
}

/** What is asked of VS Code's configuration. */
export interface Configuration {
  /** The value in force, from the layers that may speak. */
  get(key: string): unknown;
  inspect(key: string): Layers | undefined;
}

/** Settings of the extension itself, which the server does not know. */
const OWN = 'server.';

/** The server's keys among the settings that the extension contributes, without `lowkey.`. */
export function serverKeys(contributed: readonly string[]): string[] {
  return contributed
    .filter((key) => key.startsWith('lowkey.'))
    .map((key) => key.slice('lowkey.'.length))
    .filter((key) => !key.startsWith(OWN));
}

/** The section for the server: every key, null where the user has said nothing. */
export function section(
  keys: readonly string[],
  configuration: Configuration,
): { [key: string]: unknown } {
  return Object.fromEntries(
    keys.map((key) => {
      const layers = configuration.inspect(key);
      const isSet =
        layers?.globalValue !== undefined ||
        layers?.workspaceValue !== undefined ||
        layers?.workspaceFolderValue !== undefined;
      return [key, isSet ? configuration.get(key) ?? null : null];
    }),
  );
}

/** The layer in which a change must be made to take effect. */
export function layerOf(layers: Layers | undefined): 'workspace' | 'global' {
  return layers?.workspaceValue === undefined ? 'global' : 'workspace';
}

/** `list` with `item`, or without it where it has it. */
export function toggled(list: readonly string[], item: string): string[] {
  return list.includes(item) ? list.filter((other) => other !== item) : [...list, item];
}
