#!/usr/bin/env python3
"""Times lowkey's and llama.cpp's forward pass on the same model files and prints the ratios.

    tests/peers/engines.py MODEL.gguf [...] [--rounds 3] [--variant laptop --lowkey-arguments='--kernels avx2']

Per round and model: `lowkey bench engine`, llama-bench with `-fa off` and with its default, and
llama-server (native build) for the figures that llama-bench lacks: the time until it answers, and
the memory with 1,024 cached tokens. Each round reverses the order. Rates are tokens per second. An
append is the time from N new tokens after 1,024 cached ones to the next token's logits. Memory is
the process's peak (VmHWM), including pages of the model file; the memory at the end is reported as
well. If a model's context is shorter than a row, the row is measured at the length that lowkey
uses.
"""

import argparse
import json
import shlex
import statistics
from pathlib import Path

import programs
from programs import Server, say

FLASH = {"fa off": ["-fa", "off"], "default": []}
DECODED = 32
MORE_OFTEN = 5
SIDES = ("lowkey", *FLASH)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="+", type=Path, help=".gguf files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=1, help="of each row within a round, on both sides")
    parser.add_argument("--variant", default="native", help="which build of llama-bench: native or laptop")
    parser.add_argument("--lowkey-arguments", default="", help="more arguments of `lowkey bench engine`")
    programs.add_common_options(parser)
    options = parser.parse_args()
    for model in options.models:
        programs.find(model, "give .gguf files; random_model.py writes some")
    results = []
    for model in options.models:
        ledger = programs.ledger(options, f"engines-{options.variant}-{model.stem}")
        began = programs.machine()
        rounds = []
        for number in range(options.rounds):
            sides = [*SIDES, "server"]
            if number % 2 == 1:
                sides.reverse()
            figures = {}
            # The rows are those that fit lowkey's context, so lowkey runs once first.
            rows = ledger.get((0, "lowkey"), lambda: lowkey(options, model))
            for side in sides:
                def measure(side=side):
                    say(f"{model.stem}: round {number + 1} of {options.rounds}, {side}")
                    if side == "lowkey":
                        return lowkey(options, model)
                    return server(options, model, rows) if side == "server" else bench(options, model, side, rows)
                figures[side] = ledger.get((number, side), measure)
            rounds.append(figures)
        results.append(table(model, rounds) | {"began": began, "ended": programs.machine(), "threads": options.threads,
                                               "variant": options.variant})
    print(json.dumps(results) if options.json else "\n\n".join(markdown(result) for result in results))


def lowkey(options, model):
    """Returns lowkey's rows: rates of prefill and decoding, milliseconds of appends."""
    out, _ = programs.run(
        [programs.lowkey_program(options), "--model", model, "--threads", options.threads,
         "bench", "engine", "--json", "--rounds", options.repetitions, *shlex.split(options.lowkey_arguments)],
        timeout_s=3600, env=programs.lowkey_environment(options))
    said = json.loads(out)
    chosen = {key: said[key] for key in ("prefill", "decode", "append", "load_ms", "memory_mb", "append_cached")}
    # lowkey's own count of the peak: the later roofline measurement uses more memory, which is not
    # the model's.
    return chosen | {"peak_mb": said["memory_peak_mb"], "kernels": said["kernels"], "roofline": said["roofline"],
                     "weights_mb": said["weights_mb"], "kv_mb": said["kv_mb"], "share": said["share"]}


def bench(options, model, flash, rows):
    """Returns the same rows from llama-bench."""
    depth = str(rows["append_cached"])

    def measure(repetitions, arguments):
        out, peak_mb = programs.run(
            [programs.peer_program(options, "llama-bench", options.variant), "-m", model, "-t", options.threads,
             "-r", repetitions, "-o", "json", *FLASH[flash], *arguments], timeout_s=3600)
        return json.loads(out), peak_mb

    result = {"prefill": {}, "decode": {}, "append": {}}
    flat, peak = measure(options.repetitions, ["-p", ",".join(rows["prefill"]), "-n", DECODED, "-d", 0])
    decoded, decoded_peak = measure(options.repetitions, ["-p", 0, "-n", DECODED, "-d", depth])
    # Short rows are repeated more often, as in lowkey.
    more = MORE_OFTEN * options.repetitions
    appended, appended_peak = measure(more, ["-p", ",".join(rows["append"]), "-n", 0, "-d", depth])
    for row in flat + decoded + appended:
        # The median, as lowkey reports, instead of llama-bench's mean: a disturbance must have the
        # same effect on both sides.
        ms = statistics.median(row["samples_ns"]) / 1e6
        if row["n_gen"]:
            result["decode"][str(row["n_depth"])] = row["n_gen"] * 1e3 / ms
        elif row["n_depth"]:
            result["append"][str(row["n_prompt"])] = ms
        else:
            result["prefill"][str(row["n_prompt"])] = row["n_prompt"] * 1e3 / ms
    return result | {"peak_mb": max(peak, decoded_peak, appended_peak)}


