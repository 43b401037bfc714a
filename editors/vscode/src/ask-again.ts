// Repeats a request for ghost text when the server has a better answer for it.

import * as vscode from 'vscode';
import { type Spot, isSame } from './drawn';
import type { NextEdits } from './next-edits';
import { placeIn } from './place';
import type { Server } from './server';

/** Follows the server's notifications. */
export function watchAskAgain({ ghost }: Server, nextEdits: NextEdits): vscode.Disposable {
  let wanted: Spot | undefined;
  const repeat = () => {
    const editor = vscode.window.activeTextEditor;
    const cursor = editor && placeIn(editor);
    const spot = wanted;
    if (spot !== undefined && cursor !== undefined && isSame(spot, cursor) && ghost.drawn.at(cursor) === 'asked') {
      // The notification may come before the end of the request that it is about.
      return;
    }
    wanted = undefined;
    // What is shown already is never replaced.
    const isFree = cursor !== undefined && ghost.drawn.at(cursor) === 'nothing' && nextEdits.visibility !== 'shown';
    if (spot !== undefined && cursor !== undefined && isSame(spot, cursor) && isFree) {
      void ghost.repeat();
    }
  };
  return vscode.Disposable.from(
    ghost.onAgain((spot) => {
      wanted = spot;
      repeat();
    }),
    ghost.onDidEnd(repeat),
  );
}
