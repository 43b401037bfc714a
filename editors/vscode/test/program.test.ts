import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from '../src/log-line';
import { commandsIn, modelsIn } from '../src/program';
import { Restarts } from '../src/restarts';

test('the commands of a help page are read, and nothing else of it', () => {
  const help = `About\n\nUsage: lowkey [COMMAND]\n\nCommands:\n  serve   Serve stats\n  models  List\n  help    Print\n\nOptions:\n  -h, --help  x\n  stats  y\n`;
  assert.deepEqual([...commandsIn(help)], ['serve', 'models', 'help']);
  assert.deepEqual([...commandsIn('no help')], []);
});

test('models are listed that run here, the built-in one apart', () => {
  const models = [
    { name: 'lowkey-default', runs: true, installed: true },
    { name: 'a', parameters: '1B', size: '1 GB', license: 'MIT', terms: null, runs: true, installed: false },
    { name: 'b', size: '', runs: true, installed: true },
    { name: 'c', runs: false },
    { no: 1 },
    null,
  ];
  assert.deepEqual(modelsIn(JSON.stringify({ models })), [
    { name: 'a', about: '1B · 1 GB · MIT', installed: false },
    { name: 'b', about: 'on this machine', installed: true },
  ]);
  assert.deepEqual(modelsIn('{}'), []);
  assert.throws(() => modelsIn('no JSON'));
});

test('a server that ends again and again is given up, and old ends are forgotten', () => {
  const restarts = new Restarts();
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((now) => restarts.next(now)),
    [0, 500, 1000, 2000, 4000, undefined],
  );
  assert.equal(restarts.next(3 * 60_000 + 10), 0);
  restarts.next(3 * 60_000 + 11);
  restarts.reset();
  assert.equal(restarts.next(3 * 60_000 + 12), 0);
});

test('a line of the log has a level', () => {
  assert.deepEqual(parse('2026-11-22T10:00:00.123456Z  INFO lowkey::lsp: initialized n=1'), {
    level: 'info',
    text: 'lowkey::lsp: initialized n=1',
  });
  assert.deepEqual(parse('thread panicked'), { level: 'warn', text: 'thread panicked' });
});
