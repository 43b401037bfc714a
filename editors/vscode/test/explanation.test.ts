import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Report, page } from '../src/explanation';

const SHOWN: Report = {
  text: 'a\n```\nb',
  insert: { start: [3, 4], end: [3, 4], text: 'a' },
  source: 'model',
  stop: 'eos',
  silent: null,
  model: 'small',
  tokens: { prompt: 12, draft_accepted: 3 },
  ms: { first_token: 1.26 },
  why: ['context: 3 lines', 'trims: nothing'],
};

test('a suggestion is told with its place, its steps and its cost', () => {
  const text = page('a.rs', SHOWN);
  assert.match(text, /^# lowkey: a\.rs\n/);
  assert.match(text, /at line 4, column 5/);
  assert.match(text, /- context: 3 lines\n- trims: nothing\n/);
  assert.match(text, /^- draft accepted: 3 tokens$/m);
  assert.match(text, /^- first token: 1\.3 ms$/m);
});

test('the fence is longer than any in the text', () => {
  assert.ok(page('a.md', SHOWN).includes('````\na\n```\nb\n````\n'));
});

test('silence is told with its rule, and what was held back is shown', () => {
  const text = page('a.rs', { ...SHOWN, silent: 'language-off', insert: null });
  assert.match(text, /\*\*No suggestion\*\*: language off\./);
  assert.match(text, /What it would have been/);
});

test('a document that was never asked about says so', () => {
  assert.match(page('a.rs', null), /Nothing was asked for/);
});
