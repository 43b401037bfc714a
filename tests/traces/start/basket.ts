/** A shopping basket: lines, discounts and a total in cents. */

export interface Product {
  id: string;
  name: string;
  cents: number;
  weight: number;
}

export interface Line {
  product: Product;
  count: number;
}

export type Discount =
  | { kind: "percent"; percent: number }
  | { kind: "fixed"; cents: number }
  | { kind: "shipping" };

export class Basket {
  private lines = new Map<string, Line>();
  private discounts: Discount[] = [];

  add(product: Product, count = 1): void {
    const line = this.lines.get(product.id);
    if (line) {
      line.count += count;
    } else {
      this.lines.set(product.id, { product, count });
    }
  }

  remove(id: string, count = 1): void {
    const line = this.lines.get(id);
    if (!line) {
      return;
    }
    line.count -= count;
    if (line.count <= 0) {
      this.lines.delete(id);
    }
  }

  apply(discount: Discount): void {
    this.discounts.push(discount);
  }

  subtotal(): number {
    let amount = 0;
    for (const line of this.lines.values()) {
      amount += line.product.cents * line.count;
    }
    return amount;
  }

  shipping(): number {
    if (this.discounts.some((discount) => discount.kind === "shipping")) {
      return 0;
    }
    let weight = 0;
    for (const line of this.lines.values()) {
      weight += line.product.weight * line.count;
    }
    return weight > 20_000 ? 1490 : 490;
  }

  total(): number {
    let amount = this.subtotal();
    for (const discount of this.discounts) {
      if (discount.kind === "percent") {
        amount -= Math.round((amount * discount.percent) / 100);
      } else if (discount.kind === "fixed") {
        amount -= discount.cents;
      }
    }
    return Math.max(0, amount) + this.shipping();
  }
}

export function price(cents: number): string {
  const whole = Math.floor(cents / 100);
  const rest = String(cents % 100).padStart(2, "0");
  return `${whole},${rest} €`;
}

export function receipt(basket: Basket): string {
  const rows = [
    ["subtotal", price(basket.subtotal())],
    ["shipping", price(basket.shipping())],
    ["total", price(basket.total())],
  ];
  return rows.map(([label, amount]) => label.padEnd(12) + amount.padStart(12)).join("\n");
}
