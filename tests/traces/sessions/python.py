"""Python sessions.  How to read a script: see the package."""

from __future__ import annotations

from editor import Editor

from sessions.register import scenario


@scenario("textfill/wrap.py")
def python_new_function(e: Editor) -> None:
    e.goto("        lines.append(prefix + line)\n    return lines")
    e.enter()
    e.enter()
    e.enter()
    e.code('''
        def justify(line: str, width: int) -> str:
            """Spreads the words of a line over the whole width."""
            words = line.split()
            if len(words) < 2:
                return line
            gaps = len(words) - 1
            # Überzählige Leerzeichen gehören in die vorderen Lücken.
            missing = width - sum(columns(word) for word in words)
            each, extra = divmod(missing, gaps)
            parts = []
            for index, word in enumerate(words[:-1]):
                parts.append(word + " " * (each + (1 if index < extra else 0)))
            parts.append(words[-1])
            return "".join(parts)
    ''', indent=0)
    e.pause()
    e.goto("def wrap(text: str, width: int = 72")
    e.type(", *, block: bool = False")
    e.select('"\\n".join(fill(block, bullet_style(block, width)))')
    e.type('"\\n".join(lines)')
    e.goto("    for block in paragraphs(text):")
    e.enter()
    e.code("""
        lines = fill(block, bullet_style(block, width))
        if justified:
            lines[:-1] = [justify(line, width) for line in lines[:-1]]
    """)
    e.select("block: bool")
    e.type("justified: bool")


@scenario("ledger/ledger.py")
def python_delete_and_retype(e: Editor) -> None:
    e.goto("        return sum((entry.amount for entry in self.entries), Decimal(0))")
    e.backspace(len("(entry.amount for entry in self.entries), Decimal(0))"))
    e.type("(entry.amount for entry in self.entries if entry.day <= until), Decimal(0))")
    e.goto("def balance(self")
    e.type(", until: dt.date = dt.date.max")
    e.pause()
    e.goto('cleaned = text.strip().replace("€", "").replace(" ", "")')
    e.delete_words("text.strip")
    e.type('().translate({ord(sign): None for sign in "€ \\u00a0"})')
    e.goto("        for entry in entries:\n", before=True)
    e.delete_lines(2)
    e.pause(1, 3)
    e.goto("def extend(self, entries: Iterable[Entry]) -> None:")
    e.enter()
    e.code('''
        """Takes many at once; sorts once."""
        self.entries.extend(entries)
        self.entries.sort(key=lambda entry: (entry.day, entry.text))
    ''')
    e.goto('"""Categories that cost more than planned."""')
    e.backspace(len("cost more than planned."))
    e.backspace(3)
    e.type('went over their limit, dearest first."""')
    e.backspace(len('dearest first."""'))
    e.type('the worst first."""')
    e.goto("return sorted(name for name, limit in", before=True)
    e.delete_lines(1)
    e.goto("spent = self.by_category(month)")
    e.enter()
    e.code("""
            over = {name: -spent.get(name, Decimal(0)) - limit for name, limit in self.budget.items()}
            return sorted((name for name in over if over[name] > 0), key=over.get, reverse=True)
    """)


@scenario("ledger/ledger.py", "ledger/ledger_cli.py")
def python_two_files(e: Editor) -> None:
    book, cli = "ledger/ledger.py", "ledger/ledger_cli.py"
    e.goto('help="one line per category of a month")', path=cli)
    e.enter()
    e.code("""
        parser.add_argument("--grep", metavar="TEXT", help="only entries whose text contains this")
    """)
    e.goto("Decimal(0)) > limit)", path=book)
    for _ in range(3):
        e.enter()
    e.code('''
        def matching(ledger: Ledger, needle: str) -> Ledger:
            """The entries whose text contains `needle`, whatever the case."""
            wanted = needle.casefold()
            found = [entry for entry in ledger.entries if wanted in entry.text.casefold()]
            return Ledger(found, ledger.budget)
    ''', indent=0)
    e.goto("from ledger import Ledger, LedgerError, ", path=cli)
    e.type("matching, ")
    e.goto("        return 1")
    e.enter()
    e.code("""
        if options.grep:
            ledger = matching(ledger, options.grep)
    """, indent=1)
    e.pause()
    e.goto('lines.append(f"balance  {ledger.balance():>10.2f}")', path=book)
    e.enter()
    e.type('lines.append(f"entries  {len(')
    e.complete("led", "ledger")
    e.type('.entries):>10}")')
    e.goto("    for name in ledger.over_budget(month):", path=cli)
    e.goto('print(f"{name}')
    e.type(" 😬 {share(ledger, name)} and")
    e.pause()
    e.undo(" 😬")


@scenario("textfill/wrap.py")
def python_enter(e: Editor) -> None:
    e.goto('BULLET = re.compile(r"^(\\s*)([-*•]|\\d+\\.)\\s+")')
    e.enter()
    e.code("""
        STYLES = {
            "mail": {
                "width": 72,
                "rest": "> ",
            },
            "terminal": {
                "width": 80,
                "rest": "",
            },
            "schmal": {
                "width": 40,
                "rest": "  ",
            },
        }
    """)
    e.goto("def fill(")
    e.enter()
    e.goto("    block: str, ")
    e.backspace()
    e.enter()
    e.goto("    style: Style")
    e.type(",")
    e.enter()
    e.backspace(4)
    e.goto("            current = []")
    e.enter()
    e.code("""
        if len(blocks) > 10_000:
            raise ValueError(
                "so many paragraphs "
                "are no mail",
            )
    """)
    e.goto('    return "\\n\\n".join(filled) + "\\n"')
    e.enter()
    e.enter()
    e.enter()
    e.code('''
        def main() -> None:
            import argparse
            import sys

            parser = argparse.ArgumentParser(
                description="fills paragraphs",
            )
            parser.add_argument(
                "--style",
                choices=[
                    "mail",
                    "terminal",
                ],
                default="mail",
            )
            options = parser.parse_args()
            style = STYLES[options.style]
            text = sys.stdin.read()
            try:
                result = wrap(
                    text,
                    style["width"],
                )
            except ValueError as error:
                print(
                    error,
                    file=sys.stderr,
                )
                sys.exit(1)
            else:
                print(result)


        if __name__ == "__main__":
            main()
    ''', indent=0)
