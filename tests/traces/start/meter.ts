/** Readings of an electricity meter and the energy between them. */

export interface Reading {
  at: Date;
  kilowattHours: number;
}

export type Span = { from: Reading; to: Reading };

/** The readings in the order of their times, without those that go backwards. */
export function plausible(readings: Reading[]): Reading[] {
  const sorted = [...readings].sort((a, b) => a.at.getTime() - b.at.getTime());
  const kept: Reading[] = [];
  for (const reading of sorted) {
    const last = kept.at(-1);
    if (!last || reading.kilowattHours >= last.kilowattHours) {
      kept.push(reading);
    }
  }
  return kept;
}

/** Each pair of neighbours. */
export function spans(readings: Reading[]): Span[] {
  const kept = plausible(readings);
  return kept.slice(1).map((to, i) => ({ from: kept[i], to }));
}

export function energy(span: Span): number {
  return span.to.kilowattHours - span.from.kilowattHours;
}

export function days(span: Span): number {
  return (span.to.at.getTime() - span.from.at.getTime()) / 86_400_000;
}
