// When a next edit is asked for, and how long an offer lasts: pure, so that it can be tested
// without an editor.

import type { DrawnState, Spot } from './drawn';
import type { Change, Point } from './next-edit-pieces';
import type { Place } from './rest';

/** Quiet time after a change. The server waits until the last edit is 150 ms old. */
export const REST_MS = 200;

/** A change that the server proposes. */
export interface NextEdit extends Change {
  textDocument: { uri: string };
  command: { command: string; arguments?: unknown[] };
}

/** Whether the offer is drawn: not at all, not while VS Code draws something at the cursor, or yes. */
export type Visibility = 'none' | 'held' | 'shown';

/** What the offer needs of the editor and the server. */
export interface Ports {
  /** The cursor's place; undefined where the server may not be asked. */
  find(): Place | undefined;
  ask(place: Place): Promise<NextEdit | undefined>;
  /** The offer has changed. */
  draw(): void;
}

/** The one next edit on offer. It ends with the version of the text that it was made for. */
export class Offer {
  private timer: NodeJS.Timeout | undefined;
  private n = 0;

  /** The edit; undefined if there is none. */
  edit: NextEdit | undefined;

  constructor(private readonly ports: Ports) {}

  /** The text has changed: what was offered does not hold, and another edit may follow. */
  changed(): void {
    this.clear();
    this.timer = setTimeout(() => void this.ask(), REST_MS);
  }

  /** Returns the edit, which is no longer on offer. */
  take(): NextEdit | undefined {
    const { edit } = this;
    this.clear();
    return edit;
  }

  /** Forgets the edit, and an answer that is still to come. */
  clear(): void {
    clearTimeout(this.timer);
    this.n += 1;
    if (this.edit !== undefined) {
      this.edit = undefined;
      this.ports.draw();
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.n += 1;
  }

  private async ask(): Promise<void> {
    const place = this.ports.find();
    if (place === undefined) {
      return;
    }
    this.n += 1;
    const mine = this.n;
    const edit = await this.ports.ask(place);
    if (mine === this.n && edit !== undefined && edit.textDocument.uri === place.uri) {
      this.edit = edit;
      this.ports.draw();
    }
  }
}

/** What decides whether an offer is drawn. */
export interface Scene {
  offered: boolean;
  /** The cursor; undefined if text is selected or there are several cursors. */
  cursor: Spot | undefined;
  /** What VS Code draws at the cursor. */
  drawn: DrawnState;
}

/** Whether an offer is drawn: ghost text and the suggest widget come first. */
export function visibility({ offered, cursor, drawn }: Scene): Visibility {
  if (!offered || cursor === undefined) {
    return 'none';
  }
  return drawn === 'nothing' ? 'shown' : 'held';
}

/** The hint at the cursor; undefined if the edit is on the screen. */
export function hint({ range }: Change, visible: readonly { start: Pick<Point, 'line'>; end: Pick<Point, 'line'> }[]): string | undefined {
  const { line } = range.start;
  const isVisible = visible.some(({ start, end }) => start.line <= line && line <= end.line);
  return isVisible ? undefined : `next edit: line ${line + 1}`;
}

/** Whether the cursor is where the edit is, so that the same key accepts it. */
export function isThere({ range }: Change, line: number): boolean {
  return range.start.line <= line && line <= range.end.line;
}
