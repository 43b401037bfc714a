// How a next edit is drawn: the old text struck, the new text after it, a hint at the cursor if the
// edit is not on the screen. All colours are the theme's.

import * as vscode from 'vscode';
import { type Change, pieces } from './next-edit-pieces';

const ADDED = 'diffEditor.insertedTextBackground';

/** The decorations, in one editor at a time. */
export class NextEditDecorations implements vscode.Disposable {
  private readonly old = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor('diffEditor.removedTextBackground'),
    textDecoration: 'line-through',
    overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.modifiedForeground'),
    overviewRulerLane: vscode.OverviewRulerLane.Center,
  });
  private readonly fresh = vscode.window.createTextEditorDecorationType({
    after: { backgroundColor: new vscode.ThemeColor(ADDED), color: new vscode.ThemeColor('editor.foreground') },
  });
  private readonly hint = vscode.window.createTextEditorDecorationType({
    after: { color: new vscode.ThemeColor('editorGhostText.foreground'), margin: '0 0 0 2em' },
  });
  private editor: vscode.TextEditor | undefined;

  /** Draws a change, and the hint if there is one; whatever was drawn before goes. */
  show(editor: vscode.TextEditor, change: Change, hint: string | undefined): void {
    if (editor !== this.editor) {
      this.clear();
    }
    this.editor = editor;
    const { document, selection } = editor;
    const { old, fresh } = pieces(change, (line) => document.lineAt(line).text);
    editor.setDecorations(this.old, [new vscode.Range(old.start.line, old.start.character, old.end.line, old.end.character)]);
    editor.setDecorations(
      this.fresh,
      fresh.map(({ at, text }) => decoration(new vscode.Position(at.line, at.character), text)),
    );
    const end = document.lineAt(selection.active.line).range.end;
    editor.setDecorations(this.hint, hint === undefined ? [] : [decoration(end, hint)]);
  }

  /** Removes what is drawn. */
  clear(): void {
    for (const type of [this.old, this.fresh, this.hint]) {
      this.editor?.setDecorations(type, []);
    }
    this.editor = undefined;
  }

  dispose(): void {
    vscode.Disposable.from(this.old, this.fresh, this.hint).dispose();
  }
}

function decoration(at: vscode.Position, contentText: string): vscode.DecorationOptions {
  return { range: new vscode.Range(at, at), renderOptions: { after: { contentText } } };
}
