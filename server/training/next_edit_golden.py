"""Writes the prompts of the authors' own program for lowkey's next-edit tests, and what it makes of answers.

    pip download --no-deps sweep-autocomplete==0.1.1 && unzip -d work/sweep sweep_autocomplete-0.1.1-*.whl
    pip install loguru numpy pydantic regex requests scipy
    PYTHONPATH=work/sweep python next_edit_golden.py --out ../prompt/fixtures/next_edit

No model is needed: the functions that would ask one return a given text. The program is under the
Apache License 2.0 and is only run, never copied. Its inputs are written here. Each JSON file has one
`input`, the `prompt` of the program, and `answers`: a model's `text`, the program's verdict, and the
file's text after the edits that it offers.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
import types
from pathlib import Path

from next_edit_cases import CASES, CURSOR, Case

# The program imports its inference library at the start; nothing of it is called.
for name, members in {
    "huggingface_hub": ["hf_hub_download"],
    "llama_cpp": ["Llama"],
    "llama_cpp.llama_speculative": ["LlamaPromptLookupDecoding"],
}.items():
    module = types.ModuleType(name)
    for member in members:
        setattr(module, member, object)
    sys.modules[name] = module

from loguru import logger  # noqa: E402
from sweep_autocomplete.autocomplete import next_edit_autocomplete as program  # noqa: E402
from sweep_autocomplete.dataclasses.file_chunk_data import FileChunkData, UserAction  # noqa: E402

logger.remove()


def unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def lines(text: str) -> list[str]:
    """Returns the lines without their ends; a line end at the end begins no line."""
    return unix(text).removesuffix("\n").split("\n") if text else []


def hunk(path: str, old: str, new: str) -> dict:
    """Returns the edited lines as an editor sees them: whole lines, and one more if lines are only added or removed."""
    before, after = unix(old).split("\n"), unix(new).split("\n")
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    if tail and head + tail >= min(len(before), len(after)):
        # Typed at the end of the line above, or deleted from there.
        if head:
            head -= 1
        else:
            tail -= 1
    end = len(after) - tail
    above = after[head - 1] if head else None
    below = after[end] if end < len(after) and (end + 1 < len(after) or after[end]) else None
    last = "\n" if tail else ""
    return {
        "path": path, "first_line": head + 1, "above": above, "below": below,
        "old": "\n".join(before[head : len(before) - tail]) + last,
        "new": "\n".join(after[head:end]) + last,
    }  # fmt: skip


def diff(path: str, old: str, new: str) -> str:
    """Returns a change as the program's clients send it, "" if it changes no line."""
    _, _, *body = [*difflib.unified_diff(lines(old), lines(new), n=1, lineterm="")] or ["", ""]
    return "\n".join([f"File: {path}", *body, ""]) if body else ""


core = program._fetch_next_edits_core


def run(case: Case, answer: str, finish: str) -> tuple[dict, str, list]:
    """Returns the program's prompt with its forced text, its verdict, and the edits it offers."""
    asked = {}
    given = []

    def generate(*, prompt: str = "", formatted_prompt: str = "", prefix: str = "", **_: object):
        asked.setdefault("prompt", prompt or formatted_prompt)
        asked.setdefault("forced", prefix)
        return answer, 0, [], finish

    def first_block(**arguments: object):
        # Without an edit, the program asks for another block of the file.
        given.append(core(**arguments))
        completions, every, prompt, _, metadata = given[-1]
        return completions, every, prompt, False, metadata

    program._fetch_next_edits_core = first_block

    text = unix(case.texts[-1])
    cursor = text.index(CURSOR)
    text = text.replace(CURSOR, "")
    program.generate_completion = generate
    program.fetch_next_edits_http = generate
    # A local model gets one snippet only, and no text up to the cursor.
    remote = case.prefill == "to_cursor" or len(case.snippets) > 1
    program.NEXT_EDIT_AUTOCOMPLETE_ENDPOINT = "recorded" if remote else None
    moved = UserAction("CURSOR_MOVEMENT", 0, 0, case.path)
    texts = [*case.texts[:-1], text]
    changes = case.others + [(case.path, *pair) for pair in zip(texts, texts[1:], strict=False)]
    result = program.fetch_next_edits(
        file_path=case.path,
        file_contents=text,
        original_file_contents=unix(case.texts[0]).replace(CURSOR, ""),
        recent_changes="".join(diff(*change) for change in changes),
        cursor_position=len(text[:cursor].encode("utf-16-le")) // 2,
        retrieval_chunks=[FileChunkData(path, 1, 1, content) for path, content in case.snippets],
        recent_user_actions=[] if case.prefill == "to_cursor" else [moved],
        changes_above_cursor=case.prefill != "none",
    )
    next(result)
    _, completions, _, _, metadata = given[0]
    return asked, metadata.exit_reason, completions


def golden(case: Case) -> dict:
    """Returns a case as the tests read it."""
    own = case.texts[-1]
    text = own.replace(CURSOR, "")
    texts = [*case.texts[:-1], text]
    changes = case.others + [(case.path, *pair) for pair in zip(texts, texts[1:], strict=False)]
    asked, _, _ = run(case, "", "stop")
    answers = []
    for answer, finish in case.answers:
        _, verdict, edits = run(case, answer, finish)
        after = unix(text)
        for edit in sorted(edits, key=lambda edit: (edit.start_index, edit.end_index), reverse=True):
            after = after[: edit.start_index] + edit.completion + after[edit.end_index :]
        shown = verdict == "success" and any(edit.completion or edit.start_index < edit.end_index for edit in edits)
        answers.append({
            "text": answer, "cut": finish == "length", "verdict": verdict,
            "after": after if shown else None,
        })  # fmt: skip
    return {
        "input": {
            "path": case.path, "at_open": texts[0].replace(CURSOR, ""), "text": text,
            "cursor": len(own[: own.index(CURSOR)].encode()),
            "hunks": [hunk(*change) for change in changes],
            "snippets": [{"path": path, "text": content} for path, content in case.snippets],
            "prefill": case.prefill,
        },
        "prompt": asked["prompt"], "forced": asked["forced"], "answers": answers,
    }  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--out", type=Path, required=True)
    out = arguments.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        text = json.dumps(golden(case), indent=1, ensure_ascii=False) + "\n"
        (out / f"{name}.json").write_text(text, encoding="utf-8")
    print(f"{len(CASES)} files in {out}")


if __name__ == "__main__":
    main()
