import { type Span, days, energy } from "./meter";

/** What a supplier charges: cents for each kilowatt hour, and for each day. */
export interface Tariff {
  name: string;
  workCents: number;
  dayCents: number;
}

export const TARIFFS: Tariff[] = [
  { name: "Grünstrom", workCents: 31.4, dayCents: 38 },
  { name: "Basis", workCents: 33.9, dayCents: 21 },
];

/** The price of a span, in cents. */
export function priceOf(span: Span, tariff: Tariff): number {
  return energy(span) * tariff.workCents + days(span) * tariff.dayCents;
}

/** The tariff with the lowest price for a span. */
export function cheapest(span: Span, tariffs: Tariff[] = TARIFFS): Tariff | undefined {
  let best: Tariff | undefined;
  for (const tariff of tariffs) {
    if (!best || priceOf(span, tariff) < priceOf(span, best)) {
      best = tariff;
    }
  }
  return best;
}
