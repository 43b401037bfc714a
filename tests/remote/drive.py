#!/usr/bin/env python3
"""Drives lowkey against a running remote server; .ci/remote calls it.

Checks what `lowkey doctor` finds, types a function in a real language server with the remote server
configured, and cancels a request. Prints figures; a failed check ends it with an error.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

PROTOCOLS = {"llama-server": "llama-server", "vllm": "openai"}
ABOVE = '''"""Moving averages of measurements."""


def mean(values):
    if not values:
        return 0.0
    return sum(values) / len(values)


def variance(values):
    center = mean(values)
    return mean([(value - center) ** 2 for value in values])


def moving_average(values, size):
    averages = []
'''
BELOW = '''    return averages


def main():
    print(moving_average([1, 2, 3, 4], 2))
'''
TYPED = "    for start in range(len(values) - size + 1):\n        window = values[start:start + size]\n"


def check(holds, words):
    print(("ok      " if holds else "FAILED  ") + words)
    if not holds:
        sys.exit(1)


class Client:
    """A client of the language server protocol on stdio."""

    def __init__(self, lowkey, env):
        self.process = subprocess.Popen(
            [lowkey, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
        )
        self.answers, self.messages, self.last = {}, [], 0
        self.arrived = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            length = 0
            while (line := self.process.stdout.readline().strip()) != b"":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if length == 0:
                return
            message = json.loads(self.process.stdout.read(length))
            with self.arrived:
                if "method" in message and "id" in message:
                    self.send({"id": message["id"], "result": None})
                elif "method" in message:
                    self.messages.append(message)
                else:
                    self.answers[message["id"]] = message
                self.arrived.notify_all()

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def request(self, method, params):
        self.last += 1
        self.send({"id": self.last, "method": method, "params": params})
        return self.last

    def answer(self, number, seconds=60):
        with self.arrived:
            if not self.arrived.wait_for(lambda: number in self.answers, seconds):
                sys.exit(f"no answer to request {number} in {seconds} s")
            return self.answers.pop(number)

    def ask(self, method, params):
        return self.answer(self.request(method, params))["result"]

    def notify(self, method, params):
        self.send({"method": method, "params": params})


class Typist:
    """A user of one document."""

    def __init__(self, client, name, text_above, text_below):
        self.client, self.version = client, 1
        self.uri = f"untitled:{name}"
        self.line, self.column = text_above.count("\n"), 0
        item = {"uri": self.uri, "languageId": "python", "version": 1, "text": text_above + text_below}
        client.notify("textDocument/didOpen", {"textDocument": item})

    def type(self, text):
        self.version += 1
        place = {"line": self.line, "character": self.column}
        change = {"range": {"start": place, "end": place}, "text": text}
        document = {"uri": self.uri, "version": self.version}
        self.client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
        if text.endswith("\n"):
            self.line, self.column = self.line + 1, 0
        else:
            self.column += len(text)

    def params(self, kind):
        return {
            "textDocument": {"uri": self.uri},
            "position": {"line": self.line, "character": self.column},
            "context": {"triggerKind": kind},
        }

    def ask(self, kind):
        return self.client.ask("textDocument/inlineCompletion", self.params(kind))

    def explain(self):
        return self.client.ask("$/lowkey/explain", {"textDocument": {"uri": self.uri}})


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def metrics(url):
    """Returns the server's counters by name, without labels."""
    found = {}
    for line in fetch(url + "/metrics").splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            name = name.split("{")[0]
            found[name] = found.get(name, 0.0) + float(value)
    return found


def computed(found):
    """Returns the prompt tokens that the server received and that it found in its cache."""
    if "llamacpp:prompt_tokens_total" in found:
        # llama-server counts the tokens that it computed.
        return found["llamacpp:prompt_tokens_total"], None
    hits = found.get("vllm:prefix_cache_hits_total", 0.0)
    return found.get("vllm:prefix_cache_queries_total", 0.0) - hits, hits


