import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Pieces, pieces } from '../src/next-edit-pieces';

/** The pieces of a change that makes `to` of the whole of `from`, which begins at line 0. */
function between(from: string, to: string): Pieces {
  const lines = from.split('\n');
  const end = { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 };
  return pieces({ range: { start: { line: 0, character: 0 }, end }, text: to }, (line) => lines[line] ?? '');
}

const at = (line: number, character: number) => ({ line, character });

test('a word is replaced as a whole', () => {
  assert.deepEqual(between('f(user_name);', 'f(account_name);'), {
    old: { start: at(0, 2), end: at(0, 11) },
    fresh: [{ at: at(0, 11), text: 'account_name' }],
  });
});

test('an insertion has no old text, a deletion no new text', () => {
  assert.deepEqual(between('f(a)', 'f(a, b)'), {
    old: { start: at(0, 3), end: at(0, 3) },
    fresh: [{ at: at(0, 3), text: ',\u00a0b' }],
  });
  assert.deepEqual(between('f(a, b)', 'f(a)'), { old: { start: at(0, 3), end: at(0, 6) }, fresh: [] });
  assert.deepEqual(between('same', 'same').fresh, []);
});

test('each line of several gets its new text, the last one all that is left', () => {
  assert.deepEqual(between('a = 1;\nb = 2;', 'a = 3;\nc = 4;\nd;').fresh, [
    { at: at(0, 6), text: '3;' },
    { at: at(1, 5), text: 'c\u00a0=\u00a04;⏎d' },
  ]);
  assert.deepEqual(between('a();\n', 'a();\r\n\tb();\r\n').fresh, [{ at: at(1, 0), text: '\u00a0\u00a0\u00a0\u00a0b();⏎' }]);
});

test('a long text is cut, between letters', () => {
  const [piece] = between('', '😀'.repeat(500)).fresh;
  assert.equal([...(piece?.text ?? '')].length, 161);
  assert.ok(piece?.text.endsWith('😀…'));
});
