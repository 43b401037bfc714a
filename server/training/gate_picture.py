"""Draws the gate's curve as a self-contained SVG with a light and a dark theme.

Drawn directly instead of with a plotting library: the file is committed, and the same figures give
the same bytes.
"""

from __future__ import annotations

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 44, 56
STYLE = """
  .paper { fill: #ffffff } .ink { fill: #1f2328 } .soft { fill: #59636e }
  .grid { stroke: #d1d9e0; stroke-width: 1 } .gate { stroke: #0969da; stroke-width: 2.5; fill: none }
  .least { stroke: #bc4c00; stroke-width: 1.5; fill: none; stroke-dasharray: 5 4 } .dot { fill: #0969da }
  text { font: 13px system-ui, sans-serif } .head { font-weight: 600; font-size: 15px }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } .ink { fill: #f0f6fc } .soft { fill: #9198a1 } .grid { stroke: #3d444d }
    .gate { stroke: #4493f8 } .least { stroke: #db6d28 } .dot { fill: #4493f8 }
  }
"""


def draw(figures: dict) -> str:
    """The share of holes that get a suggestion, against the share of these that are right."""
    points = [p for p in figures["curve"] if p["shown"] > 0.002]
    least = [p for p in figures["curve_of_min"] if p["shown"] > 0.002]
    ceiling = 0.1
    while ceiling < max(p["exact_of_shown"] for p in points + least):
        ceiling += 0.1

    def x(share: float) -> float:
        # A square root, because the relevant part is at small shares.
        return LEFT + (WIDTH - LEFT - RIGHT) * share**0.5

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share / ceiling

    def line(kind: str, of: list[dict]) -> str:
        of = sorted(of, key=lambda p: p["shown"])
        path = " ".join(f"{x(p['shown']):.1f},{y(p['exact_of_shown']):.1f}" for p in of)
        return f'<polyline class="{kind}" points="{path}"/>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="Share of holes with a suggestion, against the share of suggestions that are right">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="ink head" x="{LEFT}" y="24">Fewer suggestions, more of them right</text>',
    ]
    for tenth in range(0, round(ceiling * 10) + 1):
        height = y(tenth / 10)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>')
        parts.append(f'<text class="soft" x="{LEFT - 8}" y="{height + 4:.1f}" text-anchor="end">{tenth * 10} %</text>')
    for share in (0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts.append(
            f'<text class="soft" x="{x(share):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{share * 100:g} %</text>'
        )
    parts.append(
        f'<text class="soft" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle">'
        "share of holes where something is shown</text>"
    )
    parts.append(line("least", least))
    parts.append(line("gate", points))
    for name, point in figures["settings"].items():
        at, height = x(point["shown"]), y(point["exact_of_shown"])
        parts.append(f'<circle class="dot" cx="{at:.1f}" cy="{height:.1f}" r="4.5"/>')
        parts.append(f'<text class="ink" x="{at + 9:.1f}" y="{height - 7:.1f}">{name}</text>')
    legend = WIDTH - RIGHT - 250
    for row, (kind, words) in enumerate((("gate", "the gate, on packages left out"), ("least", "the least log-probability alone"))):
        height = TOP + 12 + 22 * row
        parts.append(f'<line class="{kind}" x1="{legend}" x2="{legend + 28}" y1="{height}" y2="{height}"/>')
        parts.append(f'<text class="soft" x="{legend + 36}" y="{height + 4}">{words}</text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