def doctor(arguments, env):
    output = subprocess.run(
        [arguments.lowkey, "doctor", "--json", "--no-self-test"], env=env, capture_output=True, text=True, check=True
    )
    remote = json.loads(output.stdout)["remote"]
    print(json.dumps(remote))
    check(remote["problem"] is None, f"doctor reaches the server: {remote['problem']}")
    check(remote["protocol"] == PROTOCOLS[arguments.server], f"doctor finds the protocol: {remote['protocol']}")
    check(remote["shares_vocabulary"], "the server takes the local model's token ids")
    check(remote["right"] * 2 >= remote["holes"], f"{remote['right']} of {remote['holes']} holes are right")
    check((remote["cached_tokens"] or 0) > 0, f"the prefix cache works: {remote['cached_tokens']} of {remote['prompt_tokens']}")


def types_a_function(arguments, client):
    typist = Typist(client, "averages.py", ABOVE, BELOW)
    # Requested by a key, so that several lines are asked and the remote server with them.
    typist.ask(1)
    state, deadline = {}, time.monotonic() + 60
    while state.get("state") != "working" and time.monotonic() < deadline:
        time.sleep(0.2)
        state = client.ask("$/lowkey/status", None)["remote"]
    check(state.get("state") == "working", f"the server answers: {state}")
    before, sources, remote, times = metrics(arguments.url), {}, 0, []
    for key in TYPED:
        typist.type(key)
        began = time.monotonic()
        typist.ask(2)
        times.append((time.monotonic() - began) * 1e3)
        report = typist.explain()
        sources[report["source"]] = sources.get(report["source"], 0) + 1
        remote += any(why.startswith(("remote:", "memory: the remote")) for why in report["why"])
        time.sleep(0.15)
    tokens, hits = computed({name: value - before.get(name, 0.0) for name, value in metrics(arguments.url).items()})
    times.sort()
    print(
        f"{len(TYPED)} keys: sources {sources}, {remote} with a part of the remote server; "
        f"{tokens / len(TYPED):.1f} prompt tokens computed per key there"
        + (f", {hits:.0f} found in its cache" if hits is not None else "")
        + f"; p50 {times[len(times) // 2]:.0f} ms, p95 {times[len(times) * 95 // 100]:.0f} ms"
    )
    check(remote > 0, "some keys were unsure, and the remote server was asked")


def running(arguments):
    """Returns the number of requests that the server computes."""
    if arguments.server == "vllm":
        return metrics(arguments.url).get("vllm:num_requests_running", 0)
    return sum(slot["is_processing"] for slot in json.loads(fetch(arguments.url + "/slots")))


def cancels(arguments, typist):
    """A request about a document that is closed must not run on at the server."""
    first = typist.client.request("textDocument/inlineCompletion", typist.params(1))
    deadline = time.monotonic() + 10
    while running(arguments) == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    check(running(arguments) > 0, "the server computes the answer to a request")
    typist.client.notify("textDocument/didClose", {"textDocument": {"uri": typist.uri}})
    typist.client.answer(first)
    # A question may follow another at once, so a moment without work is no proof.
    began = busy = time.monotonic()
    while (now := time.monotonic()) - busy < 0.3 and now - began < 10:
        if running(arguments) > 0:
            busy = time.monotonic()
        time.sleep(0.01)
    took = busy - began
    check(running(arguments) == 0, f"the server is idle {took * 1e3:.0f} ms after the end of a request")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lowkey", required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--model", required=True, help="the local model")
    parser.add_argument("--server", required=True, choices=PROTOCOLS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "lowkey.toml"
        config.write_text(f'remote_url = "{arguments.url}"\nthreads = 1\n')
        env = {**os.environ, "LOWKEY_CONFIG": str(config), "LOWKEY_MODEL": os.path.abspath(arguments.model)}
        env["LOWKEY_CACHE_DIR"] = folder
        doctor(arguments, env)
        client = Client(arguments.lowkey, env)
        capabilities = {"general": {"positionEncodings": ["utf-16"]}, "textDocument": {"inlineCompletion": {}}}
        client.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities})
        client.notify("initialized", {})
        while client.ask("$/lowkey/status", None)["state"] == "loading":
            time.sleep(0.1)
        types_a_function(arguments, client)
        # Of another document and place, so that no stored text answers.
        cancels(arguments, Typist(client, "median.py", ABOVE + TYPED + BELOW + "\n\ndef median(values):\n", ""))
        client.ask("shutdown", None)
        client.notify("exit", None)
        began = time.monotonic()
        code = client.process.wait(timeout=30)
        check(code == 0, f"the server ends in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
