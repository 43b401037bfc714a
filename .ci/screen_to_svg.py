#!/usr/bin/env python3
"""Renders what `tmux capture-pane -e` prints (stdin) as an SVG that scrolls by, line by line (stdout).

Knows the attributes that lowkey uses: bold, dim, italic and the foreground colours.
Where animations are off, the picture shows the last lines.
"""

import re
import sys
from html import escape

ROWS = 26
LINE_PX = 17
WIDTH_PX = 860
SECONDS_PER_LINE = 0.11
SECONDS_AT_THE_END = 8

STYLE = """
text { font: 13px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #d7dae0 }
.b { font-weight: bold } .d { fill: #7b8291 } .i { font-style: italic } .g { fill: #7ec87e }
"""
COLOURS = {"32": "g"}


def spans(line):
    """Splits a line into (classes, text), following its escape codes."""
    classes = set()
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if not part.startswith("\x1b"):
            if part:
                yield " ".join(sorted(classes)), part
            continue
        for code in part[2:-1].split(";"):
            if code in ("", "0"):
                classes.clear()
            elif code in ("1", "2", "3"):
                classes.add({"1": "b", "2": "d", "3": "i"}[code])
            elif code == "22":
                classes -= {"b", "d"}
            elif code == "23":
                classes.discard("i")
            elif code == "39":
                classes -= set(COLOURS.values())
            elif code == "49":
                pass  # the background that is never changed
            elif code in COLOURS:
                classes.add(COLOURS[code])
            else:
                sys.exit(f"no style for escape code {code} in {line!r}")


def render(lines):
    height = ROWS * LINE_PX + 20
    rows = []
    for index, line in enumerate(lines):
        pieces = []
        for classes, text in spans(line):
            text = escape(text, quote=False)
            pieces.append(f'<tspan class="{classes}">{text}</tspan>' if classes else text)
        if pieces:
            rows.append(f'<text x="14" y="{(index + 1) * LINE_PX - 4}">{"".join(pieces)}</text>')
    n_steps = max(len(lines) - ROWS, 0)
    end = f"translateY(-{n_steps * LINE_PX}px)"
    scrolling = n_steps * SECONDS_PER_LINE
    duration = scrolling + SECONDS_AT_THE_END
    share = 100 * scrolling / duration
    moving = (
        f"@keyframes by {{ 0% {{ transform: none; animation-timing-function: steps({n_steps}) }} "
        f"{share:.2f}%, 100% {{ transform: {end} }} }}\n"
        f"#lines {{ transform: {end} }}\n"
        f"@media (prefers-reduced-motion: no-preference) "
        f"{{ #lines {{ animation: by {duration:.1f}s infinite }} }}"
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 {WIDTH_PX} {height}" width="{WIDTH_PX}" height="{height}">',
            f"<style>{STYLE}{moving if n_steps else ''}</style>",
            f'<rect width="{WIDTH_PX}" height="{height}" rx="8" fill="#16181d"/>',
            f'<svg y="8" width="{WIDTH_PX}" height="{ROWS * LINE_PX + 4}"><g id="lines">',
            *rows,
            "</g></svg></svg>",
            "",
        ]
    )


def main():
    lines = [line.rstrip("\n") for line in sys.stdin]
    while lines and not lines[-1].strip("\x1b[0m "):
        lines.pop()
    while lines and not lines[0].strip():
        lines.pop(0)
    sys.stdout.write(render(lines))


main()
