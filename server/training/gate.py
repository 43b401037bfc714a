"""Fits the gate: the probability that a suggestion is right.

    lowkey bench quality PACKAGE --suggestion-threshold always --holes 2000 --out rows/PACKAGE.jsonl
    python gate.py --rows rows --family qwen2.5-coder --out ../suggestion/src/gate

Rows come from packages that the model was not trained on, one file for each. A logistic model is
fitted by Newton's method with an L2 penalty. Penalty, figures and curve come from leaving out one
package at a time. Besides the coefficients it writes the curve: the share of the holes that get a
suggestion, and the share of these that are right. Plain numpy without random numbers: the same rows
give the same file.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import gate_picture

MIN_LOG_PROB, MIN_LOG_PROB_SUM = -20.0, -60.0
AGREED = (1, 2, 4, 8, 16)
AGREED_WEIGHT = 0.2
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
STRENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
DECAY, MIN_SHIFT, MAX_SHIFT = 0.98, -1.5, 0.7
GLANCE_S, KEY_S = 0.3, 0.2  # the time to see a suggestion, and to type a character
# `normal` is the threshold at which Qwen2.5-Coder-0.5B saves the most keys.
THRESHOLDS = {"quiet": 0.30, "normal": 0.05, "eager": 0.02}
# Higher thresholds for a model that was never measured, so that its guesses are not shown.
UNKNOWN_THRESHOLDS = {"quiet": 0.30, "normal": 0.10, "eager": 0.03}

# Names and formulas as in server/suggestion/src/gate/evidence.rs.
FEATURES = {
    "mean_log_prob": lambda r: clamp(r["log_probs"]["mean"], MIN_LOG_PROB),
    "min_log_prob": lambda r: clamp(r["log_probs"]["min"], MIN_LOG_PROB),
    "first_log_prob": lambda r: clamp(r["log_probs"]["first"], MIN_LOG_PROB),
    "sum_log_prob": lambda r: clamp(total(r), MIN_LOG_PROB_SUM),
    "all_prob": lambda r: np.exp(clamp(total(r), MIN_LOG_PROB_SUM)),
    "log_chars": lambda r: np.log1p(r["chars"]),
    "log_lines": lambda r: np.log(max(r["lines"], 1)),
    "log_agreed_chars": lambda r: np.log1p(r["agreed"]),
    "position_blank": lambda r: float(r["position"] == "blank"),
    "position_space": lambda r: float(r["position"] == "space"),
    "position_opener": lambda r: float(r["position"] == "opener"),
    "position_punctuation": lambda r: float(r["position"] == "punctuation"),
    "before_closers": lambda r: float(r["suffix"] == "closers"),
    "before_text": lambda r: float(r["suffix"] == "text"),
}
RISING = ("mean_log_prob", "min_log_prob", "first_log_prob", "sum_log_prob", "all_prob", "log_agreed_chars")


def clamp(log_prob: float, least: float) -> float:
    return min(max(log_prob, least), 0.0)


def total(row: dict) -> float:
    return row["log_probs"]["mean"] * row["log_probs"].get("tokens", row["tokens"]["decoded"])


@dataclass
class Rows:
    """Holes with a possible suggestion, and copies in which the user has typed along."""

    x: np.ndarray  # (rows, features)
    right: np.ndarray  # 0 or 1: every line equals the original
    weight: np.ndarray
    package: np.ndarray  # index of the file
    first_line: np.ndarray
    chars: np.ndarray
    raw: list[dict]

    def where(self, mask: np.ndarray) -> Rows:
        raw = [row for row, keep in zip(self.raw, mask) if keep]
        return Rows(
            self.x[mask], self.right[mask], self.weight[mask], self.package[mask],
            self.first_line[mask], self.chars[mask], raw,
        )  # fmt: skip

    @property
    def base(self) -> np.ndarray:
        """Mask of the rows without characters typed since."""
        return np.array([row["agreed"] == 0 for row in self.raw])


def read(folder: Path, names: list[str]) -> tuple[Rows, list[str], dict[str, list[dict]]]:
    """Returns the rows, the packages' names, and every hole of each package."""
    packages, holes, raw, owner = [], {}, [], []
    for file in sorted(folder.glob("*.jsonl")):
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        found = [line for line in lines if "hole" in line]
        packages.append(file.stem)
        holes[file.stem] = found
        for row in found:
            if row["silent"] not in (None, "gate") or not row["log_probs"]:
                continue
            for agreed in (0, *AGREED):
                if agreed == 0 or agreed <= row["agreed_chars"] and agreed < row["chars"]:
                    raw.append({**row, "agreed": agreed})
                    owner.append(len(packages) - 1)
    x = np.array([[FEATURES[name](row) for name in names] for row in raw])
    rows = Rows(
        x,
        np.array([float(row["exact_match"]) for row in raw]),
        np.array([1.0 if row["agreed"] == 0 else AGREED_WEIGHT for row in raw]),
        np.array(owner),
        np.array([float(row["first_line_match"]) for row in raw]),
        np.array([row["chars"] for row in raw]),
        raw,
    )
    return rows, packages, holes


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(z, -50, 50)))


