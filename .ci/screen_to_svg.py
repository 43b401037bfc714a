#!/usr/bin/env python3
"""Renders what `tmux capture-pane -e` prints (stdin) as an SVG (stdout).

Also renders reports: `CLICOLOR_FORCE=1 lowkey bench engine | .ci/screen_to_svg.py --still`.

By itself it scrolls by, line by line, and where animations are off shows the last lines.
With --still it is one screen, all of it. Knows the attributes that lowkey uses (bold, dim,
italic and the foreground colours) and the 24-bit colours of editors; a background other than
the screen's is drawn for whole lines only.
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
text { font: 13px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #d7dae0; white-space: pre }
.b { font-weight: bold } .d { fill: #7b8291 } .i { font-style: italic } .g { fill: #7ec87e }
"""
COLOURS = {"32": "g"}
TRUE_COLOUR = re.compile(r"(38|48);2;(\d+);(\d+);(\d+)")
BACKGROUND = "#16181d"


def true_colours(code, true):
    """Takes 24-bit colours out of an escape code; returns the rest of it."""
    for layer, *rgb in TRUE_COLOUR.findall(code):
        true[layer] = "#" + "".join(f"{int(value):02x}" for value in rgb)
    return TRUE_COLOUR.sub("", code).strip(";")


def spans(line, classes, true):
    """Splits a line into (classes, colour, text), following its escape codes.

    Attributes hold beyond the end of a line, as on the screen: `classes` and `true` are changed.
    """
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if not part.startswith("\x1b"):
            if part:
                yield " ".join(sorted(classes)), true.get("38"), part
            continue
        code = part[2:-1]
        simple = true_colours(code, true)
        if simple == "" and code != "":
            continue
        for code in simple.split(";"):
            if code in ("", "0"):
                classes.clear()
                true.clear()
            elif code in ("1", "2", "3"):
                classes.add({"1": "b", "2": "d", "3": "i"}[code])
            elif code == "22":
                classes -= {"b", "d"}
            elif code == "23":
                classes.discard("i")
            elif code == "39":
                classes -= set(COLOURS.values())
                true.pop("38", None)
            elif code == "49":
                true.pop("48", None)
            elif code in COLOURS:
                classes.add(COLOURS[code])
            else:
                sys.exit(f"no style for escape code {code} in {line!r}")


def render(lines, still):
    n_rows = len(lines) if still else ROWS
    height = n_rows * LINE_PX + 20
    rows, classes, true, screen = [], set(), {}, None
    for index, line in enumerate(lines):
        pieces = []
        for names, colour, text in spans(line, classes, true):
            text = escape(text, quote=False)
            style = (f' class="{names}"' if names else "") + (f' style="fill:{colour}"' if colour else "")
            pieces.append(f"<tspan{style}>{text}</tspan>" if style else text)
        screen = screen or true.get("48")
        if pieces and true.get("48") != screen:
            rows.append(f'<rect y="{index * LINE_PX}" width="{WIDTH_PX}" height="{LINE_PX}" fill="{true["48"]}"/>')
        if pieces:
            rows.append(f'<text x="14" y="{(index + 1) * LINE_PX - 4}">{"".join(pieces)}</text>')
    n_steps = max(len(lines) - n_rows, 0)
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
            f'<rect width="{WIDTH_PX}" height="{height}" rx="8" fill="{screen or BACKGROUND}"/>',
            f'<svg y="8" width="{WIDTH_PX}" height="{n_rows * LINE_PX + 4}"><g id="lines">',
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
    sys.stdout.write(render(lines, "--still" in sys.argv[1:]))


main()
