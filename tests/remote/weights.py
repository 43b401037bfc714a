#!/usr/bin/env python3
"""Converts a GGUF file of a Qwen2 model to a folder that vLLM serves: weights in bfloat16 and a tokenizer.

Runs in the virtual environment of tests/remote/vllm. The file's sentinels become special tokens; the
converter of `transformers` forgets all of them except the chat template's.
"""

import os
import sys

import torch
from gguf import GGUFReader
from transformers import AutoModelForCausalLM, AutoTokenizer

# Types of tokens in GGUF files: control, and user-defined.
SPECIAL = (3, 4)


def values(field):
    return [field.parts[index] for index in field.data]


def main():
    path, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    beside, name = os.path.split(path)
    fields = GGUFReader(path).fields
    texts, kinds = (values(fields[f"tokenizer.ggml.{name}"]) for name in ("tokens", "token_type"))
    special = [bytes(text).decode() for text, kind in zip(texts, kinds) if kind[0] in SPECIAL]
    tokenizer = AutoTokenizer.from_pretrained(beside, gguf_file=name)
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.save_pretrained(folder)
    AutoModelForCausalLM.from_pretrained(beside, gguf_file=name, dtype=torch.bfloat16).save_pretrained(folder)


if __name__ == "__main__":
    main()
