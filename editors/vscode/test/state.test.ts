import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type State, face, plain } from '../src/state';

const READY: State = {
  phase: { is: 'ready', model: 'small' },
  version: '1.2.3',
  paused: false,
  languagesOff: [],
  inlineSuggest: true,
  active: { languageId: 'rust', supported: true },
  outcome: undefined,
};

function says(change: Partial<State>): string {
  const { text, headline, severity } = face({ ...READY, ...change });
  return `${text} | ${headline} | ${severity}`;
}

test('each state has a face of its own', () => {
  assert.equal(says({}), '$(sparkle) lowkey | ready | none');
  assert.equal(says({ phase: { is: 'starting' } }), '$(loading~spin) lowkey | starting | none');
  assert.equal(
    says({ phase: { is: 'loading', percent: 40 } }),
    '$(loading~spin) lowkey 40 % | loading the model 40 % | none',
  );
  assert.equal(
    says({ phase: { is: 'loading', percent: undefined } }),
    '$(loading~spin) lowkey | loading the model | none',
  );
  assert.equal(says({ phase: { is: 'stopped' } }), '$(circle-slash) lowkey | not running | none');
  assert.equal(says({ phase: { is: 'failed', reason: 'x' } }), '$(error) lowkey | failed | error');
  assert.equal(
    says({ phase: { is: 'missing', reason: 'x' } }),
    '$(warning) lowkey | the program was not found | warning',
  );
  assert.equal(says({ paused: true }), '$(debug-pause) lowkey | paused | none');
  assert.match(says({ inlineSuggest: false }), /editor\.inlineSuggest\.enabled/);
  assert.match(says({ active: { languageId: 'log', supported: false } }), /documents of this kind/);
  assert.match(says({ languagesOff: ['rust'] }), /off for rust/);
  assert.equal(says({ languagesOff: ['go'] }), says({}));
  assert.equal(says({ active: undefined, languagesOff: ['rust'] }), says({}));
});

test('a file that the model must not see is off, with the rule', () => {
  const denied = face({ ...READY, outcome: { silent: 'denied', why: ['context: rule `.env*`'] } });
  assert.match(denied.text, /circle-slash/);
  assert.equal(denied.details[0], 'context: rule `.env*`');
});

test('a silent place is explained and the state stays ready', () => {
  const silent = face({ ...READY, outcome: { silent: 'too-little', why: ['first', 'last'] } });
  assert.equal(silent.headline, 'ready');
  assert.deepEqual(silent.details.slice(0, 2), ['no suggestion at the last place: too little', 'last']);
  const shown = face({ ...READY, outcome: { silent: null, why: ['x'] } });
  assert.deepEqual(shown, face(READY));
});

test('the reason of a failure is in the tooltip', () => {
  assert.deepEqual(face({ ...READY, phase: { is: 'failed', reason: 'no file' } }).details, ['no file']);
});

test('plain text stays plain where Markdown is rendered', () => {
  assert.equal(plain('[x](command:y) `z`\n*'), '\\[x\\]\\(command:y\\) \\`z\\` \\*');
});
