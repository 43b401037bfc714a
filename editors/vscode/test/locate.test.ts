import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Found, type Places, locate } from '../src/locate';

function found(files: string[], more: Partial<Places> = {}): Found {
  return locate({
    setting: '',
    extension: '/ext',
    home: '/home/u',
    env: { PATH: '/usr/bin:relative:/opt/bin' },
    platform: 'linux',
    isProgram: (file) => files.includes(file),
    ...more,
  });
}

test('the setting comes before the extension, the extension before PATH', () => {
  const files = ['/opt/bin/lowkey', '/ext/server/lowkey', '/own/lowkey'];
  assert.deepEqual(found(files, { setting: '/own/lowkey' }), { program: '/own/lowkey', from: 'setting' });
  assert.deepEqual(found(files), { program: '/ext/server/lowkey', from: 'extension' });
  assert.deepEqual(found(['/opt/bin/lowkey']), { program: '/opt/bin/lowkey', from: 'path' });
});

test('the setting may name a folder, a program in PATH or a place in the home', () => {
  assert.deepEqual(found(['/own/lowkey'], { setting: '/own' }), { program: '/own/lowkey', from: 'setting' });
  assert.deepEqual(found(['/opt/bin/lk'], { setting: 'lk' }), { program: '/opt/bin/lk', from: 'setting' });
  assert.deepEqual(found(['/home/u/bin/lk'], { setting: '~/bin/lk' }), {
    program: '/home/u/bin/lk',
    from: 'setting',
  });
});

test('a setting that names nothing is an error, whatever else there is', () => {
  for (const setting of ['/gone/lowkey', 'gone', './lowkey', 'a/lowkey']) {
    const answer = found(['/ext/server/lowkey', '/usr/bin/lowkey', 'a/lowkey', './lowkey'], { setting });
    assert.ok('missing' in answer && answer.missing.includes(setting), JSON.stringify(answer));
  }
});

test('a relative folder in PATH is passed over', () => {
  assert.ok('missing' in found(['relative/lowkey']));
  assert.ok('missing' in found([], { env: {} }));
});

test('Windows has its own names and separators', () => {
  const windows = { platform: 'win32', extension: 'C:\\ext', env: { Path: 'C:\\Windows;D:\\bin' } };
  assert.deepEqual(found(['D:\\bin\\lowkey.exe'], windows), { program: 'D:\\bin\\lowkey.exe', from: 'path' });
  assert.deepEqual(found(['D:\\bin\\lk.exe'], { ...windows, setting: 'lk' }), {
    program: 'D:\\bin\\lk.exe',
    from: 'setting',
  });
});
