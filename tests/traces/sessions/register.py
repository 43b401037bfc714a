"""Registers scripts, in the order of their files."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from editor import Editor

SCENARIOS: list[tuple[Callable[[Editor], None], tuple[str, ...], bool]] = []


def scenario(*paths: str, crlf: bool = False) -> Callable:
    """Registers a session that starts with these documents."""

    def register(script: Callable[[Editor], None]) -> Callable[[Editor], None]:
        SCENARIOS.append((script, paths, crlf))
        return script

    return register


def play() -> Iterator[tuple[str, Editor]]:
    """Plays every script; a trace has its script's name."""
    for script, paths, crlf in SCENARIOS:
        name = script.__name__.replace("_", "-")
        editor = Editor(name, *paths, crlf=crlf)
        script(editor)
        yield name, editor
