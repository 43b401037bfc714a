#!/usr/bin/env python3
"""Plays editing traces against lowkey and against llama-server with llama.vim's request policy.

    tests/peers/keystrokes.py [--model M.gguf] [--rounds 3] [--keys N] [--target] [TRACE ...]

There are three ways to answer a key. `request`: llama.vim's request for each key without its cache:
256 lines before and 64 after the cursor, no extra chunks, at most 128 tokens, 250 ms of prediction.
`cache`: llama.vim as published: the same with its client-side cache (answers by context, a look
back of 128 characters, a speculative request for the text after the shown suggestion is accepted),
and without automatic requests if more than 8 bytes follow the cursor. `lowkey`: `lowkey bench
replay`. Keys follow each other without pauses, each way has a separate server for each trace, and
the ways alternate. policy.py implements the policy.

Tokens are the prompt tokens that were computed, including look-ahead; ms is the wall time from key
to answer at the client; served is the share of keys that got text. The curl process that llama.vim
starts per request is not counted.

With `--target`, a simulated user who knows the final text accepts matching suggestions on both
sides (typist.py), and the table has the share of saved keystrokes.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import programs
import typist
from policy import Editor, Plugin
from programs import ROOT, Server, say

WAYS = ("request", "cache", "lowkey")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("traces", nargs="*", type=Path, help="default: all of tests/traces")
    parser.add_argument("--model", type=Path, help="a .gguf file; default: the toy's")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keys", type=int, help="at most this many of each trace, from its start")
    parser.add_argument("--ways", default=",".join(WAYS), help="which of " + ", ".join(WAYS))
    parser.add_argument("--batch", type=int, help="llama-server's --batch-size, which bounds its prompt; default: 1024, "
                        "as llama.vim has it, or what the model's context leaves room for")
    parser.add_argument("--predict", type=int, default=128, help="llama.vim's n_predict")
    parser.add_argument("--target", action="store_true", help="simulate a user who knows the final text and accepts what matches")
    parser.add_argument("--requests", type=Path, metavar="FILE",
                        help="write llama.vim's requests for one trace to this file, for `lowkey bench team`")
    parser.add_argument("--sentinels", metavar="PRE,SUF,MID", default="<|fim_prefix|>,<|fim_suffix|>,<|fim_middle|>",
                        help="the model's, for requests to a server without /infill, such as vLLM")
    programs.add_common_options(parser)
    options = parser.parse_args()
    if options.requests:
        if len(options.traces) != 1:
            parser.error("--requests takes one trace: each log is that of one typist")
        options.ways = "cache"
    options.model = options.model or next((ROOT / "server/test-support").glob("*.gguf"))
    programs.find(options.model, "give --model a .gguf file")
    traces = options.traces or sorted((ROOT / "tests/traces").glob("*.jsonl"))
    ways = [way for way in WAYS if way in options.ways.split(",")]
    suffix = (f"-{options.keys}" if options.keys else "") + ("-target" if options.target else "")
    ledger = programs.ledger(options, f"keystrokes-{options.model.stem}{suffix}")
    began = programs.machine()

    rounds = []
    for number in range(options.rounds):
        figures = {way: {} for way in ways}
        for index, trace in enumerate(traces):
            for way in ways if (number + index) % 2 == 0 else reversed(ways):
                def measure(way=way, trace=trace):
                    say(f"round {number + 1} of {options.rounds}: {trace.stem}, {way}")
                    return lowkey(options, trace) if way == "lowkey" else peer(options, trace, way)
                figures[way][trace.stem] = ledger.get((number, trace.stem, way), measure)
        rounds.append(figures)
    result = summarise(rounds, ways)
    result |= {"model": options.model.stem, "target": options.target, "threads": options.threads, "rounds": options.rounds, "began": began,
               "ended": programs.machine()}
    print(json.dumps(result) if options.json else markdown(result))


def events(trace, n_keys):
    """Returns the lines of a trace up to its n-th edit."""
    lines = trace.read_text().splitlines()
    for index, line in enumerate(lines):
        if n_keys is not None and '"edit"' in line and "edit" in json.loads(line):
            n_keys -= 1
            if n_keys < 0:
                return lines[:index]
    return lines


def peer(options, trace, way):
    """Runs one trace against a fresh llama-server."""
    context = min(4096, programs.context_length(options.model))
    batch = options.batch or min(1024, (context - options.predict - 64) // 256 * 256)
    # The flags that llama.vim recommends; otherwise the programs' defaults.
    arguments = ["--batch-size", batch, "--ubatch-size", batch, "--ctx-size", context, "--cache-reuse", 256]
    with Server(options, options.model, arguments) as server:
        server.ask("/completion", {"prompt": "warm", "n_predict": 1})
        plugin = Plugin(server, remembers=way == "cache", n_predict=options.predict)
        editor = Editor(json.loads(line) for line in events(trace, options.keys))
        if options.requests:
            return log_requests(options, trace, editor, plugin, server)
        played = typist.play(editor, plugin) if options.target else {"keys": [plugin.key(view) for view in editor.keys()]}
        return {**played, "peak_mb": server.peak_mb()}


def log_requests(options, trace, editor, plugin, server):
    """Plays a trace and writes the requests to a log for `lowkey bench team`.

    `text` is the prompt that llama-server's /infill makes of the parts, for servers without it.
    """
    rows, keys = [], []
    pre, suf, mid = options.sentinels.split(",")
    for index, view in enumerate(editor.keys()):
        plugin.sent = []
        keys.append(plugin.key(view))
        for (prefix, middle, suffix, _), after, n_tokens in plugin.sent:
            rows.append({"key": index, "at_ms": round(editor.ms + after), "unsure": True, "prefix": prefix, "middle": middle,
                         "suffix": suffix, "text": f"{pre}{prefix}{middle}{suf}{suffix}{mid}", "max_tokens": max(1, n_tokens)})
    head = {"lowkey_requests": 1, "policy": f"llama.vim, {trace.stem}", "keys": len(keys), "ms": round(editor.ms)}
    options.requests.write_text("".join(json.dumps(row) + "\n" for row in [head, *rows]))
    return {"keys": keys, "peak_mb": server.peak_mb()}


def lowkey(options, trace):
    """Runs one trace through `lowkey bench replay`."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("\n".join(events(trace, options.keys)) + "\n")
        file.flush()
        out, peak_mb = programs.run(
            [programs.lowkey_program(options), "--model", options.model, "--threads", options.threads, "bench",
             "replay", "--json", *(["--target"] if options.target else []), file.name],
            timeout_s=3600, env=programs.lowkey_environment(options))
    *rows, last = [json.loads(line) for line in out.splitlines()]
    keys = [
        {"prefilled": row["tokens"]["prefilled"], "decoded": row["tokens"]["decoded"], "ms": row["ms"]["total"],
         "first_ms": row["ms"]["first_token"] or row["ms"]["total"], "served": row["insert"] is not None,
         "memory": row["source"] == "memory", "asked": row["source"] == "model", "prompt": row["tokens"]["prompt"]}
        for row in rows
    ]
    # Tokens of look-ahead, of joined decodings and of jobs that continue after their answer are in
    # no row.
    summary = last["summary"]
    total = summary["prefilled_mean_all"] * summary["keys"]
    return {"keys": keys, "background_prefilled": round(total - sum(key["prefilled"] for key in keys)),
            "background_decoded": summary["background"]["decoded"], "stale": summary["stale"], "peak_mb": peak_mb,
            "keystrokes": summary["keystrokes"], "saved": summary["keystrokes_saved"], "accepts": summary["accepts"],
            "rejects": summary["rejects"]}


