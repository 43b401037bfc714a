"""Fills paragraphs to a width, for mails and terminals."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

BULLET = re.compile(r"^(\s*)([-*•]|\d+\.)\s+")


@dataclass
class Style:
    """How a paragraph shall look."""

    width: int = 72
    first: str = ""
    rest: str = ""
    keep_short_last: bool = True


def columns(text: str) -> int:
    """How many terminal columns a text takes; wide characters take two."""
    total = 0
    for character in text:
        if unicodedata.combining(character):
            continue
        total += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return total


def paragraphs(text: str) -> list[str]:
    """Blocks of lines without an empty line between them."""
    blocks: list[str] = []
    current: list[str] = []
    for line in text.splitlines():
        if line.strip():
            current.append(line)
        elif current:
            blocks.append("\n".join(current))
            current = []
    if current:
        blocks.append("\n".join(current))
    return blocks


def words_of(block: str) -> list[str]:
    return block.split()


def fill(block: str, style: Style) -> list[str]:
    """The lines of one paragraph, none wider than asked unless a word is."""
    lines: list[str] = []
    prefix, line = style.first, ""
    for word in words_of(block):
        candidate = f"{line} {word}" if line else word
        if line and columns(prefix + candidate) > style.width:
            lines.append(prefix + line)
            prefix, line = style.rest, word
        else:
            line = candidate
    if line:
        lines.append(prefix + line)
    return lines


def bullet_style(block: str, width: int) -> Style:
    """A list item hangs behind its bullet."""
    found = BULLET.match(block)
    if found is None:
        return Style(width=width)
    hang = " " * columns(found.group(0))
    return Style(width=width, rest=hang)


def wrap(text: str, width: int = 72) -> str:
    """Fills every paragraph; empty lines between them stay."""
    filled = []
    for block in paragraphs(text):
        filled.append("\n".join(fill(block, bullet_style(block, width))))
    return "\n\n".join(filled) + "\n"
