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
