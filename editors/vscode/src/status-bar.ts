// The status bar item: shows the server's state, and why the last request gave nothing.

import * as vscode from 'vscode';
import { SELECTOR, type Server } from './server';
import { type Face, type Outcome, type State, face, plain } from './state';

/** Quiet time after an answer until its reasons are asked for, so that typing costs nothing. */
const PAUSE_MS = 400;

/** Commands that the tooltip offers. */
const LINKS: readonly [command: string, label: string][] = [
  ['lowkey.explainLast', 'Explain the last request'],
  ['lowkey.toggleSuggestions', 'Pause or resume'],
  ['lowkey.showLog', 'Log'],
];

/** Draws the state of one server. */
export class StatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly disposables: vscode.Disposable[];
  private outcome: { uri: string; outcome: Outcome } | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly server: Server) {
    this.item = vscode.window.createStatusBarItem('status', vscode.StatusBarAlignment.Right, 100);
    this.item.name = 'lowkey';
    this.item.command = 'lowkey.showStatus';
    const draw = () => this.draw();
    this.disposables = [
      this.item,
      server.onDidChange(draw),
      server.ghost.onDidAnswer((document) => this.answered(document)),
      vscode.window.onDidChangeActiveTextEditor(draw),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('lowkey') || event.affectsConfiguration('editor.inlineSuggest')) {
          draw();
        }
      }),
      vscode.workspace.onDidCloseTextDocument((document) => {
        if (this.outcome?.uri === document.uri.toString()) {
          this.outcome = undefined;
        }
      }),
    ];
    this.draw();
    this.item.show();
  }

  dispose(): void {
    clearTimeout(this.timer);
    vscode.Disposable.from(...this.disposables).dispose();
  }

  /** What is shown now. */
  face(): Face {
    return face(this.state());
  }

  private state(): State {
    const document = vscode.window.activeTextEditor?.document;
    const configuration = vscode.workspace.getConfiguration('lowkey');
    const known = document !== undefined && this.outcome?.uri === document.uri.toString();
    return {
      phase: this.server.phase,
      version: this.server.version,
      paused: this.server.paused,
      languagesOff: configuration.get<string[]>('languages_off', []),
      inlineSuggest: vscode.workspace.getConfiguration('editor', document).get('inlineSuggest.enabled', true),
      active: document && {
        languageId: document.languageId,
        supported: vscode.languages.match(SELECTOR, document) > 0,
      },
      outcome: known ? this.outcome?.outcome : undefined,
    };
  }

  private draw(): void {
    const { text, headline, details, severity } = this.face();
    this.item.text = text;
    const tooltip = new vscode.MarkdownString('', true);
    tooltip.isTrusted = { enabledCommands: LINKS.map(([command]) => command) };
    tooltip.appendMarkdown(`**lowkey**: ${plain(headline)}\n\n`);
    for (const line of details) {
      tooltip.appendMarkdown(`${plain(line)}\n\n`);
    }
    tooltip.appendMarkdown(LINKS.map(([command, label]) => `[${label}](command:${command})`).join(' · '));
    this.item.tooltip = tooltip;
    this.item.accessibilityInformation = { label: `lowkey: ${headline}`, role: 'button' };
    this.item.backgroundColor =
      severity === 'none' ? undefined : new vscode.ThemeColor(`statusBarItem.${severity}Background`);
  }

  private answered(document: vscode.TextDocument): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.learn(document.uri), PAUSE_MS);
  }

  private async learn(uri: vscode.Uri): Promise<void> {
    const report = await this.server.ask<Outcome | null>('$/lowkey/explain', {
      textDocument: { uri: uri.toString() },
    });
    if (report) {
      this.outcome = { uri: uri.toString(), outcome: { silent: report.silent, why: report.why ?? [] } };
      this.draw();
    }
  }
}
