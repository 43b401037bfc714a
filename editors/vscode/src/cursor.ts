// Sends the server where the cursor rests, so that it computes the prompt there before the first key.

import * as vscode from 'vscode';
import { type Place, Rest, tellable } from './rest';
import { SELECTOR, type Server } from './server';

/** Watches the cursor for one server. */
export function watchCursor(server: Server): vscode.Disposable {
  const rest = new Rest(
    () => find(server),
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

function isRunning({ phase }: Server): boolean {
  return phase.is === 'loading' || phase.is === 'ready';
}

function find(server: Server): Place | undefined {
  const editor = vscode.window.activeTextEditor;
  const configuration = vscode.workspace.getConfiguration('lowkey');
  return tellable({
    running: isRunning(server),
    paused: server.paused,
    wanted: configuration.get('prefill_at_cursor', true),
    languagesOff: configuration.get<string[]>('languages_off', []),
    inlineSuggest: vscode.workspace
      .getConfiguration('editor', editor?.document)
      .get('inlineSuggest.enabled', true),
    place: editor && placeIn(editor),
  });
}

function placeIn({ document, selection, selections }: vscode.TextEditor): Place | undefined {
  const synchronised = vscode.languages.match(SELECTOR, document) > 0;
  if (!synchronised || selections.length !== 1 || !selection.isEmpty) {
    return undefined;
  }
  const { line, character } = selection.active;
  return {
    uri: document.uri.toString(),
    languageId: document.languageId,
    version: document.version,
    line,
    character,
  };
}
