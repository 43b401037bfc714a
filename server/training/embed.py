"""Puts a model into the program: measures it, fits the gate to it, writes file, digest, card and curve.

    python embed.py --model work/out/model.gguf --corpus work/corpus --lowkey ../../target/release/lowkey --work work/embed

One command; what it leaves is one commit. It begins with the same held-out holes for the
new model and the embedded one and goes no further when the new one is not better. The gate
judges by a model's probabilities, so its rows are made anew, from packages that the model
was not trained on. Rows that are there already are kept, so a broken-off run is repeated.
What words in the card and the README of `suggestion` say beside the tables is for a person.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import figures as table_figures

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FILE = ROOT / "server/store/models/lowkey-embedded-q8_0.gguf"
CARD = ROOT / "server/store/models/lowkey-embedded.md"
CONSTANT = ROOT / "server/store/src/embedded.rs"
COEFFICIENTS = ROOT / "server/suggestion/src/gate"
CURVE = ROOT / "server/suggestion/gate"
GATE_PAGE = ROOT / "server/suggestion/README.md"
FAMILY = "lowkey-embedded"
ROW_THRESHOLDS = (0.0, 0.01, 0.03, 0.05, 0.07, 0.10, 0.15, 0.20, 0.30, 0.40, 0.60)


def run(*command: str | Path, **options) -> None:
    print("$", *command, flush=True)
    subprocess.run([str(part) for part in command], check=True, **options)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def between(page: Path, name: str, text: str) -> None:
    """Replaces what stands between a page's marks `<!-- NAME -->` and `<!-- end of NAME -->`."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    written, count = pattern.subn(lambda m: m[1] + text.rstrip("\n") + "\n" + m[2], page.read_text(encoding="utf-8"))
    if count != 1:
        raise SystemExit(f"{page}: it should have the marks of `{name}` once and has them {count} times")
    page.write_text(written, encoding="utf-8")


def figures(model: Path, args: argparse.Namespace) -> list[list[dict]]:
    """The figures of embedded and new model, for each seed: the same holes for both."""
    draws = []
    for seed in args.seeds:
        out = args.work / f"figures-{digest(FILE)[:8]}-{digest(model)[:8]}-{seed}-{args.holes}.json"
        if not out.exists():
            run(sys.executable, HERE / "evaluate.py", "--corpus", args.corpus, "--model", FILE, "--model", model,
                "--holes", str(args.holes), "--windows", "16", "--seed", str(seed), "--out", out)  # fmt: skip
        draws.append(json.loads(out.read_text()))
    return draws


def is_better(draws: list[list[dict]]) -> bool:
    """Whether the right answers got likelier and the answers no worse, over all draws."""
    change = {
        key: sum(new["all"][key] - old["all"][key] for old, new in draws)
        for key in ("answer_bits_per_character", "edit_similarity", "exact_match")
    }
    print("changes, summed over the draws:", json.dumps(change))
    return change["answer_bits_per_character"] < 0 and change["edit_similarity"] >= 0


def table_of_figures(draws: list[list[dict]], seeds: list[int]) -> str:
    """The card's tables: all holes by seed; then languages and kinds of the first draw."""

    def percent(share: float) -> str:
        return f"{share * 100:.1f} %"

    def exact(part: dict) -> str:
        return f"{percent(part['exact_match'])} ({round(part['exact_match'] * part['holes'])} of {part['holes']})"

    head = [f"before, seed {s} | this, seed {s}" for s in seeds]
    lines = ["| | " + " | ".join(head) + " |", "|---" * (1 + 2 * len(seeds)) + "|"]
    rows = {
        "exact match": exact,
        "edit similarity": lambda p: f"{p['edit_similarity']:.3f}",
        "empty answers": lambda p: percent(p["empty"]),
        "bits per character of the right answer": lambda p: f"{p['answer_bits_per_character']:.3f}",
        "bits per character, plain text, mean of languages": lambda p: f"{p['bits_per_character']:.3f}",
    }
    for name, of in rows.items():
        lines.append(f"| {name} | " + " | ".join(of(side["all"]) for draw in draws for side in draw) + " |")
    old, new = draws[0]
    lines += ["", f"By language, seed {seeds[0]}, before → this:", ""]
    lines += ["| language | exact match | edit similarity | answer bits/char | plain bits/char |", "|---|---|---|---|---|"]
    for language in (key for key in new if isinstance(new[key], dict) and "bits_per_character" in new[key] and key != "all"):
        a, b = old[language], new[language]
        lines.append(
            f"| {language} | {percent(a['exact_match'])} → {percent(b['exact_match'])} "
            f"| {a['edit_similarity']:.3f} → {b['edit_similarity']:.3f} "
            f"| {a['answer_bits_per_character']:.3f} → {b['answer_bits_per_character']:.3f} "
            f"| {a['bits_per_character']:.3f} → {b['bits_per_character']:.3f} |"
        )
    lines += ["", "| holes | count | exact match | edit similarity | empty |", "|---|---|---|---|---|"]
    names = {"line": "line, from the indentation", "rest": "rest of the line", "block": "block"}
    for kind, name in names.items():
        a, b = old[kind], new[kind]
        lines.append(
            f"| {name} | {b['holes']} | {percent(a['exact_match'])} → {percent(b['exact_match'])} "
            f"| {a['edit_similarity']:.3f} → {b['edit_similarity']:.3f} | {percent(a['empty'])} → {percent(b['empty'])} |"
        )
    return "\n".join(lines)


