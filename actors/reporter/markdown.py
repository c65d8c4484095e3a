"""Text from a change or a log, made safe to stand in Markdown on a forge.

Nothing of it becomes markup, HTML, a mention, a link or a reference to an issue. Forges look for the last three in the
*rendered* text, where an escaped `@` is an `@` again; so those are broken by a character that nobody sees.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence
from typing import Final

# Nothing shows and nothing can be told from it, but no name, number or address goes on across it.
_BREAK: Final = "\u200b"

_BREAKS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"@"), "@" + _BREAK),
    (re.compile(r"#(?=\d)"), "#" + _BREAK),
    (re.compile(r'([!%~&$])(?=[\w"])'), r"\1" + _BREAK),  # what else GitLab and Gitea link
    (re.compile(r"\b(gh-)(?=\d)", re.IGNORECASE), r"\1" + _BREAK),
    (re.compile(r"://"), ":" + _BREAK + "//"),
    (re.compile(r"\b(www)\.", re.IGNORECASE), r"\1" + _BREAK + "."),
    (re.compile(r"\b([0-9a-f]{4})([0-9a-f]{3,60})\b"), r"\1" + _BREAK + r"\2"),  # commits
)

_ESCAPED: Final = str.maketrans(
    {
        **{mark: "\\" + mark for mark in "\\`*_[]~#"},
        # As entities: HTML has no other escape, a table splits at `\|` in some places, and `$` begins a formula.
        **{mark: f"&#{ord(mark)};" for mark in "<>&|$"},
    }
)
_ALL_ENTITIES: Final = str.maketrans({mark: f"&#{ord(mark)};" for mark in string.punctuation})

_BACKTICKS: Final = re.compile(r"`+")
_CUT: Final = "… (cut)"


def one_line(text: str, limit: int = 300) -> str:
    """The text on one line, without control and direction characters, at most `limit` characters long."""
    # Before the loop, because a log's line may be megabytes long; twice, because some of it may not count.
    text = " ".join(text[: limit * 2].split())
    visible = "".join(mark for mark in text if unicodedata.category(mark) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    return visible if len(visible) <= limit else visible[: limit - 1] + "…"


def inert(text: str, limit: int = 300) -> str:
    """One line of text from elsewhere, as plain prose. `limit` counts characters before escaping."""
    text = one_line(text, limit)
    for pattern, replacement in _BREAKS:
        text = pattern.sub(replacement, text)
    return text.translate(_ESCAPED)


def code(text: str, limit: int = 120) -> str:
    """One line of text from elsewhere, set as code. Stands in a table cell, too."""
    text = one_line(text, limit) or "?"
    if any(mark in text for mark in "`|\\"):
        # A code span could end early or split the cell; an element with nothing but entities in it can do neither.
        return f"<code>{text.replace('@', '@' + _BREAK).translate(_ALL_ENTITIES)}</code>"
    return f"`{text}`"


def clip(text: str, limit: int) -> str:
    """The text, cut after a whole line where it is longer than `limit` characters, with an open code block closed."""
    if len(text) <= limit:
        return text
    room = limit - len(_CUT) - 16  # for the note, two line breaks and the fence below
    kept = text[:room]
    kept = kept[: kept.rfind("\n")] if "\n" in kept else kept
    fence = _open_fence(kept)
    return f"{kept}\n{fence}\n{_CUT}" if fence else f"{kept}\n{_CUT}"


def fenced(lines: Sequence[str], language: str) -> list[str]:
    """The lines in a fence that nothing in them can close (CommonMark 0.31, section 4.5)."""
    longest = max((len(run) for line in lines for run in _BACKTICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]


def _open_fence(text: str) -> str:
    """The fence that closes the code block the text ends in; empty when it ends in none (CommonMark 0.31, 4.5)."""
    fence = ""
    for line in text.splitlines():
        mark = re.match(r" {0,3}(`{3,}|~{3,})(.*)$", line)
        if mark is None:
            continue
        if not fence:
            fence = mark[1]
        elif mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not mark[2].strip():
            fence = ""
    return fence[:10]


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
