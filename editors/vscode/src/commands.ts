// The commands of the palette. Accepting a word or a line is VS Code's own (see the README).

import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { type Report, page } from './explanation';
import { type Model, modelsIn, run } from './program';
import type { Server } from './server';
import { layerOf, toggled } from './settings';
import type { StatusBar } from './status-bar';

const SCHEME = 'lowkey';

/** Pages that exist only in an editor. */
class Pages implements vscode.TextDocumentContentProvider {
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? '';
  }

  async show(uri: vscode.Uri, text: string): Promise<void> {
    this.texts.set(uri.toString(), text);
    this.changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { preview: true, viewColumn: vscode.ViewColumn.Beside });
  }
}

/** Registers them all. */
export function register(
  server: Server,
  statusBar: StatusBar,
  log: vscode.LogOutputChannel,
  has: ReadonlySet<string>,
): vscode.Disposable {
  const pages = new Pages();
  const command = (name: string, action: () => unknown) =>
    vscode.commands.registerCommand(`lowkey.${name}`, action);
  return vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, pages),
    command('toggleSuggestions', () => togglePaused(server)),
    command('toggleLanguage', toggleLanguage),
    command('explainLast', () => explain(server, pages)),
    command('restartServer', () => server.restart()),
    command('showLog', () => log.show()),
    command('showStatus', () => showStatus(statusBar, has)),
    command('chooseModel', () => chooseModel(server, has)),
    command('chooseProgram', chooseProgram),
    command('showStatistics', () => showStatistics(server)),
  );
}

function configuration(): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration('lowkey');
}

async function write(key: string, value: unknown): Promise<void> {
  const layer = layerOf(configuration().inspect(key));
  const target = layer === 'workspace' ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
  await configuration().update(key, value, target);
}

async function togglePaused(server: Server): Promise<void> {
  await write('paused', !server.paused);
}

async function toggleLanguage(): Promise<void> {
  const language = vscode.window.activeTextEditor?.document.languageId;
  if (language === undefined) {
    void vscode.window.showInformationMessage('lowkey: open a file of the language first.');
    return;
  }
  const off = configuration().get<string[]>('languages_off', []);
  await write('languages_off', toggled(off, language));
  const is = off.includes(language) ? 'on' : 'off';
  vscode.window.setStatusBarMessage(`lowkey is ${is} for ${language}`, 3000);
}

async function explain(server: Server, pages: Pages): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document === undefined) {
    void vscode.window.showInformationMessage('lowkey: put the cursor into a file first.');
    return;
  }
  const report = await server.ask<Report | null>('$/lowkey/explain', {
    textDocument: { uri: document.uri.toString() },
  });
  if (report === undefined) {
    void vscode.window.showInformationMessage('lowkey: the server does not run, so there is nothing to explain.');
    return;
  }
  const file = path.basename(document.uri.path);
  await pages.show(vscode.Uri.from({ scheme: SCHEME, path: `/${file} explained.md` }), page(file, report));
}

async function showStatus(statusBar: StatusBar, has: ReadonlySet<string>): Promise<void> {
  const { headline, details } = statusBar.face();
  const entries: [label: string, command: string][] = [
    ['$(debug-pause) Pause or resume suggestions', 'lowkey.toggleSuggestions'],
    ['$(code) Switch this language on or off', 'lowkey.toggleLanguage'],
    ['$(question) Explain the last request', 'lowkey.explainLast'],
    ['$(package) Choose the model…', 'lowkey.chooseModel'],
    ...(has.has('stats') ? [['$(graph) Show statistics', 'lowkey.showStatistics'] as [string, string]] : []),
    ['$(refresh) Restart the server', 'lowkey.restartServer'],
    ['$(output) Show the log', 'lowkey.showLog'],
    ['$(gear) Settings', 'workbench.action.openSettings'],
  ];
  const picked = await vscode.window.showQuickPick(
    entries.map(([label, command]) => ({ label, command })),
    { title: `lowkey: ${headline}`, placeHolder: details[0] ?? '' },
  );
  if (picked !== undefined) {
    const args = picked.command === 'workbench.action.openSettings' ? ['@ext:lowkey.lowkey'] : [];
    await vscode.commands.executeCommand(picked.command, ...args);
  }
}

