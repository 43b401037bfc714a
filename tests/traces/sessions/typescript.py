"""TypeScript sessions.  How to read a script: see the package."""

from __future__ import annotations

from editor import Editor

from sessions.register import scenario


@scenario("src/router.ts")
def typescript_new_function(e: Editor) -> None:
    e.goto('    return this.on("POST", pattern, handler);\n  }')
    e.enter()
    e.enter()
    e.code("""
        put(pattern: string, handler: Handler): this {
            return this.on("PUT", pattern, handler);
        }

        /** Routes of another router, below a prefix. */
        mount(prefix: string, other: Router): this {
            for (const route of other.routes) {
                const segments = [...split(prefix), ...route.segments];
                this.routes.push({ ...route, segments });
            }
            return this;
        }
    """)
    e.goto("  return json({ status, title }, status);\n}")
    e.enter()
    e.enter()
    e.code("""
        /** Writes one line per request: method, path, status, time. */
        export function logging(write: (line: string) => void): Layer {
            return async (request, next) => {
                const started = Date.now();
                const response = await next();
                const took = Date.now() - started;
                write(`${request.method} ${request.path} → ${response.status} in ${took} ms`);
                return response;
            };
        }
    """)


@scenario("src/basket.ts")
def typescript_paste(e: Editor) -> None:
    e.goto("    return weight > 20_000 ? 1490 : 490;\n  }")
    e.paste("""

  subtotal(): number {
    let amount = 0;
    for (const line of this.lines.values()) {
      amount += line.product.cents * line.count;
    }
    return amount;
  }""")
    e.select("subtotal", "490;\n  }\n\n  subtotal")
    e.type("count")
    e.goto("amount += line.product.cents * line.count", 2)
    e.backspace(len("product.cents * line.count"))
    e.type("count")
    e.pause()
    e.goto('    ["shipping", price(basket.shipping())],')
    e.paste('\n    ["shipping", price(basket.shipping())],')
    e.select("shipping", '["shipping"')
    e.type("articles")
    e.select("price(basket.shipping())", '["articles"')
    e.type("String(basket.count())")
    e.goto("export function price(", before=True)
    e.paste("""const RATES: Record<string, number> = {
  DE: 19,
  AT: 20,
  CH: 8.1,
  FR: 20,
  DK: 25,
};

""")
    e.goto("  DK: 25,")
    e.enter()
    e.type("SE: 25,")
    e.enter()
    e.type("NO: 25,")
    e.goto("  NO: 25,\n};")
    e.enter()
    e.enter()
    e.code("""
        export function tax(cents: number, country: string): number {
            const rate = RATES[country] ?? 0;
            return Math.round((cents * rate) / (100 + rate));
        }
    """)
    e.goto('["total", price(basket.total())],')
    e.paste('\n    ["total", price(basket.total())],')
    e.select("total", '["total"')
    e.type("tax in it")
    e.goto('["tax in it", price(')
    e.type("tax(")
    e.goto('["tax in it", price(tax(basket.total()')
    e.type(", country)")
    e.goto("receipt(basket: Basket")
    e.type(', country = "DE"')


@scenario("src/basket.ts")
def typescript_rename(e: Editor) -> None:
    # A method: its name selected and typed once, then pasted at the calls.
    e.select("subtotal")
    e.type("goodsCents")
    for _ in range(2):
        e.select("subtotal", ".subtotal")
        e.paste("goodsCents")
    e.pause()
    # A type: letters taken back at every place.
    for place in ("export interface Line", "Map<string, Line"):
        e.goto(place)
        e.backspace(4)
        e.type("Position")
    # A variable: at the end of each of its words.
    for _ in range(2):
        e.goto("const line of")
        e.backspace(len("line of"))
        e.type("position of")
        e.goto("+= line")
        e.backspace(4)
        e.complete("pos", "position")
        e.goto("* line")
        e.backspace(4)
        e.complete("posi", "position")
    # A field: at seven places, the last two after a look elsewhere.
    e.select("lines", "private lines")
    e.type("positions")
    for _ in range(4):
        e.select("lines", "this.lines")
        e.paste("positions")
    e.goto("export function receipt")
    e.pause(1, 3)
    while "this.lines" in e.document.text:
        e.goto("this.lines")
        e.delete_words("this.")
        e.type("positions")
    e.select("rows", "const rows")
    e.type("table")
    e.select("rows", "return rows")
    e.type("table")


