"""Text from inside a sandbox or from a change, where it stands among Delta's own words."""

from __future__ import annotations

PATH_CHARS = 1024


def visible(text: str, keep: str = "") -> str:
    """The text with a sign in the place of each character that cannot be seen, those of `keep` left as they are."""
    return "".join(char if char.isprintable() or char in keep else "\N{REPLACEMENT CHARACTER}" for char in text)


def printable(path: str) -> str:
    """A name from inside as text that cannot disturb a terminal or a page's layout."""
    clean = visible(path)
    return clean if len(clean) <= PATH_CHARS else f"{clean[:PATH_CHARS]}…"