async function chooseModel(server: Server, has: ReadonlySet<string>): Promise<void> {
  type Entry = vscode.QuickPickItem & { model?: string };
  const now = configuration().get('model', '');
  let models: Model[] = [];
  const entry = (model: string, label: string, description: string): Entry => ({
    label: model === now ? `$(check) ${label}` : label,
    description,
    model,
  });
  const entries = [entry('', 'Built in', 'small and fast, needs nothing')];
  if (server.program !== undefined && has.has('models')) {
    try {
      models = modelsIn(await run(server.program, 'models', 'list', '--json'));
      entries.push(...models.map(({ name, about }) => entry(name, name, about)));
    } catch (error) {
      void vscode.window.showWarningMessage(`lowkey: the models cannot be listed: ${words(error)}`);
    }
  }
  const browse: Entry = { label: '$(folder-opened) A .gguf file…', description: 'with fill-in-the-middle tokens' };
  const picked = await vscode.window.showQuickPick([...entries, browse], {
    title: 'lowkey: choose the model',
    placeHolder: 'The server restarts with the selected model',
    matchOnDescription: true,
  });
  if (picked === undefined) {
    return;
  }
  const model = picked === browse ? await chooseFile('Use this model', { 'GGUF models': ['gguf'] }) : picked.model;
  const { program } = server;
  if (program !== undefined && models.some(({ name, installed }) => name === model && !installed)) {
    await fetchModel(program, entries.find((other) => other.model === model) ?? browse);
  } else if (model !== undefined) {
    // Empty is a choice too: lowkey.toml may name another than the built-in one.
    await write('model', model);
  }
}

/** Fetches a model where the user sees it, and takes it when it is there. */
async function fetchModel(program: string, { model = '', description }: { model?: string; description?: string }): Promise<void> {
  const fetch = 'Fetch It in a Terminal';
  const words = `lowkey: ${model} (${description}) is not on this machine. Fetching it needs the network.`;
  if ((await vscode.window.showInformationMessage(words, fetch)) !== fetch) {
    return;
  }
  // The program itself instead of a shell: nothing to quote, and its end is the terminal's.
  const terminal = vscode.window.createTerminal({ name: `lowkey: ${model}`, shellPath: program, shellArgs: ['models', 'pull', model] });
  terminal.show();
  const closed = vscode.window.onDidCloseTerminal((other) => {
    if (other === terminal) {
      closed.dispose();
      if (terminal.exitStatus?.code === 0) {
        void write('model', model);
      }
    }
  });
}

async function chooseProgram(): Promise<void> {
  const program = await chooseFile('Use this program');
  if (program !== undefined) {
    await configuration().update('server.path', program, vscode.ConfigurationTarget.Global);
  }
}

async function chooseFile(label: string, filters?: { [name: string]: string[] }): Promise<string | undefined> {
  const [file] = (await vscode.window.showOpenDialog({ openLabel: label, ...(filters && { filters }) })) ?? [];
  return file?.fsPath;
}

/** Shows the page that the server's program makes. It loads nothing, and scripts are off. */
async function showStatistics(server: Server): Promise<void> {
  if (server.program === undefined) {
    return;
  }
  // Counts only, but the user's own: in a folder that only the user can read.
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'lowkey-'));
  const file = path.join(folder, 'statistics.html');
  try {
    await run(server.program, 'stats', '--html', file);
    const page = await fs.readFile(file, 'utf8');
    const panel = vscode.window.createWebviewPanel('lowkey.statistics', 'lowkey: statistics', vscode.ViewColumn.Beside);
    panel.webview.html = page;
  } catch (error) {
    void vscode.window.showErrorMessage(`lowkey: the statistics cannot be had: ${words(error)}`);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
