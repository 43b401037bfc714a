"""Derives the default model from the official Qwen2.5-Coder-0.5B-Instruct file.

    python derive.py --official FILE.gguf --corpus work/corpus --work work/derive --out work/default.gguf
    python derive.py … --parts ../store/models          # also cuts the result into the parts of the repository

The official file has two copies of the tied embedding, and most matrices at five bits or more. The
result has one embedding. The integers of tensors at fewer bits are chosen to minimize the change of
the products' outputs on code (`blocks.py`). The model card has the cost of each choice. The first
run measures the inputs of every matrix (`moments`, some 3 GB in the work folder, 20 minutes on two
cores); later runs with other choices reuse them.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType
from gguf.quants import dequantize, quantize

import blocks
import vocabulary
from parts import cut
from rows import read_documents
from tokenizer import from_lists
from transformer import Layer, Shape, rms_norm

OFFICIAL_SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
NAME = "Qwen2.5-Coder-0.5B-Instruct, derived for lowkey"
SEED, SEQUENCES, LENGTH = 1, 36, 512
# Products that read the same input.
READERS = {
    "attention": ("attn_q", "attn_k", "attn_v"),
    "attended": ("attn_output",),
    "feed_forward": ("ffn_gate", "ffn_up"),
    "gated": ("ffn_down",),
}
INPUT_OF = {name: read for read, names in READERS.items() for name in names}
EMBEDDING = "token_embd.weight"
AS_IT_IS = "OFFICIAL"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Official:
    """The official file: its tensors as floats, and its metadata."""

    def __init__(self, path: Path) -> None:
        if (digest := sha256(path)) != OFFICIAL_SHA256:
            raise SystemExit(f"{path}: SHA-256 is {digest}, the official file's is {OFFICIAL_SHA256}; join its parts again")
        self.reader = GGUFReader(path)
        self.tensors = {tensor.name: tensor for tensor in self.reader.tensors}
        get = self.metadata
        self.shape = Shape(
            layers=get("qwen2.block_count"),
            hidden=get("qwen2.embedding_length"),
            heads=get("qwen2.attention.head_count"),
            kv_heads=get("qwen2.attention.head_count_kv"),
            feed_forward=get("qwen2.feed_forward_length"),
            rope_base=get("qwen2.rope.freq_base"),
            epsilon=get("qwen2.attention.layer_norm_rms_epsilon"),
        )

    def metadata(self, key: str):
        return self.reader.fields[key].contents()

    def weights(self, name: str) -> np.ndarray:
        tensor = self.tensors[name]
        return dequantize(tensor.data, tensor.tensor_type).astype(np.float32).reshape(tensor.shape[::-1])

    def embedding(self) -> np.ndarray:
        """Returns (V, D): the output matrix, the more precise copy of the tied embedding."""
        return self.weights("output.weight")

    def layer(self, i: int) -> Layer:
        prefix = f"blk.{i}."
        return Layer({n.removeprefix(prefix): self.weights(n) for n in self.tensors if n.startswith(prefix)}, self.shape)

    def tokenizer(self):
        return from_lists(self.metadata("tokenizer.ggml.tokens"), self.metadata("tokenizer.ggml.merges"))


def questions(official: Official, corpus: Path) -> np.ndarray:
    """Returns token ids (SEQUENCES, LENGTH) of code in every language in the server's prompt
    formats: both orders of a hole, and plain text."""
    tokens = official.metadata("tokenizer.ggml.tokens")
    pre, suf, mid = (tokens.index(f"<|fim_{name}|>") for name in ("prefix", "suffix", "middle"))
    rng, tokenizer = random.Random(SEED), official.tokenizer()
    by_language: dict[str, list[str]] = {}
    for document in read_documents(corpus / "train.jsonl"):
        by_language.setdefault(document.language, []).append(document.text)
    made = []
    while len(made) < SEQUENCES:
        language = sorted(by_language)[len(made) % len(by_language)]
        ids = tokenizer.encode(rng.choice(by_language[language])).ids
        if len(ids) < LENGTH:
            continue
        start = rng.randrange(len(ids) - LENGTH + 1)
        ids = ids[start : start + LENGTH - 3]
        below, middle = ids[-LENGTH // 4 :], ids[-LENGTH // 4 - 40 : -LENGTH // 4]
        above = ids[: -LENGTH // 4 - 40]
        made.append([[pre, *above, suf, *below, mid, *middle], [pre, suf, *below, mid, *above, *middle]][len(made) // 2 % 2])
    return np.array(made)


def moments(official: Official, corpus: Path, work: Path) -> None:
    """Writes, for each product of each layer, the second moment of its input, float32 (C, C)."""
    if (work / "moments-final.npy").exists():
        return
    ids = questions(official, corpus)
    x = official.embedding()[ids.reshape(-1)]

    def keep(name: str, inputs: np.ndarray) -> None:
        np.save(work / f"moments-{name}.npy", inputs.T @ inputs / len(inputs))

    for i in range(official.shape.layers):
        print(f"moments of layer {i + 1} of {official.shape.layers}", flush=True)
        layer = official.layer(i)
        normed = layer.attention_input(x)
        keep(f"{i}-attention", normed)
        attended = layer.attended(normed, len(ids))
        keep(f"{i}-attended", attended)
        x = x + attended @ layer.w["attn_output.weight"].T
        normed = layer.feed_forward_input(x)
        keep(f"{i}-feed_forward", normed)
        gated = layer.gated(normed)
        keep(f"{i}-gated", gated)
        x = x + gated @ layer.w["ffn_down.weight"].T
    keep("final", rms_norm(x, official.weights("output_norm.weight"), official.shape.epsilon))


def rounded(weights: np.ndarray, moment: Path, kind: Type, rounding: str, label: str) -> np.ndarray:
    """Returns the blocks of a matrix as bytes, and prints the error of the product's output."""
    if rounding == "plain" or kind not in blocks.LEVELS:
        return quantize(weights, kind)
    second = np.load(moment)
    if rounding == "nearest":
        chosen, scales = blocks.nearest(weights, np.diag(second) + 1e-9, kind)
    else:
        chosen, scales = blocks.compensated(weights, second, kind)
    lost = blocks.output_error(weights, blocks.values(chosen, scales), second)
    print(f"{label}: {kind.name}, {rounding}, relative error of outputs {lost:.1e}", flush=True)
    return blocks.packed(chosen, scales, kind)


