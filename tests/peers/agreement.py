#!/usr/bin/env python3
"""Compares lowkey's answers and perplexity with llama.cpp's on the same model files and token ids.

    tests/peers/agreement.py MODEL.gguf [...] [--prompts 200]

Prompts are holes in the sources under tests/traces/start and server, with lines above and below.
llama-server tokenizes them once; both sides get the ids and choose the best token 24 times,
starting from an empty cache. Where answers differ, the report shows the first difference and the
gap between the two best logits on each side: two roundings of the same computation differ only at
near-ties. Perplexity is measured on the files under tests/traces/start, with the count of
llama-perplexity. lowkey's results come from the examples `token_answers` and `perplexity` of
lowkey-engine, built by

    cargo build --release --locked --workspace --example token_answers --example perplexity
"""

import argparse
import itertools
import json
import os
import random
import re
import statistics
import tempfile
from pathlib import Path

import programs
from programs import ROOT, Server, say

N_DECODE = 24
LINES_ABOVE, LINES_BELOW = 24, 8
# A window of llama-perplexity; the second half of each window counts.
WINDOW = 512
# The text that ends an answer, if it is a separate token.
ENDS = ("<|endoftext|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|im_end|>", "<|im_start|>")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="*", type=Path, help="default: the toy's file")
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-perplexity", action="store_true")
    parser.add_argument("--no-judge", action="store_true", help="skip f32, which needs four bytes per weight")
    parser.add_argument("--examples", type=Path, help="default: `examples` beside the lowkey binary")
    programs.add_common_options(parser)
    options = parser.parse_args()
    models = options.models or [next((ROOT / "server/test-support").glob("*.gguf"))]
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    options.examples = options.examples or target / "release/examples"
    results = [compare(options, programs.find(model, "give .gguf files")) for model in models]
    print(json.dumps(results) if options.json else "\n\n".join(map(markdown, results)))


def compare(options, model):
    """Runs both sides on one model."""
    result = {"model": model.stem, "n_decode": N_DECODE, "machine": programs.machine()}
    text = "".join(path.read_text() for path in sources("tests/traces/start"))
    arguments = ["--ctx-size", 1024, "--cache-ram", 0]
    ledger = programs.ledger(options, f"agreement-{model.stem}-{options.prompts}")

    def tokenize():
        with Server(options, model, arguments) as server:
            def ids(content, special=True):
                request = {"content": content, "add_special": False, "parse_special": special}
                return server.ask("/tokenize", request)[0]["tokens"]

            return {
                "ends": [found[0] for found in map(ids, ENDS) if len(found) == 1],
                # Leaves room for the answer in a context of 1,024 tokens.
                "prompts": [ids(prompt)[-900:] for prompt in holes(options.prompts, options.seed)],
                # The text is tokenized as plain text, so it contains no sentinels.
                "text": ids(text, special=False),
            }

    tokens = ledger.get(("tokens",), tokenize)
    prompts, ends = tokens["prompts"], tokens["ends"]
    sides = {"default": (model, []), "-fa off": (model, ["-fa", "off"])}
    if not options.no_judge:
        sides["f32"] = (in_f32(options, model), ["-fa", "off", "-ctk", "f32", "-ctv", "f32"])
    theirs = {}
    for name, (file, flags) in sides.items():
        def ask(name=name, file=file, flags=flags):
            with Server(options, file, [*arguments, *flags]) as server:
                return answers(server, prompts, f"{model.stem}: llama-server, {name}")
        theirs[name] = ledger.get((name,), ask)
    say(f"{model.stem}: {len(prompts)} prompts by lowkey")
    out, _ = programs.run(
        [example(options, "token_answers"), model, options.threads, N_DECODE], timeout_s=3600,
        stdin="\n".join(" ".join(map(str, prompt)) for prompt in prompts) + "\n")
    ours = [[parse(token) for token in line.split()] for line in out.splitlines()]
    result |= greedy(ours, theirs["default"], theirs.get("f32"), ends) | {"prompt_tokens": sum(map(len, prompts))}
    plain = {name: [one["tokens"] for one in side] for name, side in theirs.items()}
    plain["lowkey"] = [[best for best, _, _ in answer] for answer in ours]
    result["equal_pairs"] = [
        [one, other, sum(same(a, b, ends) for a, b in zip(plain[one], plain[other], strict=True))]
        for one, other in itertools.combinations(plain, 2)
    ]
    if not options.no_perplexity:
        result["perplexity"] = perplexity(options, model, text, tokens["text"])
    return result


