"""Lists holes in the lines that commits of a repository added, with the files that changed before.

    python history.py --repository DIR --out work/history.jsonl --trees work/trees

Packages have no history, so this answers a question that the other holes cannot: whether the files
that changed lately, or often together with this one, tell which definition a line needs. Each hole
is as in crossfile.py, in the tree of its commit, and has in addition

    same_commit   the other files of the commit: an upper bound for what a session has touched
    recent        the files of the three commits before it
    co_changed    the ten files that earlier commits changed most often together with the hole's file

`python crossfile_weights.py ROWS.jsonl --lists work/history.jsonl` fits weights with and without them.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import crossfile
from targets import load

SEED = 21
N_HOLES = 400
HOLES_PER_COMMIT = 10
HOLES_PER_FILE = 3
# A commit of more files moves or renames things.
COMMIT_FILES = (2, 15)
PAIRED_FILES = 30
N_RECENT = 3
N_CO_CHANGED = 10
# The first commits have no history.
SKIPPED_SHARE = 5
ADDED = re.compile(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@")


def git(repository: Path, *arguments: str) -> str:
    return subprocess.run(("git", "-C", repository, *arguments), capture_output=True, text=True, errors="replace", check=True).stdout


def commits(repository: Path, pattern: str) -> list[tuple[str, list[str]]]:
    """Returns each commit that is no merge with its files that match, oldest first."""
    log = git(repository, "log", "--no-merges", "--reverse", "--format=%x00%H", "--name-only")
    parts = [part.split("\n") for part in log.split("\0")[1:]]
    return [(lines[0], [line for line in lines[1:] if re.search(pattern, line)]) for lines in parts]


def history(log: list[tuple[str, list[str]]]) -> dict[str, tuple[list[str], dict[str, list[str]]]]:
    """Returns for each commit the files of those before it, and by file those that changed with it."""
    together: dict[str, Counter[str]] = defaultdict(Counter)
    before = {}
    for index, (commit, files) in enumerate(log):
        recent = [file for _, earlier in log[max(0, index - N_RECENT) : index] for file in earlier]
        before[commit] = (recent, {file: [other for other, _ in together[file].most_common(N_CO_CHANGED)] for file in files})
        if 2 <= len(files) <= PAIRED_FILES:
            for file in files:
                together[file].update(other for other in files if other != file)
    return before


def added_lines(repository: Path, commit: str) -> dict[str, set[int]]:
    """Returns the numbers of the lines that a commit added, by file."""
    added: dict[str, set[int]] = defaultdict(set)
    file = ""
    for line in git(repository, "diff", "-U0", f"{commit}^", commit).split("\n"):
        if line.startswith("+++ b/"):
            file = line[6:]
        elif match := ADDED.match(line):
            first = int(match[1])
            added[file].update(range(first, first + int(match[2] or 1)))
    return added


def holes_of(repository: Path, commit: str, files: list[str], tree: Path, limits: crossfile.Limits) -> list[dict]:
    """Returns the holes in a commit's added lines; definitions are those of the folders that it changed."""
    tree.mkdir(parents=True, exist_ok=True)
    folders = sorted({"/".join(file.split("/")[:2]) if file.count("/") > 1 else file for file in files})
    archive = subprocess.run(("git", "-C", repository, "archive", commit, *folders), capture_output=True, check=False)
    # A folder that the commit removed is in no archive.
    if archive.returncode != 0:
        return []
    subprocess.run(("tar", "-x", "-C", tree), input=archive.stdout, check=True)
    package = load("development", commit[:10], tree)
    added = added_lines(repository, commit)
    found = [crossfile.row(hole, "line") for hole in crossfile.candidates(package, set(), limits)]
    return [row for row in found if row["names"] and row["line"] in added[row["path"]]]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--repository", type=Path, required=True)
    arguments.add_argument("--files", default=r"\.rs$", help="a pattern of the paths that count")
    arguments.add_argument("--trees", type=Path, required=True, help="a folder for the commits' trees")
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    limits = crossfile.Limits.read(Path(__file__).with_name("crossfile.toml"))
    log = commits(options.repository, options.files)
    before = history(log)
    least, most = COMMIT_FILES
    chosen = [(commit, files) for commit, files in log[len(log) // SKIPPED_SHARE :] if least <= len(files) <= most]
    rng = random.Random(SEED)
    rng.shuffle(chosen)
    n_holes = 0
    with options.out.open("w") as out:
        for commit, files in chosen:
            if n_holes >= N_HOLES:
                break
            rows = holes_of(options.repository, commit, files, options.trees.resolve() / commit[:10], limits)
            rng.shuffle(rows)
            of_file: Counter[str] = Counter()
            recent, co_changed = before[commit]
            for row in rows:
                file = row["path"]
                if of_file[file] >= HOLES_PER_FILE or sum(of_file.values()) >= HOLES_PER_COMMIT:
                    continue
                of_file[file] += 1
                others = {"same_commit": files, "recent": recent, "co_changed": co_changed.get(file, [])}
                row |= {name: [other for other in paths if other != file] for name, paths in others.items()}
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                n_holes += 1
            print(f"{commit[:10]}: {n_holes} holes", flush=True)


if __name__ == "__main__":
    main()