def summarise(rounds, ways):
    """Returns the median and the range of each figure over the rounds, by trace and over all."""
    names = list(rounds[0][ways[0]])
    result = {"traces": {}}
    for name in [*names, "all"]:
        row = {}
        for way in ways:
            each = []
            for figures in rounds:
                chosen = [figures[way][trace] for trace in (names if name == "all" else [name])]
                each.append(of_keys(chosen))
            row[way] = {
                figure: {"median": statistics.median(values), "low": min(values), "high": max(values)}
                for figure in each[0]
                for values in [[one[figure] for one in each]]
            }
        result["traces"][name] = row
    return result


def of_keys(plays):
    """Returns the figures for the keys of one or more plays."""
    keys = [key for play in plays for key in play["keys"]]
    n = max(1, len(keys))
    ahead = sum(play.get("background_prefilled", 0) for play in plays)
    ahead_decoded = sum(play.get("background_decoded", 0) for play in plays)
    ms = sorted(key["ms"] for key in keys) or [0]
    first = sorted(key["first_ms"] for key in keys) or [0]

    def at(values, share):
        return values[min(len(values) - 1, int(share * len(values)))]

    def mean(figure):
        return sum(key.get(figure, 0) for key in keys) / n

    def total(figure):
        return sum(play.get(figure, 0) for play in plays)

    return {
        "keys": len(keys), "keystrokes": total("keystrokes"), "accepts": total("accepts"), "rejects": total("rejects"),
        "saved": total("saved"), "saved_share": total("saved") / max(1, total("keystrokes")),
        "tokens_median": statistics.median(key["prefilled"] for key in keys) if keys else 0,
        "tokens_foreground_mean": mean("prefilled"),
        "tokens_mean": mean("prefilled") + mean("ahead_prefilled") + ahead / n,
        "decoded_mean": mean("decoded") + mean("ahead_decoded") + ahead_decoded / n,
        "ms_p50": at(ms, 0.5), "ms_p95": at(ms, 0.95), "first_ms_p50": at(first, 0.5), "first_ms_p95": at(first, 0.95),
        "served": mean("served"), "without_model": mean("memory"), "asked": mean("asked"),
        "prompt_mean": statistics.fmean([key["prompt"] for key in keys if key["prompt"]] or [0]),
        "stale": sum(play.get("stale", 0) for play in plays),
    }