@scenario("src/router.ts")
def typescript_undo(e: Editor) -> None:
    e.goto("    const segment = segments[i];")
    e.enter()
    e.code("""
        if (segment === '*') {
            params.rest = parts.slice(i).join('/');
            return params;
    """)
    e.pause()
    e.undo("rest = ")
    e.redo(3)
    e.undo("params.rest")
    e.pause()
    e.type(" = parts.slice(i).map(decodeURIComponent).join('/');\n")
    e.type("return params;")
    e.goto("if (segments.length !== parts.length")
    e.type(" && !segments.includes('*')")
    e.pause(1, 3)
    e.undo("&& ")
    e.type("segments.at(-1) !== '*'")
    e.goto('return problem(500, "something broke on our side')
    e.type(", we are sorry")
    e.undo("side")
    e.redo(2)
    e.undo("side")
    e.type(" 💥")
    e.pause()
    e.goto("    let known = false;")
    e.enter()
    e.type("const allowed = new Set<Method>();")
    e.goto("      known = true;")
    e.enter()
    e.type("allowed.add(route.method);")
    e.undo("      ")
    e.pause()
    e.type("allowed.add(route.method);")
    e.select('problem(405, "method not allowed")')
    e.type("notAllowed(allowed)")
    e.goto("export function problem(", before=True)
    e.enter()
    e.enter()
    e.goto("JSON.stringify(value) };\n}\n\n")
    e.code("""
        export function notAllowed(methods: Iterable<Method>): Outgoing {
            const allow = [...methods].sort().join(", ");
    """)
    e.undo("const allow =")
    e.pause()
    e.type(" Array.from(methods).join(', ');")
    e.enter()
    e.type("return { ...problem(405, `only ${allow}`), allow };")
    e.pause(1, 3)
    e.undo("return ")
    e.undo("join(', ');")
    e.enter()
    e.code("""
        const answer = problem(405, `only ${allow}`);
        return { ...answer, headers: { ...answer.headers, allow } };
    """)
    e.pause()
    e.undo("return {")
    e.redo(4)
    e.undo("const answer = ")
    e.redo(len(e.document.redo))


@scenario("src/meter.ts", "src/tariff.ts", "src/invoice.ts")
def typescript_three_files(e: Editor) -> None:
    meter, tariff, invoice = "src/meter.ts", "src/tariff.ts", "src/invoice.ts"
    e.goto("export function days(span: Span)", before=True)
    e.code("""
        /** The mean power of a span, in watts. */
        export function meanWatts(span: Span): number {
            return (1000 * energy(span)) / (24 * days(span));
        }
    """)
    e.enter()
    e.enter()
    e.goto("import { type Reading, days, energy, ", path=invoice)
    e.type("meanWatts, ")
    e.goto("    lines.push(`${period}: ${energy(span).toFixed(1)} kWh, ")
    e.type("${meanWatts(span).toFixed(0)} W, ")
    e.pause()
    # A field of the tariff, its price, and its line on the invoice.
    e.goto("  dayCents: number;", path=tariff)
    e.enter()
    e.type("bonusCents?: number;")
    e.goto("/** The tariff with the lowest", before=True)
    e.code("""
        /** The bonus for a customer who stays for a year. */
        export function bonusOf(span: Span, tariff: Tariff): number {
            return days(span) >= 365 ? (tariff.bonusCents ?? 0) : 0;
        }
    """)
    e.enter()
    e.enter()
    e.goto("import { type Tariff, ", path=invoice)
    e.complete("bon", "bonusOf")
    e.type(", ")
    e.goto("    sum += cents;")
    e.enter()
    e.code("""
        const bonus = bonusOf(span, customer.tariff);
        if (bonus > 0) {
            sum -= bonus;
            lines.push(`Bonus: ${euros(-bonus)}`);
        }
    """)
    e.pause(1, 3)
    # A look at the library, a function there, and two uses.
    e.goto("return kept.slice(1).map((to, i) => ({ from: kept[i], to }));\n}", path=meter)
    e.enter()
    e.enter()
    e.code("""
        /** The whole time between the first and the last reading. */
        export function whole(readings: Reading[]): Span | undefined {
            const kept = plausible(readings);
            const [from, to] = [kept.at(0), kept.at(-1)];
            return from && to && from !== to ? { from, to } : undefined;
        }
    """)
    e.goto("  return best;\n}", path=tariff)
    e.enter()
    e.enter()
    e.code("""
        /** The cheapest tariff for all readings, and what it saves. */
        export function advice(readings: Reading[], current: Tariff): string {
            const span = whole(readings);
            const best = span && cheapest(span);
            if (!span || !best || best.name === current.name) {
                return "";
            }
            const saved = priceOf(span, current) - priceOf(span, best);
            return `${best.name} saves ${(saved / 100).toFixed(2)} €`;
        }
    """)
    e.goto("import { type Span, days, energy")
    e.type(", type Reading, whole")
    e.goto("  lines.push(`Sum: ${euros(sum)}`);", path=invoice)
    e.enter()
    e.code("""
        const hint = advice(customer.readings, customer.tariff);
        if (hint) {
            lines.push(hint);
        }
    """)
    e.goto("bonusOf, ")
    e.type("advice, ")
    e.goto('`Invoice for ${customer.name}')
    e.type(", ${days(whole(customer.readings)!).toFixed(0)} days")
    e.goto("days, energy, meanWatts, spans")
    e.type(", whole")
