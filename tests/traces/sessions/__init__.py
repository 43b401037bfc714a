"""The scripts of the traces, for `editor.Editor`.

A script may be written as plain code: `code` presses Enter, leaves indentation and closing brackets
to the editor if it inserts them, and corrects them otherwise. Blocks in the scripts are indented by
four columns in every language; the editor uses the language's unit.
"""

from sessions import golang, java, python, rust, typescript
from sessions.register import play

__all__ = ["golang", "java", "play", "python", "rust", "typescript"]
