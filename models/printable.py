"""What is shown to people: words of a change or a log, with nothing left that ends a line or a code span; and days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
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


def day(at: float) -> str:
    """The day of a time (Unix seconds), in UTC: `2026-11-25`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
