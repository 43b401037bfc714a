// The answer of `$/lowkey/explain` as a page for people.
//
// The page holds text of the document, so it is in an editor only: in no file and in no log.

import { inWords } from './state';

/** The server's report of a request; fields that it does not send are skipped. */
export interface Report {
  text: string;
  insert: { start: [number, number]; end: [number, number]; text: string } | null;
  source: string;
  stop: string | null;
  silent: string | null;
  model: string;
  tokens: { [name: string]: number };
  ms: { [name: string]: number };
  why?: string[];
}

/** The page in Markdown; `report` is null when the document was never asked about. */
export function page(file: string, report: Report | null): string {
  if (report === null) {
    return `# lowkey: ${file}\n\nNothing was asked for in this document yet. Type in it, then explain again.\n`;
  }
  const parts = [`# lowkey: ${file}\n`, `${verdict(report)}\n`];
  const steps = report.why ?? [];
  if (steps.length > 0) {
    parts.push(`## What each stage decided\n`, steps.map((step) => `- ${step}`).join('\n') + '\n');
  }
  if (report.text !== '') {
    const kind = report.silent === null ? 'The suggestion' : 'What it would have been';
    parts.push(`## ${kind}\n`, `${fenced(report.text)}\n`);
  }
  parts.push(
    '## What it cost\n',
    `- answered by: ${report.source}\n` +
      (report.stop === null ? '' : `- decoding ended by: ${report.stop}\n`) +
      (report.model === '' ? '' : `- model: ${report.model}\n`) +
      rows(report.tokens, 'tokens', 0) +
      rows(report.ms, 'ms', 1),
  );
  return parts.join('\n');
}

function verdict({ silent, insert, text }: Report): string {
  if (silent !== null) {
    return `**No suggestion**: ${inWords(silent)}.`;
  }
  if (insert === null || text === '') {
    return '**No suggestion**: the model had nothing to add.';
  }
  const [line, column] = insert.start;
  return `**A suggestion was made** at line ${line + 1}, column ${column + 1}.`;
}

function rows(values: { [name: string]: number }, unit: string, digits: number): string {
  return Object.entries(values ?? {})
    .map(([name, value]) => `- ${name.replaceAll('_', ' ')}: ${value.toFixed(digits)} ${unit}\n`)
    .join('');
}

/** A fence longer than any in the text. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
