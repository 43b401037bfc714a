// The server's process and the language client that talks to it: started, watched, started again.
//
// Each start makes a new client, so nothing of a server that has gone survives. What the server
// writes to stderr goes to the log; messages of the protocol, which hold text, never do.

import type { ChildProcess } from 'node:child_process';
import * as os from 'node:os';
import * as readline from 'node:readline';
import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  type Middleware,
  MessageType,
  RevealOutputChannelOn,
  type ShowMessageParams,
  ShowMessageNotification,
} from 'vscode-languageclient/node';
import { GhostRequests } from './ghost-requests';
import { locate } from './locate';
import { parse } from './log-line';
import { isProgram, spawnServer } from './process';
import { RESTART_SETTINGS } from './restart-settings';
import { Restarts } from './restarts';
import { section, serverKeys } from './settings';
import type { Phase } from './state';

/** Documents that lowkey completes in. */
export const SELECTOR = [{ scheme: 'file' }, { scheme: 'untitled' }];

/** Settings whose change restarts the server; the path of the program is not one of its own settings. */
const NEED_RESTART = ['lowkey.server.path', ...RESTART_SETTINGS];

/** How long a server may take to end when it is asked to, before it is killed. */
const FAREWELL_MS = 3000;

/** How often the state is requested while the model loads without progress messages. */
const LOOK_MS = 500;

/** The answer of `$/lowkey/status`. */
interface StatusReport {
  state: 'loading' | 'ready' | 'failed';
  model: string;
  message: string;
  paused: boolean;
}

