"""Makes the editing traces: scripted sessions in an editor that behaves like VS Code.

    python make.py            writes a `*.jsonl` to this folder for every script of `sessions`
    python make.py check      replays the files and compares them with what would be written
    python make.py final DIR  writes the documents as they are at each trace's end
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from editor import HERE, utf16
from sessions import play

LARGEST_TRACE, LARGEST_TOTAL = 150_000, 1_200_000


def replay(trace: str) -> dict[str, str]:
    """Plays a trace on plain strings in UTF-16; a position outside the text is an error."""
    head, *rest = [json.loads(line) for line in trace.splitlines()]
    texts, current = {}, head["path"]
    for line in [{"open": head}, *rest]:
        if "open" in line:
            texts[line["open"]["path"]] = line["open"]["text"]
            continue
        assert line["dt_ms"] >= 0
        current = line.get("path", current)
        text, edit = texts[current], line.get("edit")

        def units(place: list[int]) -> int:
            lines = text.split("\n")
            inside = lines[place[0]].removesuffix("\r").encode("utf-16-le")
            assert 0 <= place[1] <= len(inside) // 2, f"{place} is outside of {current}"
            inside[: 2 * place[1]].decode("utf-16-le")  # fails inside of a surrogate pair
            return 2 * (sum(utf16(line) + 1 for line in lines[: place[0]]) + place[1])

        if edit:
            start, end, whole = units(edit["start"]), units(edit["end"]), text.encode("utf-16-le")
            assert start <= end
            whole = whole[:start] + edit["text"].encode("utf-16-le") + whole[end:]
            texts[current] = whole.decode("utf-16-le")
        else:
            units(line["cursor"])
    return texts


def main(arguments: list[str]) -> None:
    total, strays = 0, {file.stem for file in HERE.glob("*.jsonl")}
    for name, editor in play():
        strays.discard(name)
        trace, file = editor.trace(), HERE / f"{name}.jsonl"
        n_bytes, n_edits = len(trace.encode()), sum("edit" in line for line in editor.lines)
        total += n_bytes
        assert n_bytes <= LARGEST_TRACE, f"{name} has {n_bytes} bytes, {LARGEST_TRACE} is the limit"
        finals = {path: document.text for path, document in editor.documents.items()}
        assert replay(trace) == finals, f"{name}: the replay differs from the editor's text"
        match arguments:
            case []:
                file.write_bytes(trace.encode())
            case ["check"]:
                assert file.read_bytes() == trace.encode(), f"{file.name} differs from the output of make.py"
            case ["final", folder]:
                for path, text in finals.items():
                    final = Path(folder) / name / Path(path).name
                    final.parent.mkdir(parents=True, exist_ok=True)
                    final.write_bytes(text.encode())
            case _:
                raise SystemExit(__doc__)
        print(f"{name:28} {n_edits:5} edits {n_bytes:7} bytes")
    assert not strays, f"traces without a script: {sorted(strays)}"
    assert total <= LARGEST_TOTAL, f"{total} bytes in total, {LARGEST_TOTAL} is the limit"
    print(f"{'total':28} {total:19} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
