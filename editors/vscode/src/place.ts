// The cursor's place in the active editor, where the server may be asked or told about it.

import * as vscode from 'vscode';
import { type Place, tellable } from './rest';
import { SELECTOR, type Server } from './server';

/** Whether there is a server that answers, though its model may still be loading. */
export function isRunning({ phase }: Server): boolean {
  return phase.is === 'loading' || phase.is === 'ready';
}

/** The place of the cursor; undefined if lowkey is silent there, or if the user does not want this use of it. */
export function placeToAsk(server: Server, wanted: boolean): Place | undefined {
  const editor = vscode.window.activeTextEditor;
  const configuration = vscode.workspace.getConfiguration('lowkey');
  return tellable({
    running: isRunning(server),
    paused: server.paused,
    wanted,
    languagesOff: configuration.get<string[]>('languages_off', []),
    inlineSuggest: vscode.workspace
      .getConfiguration('editor', editor?.document)
      .get('inlineSuggest.enabled', true),
    place: editor && placeIn(editor),
  });
}

/** The cursor of an editor; undefined if text is selected, if there are several cursors, and in documents that the server does not know. */
export function placeIn({ document, selection, selections }: vscode.TextEditor): Place | undefined {
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
