"""A simulated user who knows the final text of a trace and accepts what matches.

It is the user of `lowkey bench replay --target`.

The same rules as `server/bench/src/simulated_user.rs`, so that both sides' keystrokes can be compared.
A suggestion may be accepted whole, up to a line's end, or word by word, for one key each. A
suggestion that the next key contradicts costs one key.
"""

from policy import moves_at_once

WORTH_ACCEPTING = 2


def choose(ghost, coming, ends):
    """Returns ("take", characters, steps, keys), ("reject",) or ("go on",).

    `coming` is the text that the trace types next; its steps end at the characters `ends`.
    """
    agreed = next((at for at, (a, b) in enumerate(zip(ghost, coming)) if a != b), min(len(ghost), len(coming)))
    if not ends:
        return ("go on",)
    if agreed < min(ends[0], len(ghost)):
        return ("reject",)
    pieces = [(len(ghost), 1)] if agreed == len(ghost) >= WORTH_ACCEPTING else []
    taken = keys = 0
    for length in (line_length, word_length):
        while taken < len(ghost) and (n := length(ghost[taken:])) and taken + n <= agreed:
            taken, keys = taken + n, keys + 1
            pieces.append((taken, keys))
    best, most_saved = ("go on",), 0
    for taken, keys in pieces:
        steps = ends.index(taken) + 1 if taken in ends else 0
        if steps > keys + most_saved:
            best, most_saved = ("take", taken, steps, keys), steps - keys
    return best


def line_length(rest):
    """The length up to the next line end, or through the line end if the text begins with it."""
    at = rest.find("\n")
    return max(at, 1) if at >= 0 else 0


def word_length(rest):
    """The length of the first word with the blanks before it; a run of marks counts as one word."""
    blanks = len(rest) - len(rest.lstrip())
    is_word = [c.isalnum() or c == "_" for c in rest]
    end = blanks
    while end < len(rest) and not rest[end].isspace() and is_word[end] == is_word[blanks]:
        end += 1
    return end


def upcoming(rows, cursor):
    """Returns the text that the next rows type at one position without interruption, and the
    character at which each row ends."""
    text, ends = "", []
    for row, after in zip(rows, [*rows[1:], {}]):
        edit = row.get("edit")
        at_cursor = edit and edit["text"] and list(edit["start"]) == list(edit["end"]) == list(cursor)
        if not at_cursor or "path" in row or "cursor" in row or moves_at_once(after):
            break
        text += edit["text"]
        ends.append(len(text))
        for character in edit["text"]:
            if character == "\n":
                cursor = [cursor[0] + 1, 0]
            else:
                cursor = [cursor[0], cursor[1] + (2 if ord(character) > 0xFFFF else 1)]
    return text, ends


def play(editor, plugin):
    """Plays one trace; returns the cost of each request and the keys that the suggestions saved.

    After an accept the editor sends a request at once, without a key, as `lowkey bench replay
    --target` does.
    """
    keys, saved = [], {"keystrokes": 0, "accepts": 0, "rejects": 0, "taken": 0}
    for view in editor.keys():
        saved["keystrokes"] += 1
        choice = ("take",)
        while choice[0] == "take":
            keys.append(plugin.key(view))
            coming, ends = upcoming(editor.rows[editor.next:], editor.cursor)
            choice = choose(plugin.shown, coming, ends) if plugin.shown else ("go on",)
            if choice[0] == "take":
                _, length, n_steps, n_keys = choice
                editor.accept(plugin.shown[:length], n_steps)
                view = editor.view()
                saved["keystrokes"] += n_steps
                saved["taken"] += n_steps
                saved["accepts"] += n_keys
        saved["rejects"] += choice[0] == "reject"
    saved["saved"] = saved["taken"] - saved["accepts"] - saved["rejects"]
    return {"keys": keys, **saved}
