"""The training run on a machine that is borrowed for half an hour, in a few short calls.

A lender's machine is bare, has PyTorch and no network, and each call to it is limited: in minutes, in what it may
bring along and in what it may take back.  So the rows travel in parcels, one per call, the run goes on from call to
call in a folder that stays on the machine, and what comes back is weights in pieces.

    python borrowed.py pack --rows DIR --out parcels --limit-mb 48                     # here, once
    python borrowed.py call --parcel parcels/parcel-00 --work /tmp/run --out "$OUT" \\
                            --minutes 9 --minutes-left 27                              # there, parcel after parcel
    python borrowed.py give --work /tmp/run --out "$OUT" --first-piece 4               # there: what did not fit one call
    python borrowed.py join --parts FOLDER --out weights.ckpt                          # here, after each call

The first call times a step of each candidate and takes the largest model that sees `--aim` tokens in the minutes
that are left; the schedule is laid for what this machine does.  Every call stops in time, saves what it needs to go
on, and hands out the weights: if the machine is taken away, the next one begins from them (`--init`).
`python -m unittest test_borrowed` rehearses the whole protocol with a miniature on a CPU.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch

from model import Shape
from rows import shard_path
from train import Run

# 30 to 60 million parameters with a vocabulary of 16,384, largest first.
CANDIDATES = (
    {"hidden": 640, "layers": 12, "heads": 10, "kv_heads": 5, "feed_forward": 1792},
    {"hidden": 576, "layers": 12, "heads": 9, "kv_heads": 3, "feed_forward": 1536},
    {"hidden": 512, "layers": 10, "heads": 8, "kv_heads": 4, "feed_forward": 1408},
)
TIMED_STEPS = 6
# What a call needs for starting, its last checkpoint and the pieces.
ASIDE_SECONDS = 60.0
# The share of the run in which the learning rate falls.
DECAY = 0.4
MIB = 2**20


def pack(rows: Path, out: Path, limit_mb: float) -> list[Path]:
    """Sorts shards into parcels of at most `limit_mb`, in order; returns the parcels."""
    shards = sorted(rows.glob("rows-*.npz"))
    if not shards:
        raise SystemExit(f"no shards in {rows}: make them with rows.py")
    parcels: list[Path] = []
    room = 0.0
    for shard in shards:
        size = shard.stat().st_size / MIB
        if size > limit_mb:
            raise SystemExit(f"{shard.name} has {size:.1f} MiB, {limit_mb} is the limit: make shards of fewer rows")
        if size > room:
            parcels.append(out / f"parcel-{len(parcels):02d}")
            parcels[-1].mkdir(parents=True, exist_ok=True)
            room = limit_mb
        shutil.copy2(shard, parcels[-1] / shard.name)
        room -= size
    return parcels


def step_seconds(shape: Shape, args: argparse.Namespace, batch_rows: int) -> float:
    """Seconds of one training step of a model, the best of a few; infinite where it does not fit."""
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


def choose(seconds: list[float], *, batch_tokens: int, left: float, aim: float) -> int:
    """The index of the largest candidate (they come largest first) that sees `aim` tokens in `left` seconds, or the quickest."""
    for index, each in enumerate(seconds):
        if left / each * batch_tokens >= aim:
            return index
    return min(range(len(seconds)), key=lambda index: seconds[index])


def plan(options: argparse.Namespace, candidates: tuple[dict, ...]) -> dict:
    """Times the candidates and lays the schedule."""
    seconds = []
    for sizes in candidates:
        shape = Shape(vocabulary=options.vocabulary, longest=max(options.context, 2048), **sizes)
        args = argparse.Namespace(
            seed=1, device=options.device, context=options.context, muon_rate=0.02, adam_rate=3e-3, micro_rows=0,
            bf16=True, middle_weight=2.0, warmup_steps=1, steps=TIMED_STEPS, decay_steps=0, peak=1.0, floor=0.0,
        )  # fmt: skip
        seconds.append(step_seconds(shape, args, options.batch_rows))
        print(f"{sizes}: {seconds[-1] * 1e3:.0f} ms a step", flush=True)
    batch_tokens = options.batch_rows * options.context
    left = options.minutes_left * 60 - ASIDE_SECONDS * max(1.0, options.minutes_left / options.minutes)
    index = choose(seconds, batch_tokens=batch_tokens, left=left, aim=options.aim)
    if seconds[index] == float("inf"):
        raise SystemExit("no candidate fits this machine's memory: give smaller --batch-rows")
    steps = max(1, int(left / seconds[index]))
    return {
        "shape": candidates[index], "step_seconds": seconds, "steps": steps, "decay_steps": int(steps * DECAY),
        "tokens": steps * batch_tokens,
    }  # fmt: skip


def call(options: argparse.Namespace, candidates: tuple[dict, ...] = CANDIDATES) -> None:
    """One call on the borrowed machine."""
    began = time.monotonic()
    rows, work, out = options.work / "rows", options.work / "run", options.out
    for folder in (rows, work, out):
        folder.mkdir(parents=True, exist_ok=True)
    for shard in sorted(options.parcel.glob("rows-*.npz")):
        shutil.copy2(shard, rows / shard.name)
    if not shard_path(rows, options.context, 0).exists():
        raise SystemExit(f"no first shard of {options.context} tokens: calls begin with the first parcel")
    path = options.work / "plan.json"
    if not path.exists():
        path.write_text(json.dumps(plan(options, candidates), indent=1) + "\n", encoding="utf-8")
    planned = json.loads(path.read_text(encoding="utf-8"))
    command = [
        sys.executable, str(Path(__file__).with_name("train.py")), "--rows", rows, "--work", work,
        "--device", options.device, "--context", options.context, "--batch-rows", options.batch_rows,
        "--vocabulary", options.vocabulary, "--steps", planned["steps"], "--decay-steps", planned["decay_steps"],
        "--warmup-steps", max(1, planned["steps"] // 50), "--save-seconds", 120,
        "--stop-seconds", max(5.0, options.minutes * 60 - ASIDE_SECONDS - (time.monotonic() - began)),
    ]  # fmt: skip
    for name, value in planned["shape"].items():
        command += [f"--{name.replace('_', '-')}", value]
    if options.init and not (work / "latest.ckpt").exists():
        command += ["--init", options.init]
    subprocess.run([str(part) for part in command], check=True)
    shutil.copy2(path, out / "plan.json")
    shutil.copy2(work / "log.jsonl", out / "log.jsonl")
    hand_out(work / "latest.ckpt", out, options.piece_mb, most=options.most_pieces)


def hand_out(checkpoint: Path, out: Path, piece_mb: float, *, first: int = 0, most: int = 99) -> list[Path]:
    """Writes a checkpoint's weights as bfloat16 in pieces, at most `most` from number `first` on, with a digest over all."""
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
    """Puts pieces together again into what `export.py`, `evaluate.py` and `--init` read."""
    digest = json.loads((parts / "weights.json").read_text(encoding="utf-8"))
    pieces = [parts / f"weights.{number:02d}" for number in range(digest["pieces"])]
    missing = [piece.name for piece in pieces if not piece.exists()]
    if missing:
        raise SystemExit(f"{', '.join(missing)} of {digest['pieces']} pieces did not come back to {parts}")
    data = b"".join(piece.read_bytes() for piece in pieces)
    if hashlib.sha256(data).hexdigest() != digest["sha256"]:
        raise SystemExit(f"the pieces in {parts} are not those of one call: fetch them again")
    whole = out.with_suffix(".part")
    whole.write_bytes(data)
    weights = torch.load(whole, weights_only=True)
    shape = Shape(**weights["shape"])
    # A checkpoint is whole: the optimizers begin anew.
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
    packing.add_argument("--rows", type=Path, required=True)
    packing.add_argument("--out", type=Path, required=True)
    packing.add_argument("--limit-mb", type=float, default=48.0, help="MiB that one call may bring along")
    calling = commands.add_parser("call", help="train on what a parcel brings, within a call's minutes")
    calling.add_argument("--parcel", type=Path, required=True)
    calling.add_argument("--work", type=Path, required=True, help="a folder that stays on the machine between calls")
    calling.add_argument("--out", type=Path, required=True, help="the folder that comes back")
    calling.add_argument("--minutes", type=float, default=9.5, help="of this call")
    calling.add_argument("--minutes-left", type=float, default=27.0, help="of all calls together; the first one plans with it")
    calling.add_argument("--aim", type=float, default=0.7e9, help="tokens that the chosen model shall see")
    calling.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    calling.add_argument("--vocabulary", type=int, default=16384)
    calling.add_argument("--context", type=int, default=1024)
    calling.add_argument("--batch-rows", type=int, default=256)
    calling.add_argument("--piece-mb", type=float, default=15.5)
    calling.add_argument("--most-pieces", type=int, default=4, help="pieces that may come back from one call")
    calling.add_argument("--init", type=Path, help="weights of an earlier machine, joined")
    giving = commands.add_parser("give", help="hand out more pieces of the last checkpoint")
    giving.add_argument("--work", type=Path, required=True)
    giving.add_argument("--out", type=Path, required=True)
    giving.add_argument("--piece-mb", type=float, default=15.5)
    giving.add_argument("--first-piece", type=int, required=True)
    giving.add_argument("--most-pieces", type=int, default=4)
    joining = commands.add_parser("join", help="put the pieces together")
    joining.add_argument("--parts", type=Path, required=True)
    joining.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.command == "pack":
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
