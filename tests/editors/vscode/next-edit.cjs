// The cases of next edits: a renamed parameter is offered where it is used.

const assert = require('node:assert/strict');
const { sleep, until } = require('./workbench.cjs');

const TEXT = `def greet(user_name):
    "user_name of the person"
    text = format(user_name)
    send(user_name, text)
${'    wait()\n'.repeat(60)}    close(user_name)
`;
const LAST = TEXT.split('\n').length - 1;
const RENAMED = TEXT.replace('greet(user_name', 'greet(account_name');

/** Opens a new file and renames the parameter where it is defined. */
async function rename(w, name) {
  await w.edit(name, TEXT);
  await w.goTo(1, 11);
  await w.keys('Control+Shift+ArrowRight');
  await w.type('account_name');
}

module.exports = {
  async 'a renamed parameter is offered at the next place, and Tab goes there and takes it, twice'(w) {
    await w.statusBecomes(/^lowkey: ready/);
    await rename(w, 'greet.py');
    await w.nextEditAppears('format(user_nameaccount_name)');
    await w.picture('next-edit');
    await w.picture('readme-next-edit', { x: 303, y: 88, width: 560, height: 160 });
    await w.keys('Tab');
    await w.cursorAt(3, 19);
    await w.keys('Tab');
    await w.nextEditAppears('send(user_nameaccount_name, text)');
    await w.cursorAt(3, 31);
    assert.ok((await w.lines()).some((line) => line === '    text = format(account_name)'));
    await w.keys('Tab');
    await w.cursorAt(4, 10);
    await w.keys('Tab');
    await w.cursorAt(4, 22);
    const taken = RENAMED.replace('format(user_name', 'format(account_name').replace('send(user_name', 'send(account_name');
    // The place that is left is below the window.
    await w.nextEditAppears(`next edit: line ${LAST}`);
    await w.picture('next-edit-hint');
    assert.equal(await w.saved('greet.py'), taken);
    await w.keys('Tab');
    await w.cursorAt(LAST, 11);
    await w.nextEditAppears('close(user_nameaccount_name)');
    await w.keys('Tab');
    await w.cursorAt(LAST, 23);
    assert.equal(await w.saved('greet.py'), taken.replace('close(user_name', 'close(account_name'));
    await w.keys('Control+z');
    assert.equal(await w.saved('greet.py'), taken, 'one step of undo');
  },

  async 'Escape dismisses a next edit, and Tab is a tab again'(w) {
    await rename(w, 'dismiss.py');
    await w.nextEditAppears('user_nameaccount_name');
    await w.keys('Escape');
    await until('the next edit to vanish', async () => !(await w.decorated()).some((line) => line.includes('user_nameaccount_name')));
    // After the colon.
    await w.keys('End', 'Tab');
    await sleep(1000);
    assert.ok(!(await w.decorated()).some((line) => line.includes('user_nameaccount_name')), 'it came back');
    assert.match(await w.saved('dismiss.py'), /^def greet\(account_name\): +\n    "user_name/);
  },

  async 'a next edit leaves selections, several cursors and the suggest widget alone'(w) {
    const hides = (what) => until(`nothing to be drawn with ${what}`, async () =>
      !(await w.decorated()).some((line) => line.includes('user_nameaccount_name')));
    await rename(w, 'alone.py');
    await w.nextEditAppears('user_nameaccount_name');
    await w.keys('Shift+ArrowLeft');
    await hides('a selection');
    await w.keys('ArrowRight');
    await w.nextEditAppears('user_nameaccount_name');
    await w.keys('Control+Shift+ArrowDown');
    await hides('several cursors');
    await w.keys('Escape');
    await w.nextEditAppears('user_nameaccount_name');
    // An empty line start, where the list has all words of the file.
    await w.goTo(5, 5);
    await w.keys('Control+Space');
    await w.page.waitForSelector('.suggest-widget.visible .monaco-list-row.focused');
    await hides('the suggest widget');
    await w.picture('next-edit-widget');
    await w.keys('Escape');
    assert.equal(await w.saved('alone.py'), RENAMED);
  },
};
