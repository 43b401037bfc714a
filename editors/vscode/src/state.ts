// What the server is doing, and how the status bar says it: pure, so that it can be tested.

/** The server's life. */
export type Phase =
  | { is: 'starting' }
  | { is: 'loading'; percent: number | undefined }
  | { is: 'ready'; model: string }
  /** The model or the server cannot be had. */
  | { is: 'failed'; reason: string }
  /** There is no program to start. */
  | { is: 'missing'; reason: string }
  /** On purpose, or before the first start. */
  | { is: 'stopped' };

/** The outcome of the last request of the active document. */
export interface Outcome {
  /** The rule that silenced it; null when something was suggested. */
  silent: string | null;
  /** Each stage's verdict in plain words. */
  why: readonly string[];
}

/** The active editor, as far as it matters. */
export interface Active {
  languageId: string;
  /** Whether lowkey looks at documents of this kind at all. */
  supported: boolean;
}

/** All that the status bar shows. */
export interface State {
  phase: Phase;
  version: string;
  paused: boolean;
  languagesOff: readonly string[];
  /** VS Code's own switch, `editor.inlineSuggest.enabled`. */
  inlineSuggest: boolean;
  active: Active | undefined;
  outcome: Outcome | undefined;
}

/** The status bar item. */
export interface Face {
  text: string;
  /** One line: what is the case. */
  headline: string;
  /** Further lines of the tooltip, plain text. */
  details: string[];
  severity: 'none' | 'warning' | 'error';
}

/** Rules that keep a whole file silent, in words for people. */
const FILE_OFF: { readonly [rule: string]: string } = {
  denied: 'off for this file: the model must not see it',
  desynced: 'off for this file: the server has another text; reopen the file',
};

const SILENCE: { readonly [rule: string]: string } = {
  loading: 'the model is still loading',
  'no-model': 'there is no model',
  paused: 'paused',
};

/** A rule's name in words. */
export function inWords(rule: string): string {
  return FILE_OFF[rule] ?? SILENCE[rule] ?? rule.replaceAll('-', ' ');
}

/** The status bar for a state. */
export function face(state: State): Face {
  const { phase } = state;
  switch (phase.is) {
    case 'starting':
      return calm('$(loading~spin) lowkey', 'starting');
    case 'stopped':
      return calm('$(circle-slash) lowkey', 'not running');
    case 'missing':
      return {
        text: '$(warning) lowkey',
        headline: 'the program was not found',
        details: [phase.reason],
        severity: 'warning',
      };
    case 'failed':
      return {
        text: '$(error) lowkey',
        headline: 'failed',
        details: [phase.reason],
        severity: 'error',
      };
    case 'loading': {
      const share = phase.percent === undefined ? '' : ` ${phase.percent} %`;
      return calm(`$(loading~spin) lowkey${share}`, `loading the model${share}`);
    }
    case 'ready':
      return ready(state, phase.model);
  }
}

function ready(state: State, model: string): Face {
  const { active, outcome, version } = state;
  const about = [`model: ${model}`, `version: ${version}`];
  if (state.paused) {
    return calm('$(debug-pause) lowkey', 'paused', about);
  }
  if (!state.inlineSuggest) {
    const off = 'off: VS Code shows no inline suggestions (setting editor.inlineSuggest.enabled)';
    return calm('$(circle-slash) lowkey', off, about);
  }
  if (active !== undefined && !active.supported) {
    return calm('$(circle-slash) lowkey', 'off for documents of this kind', about);
  }
  if (active !== undefined && state.languagesOff.includes(active.languageId)) {
    return calm('$(circle-slash) lowkey', `off for ${active.languageId}`, about);
  }
  const silent = outcome?.silent ?? null;
  if (silent !== null && FILE_OFF[silent] !== undefined) {
    return calm('$(circle-slash) lowkey', FILE_OFF[silent], [...(outcome?.why ?? []), ...about]);
  }
  if (silent !== null) {
    const why = outcome?.why.at(-1);
    const last = `no suggestion at the last place: ${inWords(silent)}`;
    return calm('$(sparkle) lowkey', 'ready', [last, ...(why === undefined ? [] : [why]), ...about]);
  }
  return calm('$(sparkle) lowkey', 'ready', about);
}

function calm(text: string, headline: string, details: string[] = []): Face {
  return { text, headline, details, severity: 'none' };
}

/** Text for a place that renders Markdown, without any Markdown in it. */
export function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>~$&]/g, '\\$&').replaceAll('\n', ' ');
}