def layer_tensors(official: Official, args: argparse.Namespace):
    """Yields name, data and type (None: floats) of every tensor of the layers; stores rounded
    matrices in the work folder."""
    exceptions = dict(item.split("=") for item in args.types)
    for name, tensor in official.tensors.items():
        if not name.startswith("blk."):
            continue
        if tensor.tensor_type == Type.F32:
            yield name, official.weights(name), None
            continue
        _, i, matrix, _ = name.split(".")
        wanted = exceptions.get(matrix, args.layers).upper()
        kind = tensor.tensor_type if wanted == AS_IT_IS else Type[wanted]
        if kind == tensor.tensor_type:
            yield name, tensor.data, kind  # Rounding it again could only add errors.
            continue
        kept = args.work / f"{name}-{kind.name}-{args.rounding}.npy"
        if not kept.exists():
            moment = args.work / f"moments-{i}-{INPUT_OF[matrix]}.npy"
            np.save(kept, rounded(official.weights(name), moment, kind, args.rounding, name))
        yield name, np.load(kept), kind


def embedding_blocks(official: Official, args: argparse.Namespace, kept_ids: np.ndarray) -> tuple[np.ndarray, Type]:
    kind = Type[args.embedding.upper()]
    weights = official.embedding()[kept_ids]
    if kind not in blocks.LEVELS or args.embedding_rounding == "plain":
        return quantize(weights, kind), kind
    # In pieces, because the search holds several copies of its input.
    moment = args.work / "moments-final.npy"
    pieces = np.array_split(weights, 16)
    made = [rounded(p, moment, kind, args.embedding_rounding, f"{EMBEDDING} {n + 1}/16") for n, p in enumerate(pieces)]
    return np.concatenate(made), kind


