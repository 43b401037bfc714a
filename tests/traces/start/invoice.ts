import { type Reading, days, energy, spans } from "./meter";
import { type Tariff, priceOf } from "./tariff";

export interface Customer {
  name: string;
  tariff: Tariff;
  readings: Reading[];
}

const date = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

export function euros(cents: number): string {
  return `${(cents / 100).toFixed(2)} €`;
}

/** One line for each span, and the sum. */
export function invoice(customer: Customer): string {
  const lines = [`Invoice for ${customer.name}, ${customer.tariff.name}`];
  let sum = 0;
  for (const span of spans(customer.readings)) {
    const cents = priceOf(span, customer.tariff);
    sum += cents;
    const period = `${date.format(span.from.at)} – ${date.format(span.to.at)}`;
    lines.push(`${period}: ${energy(span).toFixed(1)} kWh, ${euros(cents)}`);
  }
  lines.push(`Sum: ${euros(sum)}`);
  return lines.join("\n");
}
