"""Starts and stops the measured programs for the tools in this folder.

Both sides run on this machine only: llama-server listens on the loopback address and ends when the
tool ends, even after a crash. lowkey gets separate settings and folders, so that no user's settings
change a figure.
"""

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def add_common_options(parser):
    """Options of every tool in this folder."""
    parser.add_argument("--peers", type=Path, default=ROOT / ".peers", help="where `build` put llama.cpp")
    parser.add_argument("--lowkey", type=Path, help="default: the release build of this checkout")
    parser.add_argument("--threads", type=int, default=physical_cores(), help="for both sides; default: all cores")
    parser.add_argument("--results", type=Path, help="file for the figures of each single run; default: in the peers' folder")
    parser.add_argument("--resume", action="store_true", help="keep the runs in the results file, and run the rest")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of Markdown")


def physical_cores():
    """Number of cores, without hyper-threads if the system reports them."""
    cores = set()
    for folder in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology"):
        try:
            cores.add(((folder / "physical_package_id").read_text(), (folder / "core_id").read_text()))
        except OSError:
            pass
    return len(cores) or os.cpu_count() or 1


def say(text):
    """Prints progress to stderr, because stdout carries the result."""
    print(text, file=sys.stderr, flush=True)


def find(path, how):
    """Returns the path, or exits with a message about how to get it."""
    if not path.exists():
        sys.exit(f"{path} does not exist: {how}")
    return path


def lowkey_program(options):
    """Returns the measured binary."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return find(options.lowkey or target / "release/lowkey", "build it with `cargo build --release --locked`")


def peer_program(options, name, variant="native"):
    """Returns a program of llama.cpp."""
    return find(options.peers / variant / "bin" / name, f"build it with `tests/peers/build {variant}`")


def context_length(model):
    """Returns the context length that a GGUF file was trained for. The key comes before the
    vocabulary."""
    with open(model, "rb") as file:
        head = file.read(1 << 16)
    name = b".context_length"
    at = head.find(name)
    if at < 0:
        sys.exit(f"{model}: no context_length in its first 64 KiB: is it a GGUF file?")
    kind, value = struct.unpack_from("<II", head, at + len(name))
    if kind != 4:
        sys.exit(f"{model}: context_length is of type {kind}, 32 bits were expected")
    return value


def lowkey_environment(options):
    """Settings and folders of this run only."""
    home = options.peers / "home"
    home.mkdir(parents=True, exist_ok=True)
    config = home / "lowkey.toml"
    # Files stored by one run would save the next one its work.
    config.write_text("persistent_cache = false\n")
    folders = {name: str(home) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    return {**os.environ, **folders, "LOWKEY_CONFIG": str(config)}


def die_with_parent():
    """Asks Linux to end the child when the tool is killed; on other systems only `Server.stop` ends
    it."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    except (OSError, AttributeError):
        pass


def run(command, timeout_s, env=None, stdin=None):
    """Runs a program to its end. Returns (stdout, peak resident MB), or exits with the program's
    error output."""
    command = [str(part) for part in command]
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent,
    )
    watch = PeakMemory(process.pid)
    try:
        out, err = process.communicate(stdin, timeout=timeout_s)
    except BaseException as why:
        process.kill()
        process.wait()
        if isinstance(why, subprocess.TimeoutExpired):
            sys.exit(f"{' '.join(command)}\ntook more than {timeout_s} s; results so far are kept: continue with --resume")
        raise
    peak = watch.stop()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}\nfailed with {process.returncode}:\n{err[-2000:]}")
    return out, peak


class PeakMemory:
    """Tracks a running process's peak of resident memory (VmHWM), in MB of 2^20 bytes."""

    def __init__(self, pid):
        self.path, self.peak_mb, self.ended = Path(f"/proc/{pid}/status"), None, threading.Event()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        while not self.ended.is_set():
            self.read()
            self.ended.wait(0.05)

    def read(self):
        try:
            for line in self.path.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.peak_mb = round(int(line.split()[1]) / 1024, 1)
        except OSError:
            pass

    def stop(self):
        self.ended.set()
        self.thread.join()
        return self.peak_mb


class Server:
    """A llama-server on the loopback address, for the duration of a `with` block."""

    def __init__(self, options, model, arguments):
        self.program = peer_program(options, "llama-server")
        self.log = options.peers / "llama-server.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.command = [
            str(self.program), "--model", str(model), "--host", "127.0.0.1", "--port", str(self.port), "--threads",
            str(options.threads), "--parallel", "1", "--no-webui", "--offline", *map(str, arguments),
        ]

    def __enter__(self):
        started = time.monotonic()
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            while not self.is_ready():
                if self.process.poll() is not None or time.monotonic() - started > 300:
                    sys.exit(f"llama-server did not start: see {self.log}")
                time.sleep(0.05)
        except BaseException:
            self.stop()
            raise
        self.ready_ms = (time.monotonic() - started) * 1e3
        return self

    def __exit__(self, *_):
        self.stop()

    def is_ready(self):
        try:
            self.connection.request("GET", "/health")
            answer = self.connection.getresponse()
            answer.read()
            return answer.status == 200
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return False

    def ask(self, path, request):
        """Posts a request. Returns the answer and its milliseconds; the connection stays open."""
        body = json.dumps(request).encode()
        started = time.perf_counter()
        self.connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        took_ms = (time.perf_counter() - started) * 1e3
        if answer.status != 200:
            sys.exit(f"llama-server answered {answer.status} to {path}: {text[:500].decode(errors='replace')}")
        return json.loads(text), took_ms

    def peak_mb(self):
        memory = PeakMemory(self.process.pid)
        memory.read()
        return memory.stop()

    def stop(self):
        self.connection.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Ledger:
    """The figures of each single run, one JSON line per run, written at once; `--resume` skips the
    runs in it."""

    def __init__(self, path, resume):
        self.path, self.rows = path, {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if resume and path.exists():
            for line in path.read_text().splitlines():
                row = json.loads(line)
                self.rows[tuple(row["run"])] = row["figures"]
        else:
            path.write_text("")

    def get(self, run, measure):
        """Returns the figures of a run; measures them first if they are missing."""
        if run not in self.rows:
            self.rows[run] = measure()
            with open(self.path, "a") as file:
                file.write(json.dumps({"run": run, "figures": self.rows[run]}) + "\n")
        return self.rows[run]


def ledger(options, name):
    """Opens the ledger of one tool and subject."""
    return Ledger(options.results or options.peers / "results" / f"{name}.jsonl", options.resume)


def machine():
    """Describes the machine and its load."""
    name = "unknown CPU"
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":")[1].strip()
                break
    except OSError:
        pass
    load = "/".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{name}, {physical_cores()} cores, {time.strftime('%Y-%m-%d %H:%M')}, load {load}"
