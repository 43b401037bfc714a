// When the cursor rests: pure, so that it can be tested without an editor.

/** Quiet time until the cursor rests. Shorter, and scrolling through a file would cost battery. */
export const REST_MS = 300;

/** A place in a text. */
export interface Place {
  uri: string;
  languageId: string;
  version: number;
  line: number;
  character: number;
}

/** All that decides whether a place is told. */
export interface Situation {
  /** Whether there is a server that takes notifications. */
  running: boolean;
  paused: boolean;
  /** The setting `prefill_at_cursor`. */
  wanted: boolean;
  languagesOff: readonly string[];
  /** VS Code's own switch, `editor.inlineSuggest.enabled`. */
  inlineSuggest: boolean;
  /** Where the cursor is; undefined where text is selected, and in documents that the server does not know. */
  place: Place | undefined;
}

/** The place that the server may be told; undefined where a request would be silent. */
export function tellable({ running, paused, wanted, languagesOff, inlineSuggest, place }: Situation): Place | undefined {
  const silent = !running || paused || !wanted || !inlineSuggest;
  return silent || place === undefined || languagesOff.includes(place.languageId) ? undefined : place;
}

/** Reports where the cursor rests, once for each place. */
export class Rest {
  private timer: NodeJS.Timeout | undefined;
  private told: string | undefined;

  constructor(
    private readonly find: () => Place | undefined,
    private readonly tell: (place: Place) => void,
  ) {}

  /** The cursor may have moved. */
  moved(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rested(), REST_MS);
  }

  /** A new server knows nothing of what was told. */
  anew(): void {
    this.told = undefined;
    this.moved();
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private rested(): void {
    const place = this.find();
    const key = JSON.stringify(place);
    if (place !== undefined && key !== this.told) {
      this.told = key;
      this.tell(place);
    }
  }
}
