"""Parcels: the data of one call to a borrowed machine, as compressed text or as packed rows.

Text is divided into slices, each a sample of all languages, so that a run with only some of the
parcels has seen every language. A parcel also contains the tokenizer. This module does not train;
`borrowed.py` does, and is the program to call.
"""

from __future__ import annotations

import lzma
import multiprocessing
import os
import shutil
from pathlib import Path

MIB = 2**20
# Text is compressed in slices of this many bytes. Each is a sample of all languages, sorted so that
# similar texts are adjacent.
SLICE_BYTES = 48_000_000


def compressed_slice(job: tuple[Path, list[int], int]) -> bytes:
    """Returns the documents at some offsets of a corpus file as one xz stream."""
    path, offsets, preset = job
    with path.open("rb") as file:
        lines = []
        for offset in offsets:
            file.seek(offset)
            lines.append(file.readline())
    # The line begins with language, package and path.
    return lzma.compress(b"".join(sorted(lines)), preset=preset)


def pack_text(
    corpus: Path, tokenizer: Path, out: Path, limit_mb: float, *, most: int = 99, processes: int = 1, preset: int = 6
) -> list[Path]:
    """Divides a corpus into at most `most` parcels of at most `limit_mb`, each a sample of the
    whole."""
    path = corpus / "train.jsonl"
    slices: list[list[int]] = []
    offset = filled = 0
    with path.open("rb") as file:
        for line in file:
            if not slices or filled + len(line) > SLICE_BYTES:
                slices.append([])
                filled = 0
            slices[-1].append(offset)
            offset += len(line)
            filled += len(line)
    parcels: list[Path] = []
    room = 0.0
    with multiprocessing.Pool(processes) as pool:
        for number, data in enumerate(pool.imap(compressed_slice, [(path, offsets, preset) for offsets in slices])):
            size = len(data) / MIB
            if size > limit_mb:
                raise SystemExit(f"a slice of text has {size:.1f} MiB compressed, {limit_mb} is the limit")
            if size > room:
                if len(parcels) == most:
                    break
                parcels.append(out / f"parcel-{len(parcels):02d}")
                parcels[-1].mkdir(parents=True, exist_ok=True)
                shutil.copy2(tokenizer, parcels[-1] / "tokenizer.json")
                room = limit_mb - (parcels[-1] / "tokenizer.json").stat().st_size / MIB
            (parcels[-1] / f"text-{number:03d}.xz").write_bytes(data)
            room -= size
            print(f"slice {number} of {len(slices)}: {size:.1f} MiB in {parcels[-1].name}", flush=True)
    return parcels


def pack(rows: Path, out: Path, limit_mb: float) -> list[Path]:
    """Divides shards into parcels of at most `limit_mb`, in order; returns the parcels."""
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


def unpack_text(parcel: Path, work: Path) -> Path | None:
    """Writes a parcel's text to the place where `rows.py` reads it; None if the parcel has rows."""
    slices = sorted(parcel.glob("text-*.xz"))
    if not slices:
        return None
    corpus = work / f"text-{parcel.name}"
    corpus.mkdir(parents=True, exist_ok=True)
    with multiprocessing.Pool(max(1, (os.cpu_count() or 1) - 1)) as pool, (corpus / "train.jsonl").open("wb") as out:
        for data in pool.imap(decompressed, slices):
            out.write(data)
    return corpus


def decompressed(path: Path) -> bytes:
    return lzma.decompress(path.read_bytes())
