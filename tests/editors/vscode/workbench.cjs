// VS Code's workbench in a Chromium page, with what a user sees and touches.

const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');

/** Timeout after which a wait counts as a hang; long, because the machine may be busy. */
const PATIENCE_MS = 40_000;

/** The workbench itself needs the longest time. */
const LOADING_MS = 180_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until the value is truthy, and returns it. */
async function until(what, ask, patience = PATIENCE_MS) {
  const deadline = Date.now() + patience;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(50);
  }
}

const spaces = (text) => text.replaceAll('\u00a0', ' ').replaceAll('\u00b7', ' ');

class Workbench {
  /** Opens a new browser for `folder` or `workspace`; `payload` holds parameters of VS Code's address. */
  static async open({ payload = [], ...place }) {
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
        '--disable-background-networking', '--disable-component-update'],
    });
    const page = await browser.newPage({ viewport: { width: 1000, height: 520 } });
    return new Workbench(browser, page, { payload, ...place });
  }

  constructor(browser, page, place) {
    Object.assign(this, { browser, page, ...place });
  }

  async load() {
    const payload = encodeURIComponent(JSON.stringify(this.payload));
    const opens = this.folder ? `folder=${this.folder}` : `workspace=${this.workspace}`;
    await this.page.goto(`http://127.0.0.1:${this.port}/?${opens}&payload=${payload}`);
    await this.page.waitForSelector('.monaco-workbench .statusbar', { timeout: LOADING_MS });
  }

  close() {
    return this.browser.close();
  }

  file(name) {
    return path.join(this.folder, name);
  }

  read(name) {
    return fs.readFileSync(this.file(name), 'utf8');
  }

  async picture(name, clip) {
    await this.page.screenshot({ path: path.join(this.logs, `${name}.png`), ...(clip && { clip }) });
  }

  /** Opens a file of the folder with the content `text`, and waits until it accepts input. */
  async edit(name, text) {
    if (text !== undefined) fs.writeFileSync(this.file(name), text);
    await this.quick(name, 'Control+p');
    await until(`${name} in front`, () => this.page.$(`.tab.active[data-resource-name="${name}"]`));
    await until(`${name} to have the keyboard`, () =>
      this.page.evaluate(() => document.activeElement?.closest('.monaco-editor .native-edit-context, .monaco-editor textarea, .monaco-editor') !== null &&
        document.activeElement?.closest('.quick-input-widget') === null));
  }

  /** Types into VS Code's quick input and selects the entry of that name. */
  async quick(text, opens, next = { state: 'hidden' }) {
    await this.page.keyboard.press(opens);
    const input = await this.page.waitForSelector('.quick-input-widget:not([style*="display: none"]) input', { timeout: PATIENCE_MS });
    // A file's entry begins with marks of its state.
    const is = opens === 'F1' ? '^=' : '*=';
    const rows = `.quick-input-list .monaco-list-row[aria-label${is}"${text}"]`;
    // A newly written file may not be found yet; a repeated search finds it.
    await until(`${text} in the list`, async () => {
      await input.fill('');
      await input.fill(opens === 'F1' ? `>${text}` : text);
      // The list is redrawn during the search, so the entry is looked up again until the click
      // succeeds.
      return this.page.click(rows, { timeout: 10_000 }).then(() => true, () => false);
    });
    await this.page.waitForSelector('.quick-input-widget', { timeout: PATIENCE_MS, ...next });
  }

  command(title) {
    return this.quick(title, 'F1');
  }

  /** Runs a command that shows a list. */
  commandThatAsks(title) {
    return this.quick(title, 'F1', { state: 'visible' });
  }

  async keys(...names) {
    for (const name of names) await this.page.keyboard.press(name);
  }

  type(text) {
    return this.page.keyboard.type(text, { delay: 30 });
  }

  /** Moves the cursor to a line and column that count from 1. */
  async goTo(line, column) {
    await this.keys('Control+Home');
    for (let i = 1; i < line; i++) await this.keys('ArrowDown');
    await this.keys('Home', 'Home');
    // Home moves to the first letter; a second Home moves to column 1, or back.
    if (column === Infinity) await this.keys('End');
    else for (let i = 1; i < column; i++) await this.keys('ArrowRight');
  }

  /** Returns the lines of the active editor as drawn, with ghost text. */
  async lines() {
    const drawn = await this.page.$$eval('.editor-group-container.active .view-lines .view-line', (lines) =>
      lines.map((line) => [Number.parseInt(line.style.top, 10), line.textContent]));
    return drawn.sort((a, b) => a[0] - b[0]).map(([, text]) => spaces(text));
  }

  /** Returns the lines of the active editor as drawn, with the texts of decorations. */
  async decorated() {
    const drawn = await this.page.$$eval('.editor-group-container.active .view-lines .view-line', (lines) =>
      lines.map((line) => [Number.parseInt(line.style.top, 10), [...line.querySelectorAll('span > span')].map((span) => {
        const { content } = getComputedStyle(span, '::after');
        return span.textContent + (/^".*"$/.test(content) ? content.slice(1, -1) : '');
      }).join('')]));
    return drawn.sort((a, b) => a[0] - b[0]).map(([, text]) => spaces(text));
  }

  /** Returns the ghost text: the rest of the cursor's line, then further lines. */
  async ghost() {
    const [inline, further] = await this.page.evaluate(() => {
      const editor = document.querySelector('.editor-group-container.active .monaco-editor');
      const texts = (selector) => [...(editor?.querySelectorAll(selector) ?? [])].map((e) => e.textContent);
      return [texts('.ghost-text-decoration, .ghost-text-decoration-preview').join(''),
        // Further lines are drawn in a zone between the lines of the file.
        texts('.view-zones .view-line')];
    });
    return spaces([inline, ...further].filter((text) => text !== '').join('\n'));
  }

  /** Waits for ghost text; repeats the request while there is none. */
  async ghostAppears() {
    return until('ghost text', async () => {
      const deadline = Date.now() + 6000;
      while (Date.now() < deadline) {
        const ghost = await this.ghost();
        if (ghost !== '') return ghost;
        await sleep(50);
      }
      await this.keys('Alt+\\');
      return '';
    });
  }

  /** Waits for stable ghost text: the first drawing may belong to the previous key, or be its first line only. */
  async ghostSettles() {
    return until('ghost text that stays', async () => {
      const ghost = await this.ghostAppears();
      await sleep(500);
      return (await this.ghost()) === ghost && ghost;
    });
  }

  /** Waits for the line and column of the cursor, from 1. */
  cursorAt(line, column) {
    const words = `Ln ${line}, Col ${column}`;
    return until(`the cursor at ${words}`, async () =>
      (await this.page.textContent('[id="status.editor.selection"]').catch(() => ''))?.trim() === words);
  }

  /** Waits until a next edit draws `text`. Ghost text hides it, and Escape removes ghost text. */
  async nextEditAppears(text) {
    let escaped = Date.now();
    await until(`the next edit ${text}`, async () => {
      if ((await this.decorated()).some((line) => line.includes(text))) return true;
      if (Date.now() - escaped > 1000 && (await this.ghost()) !== '') {
        escaped = Date.now();
        await this.keys('Escape');
      }
      return false;
    });
  }

  ghostVanishes() {
    return until('the ghost text to vanish', async () => (await this.ghost()) === '');
  }

  /** Saves the active file and returns its content. */
  async saved(name) {
    await this.keys('Control+s');
    await until(`${name} to be saved`, async () => !(await this.page.$(`.tab.active.dirty[data-resource-name="${name}"]`)));
    return this.read(name);
  }

  /** Returns the status bar item's text for screen readers. */
  async status() {
    const item = await this.page.$('[id="lowkey.lowkey.status"]');
    return (await item?.$eval('a', (link) => link.getAttribute('aria-label'))) ?? '';
  }

  statusBecomes(pattern) {
    return until(`the status bar to say ${pattern}`, async () => pattern.test(await this.status()));
  }

  /** Waits for a message that contains `text` and offers `button`; leaves the list of messages open. */
  async message(text, button) {
    // The smoke test driver does not show messages; the list has them all.
    await this.command('Notifications: Show Notifications');
    const item = `.notifications-center .notification-list-item:has-text("${text}")`;
    await this.page.waitForSelector(`${item}:has-text("${button}")`, { timeout: PATIENCE_MS });
  }

  /** Closes every editor. */
  async closeAll() {
    await this.keys('Escape');
    if (await this.page.$('.tab.dirty')) await this.keys('Control+k', 's');
    await until('everything to be saved', async () => !(await this.page.$('.tab.dirty')));
    await this.keys('Control+k', 'Control+w');
    await until('every editor to be closed', async () => !(await this.page.$('.tab')));
  }
}

/** Returns the process ids of the running servers; the wrapper that starts them records each (see `run`). */
function servers(home) {
  const isAlive = (pid) => {
    try {
      // Only the process id is left of a process that has ended and was not waited for.
      return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
    } catch {
      return false;
    }
  };
  return fs.readFileSync(`${home}/servers`, 'utf8').split('\n').filter((pid) => pid !== '' && isAlive(pid)).map(Number);
}

module.exports = { Workbench, servers, sleep, until };
