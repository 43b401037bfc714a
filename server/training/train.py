"""Training: the same program on a GPU and on one CPU thread, stoppable at any moment.

The rows come from shards made by `rows.py` and are read in order, so the number of a step
determines its batch. A checkpoint contains weights, both optimizers' states and the row number.
SIGTERM or Ctrl-C writes one and stops; a start with the same arguments continues from it. On one
device the same seed and shards give the same weights, whether or not the run was stopped.

    python train.py --rows DIR --work DIR --steps 4000 --decay-steps 1500

Matrices inside the blocks are trained by Muon, other parameters by AdamW. The learning rate warms
up, stays constant, and falls linearly over the last `--decay-steps`. `--steps` may be changed on a
later start to set the end of the run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import signal
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from fim import MID, PAD
from model import Model, Shape, from_starter
from rows import RowReader


def orthogonal(gradient: torch.Tensor) -> torch.Tensor:
    """Newton–Schulz: the nearest matrix to `gradient` with singular values near one."""
    x = gradient.bfloat16()
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return (x.T if tall else x).to(gradient.dtype)


class Muon:
    """Momentum with an orthogonalized update, for the matrices of the blocks."""

    def __init__(self, parameters, rate: float, momentum: float = 0.95, decay: float = 0.05) -> None:
        self.parameters = list(parameters)
        self.rate, self.momentum, self.decay = rate, momentum, decay
        self.state = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self, scale: float) -> None:
        rate = self.rate * scale
        for p, buffer in zip(self.parameters, self.state):
            buffer.mul_(self.momentum).add_(p.grad)
            update = orthogonal(p.grad.add(buffer, alpha=self.momentum))
            p.mul_(1 - self.decay * rate)
            p.add_(update, alpha=-rate * math.sqrt(max(1.0, p.shape[0] / p.shape[1])))


def middle_mask(rows: torch.Tensor) -> torch.Tensor:
    """True where a *target* belongs to a middle (including its closing end-of-text)."""
    inputs = rows[:, :-1]
    opened = (inputs == MID).cumsum(1)
    closed = (inputs == 0).cumsum(1)  # end-of-text occurs only at the end of a sample
    last_open = torch.where(inputs == MID, closed, torch.zeros_like(closed)).cummax(1).values
    return (opened > 0) & (closed == last_open)


def loss_of(model, rows: torch.Tensor, middle_weight: float):
    """Returns the weighted training loss, and the plain mean over the middles for the log."""
    logits = model(rows[:, :-1])
    targets = rows[:, 1:]
    each = F.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=PAD, reduction="none"
    ).view_as(targets)
    middle = middle_mask(rows) & (targets != PAD)
    weight = (targets != PAD).float() + (middle_weight - 1.0) * middle.float()
    loss = (each * weight).sum() / weight.sum()
    return loss, (each.detach() * middle).sum() / middle.sum().clamp(min=1)


def schedule(step: int, args) -> float:
    """Returns the factor on both learning rates at `step`: warm-up, constant, linear decay."""
    warm = min(1.0, (step + 1) / max(1, args.warmup_steps))
    left = (args.steps - step) / max(1, args.decay_steps)
    return args.peak * warm * (args.floor + (1 - args.floor) * min(1.0, left))


class Run:
    """Model, optimizers and the position in the rows, with save and load."""

    def __init__(self, shape: Shape, args) -> None:
        torch.manual_seed(args.seed)
        self.shape, self.args = shape, args
        self.model = Model(shape).to(args.device)
        named = list(self.model.named_parameters())
        inner = [p for n, p in named if p.ndim == 2 and not n.startswith("embed")]
        outer = [p for n, p in named if p.ndim != 2 or n.startswith("embed")]
        self.outer = outer
        self.muon = Muon(inner, args.muon_rate)
        self.adamw = torch.optim.AdamW(outer, lr=args.adam_rate, betas=(0.9, 0.98), weight_decay=0.0)
        # `consumed` counts rows at the present context, `tokens` all tokens of the run.
        self.step, self.consumed, self.context, self.tokens, self.seconds = 0, 0, args.context, 0, 0.0

    def save(self, path: Path) -> None:
        state = {
            "shape": self.shape.record(), "model": self.model.state_dict(), "muon": self.muon.state,
            "adamw": self.adamw.state_dict(), "step": self.step, "consumed": self.consumed,
            "context": self.context, "tokens": self.tokens, "seconds": self.seconds,
        }  # fmt: skip
        partial = path.with_suffix(".part")
        torch.save(state, partial)
        partial.rename(path)

    def load(self, path: Path) -> None:
        state = torch.load(path, map_location=self.args.device, weights_only=True)
        starter = "m" in state
        weights = from_starter(state["m"]) if starter else state["model"]
        self.model.load_state_dict(weights)
        with torch.no_grad():
            for mine, saved in zip(self.muon.state, state["mu" if starter else "muon"], strict=True):
                mine.copy_(saved)
        self.adamw.load_state_dict(state["ad" if starter else "adamw"])
        if starter:
            return
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]
        # Another context has other shards, so its rows are counted from its own first row.
        self.consumed = state["consumed"] if state["context"] == self.args.context else 0

    def train_step(self, batch: torch.Tensor) -> tuple[float, float]:
        args = self.args
        parts = batch.split(args.micro_rows or len(batch))
        total = middle = 0.0
        for part in parts:
            with autocast(args):
                loss, inside = loss_of(self.model, part, args.middle_weight)
            (loss / len(parts)).backward()
            total += loss.item() / len(parts)
            middle += inside.item() / len(parts)
        scale = schedule(self.step, args)
        torch.nn.utils.clip_grad_norm_(self.outer, 1.0)
        for group in self.adamw.param_groups:
            group["lr"] = args.adam_rate * scale
        self.adamw.step()
        self.muon.step(scale)
        self.model.zero_grad(set_to_none=True)
        self.step += 1
        self.consumed += len(batch)
        self.tokens += batch.shape[0] * (batch.shape[1] - 1)
        return total, middle


def autocast(args):
    if not args.bf16:
        return contextlib.nullcontext()
    return torch.autocast(torch.device(args.device).type, dtype=torch.bfloat16)


@torch.no_grad()
def held_out_loss(run: Run, reader: RowReader, rows: int) -> tuple[float, float]:
    total = middle = 0.0
    size = run.args.batch_rows
    for start in range(0, rows, size):
        batch = torch.from_numpy(reader.batch(start, size)).to(run.args.device)
        with autocast(run.args):
            loss, inside = loss_of(run.model, batch, 1.0)
        total, middle = total + loss.item(), middle + inside.item()
    batches = len(range(0, rows, size))
    return total / batches, middle / batches


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--rows", type=Path, required=True, help="folder of training shards")
    add("--held-out-rows", type=Path, help="folder of held-out shards, for the log only")
    add("--work", type=Path, required=True, help="folder of checkpoints and the log")
    add("--init", type=Path, help="checkpoint to start from if --work has none")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--threads", type=int, default=0, help="CPU threads; 0: all of the machine")
    add("--bf16", action=argparse.BooleanOptionalAction, default=True)
    add("--seed", type=int, default=1)
    add("--context", type=int, default=512)
    add("--batch-rows", type=int, default=8)
    add("--micro-rows", type=int, default=0, help="rows of one backward pass; 0: the whole batch")
    add("--steps", type=int, required=True, help="the step at which the schedule ends")
    add("--warmup-steps", type=int, default=20)
    add("--decay-steps", type=int, default=0)
    add("--peak", type=float, default=1.0, help="factor on both learning rates")
    add("--floor", type=float, default=0.0, help="share of the peak rate at the end")
    add("--muon-rate", type=float, default=0.02)
    add("--adam-rate", type=float, default=3e-3)
    add("--middle-weight", type=float, default=2.0, help="weight of a middle's token relative to context")
    add("--save-seconds", type=float, default=240)
    add("--stop-seconds", type=float, default=math.inf, help="stop after this long; the run can be resumed")
    for name, value in Shape().record().items():
        add(f"--{name.replace('_', '-')}", type=type(value), default=value)
    return parser.parse_args()


def main() -> None:
    args = parse()
    if args.threads:
        torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    run = Run(Shape(**{name: getattr(args, name) for name in Shape().record()}), args)
    checkpoint = args.work / "latest.ckpt"
    if checkpoint.exists() or args.init:
        run.load(checkpoint if checkpoint.exists() else args.init)
    reader = RowReader(args.rows, args.context)
    held = RowReader(args.held_out_rows, args.context) if args.held_out_rows else None
    print(f"{run.model.parameter_count() / 1e6:.2f} M parameters, step {run.step}", flush=True)

    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))
    started = saved = last = time.monotonic()
    before, smooth = run.tokens, None
    with (args.work / "log.jsonl").open("a", encoding="utf-8") as log:
        while run.step < args.steps and not stop and time.monotonic() - started < args.stop_seconds:
            batch = torch.from_numpy(reader.batch(run.consumed, args.batch_rows)).to(args.device)
            loss, middle = run.train_step(batch)
            now = time.monotonic()
            run.seconds, last = run.seconds + now - last, now
            smooth = (loss, middle) if smooth is None else (
                0.98 * smooth[0] + 0.02 * loss, 0.98 * smooth[1] + 0.02 * middle)  # fmt: skip
            row = {
                "step": run.step, "tokens": run.tokens, "loss": round(smooth[0], 4),
                "middle": round(smooth[1], 4), "rate": round(schedule(run.step - 1, args), 4),
                "tokens_s": round((run.tokens - before) / (now - started)), "load": os.getloadavg()[0],
            }  # fmt: skip
            if now - saved > args.save_seconds:
                if held:
                    row["held_out"], row["held_out_middle"] = held_out_loss(run, held, 64)
                run.save(checkpoint)
                saved = time.monotonic()
                last = saved
            if run.step % 20 == 0 or "held_out" in row:
                print(json.dumps(row), file=log, flush=True)
    run.save(checkpoint)
    print(f"step {run.step}, {run.tokens} tokens, {run.seconds:.0f} s of training", flush=True)


if __name__ == "__main__":
    main()
