#!/usr/bin/env python3
"""Sends the holes of a `lowkey bench quality` run to llama-server and compares the scores.

    lowkey --model M.gguf bench quality FOLDER --suggestion-threshold always --texts --out rows.jsonl
    tests/peers/infill.py --model M.gguf --folder FOLDER rows.jsonl [--holes N]

The request is llama.vim's (policy.py: 256 lines before the cursor, 64 after it, no extra chunks,
its samplers), without its time limits, so that a slow machine loses no answer. The first line of
the answer counts, inserted at the cursor. Exact means that the cursor's line equals the file's,
except for blanks at its end. The last column also counts an answer as right if it would be right
without the closers at the cursor. Only holes of one line are used: a whole line, the rest of a
line, and before brackets that the editor has closed. A batch of 1,024 tokens limits the prompt, as
llama.vim recommends.
"""

import argparse
import json
import math
from pathlib import Path

import programs
from policy import LINE_END, View
from programs import Server, say

KINDS = {"line": "a whole line", "rest": "the rest of a line", "midline": "before auto-closed brackets"}
BATCH = 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", type=Path, help="the output of `bench quality --texts --out`")
    parser.add_argument("--folder", type=Path, required=True, help="the folder of that run")
    parser.add_argument("--model", type=Path, required=True, help="the same .gguf file")
    parser.add_argument("--holes", type=int, help="at most this many, spread over the file")
    programs.add_common_options(parser)
    options = parser.parse_args()
    holes = [row for row in map(json.loads, options.rows.read_text().splitlines()) if row.get("kind") in KINDS]
    if any("after_cursor" not in row.get("texts", {}) for row in holes):
        raise SystemExit(f"{options.rows}: rows without their texts; run again with --texts, into a new file")
    step = len(holes) / min(options.holes or len(holes), len(holes))
    holes = [holes[int(at * step)] for at in range(int(len(holes) / step))]
    ledger = programs.ledger(options, f"infill-{options.rows.stem}")
    with Server(options, options.model, ["--batch-size", BATCH, "--ubatch-size", BATCH, "--ctx-size", 4096]) as server:
        for number, row in enumerate(holes, 1):
            if number % 20 == 0:
                say(f"{number} of {len(holes)}")
            row["peer"] = ledger.get((row["digest"],), lambda row=row: ask(server, options.folder, row))
    result = {name: figures([row for row in holes if row["kind"] in kinds])
              for name, kinds in [*((title, [kind]) for kind, title in KINDS.items()), ("all", list(KINDS))]}
    print(json.dumps(result) if options.json else markdown(result))


def ask(server, folder, row):
    """Returns llama-server's text for a hole, and the resulting line."""
    text = (folder / row["path"]).read_text()
    lines = LINE_END.split(text)
    before = prefix_of(lines[row["line"]], row["column"])
    lines[row["line"]] = before + row["texts"]["after_cursor"]
    prefix, middle, suffix, indentation = View(lines, row["line"], len(before)).context()
    answer, ms = server.ask("/infill", {
        "id_slot": 0, "input_prefix": prefix, "input_suffix": suffix, "input_extra": [], "prompt": middle,
        "n_predict": 64, "stop": ["\n"], "n_indent": indentation, "top_k": 40, "top_p": 0.90, "stream": False,
        "samplers": ["top_k", "top_p", "infill"], "cache_prompt": True, "seed": 1,
    })
    first = LINE_END.split(answer["content"])[0]
    # If only blanks are before the cursor, llama.vim sends the request as if the cursor were in the
    # first column. If the answer is indented less than those blanks, it is inserted as if its
    # indentation were right.
    shown = (before if middle or before.strip() else "") + first + row["texts"]["after_cursor"]
    if not before.strip() and not shown.startswith(before):
        shown = before + shown.lstrip()
    truth = row["texts"]["truth"].rstrip()
    without = shown.removesuffix(row["texts"]["after_cursor"])
    return {"shown": shown, "ms": ms, "exact": shown.rstrip() == truth, "without": truth in (shown.rstrip(), without.rstrip()),
            "silent": not first.strip()}


def prefix_of(line, column):
    """Returns the part of a line before a UTF-16 column."""
    return line.encode("utf-16-le")[:2 * column].decode("utf-16-le")


def figures(rows):
    """Returns both sides' share of exact answers, and their difference hole by hole."""
    n = max(1, len(rows))
    ours, theirs = (sum(pick(row) for row in rows) for pick in (lambda r: r["exact_match"], lambda r: r["peer"]["exact"]))
    only_ours = sum(row["exact_match"] and not row["peer"]["exact"] for row in rows)
    only_theirs = sum(row["peer"]["exact"] and not row["exact_match"] for row in rows)
    return {"holes": len(rows), "lowkey": ours / n, "peer": theirs / n, "only_lowkey": only_ours, "only_peer": only_theirs,
            "difference": (ours - theirs) / n, "error": math.sqrt(only_ours + only_theirs) / n,
            "without": sum(row["peer"]["without"] for row in rows) / n, "peer_silent": sum(row["peer"]["silent"] for row in rows) / n}


def markdown(result):
    lines = ["| holes | | lowkey exact | llama-server exact | difference in points | only lowkey | only llama-server | its closers replaced |",
             "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for name, row in result.items():
        lines.append(f"| {name} | {row['holes']} | {100 * row['lowkey']:.1f} % | {100 * row['peer']:.1f} % | "
                     f"{100 * row['difference']:+.1f} ± {100 * row['error']:.1f} | {row['only_lowkey']} | {row['only_peer']} | "
                     f"{100 * row['without']:.1f} % |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