def packages(args: argparse.Namespace) -> Path:
    """The folder of packages to make rows from: as given, or the corpus' held-out ones written out."""
    if args.packages:
        return args.packages
    folder = args.work / "packages"
    if not folder.exists():
        from rows import read_documents

        for document in read_documents(args.corpus / "heldout.jsonl"):
            place = folder / document.package / document.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(document.text, encoding="utf-8")
    return folder


def rows(model: Path, args: argparse.Namespace) -> Path:
    """One file of rows for each package, by `lowkey bench quality` with everything shown."""
    out = args.work / f"rows-{digest(model)[:8]}-{args.gate_holes}"
    out.mkdir(parents=True, exist_ok=True)
    quiet = {**os.environ, "LOWKEY_CACHE_DIR": str(args.work / "cache"), "LOWKEY_CONFIG": str(args.work / "none.toml")}
    folders = sorted(path for path in packages(args).iterdir() if path.is_dir())
    for n, package in enumerate(folders, 1):
        done = out / f"{package.name}.jsonl"
        if done.exists():
            continue
        print(f"rows of {package.name}, {n} of {len(folders)}", flush=True)
        part = args.work / f"{package.name}.part"
        part.unlink(missing_ok=True)
        run(args.lowkey, "bench", "quality", package, "--model", model, "--talkative", "always", "--threads", "1",
            "--holes", str(args.gate_holes), "--out", part, env=quiet, stdout=subprocess.DEVNULL)  # fmt: skip
        part.rename(done)
    return out


def table_of_gate() -> str:
    """The curve's table, from the figures that `gate.py` wrote."""
    found = json.loads(CURVE.with_suffix(".json").read_text())
    names = {round(point["threshold"], 4): name for name, point in found["settings"].items()}
    names[0.0] = "always"
    lines = [
        "| shown from | `talkative` | share of holes shown | exact, of shown | of all exact ones, shown | seconds saved per 100 holes |",
        "|--:|---|--:|--:|--:|--:|",
    ]
    chosen = {id(p): p for want in ROW_THRESHOLDS for p in [min(found["curve"], key=lambda q: abs(q["threshold"] - want))]}
    for point in chosen.values():
        name = names.get(round(point["threshold"], 4))
        lines.append(
            f"| {point['threshold'] * 100:.1f} % | {f'`{name}`' if name else ''} | {point['shown'] * 100:.1f} % "
            f"| {point['exact_of_shown'] * 100:.1f} % | {point['exact_kept'] * 100:.1f} % | {point['saved_s_per_100']:+.1f} |"
        )
    return "\n".join(lines)


def install(model: Path) -> None:
    """Copies the file and puts its digest and size where they are named."""
    before, size = digest(FILE), f"{FILE.stat().st_size:,}"
    shutil.copyfile(model, FILE)
    for page in (CONSTANT, CARD):
        text = page.read_text(encoding="utf-8")
        if before not in text:
            raise SystemExit(f"{page}: it does not name the digest of the file that was there")
        text = text.replace(before, digest(FILE)).replace(f"{size} bytes", f"{FILE.stat().st_size:,} bytes")
        page.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--model", type=Path, required=True, help="the GGUF file that export.py wrote")
    add("--corpus", type=Path, required=True, help="the corpus' folder, for its held-out packages")
    add("--lowkey", type=Path, required=True, help="a release build, to make the gate's rows with")
    add("--work", type=Path, required=True, help="an ignored folder for rows and figures")
    add("--packages", type=Path, help="a folder of packages that the model was not trained on; else the held-out ones")
    add("--holes", type=int, default=400)
    add("--seeds", type=int, nargs="+", default=[20, 21])
    add("--gate-holes", type=int, default=1200, help="holes of each package for the gate")
    add("--anyway", action="store_true", help="also when the figures are not better")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    model = args.model.resolve()

    draws = figures(model, args)
    if not is_better(draws) and not args.anyway:
        raise SystemExit(f"{model.name} is not better than the embedded model; nothing was changed (--anyway embeds it)")
    made = rows(model, args)
    run(sys.executable, HERE / "gate.py", "--rows", made, "--family", FAMILY, "--out", COEFFICIENTS, "--curve", CURVE)
    run(sys.executable, HERE / "gate.py", "--rows", made, "--family", "default", "--out", COEFFICIENTS)
    between(GATE_PAGE, "the gate's curve", table_of_gate())
    found = table_figures.read(made)
    between(GATE_PAGE, "figures of packages", table_figures.table_of_packages(found))
    between(GATE_PAGE, "figures of the trims", table_figures.table_of_trims(found))
    between(CARD, "held-out figures", table_of_figures(draws, args.seeds))
    if digest(model) != digest(FILE):
        install(model)
    print("embedded; now `cargo test`, read the card and server/suggestion/README.md once more, and commit")


if __name__ == "__main__":
    main()