/** The one server of this window. */
export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  /** The client whose start succeeded; what ends before that is told by the rejected start. */
  private running: LanguageClient | undefined;
  private process: ChildProcess | undefined;
  private readonly restarts = new Restarts();
  private readonly keys: string[];
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly disposables: vscode.Disposable[];
  private turn: Promise<void> = Promise.resolve();
  private again: NodeJS.Timeout | undefined;
  private look: NodeJS.Timeout | undefined;
  private lastWords: string[] = [];

  /** What it is doing. */
  phase: Phase = { is: 'stopped' };
  /** Its version; empty until it has told it. */
  version = '';
  /** Whether it says that it is paused. */
  paused = false;
  /** Its program; undefined when none was found. */
  program: string | undefined;

  /** Fires when `phase`, `version` or `paused` changed. */
  readonly onDidChange = this.changed.event;
  /** VS Code's requests for ghost text. */
  readonly ghost = new GhostRequests();

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {
    const { contributes } = context.extension.packageJSON as {
      contributes: { configuration: { properties: object }[] };
    };
    this.keys = serverKeys(contributes.configuration.flatMap((c) => Object.keys(c.properties)));
    this.disposables = [
      this.changed,
      this.ghost,
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (NEED_RESTART.some((key) => event.affectsConfiguration(key))) {
          void this.restart();
        } else if (event.affectsConfiguration('lowkey')) {
          void this.configure();
        }
      }),
    ];
  }

  /** Starts it; later calls wait for their turn. */
  start(): Promise<void> {
    return this.inTurn(() => this.begin());
  }

  /** Ends it, if it runs, and starts it anew. */
  restart(): Promise<void> {
    this.restarts.reset();
    if (this.phase.is === 'starting') {
      // One that does not answer would keep its turn, and every later one waiting.
      this.process?.kill('SIGKILL');
    }
    return this.inTurn(async () => {
      await this.end();
      await this.begin();
    });
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    await this.inTurn(() => this.end());
    this.dispose();
  }

  dispose(): void {
    clearTimeout(this.again);
    clearTimeout(this.look);
    vscode.Disposable.from(...this.disposables.splice(0)).dispose();
  }

  /** Asks it something; undefined when it does not run or does not answer. */
  async ask<T>(method: string, params?: object): Promise<T | undefined> {
    try {
      // Undefined as an argument would be sent, as a null that the server did not ask for.
      return await (params === undefined
        ? this.client?.sendRequest<T>(method)
        : this.client?.sendRequest<T>(method, params));
    } catch (error) {
      this.log.warn(`no answer to ${method}: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  }

  /** Sends a notification, if the server runs. */
  notify(method: string, params: object): void {
    if (this.client?.isRunning() === true) {
      this.client.sendNotification(method, params).catch((error: unknown) => {
        this.log.warn(`${method} was not sent: ${error instanceof Error ? error.message : error}`);
      });
    }
  }

  /** Asks what it is doing. */
  async refresh(): Promise<void> {
    clearTimeout(this.look);
    const client = this.client;
    const report = await this.ask<StatusReport | null>('$/lowkey/status');
    if (report === undefined || report === null || client !== this.client) {
      return;
    }
    this.paused = report.paused;
    switch (report.state) {
      case 'ready':
        return this.enter({ is: 'ready', model: report.model });
      case 'failed':
        return this.enter({ is: 'failed', reason: report.message });
      case 'loading':
        this.enter({ is: 'loading', percent: this.phase.is === 'loading' ? this.phase.percent : undefined });
        this.look = setTimeout(() => void this.refresh(), LOOK_MS);
    }
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    clearTimeout(this.again);
    const next = this.turn.then(step, step);
    this.turn = next.catch((error: unknown) => this.log.error(String(error)));
    return this.turn;
  }

  private enter(phase: Phase): void {
    this.phase = phase;
    this.changed.fire();
  }

  private async begin(): Promise<void> {
    if (this.client !== undefined) {
      return;
    }
    const found = locate({
      setting: vscode.workspace.getConfiguration('lowkey').get('server.path', ''),
      extension: this.context.extensionPath,
      home: os.homedir(),
      env: process.env,
      platform: process.platform,
      isProgram,
    });
    if ('missing' in found) {
      this.program = undefined;
      this.log.error(found.missing);
      this.enter({ is: 'missing', reason: found.missing });
      return;
    }
    const { program, from } = found;
    this.program = program;
    this.log.info(`starting ${program} (found by ${from})`);
    this.enter({ is: 'starting' });
    this.lastWords = [];
    const client = this.makeClient(program);
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      if (this.client === client) {
        this.client = undefined;
        this.fail(`${program} did not start: ${this.reason(error)}`);
      }
      return;
    }
    this.running = client;
    this.version = client.initializeResult?.serverInfo?.version ?? '';
    await this.refresh();
  }

  private async end(): Promise<void> {
    clearTimeout(this.look);
    const { client, process: child } = this;
    this.client = undefined;
    this.process = undefined;
    if (client !== undefined) {
      // It may have gone already, or be too busy to say farewell.
      await client.dispose(FAREWELL_MS).catch(() => undefined);
    }
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const killer = setTimeout(() => child.kill('SIGKILL'), FAREWELL_MS);
      child.once('exit', () => clearTimeout(killer));
    }
    this.enter({ is: 'stopped' });
  }

  private makeClient(program: string): LanguageClient {
    const started = async () => {
      this.process = await spawnServer(program, this.log);
      return this.process;
    };
    const options: LanguageClientOptions = {
      documentSelector: SELECTOR,
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: () => this.section(),
      initializationFailedHandler: () => false,
      middleware: this.middleware(),
      stdioOptions: {
        stdout: () => undefined,
        stderr: (input) => {
          readline.createInterface({ input }).on('line', (line) => this.logged(line));
        },
      },
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          this.lost(client);
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
    };
    const client = new LanguageClient('lowkey', 'lowkey', started, options);
    client.onNotification(ShowMessageNotification.type, (message) => this.said(message));
    this.ghost.follow(client);
    return client;
  }

  /** The server has something to say to the user. */
  private said({ type, message }: ShowMessageParams): void {
    this.log.info(`said: ${message}`);
    if (type === MessageType.Error) {
      // It has failed. Its state has the reason, and the extension shows it with a next step.
      void this.refresh();
      return;
    }
    const open = 'Open Settings';
    void vscode.window.showWarningMessage(message, open).then((picked) => {
      if (picked === open) {
        void vscode.commands.executeCommand('workbench.action.openSettings', '@ext:lowkey.lowkey');
      }
    });
  }

  private middleware(): Middleware {
    return {
      workspace: {
        configuration: (params) =>
          params.items.map((item) => (item.section === 'lowkey' ? this.section() : null)),
      },
      handleWorkDoneProgress: (token, params, next) => {
        if (token !== 'lowkey/loading') {
          return next(token, params);
        }
        // The status bar item shows it; VS Code's own progress would say it twice.
        if (params.kind === 'end') {
          void this.refresh();
        } else if (this.phase.is !== 'ready') {
          this.enter({ is: 'loading', percent: params.percentage });
        }
      },
      provideInlineCompletionItems: (document, position, context, token, next) =>
        this.ghost.ask(document, position, context, token, next),
    };
  }

  /** Sends the settings to the server. They were part of its start, so only changes are sent. */
  private async configure(): Promise<void> {
    if (this.client?.isRunning() !== true) {
      return;
    }
    const settings = { lowkey: this.section() };
    await this.client.sendNotification('workspace/didChangeConfiguration', { settings });
    await this.refresh();
  }

  private section(): { [key: string]: unknown } {
    return section(this.keys, vscode.workspace.getConfiguration('lowkey'));
  }

  /** The connection of `client` was closed, and not by us. */
  private lost(client: LanguageClient): void {
    if (this.client !== client || this.running !== client) {
      return;
    }
    this.client = undefined;
    this.process = undefined;
    const wait = this.restarts.next(Date.now());
    if (wait === undefined) {
      this.fail(`the server ended again and again; ${this.reason('see the log')}`);
      return;
    }
    this.log.warn(`the server ended by itself; it is started again in ${wait} ms`);
    this.enter({ is: 'starting' });
    this.again = setTimeout(() => void this.start(), wait);
  }

  private fail(reason: string): void {
    this.log.error(reason);
    this.enter({ is: 'failed', reason });
  }

  /** What the server said last, which says more than that its connection was closed. */
  private reason(error: unknown): string {
    const words = error instanceof Error ? error.message : String(error);
    return this.lastWords.at(-1) ?? words;
  }

  private logged(line: string): void {
    const { level, text } = parse(line);
    this.log[level](text);
    if (level === 'error' || level === 'warn') {
      this.lastWords = [...this.lastWords.slice(-4), text];
    }
  }
}
