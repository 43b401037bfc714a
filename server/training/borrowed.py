"""The training run on a machine that is borrowed for half an hour, in a few short calls.

A lender's machine has PyTorch but no network and no data. Each call to it is limited: in minutes,
in the data sent with it, and in the data returned. So the data travels in parcels, one per call;
the run continues from call to call in a folder that stays on the machine; and the weights come back
in pieces. A parcel holds either text or packed rows. With text, the machine's processors make rows
while its GPU trains, so that every pass has new holes. Packed rows are for a machine without spare
processors.

    python borrowed.py pack --corpus DIR --tokenizer FILE --out parcels --limit-mb 55  # here, once (or: --rows DIR)
    python borrowed.py call --parcel parcels/parcel-00 --work /tmp/run --out "$OUT" \\
                            --minutes 9 --minutes-left 27                              # there, parcel after parcel
    python borrowed.py give --work /tmp/run --out "$OUT" --first-piece 4               # there: pieces that exceeded one call
    python borrowed.py join --parts FOLDER --out weights.ckpt                          # here, after each call

The first call times a step of each candidate and takes the largest model that sees `--aim` tokens
in the remaining minutes. The schedule is planned from the measured speed, and each later call plans
it again. Every call stops in time, saves the state that it needs to continue, and returns the
weights. If the machine is lost, the next one starts from them (`--init`). `python -m unittest
test_borrowed` rehearses the whole protocol with a miniature on a CPU.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from model import Shape
from parcels import MIB, pack, pack_text, unpack_text
from rows import count_shards, shard_path
from train import Run

# 30 to 60 million parameters with a vocabulary of 16,384, largest first.
CANDIDATES = (
    {"hidden": 640, "layers": 12, "heads": 10, "kv_heads": 5, "feed_forward": 1792},
    {"hidden": 576, "layers": 12, "heads": 9, "kv_heads": 3, "feed_forward": 1536},
    {"hidden": 512, "layers": 10, "heads": 8, "kv_heads": 4, "feed_forward": 1408},
)
TIMED_STEPS = 6
# Seconds of a call that are reserved for the start, the last checkpoint and the pieces.
ASIDE_SECONDS = 60.0
# The share of the measured step rate that a plan assumes.
CERTAIN = 0.96
# The share of the run in which the learning rate falls.
DECAY = 0.4
# Rows of a shard made on the machine, and the share of its suffix-first samples.
SHARD_ROWS = 1024
SPM = 0.3


def step_seconds(shape: Shape, args: argparse.Namespace, batch_rows: int) -> float:
    """Returns the seconds of one training step, the best of a few; infinite if the model does not
    fit."""
    try:
        run = Run(shape, args)
        best = float("inf")
        for _ in range(TIMED_STEPS):
            batch = torch.randint(8, shape.vocabulary, (batch_rows, args.context + 1), device=args.device)
            started = time.monotonic()
            run.train_step(batch)  # Its losses are read back, so the device has finished.
            best = min(best, time.monotonic() - started)
        return best
    except torch.OutOfMemoryError:
        return float("inf")
    finally:
        # The training is another process, which could not use memory that this process keeps
        # cached.
        run = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def choose(seconds: list[float], *, batch_tokens: int, left: float, aim: float) -> int:
    """Returns the index of the largest candidate (sorted, largest first) that sees `aim` tokens in
    `left` seconds, or of the fastest."""
    for index, each in enumerate(seconds):
        if left / each * batch_tokens >= aim:
            return index
    return min(range(len(seconds)), key=lambda index: seconds[index])


def plan(options: argparse.Namespace, candidates: tuple[dict, ...]) -> dict:
    """Times the candidates and plans the schedule."""
    seconds = []
    for sizes in candidates:
        shape = Shape(vocabulary=options.vocabulary, longest=max(options.context, 2048), **sizes)
        args = argparse.Namespace(
            seed=1, device=options.device, context=options.context, muon_rate=0.02, adam_rate=3e-3,
            micro_rows=options.micro_rows,
            bf16=True, middle_weight=2.0, warmup_steps=1, steps=TIMED_STEPS, decay_steps=0, peak=1.0, floor=0.0,
        )  # fmt: skip
        seconds.append(step_seconds(shape, args, options.batch_rows))
        print(f"{sizes}: {seconds[-1] * 1e3:.0f} ms a step", flush=True)
    batch_tokens = options.batch_rows * options.context
    left = seconds_left(options.minutes_left, options.minutes)
    index = choose(seconds, batch_tokens=batch_tokens, left=left, aim=options.aim)
    if seconds[index] == float("inf"):
        raise SystemExit("no candidate fits this machine's memory: give smaller --batch-rows")
    steps = max(1, int(left / seconds[index]))
    return {
        "shape": candidates[index], "step_seconds": seconds, "steps": steps, "decay_steps": int(steps * DECAY),
        "tokens": steps * batch_tokens,
    }  # fmt: skip


def seconds_left(minutes_left: float, minutes: float) -> float:
    """Returns the seconds for training steps if the remaining minutes are used in calls of
    `minutes`."""
    return minutes_left * 60 - ASIDE_SECONDS * max(1.0, minutes_left / minutes)


def measured_steps(log: Path, batch_tokens: int) -> tuple[int, float] | None:
    """Returns the last step in a log and the seconds per step; None if the log has no step."""
    rows = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    if not rows:
        return None
    row = json.loads(rows[-1])
    return row["step"], batch_tokens / max(1, row["tokens_s"])


def replan(planned: dict, step: int, seconds: float, minutes_left: float, minutes: float) -> dict:
    """Returns the plan with its end moved to the step that the measured speed reaches, so that the
    rate has decayed by then."""
    left = seconds_left(minutes_left, minutes)
    steps = step + max(1, int(left / seconds * CERTAIN))
    return planned | {"steps": steps, "decay_steps": int(steps * DECAY), "measured_seconds": seconds}


def start_packing(corpus: Path, tokenizer: Path, rows: Path, context: int, workers: int) -> list[subprocess.Popen]:
    """Starts processes that make shards without end, each every `workers`-th, after the existing
    ones."""
    first = count_shards(rows, context)
    started = []
    for worker in range(workers):
        command = [
            sys.executable, str(Path(__file__).with_name("rows.py")), "--corpus", corpus, "--tokenizer", tokenizer,
            "--out", rows, "--context", context, "--rows", SHARD_ROWS, "--spm", SPM, "--with-parent",
            "--shards", f"{first + worker}:{first + 100_000}:{workers}",
        ]  # fmt: skip
        environment = os.environ | {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
        started.append(subprocess.Popen([str(part) for part in command], env=environment, stdout=subprocess.DEVNULL))
    return started


def stop_packing(workers: list[subprocess.Popen], rows: Path, context: int) -> None:
    """Ends the packers and removes their unfinished shards, and shards after a gap."""
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.wait()
    for partial in rows.glob("*.part.npz"):
        partial.unlink()
    kept = {shard_path(rows, context, number) for number in range(count_shards(rows, context))}
    for shard in set(rows.glob(f"rows-{context}-*.npz")) - kept:
        shard.unlink()


def wait_for_rows(rows: Path, context: int, workers: list[subprocess.Popen]) -> None:
    """Returns when the first shard exists; fails if all packers have ended."""
    while not shard_path(rows, context, 0).exists():
        if not workers or any(worker.poll() is not None for worker in workers):
            raise SystemExit(f"no first shard of {context} tokens: start with the first parcel, or with one of text")
        time.sleep(0.05)


def call(options: argparse.Namespace, candidates: tuple[dict, ...] = CANDIDATES) -> None:
    """Runs one call on the borrowed machine."""
    began = time.monotonic()
    rows, work, out = options.work / "rows", options.work / "run", options.out
    for folder in (rows, work, out):
        folder.mkdir(parents=True, exist_ok=True)
    for shard in sorted(options.parcel.glob("rows-*.npz")):
        shutil.copy2(shard, rows / shard.name)
    corpus = unpack_text(options.parcel, options.work)
    packers: list[subprocess.Popen] = []
    try:
        if corpus:
            workers = options.workers or max(1, (os.cpu_count() or 1) - 2)
            packers = start_packing(corpus, options.parcel / "tokenizer.json", rows, options.context, workers)
        else:
            wait_for_rows(rows, options.context, packers)
        train(options, candidates, began, lambda: wait_for_rows(rows, options.context, packers))
    finally:
        stop_packing(packers, rows, options.context)
    print(f"{count_shards(rows, options.context)} shards of rows so far", flush=True)
    shutil.copy2(options.work / "plan.json", out / "plan.json")
    shutil.copy2(work / "log.jsonl", out / "log.jsonl")
    hand_out(work / "latest.ckpt", out, options.piece_mb, most=options.most_pieces)


def train(options: argparse.Namespace, candidates: tuple[dict, ...], began: float, ready: Callable[[], None]) -> None:
    """Plans if there is no plan, and trains in the minutes of this call; `ready` returns when there
    are rows."""
    rows, work, path = options.work / "rows", options.work / "run", options.work / "plan.json"
    if not path.exists():
        path.write_text(json.dumps(plan(options, candidates), indent=1) + "\n", encoding="utf-8")
    planned = json.loads(path.read_text(encoding="utf-8"))
    measured = measured_steps(work / "log.jsonl", options.batch_rows * options.context)
    if measured:
        planned = replan(planned, *measured, options.minutes_left, options.minutes)
        path.write_text(json.dumps(planned, indent=1) + "\n", encoding="utf-8")
    ready()
    command = [
        sys.executable, str(Path(__file__).with_name("train.py")), "--rows", rows, "--work", work,
        "--device", options.device, "--context", options.context, "--batch-rows", options.batch_rows,
        "--micro-rows", options.micro_rows,
        "--vocabulary", options.vocabulary, "--steps", planned["steps"], "--decay-steps", planned["decay_steps"],
        "--warmup-steps", max(1, planned["steps"] // 50), "--save-seconds", 120,
        "--stop-seconds", max(5.0, options.minutes * 60 - ASIDE_SECONDS - (time.monotonic() - began)),
    ]  # fmt: skip
    for name, value in planned["shape"].items():
        command += [f"--{name.replace('_', '-')}", value]
    if options.init and not (work / "latest.ckpt").exists():
        command += ["--init", options.init]
    subprocess.run([str(part) for part in command], check=True)


def hand_out(checkpoint: Path, out: Path, piece_mb: float, *, first: int = 0, most: int = 99) -> list[Path]:
    """Writes a checkpoint's weights as bfloat16 in pieces, at most `most` from number `first` on,
    with a digest of all."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    weights = {
        "shape": state["shape"], "step": state["step"], "tokens": state["tokens"],
        "model": {name: tensor.bfloat16() for name, tensor in state["model"].items()},
    }  # fmt: skip
    whole = out / "weights.part"
    torch.save(weights, whole)
    data = whole.read_bytes()
    whole.unlink()
    for old in out.glob("weights.[0-9][0-9]"):
        old.unlink()
    size = int(piece_mb * MIB)
    pieces = [out / f"weights.{number:02d}" for number in range(-(-len(data) // size))]
    chosen = pieces[first : first + most]
    for number, piece in enumerate(chosen, first):
        piece.write_bytes(data[number * size : (number + 1) * size])
    digest = {"sha256": hashlib.sha256(data).hexdigest(), "pieces": len(pieces), "step": state["step"]}
    (out / "weights.json").write_text(json.dumps(digest) + "\n", encoding="utf-8")
    return chosen


def join(parts: Path, out: Path) -> None:
    """Joins pieces into a file that `export.py`, `evaluate.py` and `--init` read."""
    digest = json.loads((parts / "weights.json").read_text(encoding="utf-8"))
    pieces = [parts / f"weights.{number:02d}" for number in range(digest["pieces"])]
    missing = [piece.name for piece in pieces if not piece.exists()]
    if missing:
        raise SystemExit(f"{', '.join(missing)} of {digest['pieces']} pieces did not come back to {parts}")
    data = b"".join(piece.read_bytes() for piece in pieces)
    if hashlib.sha256(data).hexdigest() != digest["sha256"]:
        raise SystemExit(f"the pieces in {parts} are not all from one call: fetch them again")
    whole = out.with_suffix(".part")
    whole.write_bytes(data)
    weights = torch.load(whole, weights_only=True)
    shape = Shape(**weights["shape"])
    # `--init` needs a complete checkpoint; the optimizers start from zero.
    args = argparse.Namespace(seed=1, device="cpu", context=shape.longest, muon_rate=0.02, adam_rate=3e-3)
    run = Run(shape, args)
    run.model.load_state_dict({name: tensor.float() for name, tensor in weights["model"].items()})
    run.step, run.tokens = weights["step"], weights["tokens"]
    whole.unlink()
    run.save(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="sort shards into parcels")
    packing.add_argument("--rows", type=Path, help="shards made by rows.py")
    packing.add_argument("--corpus", type=Path, help="instead: a folder with train.jsonl, to make rows from on the machine")
    packing.add_argument("--tokenizer", type=Path, help="tokenizer.json, packed with the corpus")
    packing.add_argument("--most", type=int, default=99, help="maximum number of text parcels")
    packing.add_argument("--processes", type=int, default=1)
    packing.add_argument("--preset", type=int, default=6, help="of xz: 1 packs four times as fast, with files a tenth larger")
    packing.add_argument("--out", type=Path, required=True)
    packing.add_argument("--limit-mb", type=float, default=48.0, help="maximum MiB sent with one call")
    calling = commands.add_parser("call", help="train on a parcel within the minutes of a call")
    calling.add_argument("--parcel", type=Path, required=True)
    calling.add_argument("--work", type=Path, required=True, help="a folder that stays on the machine between calls")
    calling.add_argument("--out", type=Path, required=True, help="the folder that is returned")
    calling.add_argument("--minutes", type=float, default=9.5, help="of this call")
    calling.add_argument("--minutes-left", type=float, default=27.0, help="of this and all later calls: the run is planned to end with them")
    calling.add_argument("--aim", type=float, default=0.7e9, help="minimum tokens for the chosen model")
    calling.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    calling.add_argument("--vocabulary", type=int, default=16384)
    calling.add_argument("--context", type=int, default=1024)
    calling.add_argument("--batch-rows", type=int, default=256)
    # The logits of 64 rows of 1,024 tokens and the backward pass need about 45 GB.
    calling.add_argument("--micro-rows", type=int, default=64, help="rows of one backward pass; 0: the whole batch")
    calling.add_argument("--piece-mb", type=float, default=15.5)
    calling.add_argument("--most-pieces", type=int, default=4, help="maximum number of pieces returned from one call")
    calling.add_argument("--workers", type=int, default=0, help="processes that make rows of text; 0: all processors except two")
    calling.add_argument("--init", type=Path, help="weights of an earlier machine, joined")
    giving = commands.add_parser("give", help="return more pieces of the last checkpoint")
    giving.add_argument("--work", type=Path, required=True)
    giving.add_argument("--out", type=Path, required=True)
    giving.add_argument("--piece-mb", type=float, default=15.5)
    giving.add_argument("--first-piece", type=int, required=True)
    giving.add_argument("--most-pieces", type=int, default=4)
    joining = commands.add_parser("join", help="join the pieces")
    joining.add_argument("--parts", type=Path, required=True)
    joining.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.command == "pack" and options.corpus:
        if not options.tokenizer:
            raise SystemExit("--corpus needs --tokenizer, a file made by tokenizer.py")
        pack_text(
            options.corpus, options.tokenizer, options.out, options.limit_mb,
            most=options.most, processes=options.processes, preset=options.preset,
        )  # fmt: skip
    elif options.command == "pack":
        if not options.rows:
            raise SystemExit("one of --rows and --corpus is required")
        for parcel in pack(options.rows, options.out, options.limit_mb):
            shards = list(parcel.glob("*.npz"))
            size = sum(shard.stat().st_size for shard in shards) / MIB
            print(f"{parcel}: {len(shards)} shards, {size:.1f} MiB")
    elif options.command == "call":
        call(options)
    elif options.command == "give":
        options.out.mkdir(parents=True, exist_ok=True)
        checkpoint = options.work / "run" / "latest.ckpt"
        hand_out(checkpoint, options.out, options.piece_mb, first=options.first_piece, most=options.most_pieces)
    else:
        join(options.parts, options.out)


if __name__ == "__main__":
    main()
