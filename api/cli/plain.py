"""Text of a change or a log, made fit for a terminal: no escape sequence and no control character of it gets there."""

from __future__ import annotations

import re

# C0 and C1 controls except tab: colours of a log would be nice, cursor movements and title changes would not.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)", re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """The text without them; of a line that overwrites itself, what is seen in the end."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.rsplit("\r", 1)[-1] if not text.endswith("\r") else text[:-1]))
