#!/usr/bin/env python3
"""Measures what a remote server that cannot be reached costs each key.

    tests/remote/unreachable.py --lowkey PROGRAM --model MODEL.gguf [--rounds 5] [--keys 120] [TRACE]

Plays a trace (tests/traces) to a language server on stdio, in three ways: without a remote server
(`alone`), with one whose port is closed (`closed`), and with one that accepts connections and never
answers (`silent`). The ways alternate, each with a new language server, and the times of a key are
measured at the client. Prints p50 and p95 of each way, and the ratio to `alone`.

A run takes about 30 seconds on two cores. `--results FILE` keeps the times of all runs of several
calls, so that a shared machine can be used in pieces.
"""

import argparse
import json
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from drive import Client

ROOT = Path(__file__).resolve().parents[2]
WAYS = ("alone", "closed", "silent")
# Longer pauses are shortened; a user who waits measures nothing.
LONGEST_PAUSE_MS = 150


class Port:
    """A port of this machine that does not answer, or that refuses connections."""

    def __init__(self, way):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.accepted = []
        if way == "silent":
            self.socket.listen(64)
            threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                self.accepted.append(self.socket.accept()[0])
            except OSError:
                return

    def url(self):
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def close(self):
        self.socket.close()
        for connection in self.accepted:
            connection.close()


def play(client, trace, n_keys):
    """Plays the first keys of a trace; returns the milliseconds of each, and the keys with a report about the server."""
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    opened = [line if "lowkey_trace" in line else line["open"] for line in lines if "lowkey_trace" in line or "open" in line]
    uris = {document["path"]: f"untitled:{document['path']}" for document in opened}
    versions = dict.fromkeys(uris, 1)
    for document in opened:
        item = {"uri": uris[document["path"]], "languageId": document["language"], "version": 1, "text": document["text"]}
        client.notify("textDocument/didOpen", {"textDocument": item})
    path, cursor, times, n_reported = opened[0]["path"], [0, 0], [], 0
    for step in (line for line in lines if "dt_ms" in line):
        time.sleep(min(step["dt_ms"], LONGEST_PAUSE_MS) / 1e3)
        path, cursor = step.get("path", path), step.get("cursor", cursor)
        edit = step.get("edit")
        if edit is None:
            continue
        place = lambda at: {"line": at[0], "character": at[1]}
        change = {"range": {"start": place(edit["start"]), "end": place(edit["end"])}, "text": edit["text"]}
        versions[path] += 1
        document = {"uri": uris[path], "version": versions[path]}
        client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
        *above, last = edit["text"].split("\n")
        column = len(last.encode("utf-16-le")) // 2
        cursor = [edit["start"][0] + len(above), column if above else edit["start"][1] + column]
        if "cursor" in step:
            cursor = step["cursor"]
        where = {"textDocument": {"uri": uris[path]}, "position": place(cursor), "context": {"triggerKind": 2}}
        began = time.monotonic()
        client.ask("textDocument/inlineCompletion", where)
        times.append((time.monotonic() - began) * 1e3)
        report = client.ask("$/lowkey/explain", {"textDocument": {"uri": uris[path]}})
        n_reported += any(why.startswith("remote:") for why in report["why"])
        if len(times) == n_keys:
            break
    return times, n_reported


def run(arguments, way):
    """Returns the milliseconds of each key in a new language server."""
    port = Port(way)
    try:
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "lowkey.toml"
            config.write_text("" if way == "alone" else f'remote_url = "{port.url()}"\n')
            env = {**os.environ, "LOWKEY_CONFIG": str(config), "LOWKEY_MODEL": str(arguments.model.resolve())}
            env["LOWKEY_CACHE_DIR"] = folder
            client = Client(str(arguments.lowkey.resolve()), env)
            capabilities = {"general": {"positionEncodings": ["utf-16"]}, "textDocument": {"inlineCompletion": {}}}
            client.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
            client.notify("initialized", {})
            while client.ask("$/lowkey/status", None)["state"] == "loading":
                time.sleep(0.1)
            times, n_reported = play(client, arguments.trace, arguments.keys)
            client.ask("shutdown", None)
            client.notify("exit", None)
            if client.process.wait(timeout=30) != 0:
                sys.exit(f"the server failed at its end: {client.process.returncode}")
            if (n_reported > 0) == (way == "alone"):
                sys.exit(f"{way}: {n_reported} of {len(times)} keys have a report about a remote server")
            return times
    finally:
        port.close()


def percentile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def table(runs):
    """Returns the table of all runs: `runs` has the times of each way, by round.

    Other programs make single keys slower, so a key's time is also its median over the rounds.
    """
    lines = ["| way | ms p50 | ms p95 | p95 of the keys' medians | to alone | ratio of p95 in each round |", "|---|--:|--:|--:|--:|---|"]
    medians = {way: [statistics.median(of) for of in zip(*(times[way] for times in runs))] for way in WAYS}
    for way in WAYS:
        pooled = [ms for times in runs for ms in times[way]]
        own, alone = percentile(medians[way], 0.95), percentile(medians["alone"], 0.95)
        each = sorted(percentile(times[way], 0.95) / percentile(times["alone"], 0.95) for times in runs)
        lines.append(
            f"| {way} | {percentile(pooled, 0.5):.1f} | {percentile(pooled, 0.95):.1f} | {own:.1f} | {own / alone:.3f} "
            f"| {', '.join(f'{ratio:.2f}' for ratio in each)} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", nargs="?", type=Path, default=ROOT / "tests/traces/rust-new-function.jsonl")
    parser.add_argument("--lowkey", required=True, type=Path)
    parser.add_argument("--model", required=True, type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keys", type=int, default=120)
    parser.add_argument("--results", type=Path, help="file that keeps the times of earlier calls")
    arguments = parser.parse_args()
    runs = []
    if arguments.results and arguments.results.exists():
        runs = [json.loads(line) for line in arguments.results.read_text().splitlines()]
    for number in range(arguments.rounds):
        # Each round has another order, so that a machine that gets slower favours no way.
        order = [WAYS[(len(runs) + at) % len(WAYS)] for at in range(len(WAYS))]
        times = {way: run(arguments, way) for way in order}
        runs.append(times)
        if arguments.results:
            with arguments.results.open("a") as file:
                file.write(json.dumps(times) + "\n")
    print(f"{len(runs)} rounds of {len(runs[0]['alone'])} keys of {arguments.trace.stem}\n\n{table(runs)}")


if __name__ == "__main__":
    main()