@dataclass
class Model:
    intercept: float
    weights: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return sigmoid(self.intercept + x @ self.weights)


def fit(rows: Rows, penalty: float, names: list[str]) -> Model:
    """Returns the model in which higher confidence never lowers the odds. A feature of `RISING`
    whose weight comes out negative is removed, because other features carry the same information
    better."""
    left_in = np.ones(len(names), dtype=bool)
    while True:
        part = newton(rows.x[:, left_in], rows.right, rows.weight, penalty)
        weights = np.zeros(len(names))
        weights[left_in] = part.weights
        falling = [i for i, name in enumerate(names) if name in RISING and weights[i] < 0]
        if not falling:
            return Model(part.intercept, weights)
        left_in[min(falling, key=lambda i: weights[i] * rows.x[:, i].std())] = False


def newton(x: np.ndarray, right: np.ndarray, weight: np.ndarray, penalty: float) -> Model:
    """Newton's method on standardised features; the penalty does not apply to the intercept."""
    mean, scale = x.mean(0), x.std(0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    x = np.hstack([np.ones((len(x), 1)), (x - mean) / scale])
    ridge = penalty * np.eye(x.shape[1])
    ridge[0, 0] = 1e-6
    beta = np.zeros(x.shape[1])
    for _ in range(100):
        p = sigmoid(x @ beta)
        gradient = x.T @ (weight * (p - right)) + ridge @ beta
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + ridge
        step = np.linalg.solve(hessian, gradient)
        beta -= step
        if np.abs(step).max() < 1e-9:
            break
    weights = beta[1:] / scale
    return Model(float(beta[0] - mean @ weights), weights)


def log_loss(p: np.ndarray, right: np.ndarray) -> float:
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return float(-(right * np.log(p) + (1 - right) * np.log(1 - p)).mean())


def area(p: np.ndarray, right: np.ndarray) -> float:
    """Returns the probability that a right suggestion is ranked above a wrong one; ties count half.
    """
    order = np.argsort(p, kind="stable")
    ranks = np.empty(len(p))
    ranks[order] = np.arange(1, len(p) + 1)
    for value in np.unique(p):
        same = p == value
        ranks[same] = ranks[same].mean()
    n_right = right.sum()
    n_wrong = len(right) - n_right
    return float((ranks[right > 0].sum() - n_right * (n_right + 1) / 2) / max(n_right * n_wrong, 1))


def left_out(rows: Rows, penalty: float, names: list[str]) -> np.ndarray:
    """Returns, for each row, the probability by a model that has not seen its package."""
    p = np.zeros(len(rows.right))
    for package in np.unique(rows.package):
        mask = rows.package == package
        p[mask] = fit(rows.where(~mask), penalty, names)(rows.x[mask])
    return p


def best_penalty(rows: Rows, names: list[str]) -> float:
    base = rows.base
    loss = {penalty: log_loss(left_out(rows, penalty, names)[base], rows.right[base]) for penalty in PENALTIES}
    return min(loss, key=loss.get)


def shift(taken: float, expected: float, strength: float) -> float:
    return float(np.clip(np.log((taken + strength) / (expected + strength)), MIN_SHIFT, MAX_SHIFT))


def loss_with_recent(rows: Rows, p: np.ndarray, strength: float, threshold: float) -> float:
    """Returns the log loss when each package is replayed in the order of its files, as a user would
    type it, and accepted and rejected suggestions shift the odds."""
    losses = []
    for package in np.unique(rows.package):
        chosen = np.flatnonzero((rows.package == package) & rows.base)
        chosen = sorted(chosen, key=lambda i: (rows.raw[i]["path"], rows.raw[i]["line"], rows.raw[i]["column"]))
        taken = expected = 0.0
        for i in chosen:
            logit = np.log(p[i] / (1 - p[i])) + shift(taken, expected, strength)
            now = float(sigmoid(np.array([logit]))[0])
            losses.append(log_loss(np.array([now]), rows.right[i : i + 1]))
            if now >= threshold:
                expected, taken = expected * DECAY + p[i], taken * DECAY + rows.right[i]
    return float(np.mean(losses))


def curve(p: np.ndarray, rows: Rows, n_holes: int) -> list[dict]:
    """Returns the figures of each threshold; shares are of all holes, including silent ones."""
    points = []
    n_right = rows.right.sum()
    for threshold in sorted({0.0, *np.round(np.geomspace(0.002, 0.8, 60), 4), *THRESHOLDS.values()}):
        shown = p >= threshold
        n = int(shown.sum())
        if n < 20:
            continue
        points.append({
            "threshold": float(threshold),
            "shown": n / n_holes,
            "exact_of_shown": float(rows.right[shown].mean()),
            "first_line_of_shown": float(rows.first_line[shown].mean()),
            "exact_kept": float(rows.right[shown].sum() / max(n_right, 1)),
            # A right suggestion costs the key that accepts it, a wrong one the key to type over it.
            "keys_saved_per_100": float(100 * ((rows.right * rows.chars)[shown].sum() - n) / n_holes),
            "saved_s_per_100": float(100 * ((rows.right * rows.chars)[shown].sum() * KEY_S - n * GLANCE_S) / n_holes),
        })  # fmt: skip
    return points


def coefficients(family: str, model: Model, names: list[str], strength: float, about: list[str]) -> str:
    weights = dict(zip(names, model.weights))
    lines = [f"# {line}" for line in about]
    lines += ["", f"intercept = {model.intercept:.4f}"]
    lines += [f"{name} = {weights.get(name, 0.0):.4f}" for name in FEATURES]
    lines += ["", "# Weight of the prior before recent answers count, in suggestions.", f"recent_strength = {strength}"]
    lines += ["", "# Shown from this probability on, by the setting `suggestion_threshold`."]
    lines += [f"{name} = {value:.2f}" for name, value in THRESHOLDS.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=Path, required=True, help="a folder with one file of rows for each package")
    parser.add_argument("--family", required=True, help="the start of the model's name; `default` uses only the log-probabilities")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the coefficients")
    parser.add_argument("--curve", type=Path, help="write the curve here, as FILE.svg and FILE.json")
    args = parser.parse_args()
    if args.family == "default":
        THRESHOLDS.update(UNKNOWN_THRESHOLDS)

    names = list(RISING if args.family == "default" else FEATURES)
    rows, packages, holes = read(args.rows, names)
    n_holes = sum(map(len, holes.values()))
    base = rows.base
    penalty = best_penalty(rows, names)
    p = left_out(rows, penalty, names)
    strength = min(STRENGTHS, key=lambda s: loss_with_recent(rows, p, s, THRESHOLDS["eager"]))
    model = fit(rows, penalty, names)
    figures = {
        "packages": packages,
        "holes": n_holes,
        "candidates": int(base.sum()),
        "right": int(rows.right[base].sum()),
        "penalty": penalty,
        "recent_strength": strength,
        "log_loss": log_loss(p[base], rows.right[base]),
        "log_loss_of_the_mean": log_loss(np.full(base.sum(), rows.right[base].mean()), rows.right[base]),
        "log_loss_with_recent": loss_with_recent(rows, p, strength, THRESHOLDS["eager"]),
        "area": area(p[base], rows.right[base]),
    }
    alone = {}
    for name in ("min_log_prob", "mean_log_prob", "first_log_prob", "sum_log_prob"):
        if name in names:
            alone[name] = area(rows.x[base][:, names.index(name)], rows.right[base])
    figures["area_alone"] = alone
    figures["curve"] = curve(p[base], rows.where(base), n_holes)
    score = rows.x[base][:, names.index("min_log_prob")]
    ranked = np.argsort(np.argsort(score, kind="stable"), kind="stable") / len(score)
    figures["curve_of_min"] = [
        {"shown": float((ranked >= q).sum() / n_holes), "exact_of_shown": float(rows.right[base][ranked >= q].mean())}
        for q in np.linspace(0, 0.98, 50)
    ]
    figures["settings"] = {
        name: min(figures["curve"], key=lambda point: abs(point["threshold"] - value))
        for name, value in THRESHOLDS.items()
    }
    figures["calibration"] = calibration(p[base], rows.right[base])
    about = [
        f"The gate for models whose name begins with {args.family}." if args.family != "default"
        else "The gate for models without a file for their family: log-probabilities only.",
        f"Fitted by server/training/gate.py on {n_holes} holes in {len(packages)} packages that the model",
        f"was not trained on: {figures['candidates']} with a suggestion, {figures['right']} of these right.",
        f"One package left out at a time: log loss {figures['log_loss']:.4f} (by the mean alone "
        f"{figures['log_loss_of_the_mean']:.4f}), area under the curve {figures['area']:.3f}.",
    ]  # fmt: skip
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / f"{args.family}.toml"
    file.write_text(coefficients(args.family, model, names, strength, about), encoding="utf-8")
    if args.curve:
        # Not `with_suffix`, because a family's name contains periods.
        Path(f"{args.curve}.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        Path(f"{args.curve}.svg").write_text(gate_picture.draw(figures), encoding="utf-8")
    for name in names:
        rising = names.index(name)
        print(f"{name:20} {model.weights[rising]:8.4f}   one deviation: {model.weights[rising] * rows.x[base][:, rising].std():6.2f}")
    print(json.dumps({k: v for k, v in figures.items() if not k.startswith("curve")}, indent=1))


def calibration(p: np.ndarray, right: np.ndarray) -> list[dict]:
    """Returns predicted and actual shares, in tenths of the rows by probability."""
    order = np.argsort(p, kind="stable")
    return [
        {"predicted": float(p[part].mean()), "seen": float(right[part].mean()), "rows": len(part)}
        for part in np.array_split(order, 10)
    ]


if __name__ == "__main__":
    main()
