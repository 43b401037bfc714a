import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { type NextEdit, Offer, REST_MS, hint, isThere, visibility } from '../src/next-edit-offer';
import type { Place } from '../src/rest';

const PLACE: Place = { uri: 'file:///a.rs', languageId: 'rust', version: 1, line: 3, character: 4 };
const EDIT: NextEdit = {
  text: 'b',
  range: { start: { line: 119, character: 0 }, end: { line: 120, character: 1 } },
  textDocument: { uri: PLACE.uri },
  command: { command: 'lowkey.accept', arguments: [1] },
};

/** An offer with a clock that the test turns and a server that answers when the test says so. */
function offer(t: { after(action: () => void): void }) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const asked: { place: Place; answer(edit: NextEdit | undefined): void }[] = [];
  const at = { place: PLACE as Place | undefined };
  let n_drawn = 0;
  const made = new Offer({
    find: () => at.place,
    ask: (place) => new Promise((answer) => asked.push({ place, answer })),
    draw: () => (n_drawn += 1),
  });
  const answer = async (n: number, edit: NextEdit | undefined) => {
    asked[n]?.answer(edit);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { offer: made, asked, at, answer, drawn: () => n_drawn, pass: (ms: number) => mock.timers.tick(ms) };
}

test('the server is asked once when the text rests', async (t) => {
  const { offer: made, asked, answer, drawn, pass } = offer(t);
  for (let key = 0; key < 5; key += 1) {
    made.changed();
    pass(REST_MS - 1);
  }
  assert.equal(asked.length, 0);
  pass(1);
  assert.deepEqual(asked.map(({ place }) => place), [PLACE]);
  await answer(0, EDIT);
  assert.deepEqual([made.edit, drawn()], [EDIT, 1]);
  made.changed();
  assert.deepEqual([made.edit, drawn()], [undefined, 2]);
});

test('an answer for an older text, for another document or after the end is dropped', async (t) => {
  const { offer: made, answer, drawn, pass } = offer(t);
  made.changed();
  pass(REST_MS);
  made.changed();
  await answer(0, EDIT);
  pass(REST_MS);
  await answer(1, { ...EDIT, textDocument: { uri: 'file:///b.rs' } });
  made.changed();
  pass(REST_MS);
  made.dispose();
  await answer(2, EDIT);
  assert.deepEqual([made.edit, drawn()], [undefined, 0]);
});

test('where lowkey is silent the server is not asked', (t) => {
  const { offer: made, asked, at, pass } = offer(t);
  at.place = undefined;
  made.changed();
  pass(REST_MS);
  assert.equal(asked.length, 0);
});

test('a taken edit is no longer on offer', async (t) => {
  const { offer: made, answer, pass } = offer(t);
  made.changed();
  pass(REST_MS);
  await answer(0, EDIT);
  assert.equal(made.take(), EDIT);
  assert.equal(made.take(), undefined);
});

test('ghost text comes first, and a selection hides the offer', () => {
  const scene = { offered: true, cursor: PLACE, drawn: 'nothing' as const };
  assert.equal(visibility(scene), 'shown');
  assert.equal(visibility({ ...scene, drawn: 'drawn' }), 'held');
  assert.equal(visibility({ ...scene, drawn: 'asked' }), 'held');
  assert.equal(visibility({ ...scene, cursor: undefined }), 'none');
  assert.equal(visibility({ ...scene, offered: false }), 'none');
});

test('an edit that is not on the screen is named', () => {
  const lines = (start: number, end: number) => ({ start: { line: start }, end: { line: end } });
  assert.equal(hint(EDIT, [lines(0, 40)]), 'next edit: line 120');
  assert.equal(hint(EDIT, [lines(0, 40), lines(100, 119)]), undefined);
  assert.deepEqual([118, 119, 120, 121].map((line) => isThere(EDIT, line)), [false, true, true, false]);
});
