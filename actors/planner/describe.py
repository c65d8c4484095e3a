"""A change as a text to embed: what it touches, in the order of how much that tells.

The model reads about the first thousand characters, so what says most comes first: paths, then the functions and
classes, then lines of the hunks, some from each file in turn. Pure, and bounded however large or odd the diff is: it is
anybody's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from models.history import MAX_SYMBOLS, MAX_TEXT_CHARS

MAX_DIFF_BYTES: Final = 256 * 1024
_PATHS_CHARS: Final = 400
_SYMBOLS_CHARS: Final = 400
_LINE_CHARS: Final = 160
_LINES_READ: Final = 20_000

_FILE: Final = re.compile(r"diff --git ")
_HUNK: Final = re.compile(r"@@ [^@]{1,60} @@ ?(.*)")
# What defines something, in most languages: `def f`, `class C`, `func (t *T) F`, `fn f`, `export async function f`.
_DEFINES: Final = re.compile(
    r"\s{0,80}(?:(?:export|default|public|private|protected|static|final|abstract|async|pub(?:\(\w+\))?)\s+){0,4}"
    r"(?:def|class|func|fn|function|interface|struct|enum|trait|impl|module|type)\s+(?:\([^)\n]{0,60}\)\s*)?"
    r"([A-Za-z_$][\w$]{1,80})"
)
_TELLS_NOTHING: Final = re.compile(r"[\W\d_]*")


class Described(NamedTuple):
    """`symbols` are named in the order of the diff; `text` is what is embedded."""

    symbols: tuple[str, ...]
    text: str


def describe(paths: Sequence[str], diff: str) -> Described:
    """The text of a change with these paths; `diff` is git's, perhaps cut off."""
    files = [*_files(diff)]
    symbols = tuple(dict.fromkeys(symbol for file in files for symbol in file.symbols))[:MAX_SYMBOLS]
    head = [_joined(map(_words, paths), _PATHS_CHARS), _joined(symbols, _SYMBOLS_CHARS)]
    text = "\n".join([*(line for line in head if line), *_in_turn([file.lines for file in files])])
    return Described(symbols, text[:MAX_TEXT_CHARS])


class _File(NamedTuple):
    symbols: list[str]
    lines: list[str]


def _files(diff: str) -> Iterator[_File]:
    """What each file of the diff has changed: added and removed lines without their marks, none twice."""
    current: _File | None = None
    for line in diff.split("\n", _LINES_READ)[:_LINES_READ]:
        if _FILE.match(line):
            if current is not None:
                yield current
            current = _File([], [])
        elif current is not None:
            _read(line, current)
    if current is not None:
        yield current


def _read(line: str, file: _File) -> None:
    if hunk := _HUNK.match(line):
        file.symbols.extend(_DEFINES.findall(hunk[1][:_LINE_CHARS])[:1])
    elif line.startswith(("+", "-")) and not line.startswith(("+++", "---")):
        content = line[1 : _LINE_CHARS + 1]
        if defines := _DEFINES.match(content):
            file.symbols.append(defines[1])
        squeezed = " ".join(content.split())
        if not _TELLS_NOTHING.fullmatch(squeezed) and squeezed not in file.lines[-20:]:
            file.lines.append(squeezed)


def _in_turn(files: Sequence[Sequence[str]]) -> Iterator[str]:
    """A line of each file, then the next of each, until there is as much as is ever embedded."""
    room, at = MAX_TEXT_CHARS, 0
    left = [lines for lines in files if lines]
    while left and room > 0:
        for lines in left:
            yield lines[at]
            room -= len(lines[at]) + 1
            if room <= 0:
                return
        at += 1
        left = [lines for lines in left if len(lines) > at]


def _joined(words: Iterable[str], most: int) -> str:
    """As many of them as fit."""
    taken, room = [], most
    for word in words:
        room -= len(word) + 1
        if room < 0:
            break
        taken.append(word)
    return " ".join(taken)


def _words(path: str) -> str:
    """A path as the model reads words: `src/kitchen/units.py` is three of them and a kind."""
    return path[-200:].replace("/", " ").replace("_", " ").replace(".", " ")
