// Runs inside VS Code's extension host, in a workspace of two folders, with the real API and
// without pictures.
//
// `run` writes a line for each test to the file in LOWKEY_REPORT and throws if a test failed. VS Code
// sometimes opens a workspace without its folders; then there is no report.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const vscode = require('vscode');
const dos = require('./dos.js');

const PATIENCE_MS = 30_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, ask) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(100);
  }
}

const extension = () => vscode.extensions.getExtension('lowkey.lowkey');
const settings = () => vscode.workspace.getConfiguration('lowkey');
const folder = (n) => vscode.workspace.workspaceFolders[n].uri;

/** Opens a file of a folder with `text`, the cursor at its end. */
async function open(n, name, text) {
  const uri = vscode.Uri.joinPath(folder(n), name);
  fs.writeFileSync(uri.fsPath, text);
  const editor = await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), vscode.ViewColumn.One);
  const end = editor.document.positionAt(text.length);
  editor.selection = new vscode.Selection(end, end);
  return editor;
}

const SHAPE = 'class Square:\n    def __init__(self, side):\n        self.side = side\n\n    def are';

/** Returns the page that explains the last request of the active document, a file of this name. */
async function explanation(name) {
  await vscode.commands.executeCommand('lowkey.explainLast');
  const uri = vscode.Uri.from({ scheme: 'lowkey', path: `/${name} explained.md` }).toString();
  const page = await until('the page', () => vscode.workspace.textDocuments.find((d) => d.uri.toString() === uri));
  // An open page gets a change notification and changes a moment later.
  await sleep(500);
  const text = page.getText();
  await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  return text;
}

/** Checks a file with CR LF line ends that started with `begun`: buffer, server and disk have the same text and only CR LF. */
async function agreed(document, begun) {
  assert.equal(document.eol, vscode.EndOfLine.CRLF);
  const text = document.getText();
  assert.ok(text.startsWith(begun), JSON.stringify(text));
  // One additional character would produce an empty line.
  assert.doesNotMatch(text, /\r(?!\n)|(?<!\r)\n|\r\n\r\n/, JSON.stringify(text));
  const has = await until('the server to have the text of the buffer', async () => {
    const now = await extension().exports.fingerprint(document);
    return now?.fnv1a === dos.fingerprint(text) && now;
  });
  assert.deepEqual([has.lines, has.desynced], [document.lineCount, false]);
  assert.ok(await document.save());
  assert.equal(fs.readFileSync(document.uri.fsPath, 'utf8'), text);
}

const tests = {
  async 'the extension is active and every contributed command is there'() {
    await extension().activate();
    const known = await vscode.commands.getCommands(true);
    for (const { command } of extension().packageJSON.contributes.commands) {
      assert.ok(known.includes(command), command);
    }
    // The server's own command, which the client registers.
    assert.ok(known.includes('lowkey.accept'));
  },

  async "ghost text is taken by VS Code's own commands"() {
    const editor = await open(0, 'native.py', SHAPE);
    await until('the suggestion in the text', async () => {
      await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
      await sleep(300);
      await vscode.commands.executeCommand('editor.action.inlineSuggest.acceptNextLine');
      return editor.document.getText() !== SHAPE;
    });
    assert.ok(editor.document.getText().startsWith(SHAPE));
    assert.match(await explanation('native.py'), /^# lowkey: native\.py\n/);
    await editor.document.save();
  },

  async 'rules of the second folder hold in it'() {
    fs.writeFileSync(vscode.Uri.joinPath(folder(1), '.lowkeyignore').fsPath, 'hidden.py\n');
    for (const [name, denied] of [['hidden.py', true], ['shown.py', false]]) {
      const editor = await open(1, name, SHAPE);
      const text = await until(`an answer for ${name}`, async () => {
        await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
        await editor.edit((edit) => edit.insert(editor.selection.active, ' '));
        await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
        await sleep(300);
        const page = await explanation(name);
        return !page.includes('Nothing was asked') && page;
      });
      assert.equal(text.includes('off for this file'), denied, text);
      await editor.document.save();
    }
  },

  async "signatures of the second folder's files are in its prompts"() {
    const other = vscode.Uri.joinPath(folder(1), 'areas.py');
    fs.writeFileSync(other.fsPath, 'def trapezium_area(top, base, height):\n    return (top + base) * height / 2\n');
    const above = 'from areas import trapezium_area\n\n\ndef roof(width, height):\n';
    const editor = await open(1, 'roof.py', `${above}    return `);
    const text = await until('the signature in the prompt', async () => {
      await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
      // The place of the text moves, so that signatures are chosen again.
      await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '#\n'));
      await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
      await sleep(300);
      const page = await explanation('roof.py');
      return page.includes('signatures of areas.py') && page;
    });
    assert.match(text, /context: signatures of areas\.py \(1 line\); imported: trapezium_area/);
    await editor.document.save();
  },

  async 'the program can be chosen by the user, and not by a workspace'() {
    const file = vscode.Uri.joinPath(folder(0), '.vscode', 'settings.json').fsPath;
    fs.mkdirSync(require('node:path').dirname(file), { recursive: true });
    fs.writeFileSync(file, JSON.stringify({ 'lowkey.server.path': '/evil', 'lowkey.max_lines': 3 }));
    await assert.rejects(async () => settings().update('server.path', '/evil', vscode.ConfigurationTarget.Workspace));
    assert.equal(settings().get('server.path'), '');
    await settings().update('server.path', '/nowhere', vscode.ConfigurationTarget.Global);
    assert.equal(settings().get('server.path'), '/nowhere');
    await settings().update('server.path', undefined, vscode.ConfigurationTarget.Global);
    assert.equal(settings().get('server.path'), '');
  },

  // The last test: after a change of settings it may take a second until a new .lowkeyignore is
  // read.
  async 'several lines in a dos file are the same in the buffer, in the server and on disk'() {
    const set = async (value) => {
      for (const [name, chosen] of Object.entries(dos.SETTINGS)) {
        await settings().update(name.replace('lowkey.', ''), value(chosen), vscode.ConfigurationTarget.Global);
      }
    };
    await set((chosen) => chosen);
    const begun = dos.ABOVE + dos.TYPED;
    const take = async (command) => {
      await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
      await sleep(300);
      await vscode.commands.executeCommand(`editor.action.inlineSuggest.${command}`);
    };
    const isTaken = ({ document }) => document.lineCount > begun.split('\n').length;
    const whole = await open(0, 'dos.js', begun);
    await until('several lines in the text', async () => {
      await take('commit');
      if (isTaken(whole)) return true;
      // Another insertion: restores the text and tries again.
      const end = whole.document.lineAt(whole.document.lineCount - 1).range.end;
      if (whole.document.getText() !== begun) {
        await whole.edit((edit) => edit.replace(new vscode.Range(new vscode.Position(0, 0), end), begun));
      }
      return false;
    });
    await agreed(whole.document, begun);
    const byLine = await open(0, 'dos-line.js', begun);
    await until('a line after the first', async () => {
      await take('acceptNextLine');
      return isTaken(byLine);
    });
    await agreed(byLine.document, begun);
    await set(() => undefined);
  },
};

exports.run = async () => {
  await until('the two folders of the workspace', () => vscode.workspace.workspaceFolders?.length === 2);
  const tell = (line) => fs.appendFileSync(process.env.LOWKEY_REPORT, `${line}\n`);
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test();
      tell(`ok   ${name}`);
    } catch (error) {
      failed += 1;
      tell(`FAIL ${name}: ${error.stack}`);
    }
  }
  if (failed > 0) throw new Error(`${failed} failed`);
};
exports.activate = () => {};
