import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { type Place, REST_MS, Rest, type Situation, tellable } from '../src/rest';

const PLACE: Place = { uri: 'file:///a.rs', languageId: 'rust', version: 1, line: 3, character: 4 };
const SITUATION: Situation = {
  running: true,
  paused: false,
  wanted: true,
  languagesOff: [],
  inlineSuggest: true,
  place: PLACE,
};

/** A cursor that the test moves, with a clock that the test turns. */
function cursor() {
  mock.timers.enable({ apis: ['setTimeout'] });
  const told: Place[] = [];
  const at = { place: PLACE as Place | undefined };
  const rest = new Rest(
    () => at.place,
    (place) => told.push(place),
  );
  const move = (place: Place | undefined) => {
    at.place = place;
    rest.moved();
  };
  return { rest, told, move, pass: (ms: number) => mock.timers.tick(ms) };
}

test('the place is told when the cursor has rested, not before', () => {
  const { told, move, pass } = cursor();
  for (let line = 0; line < 10; line += 1) {
    move({ ...PLACE, line });
    pass(REST_MS - 1);
  }
  assert.deepEqual(told, []);
  pass(1);
  assert.deepEqual(told, [{ ...PLACE, line: 9 }]);
  pass(10 * REST_MS);
  assert.equal(told.length, 1);
  mock.timers.reset();
});

test('a place is told once until the cursor, the text or the server is another', () => {
  const { rest, told, move, pass } = cursor();
  const rests = (place: Place | undefined) => {
    move(place);
    pass(REST_MS);
    return told.length;
  };
  assert.equal(rests(PLACE), 1);
  assert.equal(rests({ ...PLACE }), 1);
  assert.equal(rests({ ...PLACE, version: 2 }), 2);
  assert.equal(rests({ ...PLACE, uri: 'file:///b.rs' }), 3);
  assert.equal(rests(undefined), 3);
  assert.equal(rests({ ...PLACE, uri: 'file:///b.rs' }), 3);
  rest.anew();
  pass(REST_MS);
  assert.equal(told.length, 4);
  mock.timers.reset();
});

test('nothing is told after the end', () => {
  const { rest, told, move, pass } = cursor();
  move(PLACE);
  rest.dispose();
  pass(10 * REST_MS);
  assert.deepEqual(told, []);
  mock.timers.reset();
});

test('where a request would be silent nothing is told', () => {
  assert.deepEqual(tellable(SITUATION), PLACE);
  assert.deepEqual(tellable({ ...SITUATION, languagesOff: ['go'] }), PLACE);
  for (const silent of [
    { running: false },
    { paused: true },
    { wanted: false },
    { languagesOff: ['rust'] },
    { inlineSuggest: false },
    { place: undefined },
  ]) {
    assert.equal(tellable({ ...SITUATION, ...silent }), undefined, JSON.stringify(silent));
  }
});