def answers(server, prompts, title):
    """Returns llama-server's greedy answers, with the probabilities of its choices."""
    found = []
    for index, prompt in enumerate(prompts):
        if index % 50 == 0:
            say(f"{title}: prompt {index + 1} of {len(prompts)}")
        answer, _ = server.ask("/completion", {
            "prompt": prompt, "n_predict": N_DECODE, "temperature": 0, "samplers": ["top_k"], "top_k": 1, "n_probs": 8,
            "cache_prompt": False, "return_tokens": True, "id_slot": 0})
        found.append({"tokens": answer["tokens"], "probabilities": answer.get("completion_probabilities", [])})
    return found


def in_f32(options, model):
    """Writes the same weights as f32."""
    path = options.peers / "models" / f"{model.stem}-written-out-f32.gguf"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.stat().st_mtime < model.stat().st_mtime:
        programs.run([programs.peer_program(options, "llama-quantize"), "--allow-requantize", model, path, "F32"],
                     timeout_s=600)
    return path


def same(one, other, ends):
    """Whether two answers are equal, up to the end of the shorter one."""
    n = min(len(one), len(other))
    if one[:n] != other[:n] or len(one) == len(other):
        return one[:n] == other[:n]
    return max(one, other, key=len)[n] in ends


def example(options, name):
    return programs.find(options.examples / name, "build it with `cargo build --release --locked --workspace --example token_answers --example perplexity`")


def sources(folder):
    """Returns the source files in a folder of the repository, in order."""
    kinds = {".rs", ".py", ".go", ".ts"}
    return sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in kinds)


def holes(count, seed):
    """Returns prompts in prefix-suffix-middle order: half of them begin a line, half continue
    inside one."""
    chosen = random.Random(seed)
    files = sources("tests/traces/start") + sources("server")
    for _ in range(count):
        while True:
            lines = chosen.choice(files).read_text().splitlines()
            at = chosen.randrange(len(lines))
            if lines[at].strip():
                break
        indentation = len(lines[at]) - len(lines[at].lstrip())
        column = chosen.choice([indentation, chosen.randrange(indentation, len(lines[at]))])
        above = "".join(line + "\n" for line in lines[max(0, at - LINES_ABOVE):at])
        below = "".join("\n" + line for line in lines[at + 1:at + 1 + LINES_BELOW])
        # The middle comes after the suffix, as in the server's prompts.
        yield f"<|fim_prefix|>{above}<|fim_suffix|>{below}<|fim_middle|>{lines[at][:column]}"


def parse(token):
    best, second, gap = token.split(":")
    return int(best), int(second), float(gap)


def greedy(ours, theirs, judge, ends):
    """Returns how many answers are equal and the tokens at each first difference, with the judge's
    choice if it has one."""
    equal, n_tokens, differences, gaps = 0, 0, [], []
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        gaps += [gap for _, _, gap in mine]
        wanted = other["tokens"]
        at = next((i for i, (token, choice) in enumerate(zip(wanted, mine)) if choice[0] != token), None)
        if at is None and len(wanted) < N_DECODE and mine[len(wanted)][0] not in ends:
            # Their answer ended here, with a token that is not in the returned text.
            at = len(wanted)
        if at is None:
            equal += 1
            n_tokens += len(wanted)
            continue
        n_tokens += at
        best, second, gap = mine[at]
        chosen = wanted[at] if at < len(wanted) else "end"
        differences.append({"prompt": number, "token": at, "ours": best, "theirs": chosen, "our_gap": gap,
                            "their_gap": their_gap(other["probabilities"], at, best),
                            "is_our_second": chosen == second or (chosen == "end" and second in ends)})
        if judge and judge[number]["tokens"][:at] == wanted[:at]:
            exact = judge[number]
            taken = exact["tokens"][at] if at < len(exact["tokens"]) else "end"
            differences[-1] |= {"judge": taken, "judge_lead": lead(exact["probabilities"], at, best, chosen)}
    gaps.sort()
    # For comparison with the differences: the smallest gaps of all choices.
    common = {f"{share:.0%}": round(gaps[int(share * (len(gaps) - 1))], 4) for share in (0.01, 0.05, 0.5)} if gaps else {}
    return {"prompts": len(ours), "equal": equal, "tokens_before_differences": n_tokens, "differences": differences,
            "gaps": common}


