"""What happens in each trace, as scripts for `editor.Editor`.

A script may be written as plain code: `code` presses Enter, leaves indentation and
closing brackets to the editor where it gives them, and corrects it where it does not.
Blocks are indented by four here whatever the language; the editor uses its own unit.
"""

from sessions import golang, python, rust, typescript
from sessions.register import play

__all__ = ["golang", "play", "python", "rust", "typescript"]
