"""Cuts a model file into the parts that the repository holds, which the build joins again (`server/app/build.rs`).

    python parts.py MODEL.gguf ../store/models [--incomplete]

Parts that are committed one after another need `--incomplete`: it becomes the list's first line, and until a commit
removes that line the build goes on without the parts that are not there. The card is `NAME.md` beside them.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

# Two parts are what one submission may add, and hosted repositories take no file of 100 MB.
PART_BYTES = 50_000_000


def cut(model: Path, folder: Path, incomplete: bool = False) -> None:
    """Writes `NAME.part1` … and `NAME.parts`, a line for each part: its SHA-256, size and name; the first line is the whole's."""
    data = memoryview(model.read_bytes())
    folder.mkdir(parents=True, exist_ok=True)
    lines = [(data, model.name)]
    for n, start in enumerate(range(0, len(data), PART_BYTES), 1):
        part = data[start : start + PART_BYTES]
        lines.append((part, f"{model.name}.part{n}"))
        (folder / lines[-1][1]).write_bytes(part)
    listed = [f"{hashlib.sha256(part).hexdigest()} {len(part)} {name}\n" for part, name in lines]
    heading = ["incomplete\n"] if incomplete else []
    (folder / f"{model.name}.parts").write_text("".join(heading + listed))
    print("".join(listed), end="")


if __name__ == "__main__":
    cut(Path(sys.argv[1]), Path(sys.argv[2]), "--incomplete" in sys.argv[3:])
