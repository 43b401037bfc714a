// What VS Code may be drawing at the cursor: pure, so that it can be tested without an editor.
//
// An extension cannot ask whether ghost text or the suggest widget is visible. It sees VS Code's
// requests for ghost text and their answers, and from these it concludes.

/** A position in one version of a text. */
export interface Spot {
  uri: string;
  version: number;
  line: number;
  character: number;
}

/** What is known of a position: a request is under way, something is drawn, or neither. */
export type DrawnState = 'asked' | 'drawn' | 'nothing';

/** Whether two positions are the same, in the same version of the same text. */
export function isSame(a: Spot, b: Spot): boolean {
  return a.uri === b.uri && a.version === b.version && a.line === b.line && a.character === b.character;
}

/** Remembers the last request for ghost text and what became of it. */
export class Drawn {
  private last: { spot: Spot; is: DrawnState } | undefined;

  /** A request begins; returns what tells of its end: whether VS Code draws something there now. */
  asked(spot: Spot): (isDrawn: boolean) => void {
    const mine: typeof this.last = { spot, is: 'asked' };
    this.last = mine;
    // A request that a newer one superseded changes nothing here.
    return (isDrawn) => {
      mine.is = isDrawn ? 'drawn' : 'nothing';
    };
  }

  /** The user has removed what was drawn. */
  hidden(): void {
    if (this.last !== undefined) {
      this.last.is = 'nothing';
    }
  }

  /** What is known of a position: after any move or edit nothing is drawn until the next answer. */
  at(spot: Spot): DrawnState {
    return this.last !== undefined && isSame(this.last.spot, spot) ? this.last.is : 'nothing';
  }
}
