"""Exports a checkpoint to GGUF (qwen2 architecture) and checks that the file equals the model.

    python export.py --checkpoint latest.ckpt --tokenizer tokenizer.json --out model.gguf

After writing, the file is read back: its tensors are dequantised, its tokenizer is rebuilt from its
own metadata, and the logits and greedy choices of both models are compared on a fixed text.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import gguf
import numpy as np
import torch

from fim import EOT, MID, PAD, PRE, REPO, SEP, SUF
from model import NORM_EPSILON, Model, Shape, from_starter
from tokenizer import from_lists

FILE_TYPES = {"f32": 0, "f16": 1, "q8_0": 7, "q5_0": 8, "q4_0": 2}
FIM_KEYS = {"fim_pre": PRE, "fim_suf": SUF, "fim_mid": MID, "fim_pad": PAD, "fim_rep": REPO, "fim_sep": SEP}
TENSORS = {
    "attn_norm": "attn_norm.weight", "ffn_norm": "ffn_norm.weight",
    "q.weight": "attn_q.weight", "q.bias": "attn_q.bias", "k.weight": "attn_k.weight",
    "k.bias": "attn_k.bias", "v.weight": "attn_v.weight", "v.bias": "attn_v.bias",
    "o.weight": "attn_output.weight", "gate.weight": "ffn_gate.weight",
    "up.weight": "ffn_up.weight", "down.weight": "ffn_down.weight",
}  # fmt: skip
CHECK_TEXT = "fn main() {\n    let mut total = 0;\n    for i in 0..10 {\n        total += i;\n    }\n"


def gguf_name(name: str) -> str:
    """Returns the GGUF name of a tensor of `model.Model`."""
    if name == "embed.weight":
        return "token_embd.weight"
    if name == "norm":
        return "output_norm.weight"
    _, layer, rest = name.split(".", 2)
    return f"blk.{layer}.{TENSORS[rest]}"


def load_checkpoint(path: Path) -> Model:
    """Loads the model of a training checkpoint, including the starter's."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    model = Model(Shape(**state.get("shape", {})))
    model.load_state_dict(from_starter(state["m"]) if "m" in state else state["model"])
    return model.eval()


def write(model: Model, tokenizer: dict, out: Path, *, kind: str, context: int, name: str) -> None:
    shape = model.shape
    writer = gguf.GGUFWriter(out, "qwen2")
    writer.add_name(name)
    writer.add_description("code completion, fill-in-the-middle: Rust, Python, JavaScript/TypeScript, Go")
    writer.add_license("apache-2.0")
    writer.add_context_length(context)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(FILE_TYPES[kind])

    tokens, types = [None] * shape.vocabulary, [int(gguf.TokenType.NORMAL)] * shape.vocabulary
    for token, i in tokenizer["model"]["vocab"].items():
        tokens[i] = token
    for added in tokenizer["added_tokens"]:
        tokens[added["id"]], types[added["id"]] = added["content"], int(gguf.TokenType.CONTROL)
    merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(EOT)
    writer.add_bos_token_id(EOT)
    writer.add_pad_token_id(PAD)
    writer.add_add_bos_token(False)
    for key, token in FIM_KEYS.items():
        writer.add_uint32(f"tokenizer.ggml.{key}_token_id", token)
    # Middles were trained with a split at the cursor, so engines need not heal tokens.
    writer.add_bool("lowkey.fim_fragmented_middle", True)

    for name, tensor in model.state_dict().items():
        array = tensor.float().numpy()
        if array.ndim == 1 or kind == "f32":
            writer.add_tensor(gguf_name(name), array.astype(np.float32))
        elif kind == "f16":
            writer.add_tensor(gguf_name(name), array.astype(np.float16))
        else:
            quantization = gguf.GGMLQuantizationType[kind.upper()]
            writer.add_tensor(
                gguf_name(name), gguf.quants.quantize(array, quantization), raw_dtype=quantization
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read(path: Path):
    """Returns the model (dequantised weights) and the tokenizer of a GGUF file written by `write`.
    """
    reader = gguf.GGUFReader(path)

    def field(key: str):
        return reader.get_field(key).contents()

    shape = Shape(
        vocabulary=len(field("tokenizer.ggml.tokens")),
        hidden=field("qwen2.embedding_length"),
        layers=field("qwen2.block_count"),
        heads=field("qwen2.attention.head_count"),
        kv_heads=field("qwen2.attention.head_count_kv"),
        feed_forward=field("qwen2.feed_forward_length"),
        rope_base=float(field("qwen2.rope.freq_base")),
    )
    for key, token in FIM_KEYS.items():
        if field(f"tokenizer.ggml.{key}_token_id") != token:
            raise SystemExit(f"{path}: {key} is not token {token}")
    found = {t.name: gguf.quants.dequantize(t.data, t.tensor_type) for t in reader.tensors}
    model = Model(shape)
    state = {}
    for name, tensor in model.state_dict().items():
        array = np.array(found.pop(gguf_name(name)), dtype=np.float32)
        state[name] = torch.from_numpy(array).reshape(tensor.shape)
    if found:
        raise SystemExit(f"{path}: unexpected tensors: {sorted(found)}")
    model.load_state_dict(state)
    return model.eval(), from_lists(field("tokenizer.ggml.tokens"), field("tokenizer.ggml.merges"))


@torch.no_grad()
def compare(original: Model, path: Path, reference: dict) -> None:
    """Prints the difference between the file's logits and the checkpoint's; fails if it is too
    large."""
    from tokenizers import Tokenizer

    written, tokenizer = read(path)
    ids = tokenizer.encode(CHECK_TEXT, add_special_tokens=False).ids
    if ids != Tokenizer.from_str(json.dumps(reference)).encode(CHECK_TEXT, add_special_tokens=False).ids:
        raise SystemExit(f"{path}: its tokenizer splits text differently from the one used in training")
    batch = torch.tensor([ids])
    a, b = original(batch)[0], written(batch)[0]
    caches, steps = written.caches(), []
    for token in ids:
        steps.append(written(torch.tensor([[token]]), caches)[0, -1])
    stepwise = (torch.stack(steps) - b).abs().max().item()
    agree = (a.argmax(-1) == b.argmax(-1)).float().mean().item()
    print(f"logits differ by at most {(a - b).abs().max():.4f}, {agree:.1%} of greedy choices equal")
    print(f"token by token compared with all at once: {stepwise:.2e}")
    if agree < 0.9 or stepwise > 1e-3:
        raise SystemExit(f"{path}: the file differs from the model")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--type", choices=sorted(FILE_TYPES), default="q8_0")
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--name", default="lowkey-embedded")
    args = parser.parse_args()
    model = load_checkpoint(args.checkpoint)
    tokenizer = json.loads(args.tokenizer.read_text(encoding="utf-8"))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write(model, tokenizer, args.out, kind=args.type, context=args.context, name=args.name)
    compare(model, args.out, tokenizer)
    digest = hashlib.sha256(args.out.read_bytes()).hexdigest()
    print(f"{args.out.name}: {args.out.stat().st_size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
