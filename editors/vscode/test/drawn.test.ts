import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Drawn, type Spot } from '../src/drawn';

const SPOT: Spot = { uri: 'file:///a.rs', version: 3, line: 1, character: 4 };

test('what is drawn is known of the place of the last request alone', () => {
  const drawn = new Drawn();
  assert.equal(drawn.at(SPOT), 'nothing');
  const end = drawn.asked(SPOT);
  assert.equal(drawn.at({ ...SPOT }), 'asked');
  end(true);
  assert.equal(drawn.at(SPOT), 'drawn');
  for (const other of [{ uri: 'file:///b.rs' }, { version: 4 }, { line: 2 }, { character: 5 }]) {
    assert.equal(drawn.at({ ...SPOT, ...other }), 'nothing');
  }
});

test('a superseded request changes nothing', () => {
  const drawn = new Drawn();
  const first = drawn.asked(SPOT);
  const second = drawn.asked(SPOT);
  second(true);
  first(false);
  assert.equal(drawn.at(SPOT), 'drawn');
  drawn.hidden();
  assert.equal(drawn.at(SPOT), 'nothing');
});
