"""Puts a trace into the middle of a long file: `longer.py TRACE LINES > LONGER`.

The cost of a key must not depend on the length of the file. The filler is the trace's own first
file, repeated, half above and half below; the positions of edits move down accordingly.
"""

import json
import sys


def main() -> None:
    trace, n_lines = sys.argv[1], int(sys.argv[2])
    rows = [json.loads(line) for line in open(trace, encoding="utf-8")]
    head = rows[0]
    lines = head["text"].splitlines(keepends=True)
    half = (max(0, n_lines - len(lines)) // 2) // len(lines) * len(lines)
    filler = lines * (half // len(lines))
    head["text"] = "".join(filler + lines + filler)
    # Rows that name another file's path keep their positions, and so do the rows after them in that
    # file.
    current = head["path"]
    for row in rows:
        current = row.get("path", current)
        if current != head["path"]:
            continue
        for place in [row.get("cursor"), *(row.get("edit", {}).get(end) for end in ("start", "end"))]:
            if place:
                place[0] += half
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
