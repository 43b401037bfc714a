#!/usr/bin/env python3
"""Writes a model file of a real shape with random weights, for speed measurements.

    tests/peers/random_model.py VOCAB.gguf [--shape 0.5b] [--types q8_0,q4_0,q4_k_m] [--into FOLDER]

The speed of a forward pass depends on the shape and the types of its matrices, not on their values,
so no download is needed. Shape and sentinels are Qwen2.5-Coder's; the vocabulary is that of
VOCAB.gguf (a GGUF file without tensors, of the Qwen2 tokenizer). Weights are normal with deviation
0.02 and norms are 1, which keeps activations close to those of trained models. The same seed writes
the same bytes. f16 and q8_0 are written here, tensor by tensor; llama-quantize makes the other
types from f16, as for published files. Existing files are kept.
"""

import argparse
import os
import subprocess
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEVIATION = 0.02
CONTEXT = 32768
# layers, width, heads, key and value heads, feed-forward width
SHAPES = {
    "tiny": (2, 256, 4, 2, 512),  # to try the tools
    "0.5b": (24, 896, 14, 2, 4864),
    "1.5b": (28, 1536, 12, 2, 8960),
    "3b": (36, 2048, 16, 2, 11008),
}
N_VOCAB = 151936
# Ids that Qwen2.5-Coder uses and the older vocabulary has as padding.
SENTINELS = {
    "fim_pre": (151659, "<|fim_prefix|>"),
    "fim_mid": (151660, "<|fim_middle|>"),
    "fim_suf": (151661, "<|fim_suffix|>"),
    "fim_pad": (151662, "<|fim_pad|>"),
    "fim_rep": (151663, "<|repo_name|>"),
    "fim_sep": (151664, "<|file_sep|>"),
}
CONTROL = 3
# Names that vocabularies give to unused ids.
UNUSED = ("[PAD", "<|extra_", "<tool_call>", "</tool_call>")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("vocab", type=Path, help="a vocabulary-only GGUF file of the Qwen2 tokenizer")
    parser.add_argument("--shape", choices=SHAPES, default="0.5b")
    parser.add_argument("--types", default="q8_0", help="f16, q8_0, or any type that llama-quantize knows; comma-separated")
    parser.add_argument("--peers", type=Path, default=ROOT / ".peers", help="where `build` put llama.cpp")
    parser.add_argument("--into", type=Path, help="default: `models` in there")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    under_tools_python(options.peers)
    into = options.into or options.peers / "models"
    into.mkdir(parents=True, exist_ok=True)

    def path_of(kind):
        return into / f"random-{options.shape}-{kind}.gguf"

    for kind in options.types.lower().split(","):
        if path_of(kind).exists():
            print(f"{path_of(kind)} exists already", flush=True)
        elif kind in ("f16", "q8_0"):
            write(options, kind, path_of(kind))
        else:
            if not path_of("f16").exists():
                write(options, "f16", path_of("f16"))
            program = options.peers / "native/bin/llama-quantize"
            part = path_of(kind).with_suffix(".part")
            print(f"{path_of(kind)} with llama-quantize", flush=True)
            done = subprocess.run([program, path_of("f16"), part, kind.upper()], capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"llama-quantize failed: {done.stderr[-2000:]}")
            part.rename(path_of(kind))


def under_tools_python(peers):
    """Restarts under the Python that has numpy and gguf, if this one lacks them."""
    try:
        import gguf, numpy  # noqa: F401
    except ImportError:
        python = peers / "tools/bin/python"
        if not python.exists() or Path(sys.prefix) == python.parent.parent:
            sys.exit(f"numpy and gguf are missing; tests/peers/build puts them under {peers}/tools")
        os.execv(python, [python, *sys.argv])


def write(options, kind, path):
    """Writes one model: the header first, then tensor by tensor, so that only one tensor is in
    memory."""
    import gguf
    import numpy as np

    print(f"{path}", flush=True)
    layers, width, heads, kv_heads, inner = SHAPES[options.shape]
    head = width // heads
    part = path.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "qwen2")
    writer.add_name(f"random {options.shape}")
    writer.add_description("random weights in a real shape, for measuring speed")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if kind == "q8_0" else gguf.LlamaFileType.MOSTLY_F16)
    add_vocabulary(writer, gguf.GGUFReader(options.vocab))

    tensors = [("token_embd.weight", (N_VOCAB, width)), ("output_norm.weight", (width,))]
    for layer in range(layers):
        tensors += [
            (f"blk.{layer}.{name}", shape)
            for name, shape in (
                ("attn_norm.weight", (width,)),
                ("attn_q.weight", (width, width)),
                ("attn_q.bias", (width,)),
                ("attn_k.weight", (kv_heads * head, width)),
                ("attn_k.bias", (kv_heads * head,)),
                ("attn_v.weight", (kv_heads * head, width)),
                ("attn_v.bias", (kv_heads * head,)),
                ("attn_output.weight", (width, width)),
                ("ffn_norm.weight", (width,)),
                ("ffn_gate.weight", (inner, width)),
                ("ffn_up.weight", (inner, width)),
                ("ffn_down.weight", (width, inner)),
            )
        ]
    q8 = gguf.GGMLQuantizationType.Q8_0
    for name, shape in tensors:
        if len(shape) == 1:
            writer.add_tensor_info(name, shape, np.dtype(np.float32), 4 * shape[0])
        elif kind == "q8_0":
            shape = (*shape[:-1], shape[-1] // 32 * 34)
            writer.add_tensor_info(name, shape, np.dtype(np.uint8), int(np.prod(shape)), raw_dtype=q8)
        else:
            writer.add_tensor_info(name, shape, np.dtype(np.float16), 2 * int(np.prod(shape)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, shape in tensors:
        if name.endswith("norm.weight"):
            values = np.ones(shape, np.float32)
        else:
            # A separate random stream for each tensor, independent of the order and of other
            # tensors.
            random = np.random.default_rng([options.seed, zlib.crc32(name.encode())])
            values = random.standard_normal(shape, dtype=np.float32) * np.float32(DEVIATION)
        if len(shape) == 2:
            values = values.astype(np.float16)
            if kind == "q8_0":
                values = gguf.quants.quantize(values.astype(np.float32), q8)
        writer.write_tensor_data(values)
    writer.close()
    part.rename(path)


def add_vocabulary(writer, vocabulary):
    """Copies tokens and merges, and names the sentinels at ids that the vocabulary does not use."""
    fields = vocabulary.fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    kinds = fields["tokenizer.ggml.token_type"].contents()
    if len(tokens) > N_VOCAB:
        sys.exit(f"the vocabulary has {len(tokens)} tokens, Qwen2.5-Coder {N_VOCAB}: is it of the Qwen2 tokenizer?")
    for index in range(len(tokens), N_VOCAB):
        tokens.append(f"[PAD{index}]")
        kinds.append(gguf_unused())
    for index, text in SENTINELS.values():
        if tokens[index] != text and not tokens[index].startswith(UNUSED):
            sys.exit(f"id {index} is {tokens[index]!r}, not {text} and not unused: is it of the Qwen2 tokenizer?")
        tokens[index], kinds[index] = text, CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(fields["tokenizer.ggml.merges"].contents())
    end = tokens.index("<|endoftext|>")
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_pad_token_id(end)
    writer.add_add_bos_token(False)
    for name, (index, _) in SENTINELS.items():
        writer.add_uint32(f"tokenizer.ggml.{name}_token_id", index)


def gguf_unused():
    import gguf

    return int(gguf.TokenType.UNUSED)


if __name__ == "__main__":
    main()