def their_gap(probabilities, at, ours):
    """Returns how far their best logit is above our choice."""
    if at >= len(probabilities):
        return None
    top = {row["id"]: row["logprob"] for row in probabilities[at]["top_logprobs"]}
    return round(max(top.values()) - top[ours], 5) if ours in top else None


def lead(probabilities, at, ours, other):
    """Returns how far our choice is above the other, in logits; `None` if one is not among the best
    eight."""
    if at >= len(probabilities):
        return None
    top = {row["id"]: row["logprob"] for row in probabilities[at]["top_logprobs"]}
    return round(top[ours] - top[other], 5) if ours in top and other in top else None


def perplexity(options, model, text, tokens):
    """Returns both perplexities of the text."""
    say(f"{model.stem}: perplexity")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        command = ["sh", "-c", 'exec "$@" 2>&1', "sh", programs.peer_program(options, "llama-perplexity"), "-m", model,
                   "-f", file.name, "-c", WINDOW, "-b", WINDOW, "-t", options.threads]
        # The program often ends before it has written the last lines of its log.
        for _ in range(20):
            out, _ = programs.run(command, timeout_s=3600)
            found = re.search(r"Final estimate: PPL = ([0-9.]+)", out)
            if found:
                break
        else:
            raise SystemExit(f"llama-perplexity printed no figure:\n{out[-1500:]}")
    theirs = float(found[1])
    out, _ = programs.run([example(options, "perplexity"), model, options.threads, WINDOW], timeout_s=3600,
                          stdin=" ".join(map(str, tokens)))
    ours, counted = out.split()
    return {"lowkey": float(ours), "llama.cpp": theirs, "difference": float(ours) / theirs - 1, "tokens": len(tokens),
            "counted": int(counted)}


def markdown(result):
    """Returns the totals and each difference as Markdown."""
    lines = [f"**{result['model']}** ({result['machine']})", ""]
    share = 100 * result["equal"] / max(1, result["prompts"])
    lines.append(f"- {result['equal']} of {result['prompts']} greedy answers of {result['n_decode']} tokens are equal "
                 f"({share:.1f} %), on prompts of {result['prompt_tokens']} tokens together.")
    pairs = ", ".join(f"{one} and {other} {count}" for one, other, count in result["equal_pairs"])
    lines.append(f"- Equal answers by pairs (llama.cpp as it comes is `default`, the judge `f32`): {pairs}.")
    ours = [one["our_gap"] for one in result["differences"]]
    if ours:
        near = sum(one["is_our_second"] for one in result["differences"])
        lines.append(
            f"- {len(ours)} part; in {near} of them llama.cpp took our second best. Between our two best lay "
            f"{statistics.median(ours):.4f} logits in the median and {max(ours):.4f} at most, where all choices have "
            f"{result['gaps']['50%']} in the median, {result['gaps']['5%']} at the nearest twentieth and "
            f"{result['gaps']['1%']} at the nearest hundredth.")
        lines += ["", "| prompt | token | ours | llama.cpp's | the judge's | our gap, logits | llama.cpp's | ours above "
                  "llama.cpp's by the judge |", "|---|---|---|---|---|---|---|---|"]
        for one in result["differences"]:
            gaps = ["–" if one.get(key) is None else format(one[key], ".4f")
                    for key in ("our_gap", "their_gap", "judge_lead")]
            cells = [*(str(one.get(key, "–")) for key in ("prompt", "token", "ours", "theirs", "judge")), *gaps]
            lines.append("| " + " | ".join(cells) + " |")
    if "perplexity" in result:
        both = result["perplexity"]
        lines += ["", f"- Perplexity over {both['counted']} of {both['tokens']} tokens: lowkey {both['lowkey']:.4f}, "
                  f"llama.cpp {both['llama.cpp']:.4f}, {100 * both['difference']:+.3f} %."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