def write(official: Official, args: argparse.Namespace) -> None:
    """Writes the derived file."""
    tokens, merges = (official.metadata(f"tokenizer.ggml.{key}") for key in ("tokens", "merges"))
    types = official.metadata("tokenizer.ggml.token_type")
    kept_ids = np.arange(len(tokens))
    if args.vocabulary:
        counts = vocabulary.counts(official.tokenizer(), args.corpus / "train.jsonl", args.work / "counts.npy", len(tokens))
        kept_ids = vocabulary.kept(tokens, merges, types, counts, args.vocabulary)
    new_id = {int(old): new for new, old in enumerate(kept_ids)}
    writer = GGUFWriter(args.out, "qwen2")
    dropped = ("GGUF.", "general.", "tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.merges")
    for key, field in official.reader.fields.items():
        if key.startswith(dropped):
            continue
        value = field.contents()
        if key.startswith("tokenizer.ggml.") and key.endswith("_token_id"):
            value = new_id[value]
        writer.add_key_value(key, value, field.types[0], field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None)
    writer.add_name(NAME)
    writer.add_license("apache-2.0")
    # The sentinels, which readers of the official file infer from its vocabulary, and the order
    # that suits the model.
    for key, text in (("pre", "prefix"), ("suf", "suffix"), ("mid", "middle")):
        writer.add_uint32(f"tokenizer.ggml.fim_{key}_token_id", new_id[tokens.index(f"<|fim_{text}|>")])
    writer.add_string("lowkey.fim_order", "spm")
    writer.add_quantization_version(2)
    is_mixed = args.layers.upper() == AS_IT_IS
    writer.add_file_type(LlamaFileType.MOSTLY_Q4_K_M if is_mixed else LlamaFileType.MOSTLY_Q4_0)
    writer.add_token_list([tokens[i] for i in kept_ids])
    writer.add_token_types([types[i] for i in kept_ids])
    writer.add_token_merges(vocabulary.merges_of(merges, {tokens[i] for i in kept_ids}))
    data, kind = embedding_blocks(official, args, kept_ids)
    writer.add_tensor(EMBEDDING, data, raw_dtype=kind)
    for name, data, kind in layer_tensors(official, args):
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.add_tensor("output_norm.weight", official.weights("output_norm.weight"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file(progress=False)
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--official", type=Path, required=True, help="the official Q4_K_M file, joined")
    add("--corpus", type=Path, required=True, help="output of corpus.py: calibration text and token counts")
    add("--work", type=Path, required=True, help="an ignored folder for results that are computed once")
    add("--out", type=Path, required=True)
    add("--rounding", choices=("plain", "nearest", "compensated"), default="compensated")
    add("--layers", default="q4_0", help="type of the layers' matrices; official: the official file's types")
    add("--types", nargs="*", default=[], metavar="MATRIX=TYPE", help="other types for some, such as ffn_down=q5_0")
    add("--embedding", default="q4_0", help="type of the embedding")
    add("--embedding-rounding", choices=("plain", "nearest", "compensated"), default="nearest")
    add("--vocabulary", type=int, default=0, help="number of tokens to keep, the most frequent in code; 0 keeps all")
    add("--parts", type=Path, help="cut the file into parts in this folder")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    official = Official(args.official)
    moments(official, args.corpus, args.work)
    write(official, args)
    print(f"{args.out}: {args.out.stat().st_size:,} bytes, SHA-256 {sha256(args.out)}")
    if args.parts:
        cut(args.out, args.parts)


if __name__ == "__main__":
    sys.exit(main())
