// The extension's beginning and end: one server for the window, a status bar item, the commands.
//
// Thin on purpose: what can be decided in the server is decided there.

import * as vscode from 'vscode';
import { watchAskAgain } from './ask-again';
import { register } from './commands';
import { watchCursor } from './cursor';
import { NextEdits } from './next-edits';
import { commandsIn, run } from './program';
import { Server } from './server';
import { StatusBar } from './status-bar';

let server: Server | undefined;

/** What the server has of a document: counts and a hash, never text. */
export interface Fingerprint {
  version: number;
  bytes: number;
  lines: number;
  /** FNV-1a of the UTF-8 text, 64 bits, in hexadecimal. */
  fnv1a: string;
  desynced: boolean;
}

/** What the extension offers to other code in VS Code. */
export interface Api {
  /** Returns the server's fingerprint of a text, to compare it with the editor's; null or undefined if the server does not have it. */
  fingerprint(document: vscode.TextDocument): Promise<Fingerprint | null | undefined>;
}

/** Starts the server; returns when it runs or is known not to. */
export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const log = vscode.window.createOutputChannel('lowkey', { log: true });
  server = new Server(context, log);
  const statusBar = new StatusBar(server);
  const has = new Set<string>();
  const nextEdits = new NextEdits(server);
  context.subscriptions.push(
    log,
    statusBar,
    register(server, statusBar, log, has),
    tellTroubles(server),
    watchCursor(server),
    nextEdits,
    watchAskAgain(server, nextEdits),
  );
  await server.start();
  await learnCommands(server, has);
  return {
    fingerprint: async ({ uri }) => server?.ask('$/lowkey/document', { textDocument: { uri: uri.toString() } }),
  };
}

/** Ends the server, politely first. */
export async function deactivate(): Promise<void> {
  await server?.stop();
  server = undefined;
}

/** Commands that older servers lack are not offered. */
async function learnCommands({ program }: Server, has: Set<string>): Promise<void> {
  if (program === undefined) {
    return;
  }
  try {
    for (const command of commandsIn(await run(program, '--help'))) {
      has.add(command);
    }
  } catch {
    // A program without help has no further commands.
  }
  await vscode.commands.executeCommand('setContext', 'lowkey.hasStatistics', has.has('stats'));
}

/** One message, with a next step, when there is no server; none again until something changed. */
function tellTroubles(watched: Server): vscode.Disposable {
  let told = '';
  return watched.onDidChange(() => {
    const { phase } = watched;
    if (phase.is !== 'missing' && phase.is !== 'failed') {
      if (phase.is === 'ready') {
        told = '';
      }
      return;
    }
    if (told === phase.reason) {
      return;
    }
    told = phase.reason;
    void (phase.is === 'missing' ? tellMissing(phase.reason) : tellFailed(phase.reason));
  });
}

async function tellMissing(reason: string): Promise<void> {
  const choose = 'Choose the Program…';
  const install = 'How to Install';
  const picked = await vscode.window.showWarningMessage(`lowkey cannot start. ${reason}`, choose, install);
  if (picked === choose) {
    await vscode.commands.executeCommand('lowkey.chooseProgram');
  } else if (picked === install) {
    await vscode.commands.executeCommand('workbench.action.openWalkthrough', 'lowkey.lowkey#start', false);
  }
}

async function tellFailed(reason: string): Promise<void> {
  const restart = 'Start Again';
  const show = 'Show Log';
  const model = 'Choose Another Model…';
  const picked = await vscode.window.showErrorMessage(`lowkey does not run: ${reason}`, restart, show, model);
  const commands: { [picked: string]: string } = {
    [restart]: 'lowkey.restartServer',
    [show]: 'lowkey.showLog',
    [model]: 'lowkey.chooseModel',
  };
  const command = picked === undefined ? undefined : commands[picked];
  if (command !== undefined) {
    await vscode.commands.executeCommand(command);
  }
}
