import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Configuration, layerOf, section, serverKeys, toggled } from '../src/settings';

test('the server is told every key, and null where nobody has said anything', () => {
  const layers: { [key: string]: object } = {
    max_lines: {},
    paused: { globalValue: true },
    languages_off: { globalValue: ['a'], workspaceValue: ['b'] },
    popup: { workspaceFolderValue: 'never' },
  };
  const values: { [key: string]: unknown } = { max_lines: 10, paused: true, languages_off: ['b'], popup: 'never' };
  const configuration: Configuration = { get: (key) => values[key], inspect: (key) => layers[key] };
  assert.deepEqual(section([...Object.keys(layers), 'unknown'], configuration), {
    max_lines: null,
    paused: true,
    languages_off: ['b'],
    popup: 'never',
    unknown: null,
  });
});

test("the extension's own settings are not the server's", () => {
  const keys = ['lowkey.model', 'lowkey.server.path', 'lowkey.max_lines', 'other.model'];
  assert.deepEqual(serverKeys(keys), ['model', 'max_lines']);
});

test('a change goes to the layer that decides', () => {
  assert.equal(layerOf(undefined), 'global');
  assert.equal(layerOf({ globalValue: true }), 'global');
  assert.equal(layerOf({ globalValue: true, workspaceValue: false }), 'workspace');
});

test('toggling twice changes nothing', () => {
  assert.deepEqual(toggled(['a'], 'b'), ['a', 'b']);
  assert.deepEqual(toggled(toggled(['a'], 'b'), 'b'), ['a']);
});
