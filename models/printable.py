"""Words of a change or a log, made fit to be shown: nothing that ends a line or a code span is left in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_CHARS: Final = 120
SHOWN: Final = 3


def code(text: str) -> str:
    """A path or a name as a Markdown code span, of bounded length."""
    clean = "".join(character if character.isprintable() and character != "`" else "?" for character in text)
    return f"`{clean if len(clean) <= MAX_CHARS else clean[:58] + '...' + clean[-58:]}`"


def listed(texts: Sequence[str]) -> str:
    """The first of them, and how many there are besides."""
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(code(text) for text in texts[:SHOWN]) + more
