// A user's actions, case by case. Each case gets a workbench and fails by throwing.
//
// The suggestions are those of the model in the program. The cases check how they are drawn and
// accepted, and compare the file on disk with the drawn text. They do not check words that the next
// model may choose differently.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const dos = require('./host/dos.js');
const nextEdit = require('./next-edit.cjs');
const { servers, sleep, until } = require('./workbench.cjs');

const SHAPES = `class Square:
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side * self.side


class Rectangle:
    def __init__(self, width, height):
        self.width = width
        self.height = height

`;
const LAST = SHAPES.split('\n').length;
const METHOD = '    def are';

/** Opens a file whose end is a position where the model suggests text, and types that text there. */
async function method(w, name) {
  await w.edit(name, SHAPES);
  await w.goTo(LAST, Infinity);
  await w.type(METHOD);
  const ghost = await w.ghostAppears();
  assert.ok((await w.lines()).some((line) => line === METHOD + firstLine(ghost)), 'drawn after the typed text');
  return ghost;
}

const firstLine = (text) => text.split('\n')[0];
const count = (text, letter) => text.split(letter).length - 1;

module.exports = {
  async 'ghost text appears while typing, and Tab takes it'(w) {
    await w.statusBecomes(/^lowkey: ready/);
    const ghost = await method(w, 'tab.py');
    await w.picture('ghost-text');
    await w.picture('readme', { x: 303, y: 88, width: 560, height: 272 });
    await w.keys('Tab');
    await w.picture('accepted');
    assert.equal(await w.saved('tab.py'), `${SHAPES}${METHOD}${ghost}`);
  },

  async 'Control+Right takes the next word and leaves the rest'(w) {
    const ghost = await method(w, 'word.py');
    await w.keys('Control+ArrowRight');
    const rest = await until('less ghost text', async () => {
      const now = await w.ghost();
      return now !== ghost && now;
    });
    await w.picture('word');
    assert.ok(ghost.endsWith(rest) && rest.length < ghost.length, `${rest} is the end of ${ghost}`);
    await w.keys('Tab');
    assert.equal(await w.saved('word.py'), `${SHAPES}${METHOD}${ghost}`);
  },

  async 'typing what the ghost text says keeps it, typing something else removes it'(w) {
    const ghost = await method(w, 'type.py');
    await w.type(ghost[0]);
    assert.equal(await w.ghostSettles(), ghost.slice(1));
    await w.keys('Backspace');
    assert.equal(await w.ghostSettles(), ghost);
    await w.type('Z');
    await until('other ghost text or none', async () => !ghost.endsWith(await w.ghost()) || (await w.ghost()) === '');
    assert.equal(await w.saved('type.py'), `${SHAPES}${METHOD}Z`);
  },

  async 'Escape removes the ghost text and leaves the text alone'(w) {
    await method(w, 'escape.py');
    await w.keys('Escape');
    await w.ghostVanishes();
    await w.picture('escape');
    assert.equal(await w.saved('escape.py'), SHAPES + METHOD);
  },

  async 'inside a line the closing bracket is not doubled'(w) {
    const above = SHAPES.trimEnd() + '\n\n    def scale(self, factor):\n        self.width = self.width * factor\n';
    await w.edit('middle.py', above);
    await w.goTo(above.split('\n').length, Infinity);
    // VS Code closes the bracket and indents by itself.
    const typed = '    def grow(';
    await w.type(typed);
    const ghost = await w.ghostAppears();
    await w.picture('middle');
    await w.keys('Tab');
    const line = (await w.saved('middle.py')).slice(above.length);
    assert.ok(line.startsWith(typed), line);
    assert.ok(line.length > `${typed})`.length, `${ghost} was taken: ${line}`);
    assert.equal(count(line, '('), count(line, ')'), line);
  },

  async 'several lines are drawn below each other and taken together'(w) {
    const above = `class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y


class Rectangle:
`;
    // VS Code indents after Enter by itself; at the start of a block, several lines may come.
    const head = '    def __init__(self, width, height):';
    for (const [n, names] of ['width, height', 'side, height', 'a, b', 'name, size'].entries()) {
      const [file, typed] = [`lines${n}.py`, head.replace('width, height', names)];
      await w.edit(file, above);
      await w.goTo(above.split('\n').length, Infinity);
      await w.type(typed);
      await w.keys('Enter');
      const ghost = await w.ghostAppears();
      if (!ghost.includes('\n')) continue;
      await w.picture('lines');
      await w.keys('Tab');
      const lines = `${above}${typed}\n        ${ghost}`;
      assert.equal(await w.saved(file), lines);
      return;
    }
    assert.fail('no suggestion has several lines');
  },

  async 'several lines in a file with CR LF line ends leave no line end of another kind'(w) {
    const restartWith = async (settings) => {
      const [before] = servers(w.home);
      fs.writeFileSync(`${w.home}/user/Machine/settings.json`, JSON.stringify(settings));
      await until('another server alone', () => servers(w.home).length === 1 && servers(w.home)[0] !== before);
      await w.statusBecomes(/^lowkey: ready/);
    };
    await w.statusBecomes(/^lowkey: ready/);
    await restartWith(dos.SETTINGS);
    await w.edit('dos.js', dos.ABOVE);
    await w.page.waitForSelector('[id="status.editor.eol"]:has-text("CRLF")');
    await w.goTo(dos.ABOVE.split('\r\n').length, Infinity);
    await w.type(dos.TYPED);
    const ghost = await w.ghostSettles();
    await w.picture('dos');
    assert.match(ghost, /\n./, 'several lines');
    assert.doesNotMatch(ghost, /[\r\u240d]/, 'a carriage return is drawn');
    await w.keys('Tab');
    await w.picture('dos-accepted');
    assert.equal(await w.saved('dos.js'), `${dos.ABOVE}${dos.TYPED}${ghost.replaceAll('\n', '\r\n')}`);
    await restartWith({});
  },

  async 'with the suggest widget open the ghost text continues the selected entry'(w) {
    await method(w, 'widget.py');
    await w.keys('Control+Space');
    await w.page.waitForSelector('.suggest-widget.visible .monaco-list-row.focused');
    const entry = await w.page.$eval('.suggest-widget.visible .monaco-list-row.focused .label-name', (e) => e.textContent);
    const ghost = await w.ghostAppears();
    await w.picture('widget');
    assert.ok(`are${ghost}`.startsWith(entry), `${ghost} continues ${entry}`);
    // Tab accepts the entry while the list is open, then the ghost text.
    await w.keys('Tab');
    await w.ghostAppears();
    await w.keys('Tab');
    assert.equal(await w.saved('widget.py'), `${SHAPES}${METHOD}${ghost}`);
  },

  ...nextEdit,

  async 'a killed server is started again, and completes again'(w) {
    await w.statusBecomes(/^lowkey: ready/);
    const [pid, ...others] = servers(w.home);
    assert.deepEqual(others, [], 'one server for the window');
    process.kill(pid, 'SIGKILL');
    await until('another server', () => servers(w.home).some((other) => other !== pid));
    await w.statusBecomes(/^lowkey: ready/);
    const ghost = await method(w, 'again.py');
    await w.picture('again');
    await w.keys('Tab');
    assert.equal(await w.saved('again.py'), `${SHAPES}${METHOD}${ghost}`);
    assert.equal(servers(w.home).length, 1);
  },

  async 'the server can be restarted by command'(w) {
    const [pid] = servers(w.home);
    await w.command('lowkey: Restart the Server');
    await until('another server alone', () => servers(w.home).length === 1 && servers(w.home)[0] !== pid);
    await w.statusBecomes(/^lowkey: ready/);
  },

  async 'where the cursor rests the prompt is computed, once for each place'(w) {
    await w.statusBecomes(/^lowkey: ready/);
    const prefills = () => count(fs.readFileSync(`${w.logs}/lowkey.log`, 'utf8'), 'prefilled where the cursor rests');
    const more = async (what, move) => {
      const before = prefills();
      await move();
      await until(what, () => prefills() > before);
      // Longer than the resting time of the cursor.
      await sleep(1000);
      const after = prefills();
      await sleep(1000);
      assert.equal(prefills(), after, `${what}, and then another without a move`);
    };
    await more('a prefill in the opened file', () => w.edit('rest.py', SHAPES));
    await more('a prefill where the cursor went', () => w.goTo(6, 5));
    await w.command('lowkey: Pause or Resume Suggestions');
    await w.statusBecomes(/^lowkey: paused/);
    const before = prefills();
    await w.goTo(2, 5);
    await sleep(1000);
    assert.equal(prefills(), before, 'a prefill while paused');
    await w.command('lowkey: Pause or Resume Suggestions');
    await w.statusBecomes(/^lowkey: ready/);
    await more('a prefill after resuming', () => w.goTo(4, 5));
  },

  async 'pausing silences until it is resumed, and the status bar says so'(w) {
    await w.edit('paused.py', SHAPES);
    await w.command('lowkey: Pause or Resume Suggestions');
    await w.statusBecomes(/^lowkey: paused/);
    await w.goTo(LAST, Infinity);
    await w.type(METHOD);
    await w.keys('Alt+\\');
    await sleep(1000);
    assert.equal(await w.ghost(), '');
    await w.picture('paused');
    await w.command('lowkey: Pause or Resume Suggestions');
    await w.statusBecomes(/^lowkey: ready/);
    await w.keys('Backspace');
    await w.type('e');
    assert.notEqual(await w.ghostAppears(), '');
  },

  async 'a language can be switched off and on'(w) {
    await method(w, 'language.py');
    await w.command('lowkey: Switch Suggestions On or Off for This Language');
    await w.statusBecomes(/^lowkey: off for python/);
    await w.type('a');
    await sleep(1000);
    assert.equal(await w.ghost(), '');
    await w.picture('language-off');
    await w.edit('counter.rs');
    await w.statusBecomes(/^lowkey: ready/);
    await w.edit('language.py');
    await w.command('lowkey: Switch Suggestions On or Off for This Language');
    await w.statusBecomes(/^lowkey: ready/);
  },

  async 'a file with secrets is off, and the reason is told'(w) {
    await w.edit('.env');
    await w.goTo(3, Infinity);
    await w.type('API_KEY=');
    await w.keys('Alt+\\');
    await w.statusBecomes(/^lowkey: off for this file/);
    assert.equal(await w.ghost(), '');
    await w.page.hover('[id="lowkey.lowkey.status"]');
    const tooltip = await w.page.waitForSelector('.monaco-hover:has-text("must not see")');
    assert.match(await tooltip.textContent(), /\.env/);
    await w.picture('secret');
    await w.keys('Escape');
  },

  async 'the last request can be explained'(w) {
    await method(w, 'explain.py');
    await w.saved('explain.py');
    await w.command('lowkey: Explain the Last Request');
    await until('the page', async () => (await w.lines()).some((line) => line === '# lowkey: explain.py'));
    await w.picture('explain');
    assert.match((await w.lines()).join('\n'), /A suggestion was made/);
  },

  async 'a click on the status bar offers what can be done'(w) {
    await w.page.click('[id="lowkey.lowkey.status"]');
    await w.page.waitForSelector('.quick-input-list .monaco-list-row[aria-label*="Restart the server"]');
    await w.picture('menu');
    await w.keys('Escape');
  },

  async 'models can be chosen from the list of the server'(w) {
    await w.commandThatAsks('lowkey: Choose the Model…');
    const entry = '.quick-input-list .monaco-list-row[aria-label*="qwen2.5-coder-0.5b"]';
    await w.page.waitForSelector(entry);
    await w.picture('models');
    await w.page.click(entry);
    await w.message('qwen2.5-coder-0.5b', 'Fetch It in a Terminal');
    await w.keys('Escape');
  },

  async 'the statistics are shown as a page'(w) {
    await w.command('lowkey: Show Statistics');
    await w.page.waitForSelector('.tab[aria-label*="lowkey: statistics"]');
    const words = await until('the page', async () => {
      for (const frame of w.page.frames()) {
        const heading = await frame.$('h1').catch(() => null);
        if (heading && (await heading.textContent()) === 'lowkey on this machine') return frame.textContent('body');
      }
    });
    assert.match(words, /suggestions shown/);
    await w.picture('statistics');
    await w.command('View: Close Editor');
  },

  async 'no text of a document is in the log'(w) {
    const log = fs.readFileSync(`${w.logs}/lowkey.log`, 'utf8');
    assert.match(log, /accepted id=/);
    for (const word of ['Rectangle', 'self', 'height', 'API_TOKEN', 'is_empty']) {
      assert.ok(!log.includes(word), `${word} is in lowkey.log`);
    }
  },

  async 'a program that is not there is told with a next step, and found again'(w) {
    const machine = `${w.home}/user/Machine/settings.json`;
    fs.writeFileSync(machine, JSON.stringify({ 'lowkey.server.path': '/nowhere/lowkey' }));
    await w.statusBecomes(/^lowkey: the program was not found/);
    await w.message('/nowhere/lowkey', 'How to Install');
    await w.picture('missing');
    fs.writeFileSync(machine, '{}');
    await w.statusBecomes(/^lowkey: ready/);
    await w.keys('Escape');
  },

  async 'a model that is not there is told once, with a next step'(w) {
    const machine = `${w.home}/user/Machine/settings.json`;
    fs.writeFileSync(machine, JSON.stringify({ 'lowkey.model': '/nowhere/model.gguf' }));
    await w.statusBecomes(/^lowkey: failed/);
    await w.message('/nowhere/model.gguf', 'Choose Another Model');
    await w.picture('model');
    const messages = await w.page.$$('.notifications-center .notification-list-item:has-text("/nowhere/model.gguf")');
    assert.equal(messages.length, 1);
    fs.writeFileSync(machine, '{}');
    await w.statusBecomes(/^lowkey: ready/);
    await w.keys('Escape');
  },

  async 'a wrong setting is told, and the rest holds'(w) {
    const machine = `${w.home}/user/Machine/settings.json`;
    fs.writeFileSync(machine, JSON.stringify({ 'lowkey.max_lines': 'many' }));
    await w.message('max_lines', 'Open Settings');
    assert.match(await w.status(), /^lowkey: ready/);
    fs.writeFileSync(machine, '{}');
    await w.keys('Escape');
  },

  async 'a program that ends at once is told with what it said'(w) {
    const machine = `${w.home}/user/Machine/settings.json`;
    const broken = `${w.home}/broken`;
    fs.writeFileSync(broken, '#!/bin/sh\necho "the disk is on fire" >&2\nexit 1\n', { mode: 0o755 });
    fs.writeFileSync(machine, JSON.stringify({ 'lowkey.server.path': broken }));
    await w.statusBecomes(/^lowkey: failed/);
    await w.message('the disk is on fire', 'Show Log');
    await w.picture('failed');
    fs.writeFileSync(machine, '{}');
    await w.statusBecomes(/^lowkey: ready/);
    await w.keys('Escape');
  },
};
