"""Log lines made readable (`clean`) and comparable (`normalize`). Every pattern is linear in the length of a line.

`clean` takes away what a terminal would have acted on: colours, cursor movements, text before a carriage return.
`normalize` also takes away what differs between two runs of the same thing: times, ids, addresses, folders, numbers.
"""

from __future__ import annotations

import re
from typing import Final

MAX_LINE_CHARS: Final = 2_000
_LOOKED_AT: Final = 4 * MAX_LINE_CHARS
_END_CHARS: Final = 300

_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)?|[@-Z\\-_=>])")
# Control characters, and the invisible ones that can reorder or hide text (Unicode bidi, zero width).
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_BINARY: Final = re.compile(r"\ufffd{8,}")

# What other systems put in front of or around every line.
_CI_MARKS: Final = re.compile(
    r"^\s?(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?Z?\s"
    r"|##\[(?:error|warning|command|group|section|debug)\]"
    r"|::(?:error|warning|group|endgroup)[^:]{0,200}::"
    r"|travis_(?:time|fold):[^\s]{0,120})"
)

# In this order: a wide shape goes before the narrower ones that it is made of.
_SHAPES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?\b"), "<time>"),
    (re.compile(r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?\b"), "<time>"),
    (re.compile(r"\b0x[0-9a-fA-F]{1,32}\b"), "<hex>"),
    (re.compile(r"\b(?=[a-f0-9]{0,64}\d)(?=[a-f0-9]{0,64}[a-f])[a-f0-9]{7,64}\b"), "<hex>"),
    (re.compile(r"(?<![\w/.])(?:[A-Za-z]:)?(?:[/\\][\w.@+ -]{1,100}(?=[/\\])){1,40}[/\\]"), "<dir>/"),
    (re.compile(r"\b\d{1,20}(?:\.\d{1,20})?\s?(?:ms|us|ns|s|sec|secs|seconds|min|minutes)\b"), "<duration>"),
    (re.compile(r"\b\d{1,20}(?:\.\d{1,20})?\s?(?:[KMGT]i?B|bytes|%)"), "<size>"),
    (re.compile(r"(?<![\w.])\d{1,40}(?:[.,]\d{1,40}){0,6}\b"), "<n>"),
)
_SPACES: Final = re.compile(r"\s+")


def clean(line: str) -> str:
    """The line as a person would have seen it, at most MAX_LINE_CHARS long, without marks that a CI put around it."""
    # More than the limit is looked at, so that colours do not eat the text. Of a longer line the end stays, which may
    # say what became of the long command before it; its middle is never touched.
    text = line.rstrip("\r\n")
    if len(text) > _LOOKED_AT:
        text = f"{text[: _LOOKED_AT - _END_CHARS]} … {text[-_END_CHARS:]}"
    text = _ANSI.sub("", text)
    if "\r" in text:
        text = next((part for part in reversed(text.split("\r")) if part.strip()), "")
    text = _CI_MARKS.sub("", text)
    text = _INVISIBLE.sub("", text)
    text = _BINARY.sub("\ufffd", text)
    if len(text) > MAX_LINE_CHARS:
        text = f"{text[: MAX_LINE_CHARS - _END_CHARS - 3]} … {text[-_END_CHARS:]}"
    return text.rstrip()


def normalize(line: str) -> str:
    """The line without what changes from run to run. Equal results mean: the same message."""
    text = clean(line)
    for shape, word in _SHAPES:
        text = shape.sub(word, text)
    return _SPACES.sub(" ", text).strip()