def server(options, model, rows):
    """Returns llama-server's start time, its time for an append after a cached prompt, and its
    memory."""
    depth = int(rows["append_cached"])
    # Ordinary ids, after the control tokens that some vocabularies begin with.
    prompt = [100 + index * 7 % 3000 for index in range(depth + 8)]
    with Server(options, model, ["--ctx-size", depth + 64, "--no-warmup"]) as program:
        def ask(tokens):
            request = {"prompt": tokens, "n_predict": 1, "cache_prompt": True, "temperature": 0, "id_slot": 0}
            return program.ask("/completion", request)

        ask(prompt[:depth])
        append = {}
        for count in map(int, rows["append"]):
            samples = []
            for repetition in range(MORE_OFTEN * options.repetitions):
                # Different tokens each time, so that the appended ones are never in the cache.
                tail = [200 + repetition * 31 + count * 17 + index for index in range(count)]
                answer, ms = ask(prompt[:depth] + tail)
                if answer["timings"]["prompt_n"] == count:
                    samples.append(ms)
            if samples:
                append[str(count)] = statistics.median(samples)
        held = [line for line in Path(f"/proc/{program.process.pid}/status").read_text().splitlines()
                if line.startswith("VmRSS:")]
        return {"load_ms": program.ready_ms, "append": append, "peak_mb": program.peak_mb(),
                "memory_mb": round(int(held[0].split()[1]) / 1024, 1)}


def table(model, rounds):
    """Returns medians, ranges, and the median of each round's ratio; a ratio above 1 favours
    lowkey."""
    first = rounds[0]["lowkey"]
    rows = []

    def add(title, unit, per_side, faster_is_more):
        values = {side: [pick(figures) for figures in rounds] for side, pick in per_side.items()}
        values = {side: each for side, each in values.items() if None not in each}
        if "lowkey" not in values:
            return
        ratios = {}
        for side, each in values.items():
            if side != "lowkey":
                pairs = zip(values["lowkey"], each)
                ratios[side] = [ours / theirs if faster_is_more else theirs / ours for ours, theirs in pairs]
        rows.append({"title": title, "unit": unit, "values": values, "ratios": ratios})

    def each_side(kind, key):
        return {side: (lambda figures, side=side: figures[side][kind].get(key)) for side in SIDES}

    for tokens in first["prefill"]:
        add(f"prefill {tokens}", "tokens/s", each_side("prefill", tokens), True)
    for depth in first["decode"]:
        add(f"decode at {depth}", "tokens/s", each_side("decode", depth), True)
    for tokens in first["append"]:
        sides = each_side("append", tokens)
        sides["server"] = lambda figures, tokens=tokens: figures["server"]["append"].get(tokens)
        add(f"append {tokens} at {first['append_cached']}", "ms", sides, False)
    add("peak memory", "MB", {side: (lambda figures, side=side: figures[side]["peak_mb"]) for side in (*SIDES, "server")},
        False)
    add("memory held", "MB", {side: (lambda figures, side=side: figures[side]["memory_mb"]) for side in ("lowkey", "server")},
        False)
    add("load", "ms", {side: (lambda figures, side=side: figures[side]["load_ms"]) for side in ("lowkey", "server")}, False)
    return {"model": model.stem, "rounds": len(rounds), "rows": rows, "kernels": first["kernels"],
            "weights_mb": first["weights_mb"], "kv_mb": first["kv_mb"],
            "roofline": [figures["lowkey"]["roofline"] for figures in rounds],
            "share": [figures["lowkey"]["share"] for figures in rounds]}


def markdown(result):
    """Returns one table per model; each cell is the median and, in brackets, the range of the
    rounds."""
    columns = {"fa off": "llama-bench -fa off", "default": "llama-bench", "server": "llama-server", "lowkey": "lowkey"}
    head = ["", *columns.values(), "ratio to -fa off", "ratio to the default", "ratio to llama-server"]
    lines = [f"**{result['model']}**, {result['threads']} threads, {result['variant']} llama.cpp, lowkey's kernels "
             f"{result['kernels']}, {result['rounds']} rounds", "", "| " + " | ".join(head) + " |",
             "|" + "---|" * len(head)]

    def cell(values, suffix="", digits=None):
        if not values:
            return "–"
        middle = statistics.median(values)
        places = digits if digits is not None else (0 if middle >= 100 else 1)
        span = f" ({min(values):.{places}f}–{max(values):.{places}f})" if len(values) > 1 else ""
        return f"{middle:.{places}f}{suffix}{span}"

    for row in result["rows"]:
        cells = [f"{row['title']}, {row['unit']}"]
        cells += [cell(row["values"].get(side)) for side in columns]
        cells += [cell(row["ratios"].get(side), "×", 2) for side in ("fa off", "default", "server")]
        lines.append("| " + " | ".join(cells) + " |")
    shares = result["share"]

    def share(kind, key):
        values = [one[kind].get(key) for one in shares]
        return None if None in values else round(100 * statistics.median(values))
    def machine(key, unit):
        given = [one.get(key) for one in result["roofline"] if one.get(key)]
        return f"{', '.join(f'{value:.0f}' for value in given)} {unit}"
    said = [f"{kind} {key} {share(kind, key)} %" for kind in ("prefill", "decode") for key in shares[0][kind]
            if share(kind, key) is not None]
    lines += ["", f"lowkey's packed weights {result['weights_mb']:.0f} MB, KV cache {result['kv_mb']:.0f} MB; share of the "
              f"machine's roofline: {', '.join(said)}.",
              f"After lowkey's part of each round the machine read {machine('read_gb_s', 'GB/s')} and passed a cache line "
              f"to the other core and back in {machine('round_trip_ns', 'ns')}.", f"Began: {result['began']}. Ended: {result['ended']}."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
