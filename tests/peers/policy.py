"""llama.vim's policy: its requests to llama-server, and the keys it answers from its cache.

A model of the plugin, written after reading its source (November 2026): an editor with documents
and a cursor, and a plugin that turns each key into requests. Not modelled: the ring of extra chunks
(empty here), curl, and drawing. Two simplifications: the look back counts characters instead of
bytes, and a key never overtakes a request.
"""

import random
import re

N_PREFIX, N_SUFFIX = 256, 64
# No automatic request if more bytes than this follow the cursor.
MAX_LINE_SUFFIX = 8
FIRST_MS, SPECULATIVE_MS = 250, 1000
MAX_CACHE_KEYS, LOOK_BACK = 250, 128
LINE_END = re.compile(r"\r\n|\n|\r")


class View:
    """A document's lines and the cursor in them (line, character)."""

    def __init__(self, lines, line, column):
        self.lines, self.line, self.column = lines, line, column

    def context(self, accepted=None):
        """Returns (prefix, middle, suffix, indentation) as sent; `accepted` are lines to assume
        inserted at the cursor."""
        text = self.lines[self.line]
        above = self.lines[max(0, self.line - N_PREFIX):self.line]
        below = self.lines[self.line + 1:self.line + 1 + N_SUFFIX]
        if below and self.line + 1 + len(below) == len(self.lines) and below[-1] == "":
            # Vim does not count the empty line after the last line end.
            below = below[:-1]
        middle, rest = text[:self.column], text[self.column:]
        indentation = len(text) - len(text.lstrip(" \t"))
        if not text.strip():
            middle, rest, indentation = "", "", 0
        if accepted:
            *finished, middle = [middle + accepted[0], *accepted[1:]]
            above, rest = (above + finished)[-N_PREFIX:], ""
        return "\n".join(above) + "\n", middle, rest + "\n" + "\n".join(below) + "\n", indentation

    def rest(self):
        """Returns the text after the cursor."""
        return self.lines[self.line][self.column:]


def moves_at_once(row):
    """Whether a row is an editor's move right after an edit, such as into brackets that the editor
    has closed."""
    return row.get("dt_ms") == 0 and "cursor" in row and not {"edit", "path"} & set(row)


