// Whether a server that ended by itself is started again: yes, unless it keeps ending.

/** Ends within the window until it is given up. */
const MOST = 5;
const WINDOW_MS = 3 * 60_000;

/** Remembers when the server ended. */
export class Restarts {
  private ends: number[] = [];

  /**
   * Notes an end at `now` (ms) and returns after how many ms to start again; undefined: not again.
   * The first restart is at once, later ones wait longer and longer.
   */
  next(now: number): number | undefined {
    this.ends = [...this.ends.filter((end) => now - end < WINDOW_MS), now];
    if (this.ends.length > MOST) {
      return undefined;
    }
    return this.ends.length === 1 ? 0 : 500 * 2 ** (this.ends.length - 2);
  }

  /** Forgets: the user starts anew. */
  reset(): void {
    this.ends = [];
  }
}
