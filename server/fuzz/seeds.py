#!/usr/bin/env python3
"""Rewrites the seeds of the fuzz targets, the smallest valid files.

There is one for each kind that is parsed differently. Weights are zeros except for a few; sizes are
the smallest that the architectures accept. Needs no packages.
"""

import json
import struct
from pathlib import Path

HERE = Path(__file__).parent / "seeds"
# Hidden size, heads, key heads, head size, intermediate size, tokens, layers.
WIDTH, HEADS, KV_HEADS, HEAD, FFN, VOCAB, LAYERS = 4, 2, 1, 2, 4, 6, 1
EXPERTS = 2
SENTINELS = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>", "<|endoftext|>"]
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Features of the architectures: biases of queries, keys and values; these fused into one tensor; gate;
# experts; norms per head; norms after the sublayers.
KINDS = {
    "llama": {},
    "qwen2": {"bias": True},
    "qwen3moe": {"experts": True, "head_norms": True},
    "gemma2": {"post_norms": True},
    "phi3": {"fused": True},
    "starcoder2": {"bias": True, "all_biases": True, "gate": False, "mean": True},
}


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(entry):
    """Encodes a metadata value with its type."""
    if isinstance(entry, bool):
        return struct.pack("<IB", 7, entry)
    if isinstance(entry, int):
        return struct.pack("<II", 4, entry)
    if isinstance(entry, float):
        return struct.pack("<If", 6, entry)
    if isinstance(entry, str):
        return struct.pack("<I", 8) + text(entry)
    kinds = {str: 8, int: 5, float: 6}
    kind = kinds[type(entry[0])]
    pack = {8: text, 5: lambda n: struct.pack("<i", n), 6: lambda n: struct.pack("<f", n)}[kind]
    return struct.pack("<IIQ", 9, kind, len(entry)) + b"".join(map(pack, entry))