class Editor:
    """Plays the lines of a trace and shows the view after each edit."""

    def __init__(self, rows):
        self.rows, self.documents = list(rows), {}
        head, self.next = self.rows[0], 1
        self.path, self.cursor, self.ms = head["path"], [0, 0], 0
        self.open(head)

    def open(self, document):
        self.documents[document["path"]] = document["text"]

    def keys(self):
        """Yields the view after each edit, with the cursor at its new position."""
        while self.next < len(self.rows):
            row = self.rows[self.next]
            self.next += 1
            if "open" in row:
                self.open(row["open"])
                continue
            self.ms += row.get("dt_ms", 0)
            self.path = row.get("path", self.path)
            if "edit" in row:
                self.edit(row["edit"])
            if "cursor" in row:
                self.cursor = row["cursor"]
            if "edit" in row:
                following = self.rows[self.next] if self.next < len(self.rows) else {}
                if moves_at_once(following):
                    self.cursor = following["cursor"]
                yield self.view()

    def accept(self, text, n_rows):
        """Inserts text at the cursor and skips the rows that would have typed it."""
        self.edit({"start": self.cursor, "end": self.cursor, "text": text})
        self.next += n_rows

    def edit(self, edit):
        text = self.documents[self.path]
        start, end = self.offset(text, edit["start"]), self.offset(text, edit["end"])
        self.documents[self.path] = text[:start] + edit["text"] + text[end:]
        before = text[:start] + edit["text"]
        lines = LINE_END.split(before)
        self.cursor = [len(lines) - 1, len(lines[-1].encode("utf-16-le")) // 2]

    @staticmethod
    def offset(text, place):
        """Returns the index of a line and a UTF-16 column."""
        starts = [0] + [match.end() for match in LINE_END.finditer(text)]
        start = starts[min(place[0], len(starts) - 1)]
        line = LINE_END.split(text[start:], maxsplit=1)[0]
        units = 0
        for index, character in enumerate(line):
            if units >= place[1]:
                return start + index
            units += 2 if ord(character) > 0xFFFF else 1
        return start + len(line)

    def view(self):
        text = self.documents[self.path]
        lines = LINE_END.split(text)
        line = min(self.cursor[0], len(lines) - 1)
        start = self.offset(text, [line, 0])
        return View(lines, line, self.offset(text, [line, self.cursor[1]]) - start)


class Plugin:
    """Sends llama.vim's requests for each key."""

    def __init__(self, server, remembers, n_predict):
        """`remembers` enables the cache, the speculative requests, and the rule for when to send no
        request."""
        self.server, self.remembers, self.n_predict = server, remembers, n_predict
        self.cache, self.random = {}, random.Random(1)
        # The answer to the last key.
        self.shown = ""
        # For each request: which one it is, and how long after its key it was sent, in ms.
        self.sent = []

    def key(self, view):
        """Answers one key; returns its cost."""
        cost = {"prefilled": 0, "decoded": 0, "ahead_prefilled": 0, "ahead_decoded": 0, "ms": 0.0, "first_ms": 0.0,
                "served": False, "memory": False, "asked": False, "prompt": 0}
        self.waited = 0.0
        shown = self.hint(view) if self.remembers else None
        if shown:
            cost["served"] = cost["memory"] = True
            self.speculate(view, shown, cost)
        waits = self.remembers and len(view.rest().encode()) > MAX_LINE_SUFFIX
        if not waits and not self.knows(view.context()):
            cost["asked"] = True
            answer, ms = self.request(view.context(), FIRST_MS)
            timings = answer["timings"]
            cost["prefilled"], cost["decoded"] = timings["prompt_n"], timings["predicted_n"]
            cost["prompt"] = timings["prompt_n"] + timings.get("cache_n", 0)
            if not shown:
                # The key waits for this request. If a suggestion had been shown, the plugin would
                # send it in the background.
                cost["ms"], cost["first_ms"] = ms, timings["prompt_ms"]
                shown = rendered(answer["content"], view)
                cost["served"] = bool(shown)
                if shown and self.remembers:
                    self.speculate(view, shown, cost)
        self.shown = shown or ""
        return cost

    def speculate(self, view, shown, cost):
        """Sends a request for the text after the shown suggestion is accepted."""
        accepted = shown.split("\n")
        accepted[-1] += view.rest()
        context = view.context(accepted)
        if not self.knows(context):
            answer, _ = self.request(context, SPECULATIVE_MS)
            cost["ahead_prefilled"] += answer["timings"]["prompt_n"]
            cost["ahead_decoded"] += answer["timings"]["predicted_n"]

    def request(self, context, predict_ms):
        prefix, middle, suffix, indentation = context
        after, (answer, ms) = self.waited, self.server.ask("/infill", {
            "id_slot": 0, "input_prefix": prefix, "input_suffix": suffix, "input_extra": [], "prompt": middle,
            "n_predict": self.n_predict, "stop": [], "n_indent": indentation, "top_k": 40, "top_p": 0.90,
            "stream": False, "samplers": ["top_k", "top_p", "infill"], "cache_prompt": True, "t_max_prompt_ms": 500,
            "t_max_predict_ms": predict_ms,
            # llama.vim leaves the seed random; runs here must be reproducible.
            "seed": 1,
        })
        self.waited += ms
        self.sent.append((context, after, answer["timings"]["predicted_n"]))
        for name in self.names(context):
            if len(self.cache) >= MAX_CACHE_KEYS:
                del self.cache[self.random.choice(list(self.cache))]
            self.cache[name] = answer["content"]
        return answer, ms

    @staticmethod
    def names(context):
        """Returns a context's cache key, and the keys that it has after its first lines have
        scrolled away."""
        prefix, middle, suffix, _ = context
        names = [(prefix + middle, suffix)]
        for _ in range(3):
            prefix = prefix.partition("\n")[2]
            if not prefix:
                break
            names.append((prefix + middle, suffix))
        return names

    def knows(self, context):
        return self.remembers and any(name in self.cache for name in self.names(context))

    def hint(self, view):
        """Returns the cached text for this position, or a suggestion of up to 128 characters ago
        that the user is typing along."""
        prefix, middle, suffix, _ = view.context()
        before = prefix + middle
        if (before, suffix) in self.cache:
            return rendered(self.cache[before, suffix], view)
        best = ""
        for back in range(1, min(LOOK_BACK, len(before) - 1) + 1):
            content = self.cache.get((before[:-back], suffix), "")
            if content.startswith(before[-back:]) and len(content) - back > len(best):
                best = content[back:]
        return rendered(best, view)


def rendered(content, view):
    """Returns the shown part of an answer: empty if it is blank or repeats the text that is already
    there."""
    content = content.rstrip("\n")
    if not content.strip() or content == view.rest():
        return ""
    first, *others = content.split("\n")
    below = view.lines[view.line + 1:view.line + 1 + len(others)]
    if first == "" and others == below:
        return ""
    follows = next((index for index in range(view.line + 1, len(view.lines)) if view.lines[index].strip()), None)
    if follows is not None and view.lines[view.line][:view.column] + first == view.lines[follows]:
        if others == view.lines[follows + 1:follows + 1 + len(others)]:
            return ""
    return content
