"""Cuts a model file into the parts in the repository, which the build script joins.

    python parts.py MODEL.gguf ../store/models [--incomplete]

The build script is `server/app/build.rs`. Parts that are committed one after another need
`--incomplete`: it becomes the list's first line, and until a commit removes that line, the build
continues without the missing parts. The model card is `NAME.md` in the same folder.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

# One submission may add two parts, and repository hosts reject files of 100 MB.
PART_BYTES = 50_000_000


def cut(model: Path, folder: Path, incomplete: bool = False) -> None:
    """Writes `NAME.part1` … and `NAME.parts`, with a line for each part: its SHA-256, size and
    name; the first line is that of the whole file."""
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