def markdown(result):
    """Returns the table and the notes below it as Markdown."""
    ways = [way for way in WAYS if way in result["traces"]["all"]]
    titles = {"request": "llama.vim", "cache": "llama.vim with its cache", "lowkey": "lowkey"}
    head = ["trace", "keys"]
    for way in ways:
        head += [f"{titles[way]}: prompt tokens per key, mean (median)", "ms p50 / p95", "served"]
        if result["target"]:
            head += ["keystrokes saved"]
    if "lowkey" in ways:
        head += [f"tokens, {titles[way]} : lowkey" for way in ways if way != "lowkey"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, row in result["traces"].items():
        def of(way, figure, row=row):
            return row[way][figure]["median"]
        cells = [f"**{name}**" if name == "all" else name, f"{of(ways[0], 'keys'):.0f}"]
        for way in ways:
            cells += [f"{of(way, 'tokens_mean'):.1f} ({of(way, 'tokens_median'):.0f})",
                      f"{of(way, 'ms_p50'):.1f} / {of(way, 'ms_p95'):.1f}", f"{100 * of(way, 'served'):.0f} %"]
            if result["target"]:
                cells += [f"{100 * of(way, 'saved_share'):.1f} %"]
        if "lowkey" in ways:
            ours = of("lowkey", "tokens_mean")
            cells += [f"{of(way, 'tokens_mean') / ours:.1f}×" if ours else "–" for way in ways if way != "lowkey"]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", f"{result['model']}, {result['threads']} threads, medians of {result['rounds']} rounds.",
              f"Began: {result['began']}. Ended: {result['ended']}."]
    for way in ways:
        every = result["traces"]["all"][way]

        def span(figure, digits=1, times=1, every=every):
            low, middle, high = (times * every[figure][key] for key in ("low", "median", "high"))
            return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"
        lines.append(
            f"- {titles[way]}: tokens per key {span('tokens_mean')}, of them for the key itself "
            f"{span('tokens_foreground_mean')}; decoded {span('decoded_mean')}; ms p50 {span('ms_p50')}, p95 "
            f"{span('ms_p95')}; to the first token p50 {span('first_ms_p50')}, p95 {span('first_ms_p95')}; served "
            f"{span('served', 0, 100)} %; without inference {span('without_model', 0, 100)} %, asked "
            f"the model {span('asked', 0, 100)} %; where it is, a prompt of "
            f"{span('prompt_mean', 0)} tokens" + (f"; stale {span('stale', 0)}" if way == "lowkey" else "") + (
                f"; of {span('keystrokes', 0)} keystrokes saved {span('saved', 0)}, keys to accept {span('accepts', 0)}, "
                f"typed over {span('rejects', 0)}" if result["target"] else "") + ".")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
