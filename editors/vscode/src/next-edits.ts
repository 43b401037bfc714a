// Next edits in VS Code: asked for after an edit, drawn where they belong, accepted and dismissed.
//
// The decisions are in `next-edit-offer.ts`, the geometry in `next-edit-pieces.ts`.

import * as vscode from 'vscode';
import type { DrawnState } from './drawn';
import { NextEditDecorations } from './next-edit-decorations';
import { type NextEdit, Offer, type Visibility, hint, isThere, visibility } from './next-edit-offer';
import { placeIn, placeToAsk } from './place';
import type { Server } from './server';

/** The context key of the key bindings: `held`, `shown` or nothing. */
const CONTEXT = 'lowkey.nextEdit';

/** Asks one server for next edits, and shows the one on offer in the active editor. */
export class NextEdits implements vscode.Disposable {
  private readonly offer: Offer;
  private readonly decorations = new NextEditDecorations();
  private readonly disposables: vscode.Disposable[];
  private context: Visibility = 'none';

  constructor(private readonly server: Server) {
    this.offer = new Offer({
      find: () => placeToAsk(server, isWanted()),
      ask: async ({ uri, version, line, character }) => {
        const answer = await server.ask<{ edits: NextEdit[] }>('$/lowkey/nextEdit', {
          textDocument: { uri, version },
          position: { line, character },
        });
        return answer?.edits[0];
      },
      draw: () => this.draw(),
    });
    const ifActive = (editor: vscode.TextEditor) => {
      if (editor === vscode.window.activeTextEditor) {
        this.draw();
      }
    };
    const command = (name: string, action: () => unknown) =>
      vscode.commands.registerCommand(`lowkey.${name}`, action);
    this.disposables = [
      this.decorations,
      this.offer,
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0 && document === vscode.window.activeTextEditor?.document) {
          this.offer.changed();
        }
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.offer.clear()),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => ifActive(textEditor)),
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => ifActive(textEditor)),
      server.ghost.onDidEnd(() => this.draw()),
      server.onDidChange(() => {
        // A new server knows nothing of the offer, and one that is paused makes none.
        if (server.phase.is !== 'ready' || server.paused) {
          this.offer.clear();
        }
      }),
      command('acceptNextEdit', () => this.accept()),
      command('dismissNextEdit', () => this.dismiss()),
      command('showNextEdit', () => this.uncover()),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }

  /** Whether the offer is drawn. */
  get visibility(): Visibility {
    const editor = vscode.window.activeTextEditor;
    const cursor = editor && placeIn(editor);
    const drawn: DrawnState = cursor === undefined ? 'nothing' : this.server.ghost.drawn.at(cursor);
    return visibility({ offered: this.offer.edit !== undefined, cursor, drawn });
  }

  private draw(): void {
    const editor = vscode.window.activeTextEditor;
    const { edit } = this.offer;
    const now = this.visibility;
    if (now !== this.context) {
      this.context = now;
      void vscode.commands.executeCommand('setContext', CONTEXT, now === 'none' ? undefined : now);
    }
    if (editor === undefined || edit === undefined || now !== 'shown') {
      this.decorations.clear();
    } else {
      this.decorations.show(editor, edit, hint(edit, editor.visibleRanges));
    }
  }

  /** Goes to the edit, or accepts it where the cursor is in its lines. */
  private async accept(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const { edit } = this.offer;
    if (editor === undefined || edit === undefined || this.visibility !== 'shown') {
      // The key was pressed for an offer that has ended meanwhile: it is a tab.
      await vscode.commands.executeCommand('tab');
      return;
    }
    const range = rangeOf(edit);
    const isVisible = hint(edit, editor.visibleRanges) === undefined;
    if (!isVisible || !isThere(edit, editor.selection.active.line)) {
      editor.selection = new vscode.Selection(range.start, range.start);
      editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
      return;
    }
    this.offer.take();
    const { document } = editor;
    const from = document.offsetAt(range.start);
    const rest = document.getText().length - document.offsetAt(range.end);
    if (!(await editor.edit((builder) => builder.replace(range, edit.text)))) {
      return;
    }
    const end = document.positionAt(Math.max(document.getText().length - rest, from));
    editor.selection = new vscode.Selection(end, end);
    // The following edit is asked for like after any change: VS Code asks for ghost text first, so
    // that the edit does not appear and vanish again.
    await this.run(edit.command.command, edit);
  }

  private async dismiss(): Promise<void> {
    const edit = this.offer.take();
    if (edit !== undefined) {
      await this.run('lowkey.dismiss', edit);
    }
  }

  /** Removes the ghost text that covers the offer. */
  private async uncover(): Promise<void> {
    await this.server.ghost.hide();
    this.draw();
  }

  private async run(command: string, edit: NextEdit): Promise<void> {
    await this.server.ask('workspace/executeCommand', { command, arguments: edit.command.arguments ?? [] });
  }
}

function isWanted(): boolean {
  return vscode.workspace.getConfiguration('lowkey').get('next_edit') !== 'off';
}

function rangeOf({ range: { start, end } }: NextEdit): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}
