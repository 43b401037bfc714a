// Sends the server where the cursor rests, so that it computes the prompt there before the first key.

import * as vscode from 'vscode';
import { isRunning, placeToAsk } from './place';
import { Rest } from './rest';
import type { Server } from './server';

/** Watches the cursor for one server. */
export function watchCursor(server: Server): vscode.Disposable {
  const rest = new Rest(
    () => placeToAsk(server, isWanted()),
    ({ uri, line, character }) => {
      server.notify('$/lowkey/cursor', { textDocument: { uri }, position: { line, character } });
    },
  );
  let running = isRunning(server);
  const isActive = (document: vscode.TextDocument) => document === vscode.window.activeTextEditor?.document;
  return vscode.Disposable.from(
    rest,
    vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
      if (textEditor === vscode.window.activeTextEditor) {
        rest.moved();
      }
    }),
    vscode.window.onDidChangeActiveTextEditor(() => rest.moved()),
    vscode.workspace.onDidOpenTextDocument((document) => {
      if (isActive(document)) {
        rest.moved();
      }
    }),
    server.onDidChange(() => {
      const before = running;
      running = isRunning(server);
      if (running && !before) {
        rest.anew();
      }
    }),
  );
}

function isWanted(): boolean {
  return vscode.workspace.getConfiguration('lowkey').get('prefill_at_cursor', true);
}