def gguf(keys, tensors, dtype=0):
    """Returns the bytes of a file; `tensors` are names and shapes, outermost dimension first."""
    # Per type: bytes of a block, numbers of a block.
    blocks = {0: (4, 1), 1: (2, 1), 8: (34, 32), 12: (144, 256)}
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    head += b"".join(text(key) + value(entry) for key, entry in keys.items())
    data = b""
    for name, shape in tensors.items():
        kind = dtype if len(shape) > 1 else 0
        size, length = blocks[kind]
        n = 1
        for dimension in shape:
            n *= dimension
        head += text(name) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", dimension) for dimension in reversed(shape))
        head += struct.pack("<IQ", kind, len(data))
        data += bytes(n // length * size)
        data += bytes(-len(data) % 32)
    return head + bytes(-len(head) % 32) + data


def tensors_of(kind, width=WIDTH, ffn=FFN, vocab=VOCAB):
    """Returns names and shapes of a model's tensors, as in GGUF files."""
    q, kv = HEADS * HEAD * width // WIDTH, KV_HEADS * HEAD * width // WIDTH
    out = {"token_embd.weight": (vocab, width), "output_norm.weight": (width,)}
    if kind.get("mean"):
        out["output_norm.bias"] = (width,)
    for layer in range(LAYERS):

        def add(part, *shape, bias=False):
            out[f"blk.{layer}.{part}.weight"] = shape
            if bias:
                out[f"blk.{layer}.{part}.bias"] = shape[:1]

        bias, rest, mean = kind.get("bias", False), kind.get("all_biases", False), kind.get("mean", False)
        add("attn_norm", width, bias=mean)
        if kind.get("fused"):
            add("attn_qkv", q + 2 * kv, width)
        else:
            add("attn_q", q, width, bias=bias)
            add("attn_k", kv, width, bias=bias)
            add("attn_v", kv, width, bias=bias)
        add("attn_output", width, q, bias=rest)
        add("ffn_norm", width, bias=mean)
        if kind.get("head_norms"):
            add("attn_q_norm", q // HEADS)
            add("attn_k_norm", q // HEADS)
        if kind.get("post_norms"):
            add("post_attention_norm", width)
            add("post_ffw_norm", width)
        if kind.get("experts"):
            add("ffn_gate_inp", EXPERTS, width)
            add("ffn_gate_exps", EXPERTS, ffn, width)
            add("ffn_up_exps", EXPERTS, ffn, width)
            add("ffn_down_exps", EXPERTS, width, ffn)
        else:
            if kind.get("gate", True) and not kind.get("fused"):
                add("ffn_gate", ffn, width)
            add("ffn_up", ffn * 2 if kind.get("fused") else ffn, width, bias=rest)
            add("ffn_down", width, ffn, bias=rest)
    return out


def keys_of(architecture, kind, width=WIDTH, ffn=FFN):
    norm = "layer_norm_epsilon" if kind.get("mean") else "layer_norm_rms_epsilon"
    own = {
        "context_length": 8,
        "embedding_length": width,
        "block_count": LAYERS,
        "feed_forward_length": ffn,
        "attention.head_count": HEADS,
        "attention.head_count_kv": KV_HEADS,
        f"attention.{norm}": 1e-6,
    }
    if kind.get("experts"):
        own |= {"expert_count": EXPERTS, "expert_used_count": 1}
    if architecture == "gemma2":
        own |= {"attention.sliding_window": 2, "attn_logit_softcapping": 50.0, "attention.key_length": HEAD}
    return {"general.architecture": architecture} | {f"{architecture}.{key}": entry for key, entry in own.items()}


def alphabet():
    """Returns the byte-level alphabet, indexed by byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(rest)) for byte in range(256)]


def byte_level():
    """Returns tokens and merges of the smallest byte-level vocabulary with sentinels."""
    letters = alphabet()
    merges = [("f", "n"), (letters[0x20], "m"), (letters[0x20], letters[0x20])]
    return letters + ["".join(merge) for merge in merges] + SENTINELS, merges


def pieces():
    """Returns tokens, types and scores of the smallest SentencePiece vocabulary with sentinels."""
    ordinary = ["▁", "f", "n", "fn", "▁m", "m", "▁▁"]
    special = ["<unk>", "<s>", "</s>"]
    tokens = special + [f"<0x{byte:02X}>" for byte in range(256)] + ordinary + ["▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"]
    types = [2, 3, 3] + [6] * 256 + [1] * len(ordinary) + [3] * 4
    scores = [0.0] * 259 + [-float(n) for n in range(len(ordinary))] + [0.0] * 4
    return tokens, types, scores


def write_gguf():
    for name, kind in KINDS.items():
        put(f"gguf/{name}.gguf", gguf(keys_of(name, kind), tensors_of(kind)))
    for dtype, name in ((1, "f16"), (8, "q8_0")):
        width = {"width": 32, "ffn": 32} if dtype == 8 else {}
        keys = keys_of("llama", {}, **width) | {"general.alignment": 32}
        put(f"gguf/llama-{name}.gguf", gguf(keys, tensors_of({}, **width), dtype))
    tokens, merges = byte_level()
    own = {"model": "gpt2", "pre": "qwen2", "tokens": tokens, "merges": [" ".join(merge) for merge in merges]}
    ids = {"eos_token_id": len(tokens) - 1, "add_bos_token": False, "fim_pre_token_id": len(tokens) - 5}
    put_vocabulary("byte-level", "qwen2", own | ids)
    tokens, types, scores = pieces()
    own = {"model": "llama", "tokens": tokens, "token_type": types, "scores": scores}
    put_vocabulary("sentence-piece", "llama", own | {"bos_token_id": 1, "eos_token_id": 2, "add_bos_token": True})


def put_vocabulary(name, architecture, own):
    kind = KINDS[architecture]
    keys = keys_of(architecture, kind) | {f"tokenizer.ggml.{key}": entry for key, entry in own.items()}
    put(f"gguf/{name}.gguf", gguf(keys, tensors_of(kind, vocab=len(own["tokens"]))))


# Names in folders: lowkey's and the hub's. Other names are written in the code below.
FOLDER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_qkv": "self_attn.qkv_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_gate_inp": "mlp.gate",
    "post_ffw_norm": "post_feedforward_layernorm",
}


def folder_tensors(architecture, vocab=VOCAB):
    """Returns names and shapes of tensors, as in model folders."""
    names = dict(FOLDER)
    if architecture == "gemma2":
        names |= {"post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm"}
    if architecture == "phi3":
        names["ffn_up"] = "mlp.gate_up_proj"
    if architecture == "starcoder2":
        names |= {"ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}
    outside = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}
    for ours, shape in tensors_of(KINDS[architecture], vocab=vocab).items():
        part, kind = ours.rsplit(".", 1)
        if part in outside:
            yield f"{outside[part]}.{kind}", shape
            continue
        _, layer, part = part.split(".", 2)
        if part.endswith("_exps"):
            for expert in range(shape[0]):
                matrix = {"ffn_gate_exps": "gate_proj", "ffn_up_exps": "up_proj", "ffn_down_exps": "down_proj"}[part]
                yield f"model.layers.{layer}.mlp.experts.{expert}.{matrix}.{kind}", shape[1:]
        else:
            yield f"model.layers.{layer}.{names[part]}.{kind}", shape


def configuration(architecture):
    config = {
        "model_type": {"qwen3moe": "qwen3_moe"}.get(architecture, architecture),
        "vocab_size": VOCAB,
        "max_position_embeddings": 8,
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "intermediate_size": FFN,
        "tie_word_embeddings": True,
        "eos_token_id": 1,
    }
    if architecture == "starcoder2":
        config |= {"norm_epsilon": 1e-5, "hidden_act": "gelu_pytorch_tanh"}
    else:
        config |= {"rms_norm_eps": 1e-6}
    if architecture == "qwen3moe":
        config |= {"num_experts": EXPERTS, "num_experts_per_tok": 1, "moe_intermediate_size": FFN}
    if architecture == "gemma2":
        config |= {
            "hidden_activation": "gelu_pytorch_tanh",
            "head_dim": HEAD,
            "query_pre_attn_scalar": HEAD,
            "attn_logit_softcapping": 50.0,
            "final_logit_softcapping": 30.0,
            "sliding_window": 2,
        }
    return config


STRETCHES = {
    "linear": {"rope_scaling": {"type": "linear", "factor": 2.0}},
    "yarn": {"rope_scaling": {"type": "yarn", "factor": 2.0, "original_max_position_embeddings": 4}},
    "llama3": {
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 2.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 4,
        }
    },
    "longrope": {
        "rope_scaling": {"type": "longrope", "short_factor": [1.0], "long_factor": [2.0]},
        "original_max_position_embeddings": 4,
    },
}


def folder(config, tensors, dtype="F32"):
    """Returns a configuration, a safetensors header and its data, in the format of the fuzz target.
    """
    width, header, at = {"F32": 4, "BF16": 2}[dtype], {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        n = width
        for dimension in shape:
            n *= dimension
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + n]}
        at += n
    dump = lambda entry: json.dumps(entry, separators=(",", ":")).encode()
    return dump(config) + b"\0" + dump(header) + b"\0" + bytes(at)


def write_folders():
    for name in KINDS:
        put(f"folder/{name}", folder(configuration(name), folder_tensors(name)))
    for name, stretch in STRETCHES.items():
        put(f"folder/{name}", folder(configuration("llama") | stretch, folder_tensors("llama"), "BF16"))
    # The twin of gguf/sentence-piece.gguf, with the vocabulary of tokenizer/sentence-piece.json.
    vocab = len(pieces()[0])
    put("folder/vocabulary", folder(configuration("llama") | {"vocab_size": vocab}, folder_tensors("llama", vocab), "BF16"))
    put("config.json", json.dumps(configuration("llama")).encode())
    _, header, data = folder({}, folder_tensors("llama")).split(b"\0", 2)
    put("folder/whole", b"\xff" + struct.pack("<Q", len(header)) + header + data)


def write_tokenizers():
    tokens, merges = byte_level()
    split = {"type": "Split", "pattern": {"Regex": QWEN2}, "behavior": "Isolated", "invert": False}
    bytes_of = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    ordinary = {token: n for n, token in enumerate(tokens[: -len(SENTINELS)])}
    added = [{"id": n, "content": tokens[n], "special": True} for n in range(len(ordinary), len(tokens))]
    model = {"type": "BPE", "vocab": ordinary, "merges": [" ".join(merge) for merge in merges]}
    put_json(
        "tokenizer/byte-level.json",
        {
            "added_tokens": added,
            "normalizer": {"type": "NFC"},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, bytes_of]},
            "model": model,
        },
    )
    digits = {"type": "Digits", "individual_digits": True}
    bytes_of = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
    put_json(
        "tokenizer/digits.json",
        {
            "added_tokens": added,
            "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, bytes_of]},
            "model": model | {"merges": [list(merge) for merge in merges]},
        },
    )
    tokens, types, _ = pieces()
    special = [{"id": n, "content": tokens[n], "special": True} for n, kind in enumerate(types) if kind in (2, 3)]
    model = {
        "type": "BPE",
        "unk_token": "<unk>",
        "fuse_unk": True,
        "byte_fallback": True,
        "vocab": {token: n for n, token in enumerate(tokens)},
        "merges": ["f n", "▁ m", "▁ ▁"],
    }
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    put_json(
        "tokenizer/sentence-piece.json",
        {
            "added_tokens": special,
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace]},
            "pre_tokenizer": None,
            "model": model,
        },
    )
    put_json(
        "tokenizer/metaspace.json",
        {
            "added_tokens": special,
            "normalizer": None,
            "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False},
            "model": model,
        },
    )
    split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    put_json(
        "tokenizer/gemma.json",
        {"added_tokens": special, "normalizer": replace, "pre_tokenizer": split, "model": model | {"ignore_merges": True}},
    )


def put_json(name, entry):
    put(name, json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode())


def put(name, data):
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    print(f"{len(data):6} {name}")


if __name__ == "__main__":
    write_gguf()
    write_folders()
    write_tokenizers()
