// VS Code's requests for ghost text, on their way to the server and back.
//
// They show what is drawn at the cursor. A request can also be repeated: the server has a better
// answer then, and sends `$/lowkey/askAgain` to clients that say that they know it.

import * as vscode from 'vscode';
import type { LanguageClient, Middleware, StaticFeature } from 'vscode-languageclient/node';
import { Drawn, type Spot } from './drawn';

/** The notification that the server would answer a request otherwise now. */
interface AgainParams {
  textDocument: { uri: string; version: number };
  position: { line: number; character: number };
}

type Ask = NonNullable<Middleware['provideInlineCompletionItems']>;

/** Tells the server that this client can ask again. */
const CAPABILITY: StaticFeature = {
  fillClientCapabilities: (capabilities) => {
    capabilities.experimental = { ...capabilities.experimental, lowkey: { askAgain: true } };
  },
  getState: () => ({ kind: 'static' }),
  initialize: () => undefined,
  clear: () => undefined,
};

/** The requests of all documents. */
export class GhostRequests implements vscode.Disposable {
  private readonly answered = new vscode.EventEmitter<vscode.TextDocument>();
  private readonly ended = new vscode.EventEmitter<void>();
  private readonly again = new vscode.EventEmitter<Spot>();
  private isRepeated = false;

  /** What VS Code draws at the cursor. */
  readonly drawn = new Drawn();
  /** Fires when the server answered a request in a document. */
  readonly onDidAnswer = this.answered.event;
  /** Fires when a request ended, answered or not. */
  readonly onDidEnd = this.ended.event;
  /** Fires when the server would answer a request otherwise now. */
  readonly onAgain = this.again.event;

  dispose(): void {
    vscode.Disposable.from(this.answered, this.ended, this.again).dispose();
  }

  /** Listens to a server that is about to start. */
  follow(client: LanguageClient): void {
    client.registerFeature(CAPABILITY);
    client.onNotification('$/lowkey/askAgain', ({ textDocument, position }: AgainParams) => {
      // The server may escape other characters than VS Code.
      const uri = vscode.Uri.parse(textDocument.uri).toString();
      this.again.fire({ ...textDocument, uri, ...position });
    });
  }

  /** Passes a request on. */
  async ask(...[document, position, context, token, next]: Parameters<Ask>): Promise<Awaited<ReturnType<Ask>>> {
    const { version } = document;
    const { line, character } = position;
    const end = this.drawn.asked({ uri: document.uri.toString(), version, line, character });
    let isDrawn = false;
    try {
      const items = await next(document, position, this.kindOf(context), token);
      if (!token.isCancellationRequested) {
        // With an entry of the suggest widget selected, the widget is visible.
        isDrawn = count(items) > 0 || context.selectedCompletionInfo !== undefined;
        this.answered.fire(document);
      }
      return items;
    } finally {
      end(isDrawn);
      this.ended.fire();
    }
  }

  /** Has VS Code ask at the cursor as if the user had typed. */
  async repeat(): Promise<void> {
    this.isRepeated = true;
    try {
      // Only a request on purpose is sent twice for the same text and place.
      await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
    } finally {
      this.isRepeated = false;
    }
  }

  /** Has VS Code remove the ghost text. */
  async hide(): Promise<void> {
    await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
    this.drawn.hidden();
  }

  private kindOf(context: vscode.InlineCompletionContext): vscode.InlineCompletionContext {
    if (!this.isRepeated) {
      return context;
    }
    this.isRepeated = false;
    return { ...context, triggerKind: vscode.InlineCompletionTriggerKind.Automatic };
  }
}

function count(items: Awaited<ReturnType<Ask>>): number {
  return Array.isArray(items) ? items.length : items?.items.length ?? 0;
}
