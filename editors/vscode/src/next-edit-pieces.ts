// What of a next edit is drawn, and where: pure, so that it can be tested without an editor.

/** A position as in the protocol and in VS Code: lines and UTF-16 units from 0. */
export interface Point {
  line: number;
  character: number;
}

/** A replacement of text. */
export interface Change {
  range: { start: Point; end: Point };
  text: string;
}

/** The changed part: old text that is struck, and new text that is drawn after it. */
export interface Pieces {
  old: { start: Point; end: Point };
  fresh: { at: Point; text: string }[];
}

/** Longest text that is drawn at one place, in characters. */
const MAX_DRAWN = 160;

/** Takes the unchanged words at both ends away, and gives each line of the old text its new text. */
export function pieces({ range, text }: Change, lineAt: (line: number) => string): Pieces {
  const old = textIn(range, lineAt);
  const fresh = text.replaceAll('\r\n', '\n');
  const head = sharedHead(old, fresh);
  const tail = sharedTail(old.slice(head), fresh.slice(head));
  const start = pointAt(range.start, old.slice(0, head));
  const end = pointAt(range.start, old.slice(0, old.length - tail));
  const lines = fresh.slice(head, fresh.length - tail).split('\n');
  const places: Point[] = [];
  for (let line = start.line; line < end.line; line += 1) {
    places.push({ line, character: lineAt(line).length });
  }
  places.push(end);
  // The last place takes the rest: there is no way to draw lines of its own.
  const last = places.length - 1;
  const texts = places.map((_, n) => (n < last ? lines[n] ?? '' : lines.slice(n).join('⏎')));
  return {
    old: { start, end },
    fresh: places
      .map((at, n) => ({ at, text: drawable(texts[n] ?? '') }))
      .filter((piece) => piece.text !== ''),
  };
}

function textIn({ start, end }: Change['range'], lineAt: (line: number) => string): string {
  if (start.line === end.line) {
    return lineAt(start.line).slice(start.character, end.character);
  }
  const lines = [lineAt(start.line).slice(start.character)];
  for (let line = start.line + 1; line < end.line; line += 1) {
    lines.push(lineAt(line));
  }
  lines.push(lineAt(end.line).slice(0, end.character));
  return lines.join('\n');
}

function pointAt({ line, character }: Point, before: string): Point {
  const lines = before.split('\n');
  const last = lines[lines.length - 1] ?? '';
  return lines.length === 1
    ? { line, character: character + last.length }
    : { line: line + lines.length - 1, character: last.length };
}

const isWord = (letter: string | undefined) => letter !== undefined && /[\p{L}\p{N}_$]/u.test(letter);

/** Length of the same text at the start, in whole words. */
function sharedHead(a: string, b: string): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) {
    n += 1;
  }
  while (n > 0 && isWord(a[n - 1]) && (isWord(a[n]) || isWord(b[n]))) {
    n -= 1;
  }
  return n;
}

/** Length of the same text at the end, in whole words. */
function sharedTail(a: string, b: string): number {
  let n = 0;
  while (n < a.length && n < b.length && a[a.length - 1 - n] === b[b.length - 1 - n]) {
    n += 1;
  }
  while (n > 0 && isWord(a[a.length - n]) && (isWord(a[a.length - 1 - n]) || isWord(b[b.length - 1 - n]))) {
    n -= 1;
  }
  return n;
}

/** Blanks that a browser does not collapse, and not too many letters. */
function drawable(text: string): string {
  const letters = [...text.replaceAll('\t', '    ').replaceAll(' ', '\u00a0')];
  return letters.length > MAX_DRAWN ? `${letters.slice(0, MAX_DRAWN).join('')}…` : letters.join('');
}
