"""The part of a log that is looked at: its beginning and, above all, its end, as clean numbered lines.

Bounds the work for any log: what explains a failure stands near the end, because the step that failed ended there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from actors.analyzer.normalize import clean
from models.failure import Span

HEAD_LINES: Final = 1_000
TAIL_LINES: Final = 12_000


class Line(NamedTuple):
    """A line of the log as a person sees it, and its number in the log, from 1."""

    number: int
    text: str


def window(lines: Sequence[str]) -> list[Line]:
    """At most HEAD_LINES + TAIL_LINES lines; an empty one stands where others were left out."""
    total = len(lines)
    tail_from = max(0, total - TAIL_LINES)
    head_to = min(HEAD_LINES, tail_from)
    seen = [Line(at + 1, clean(lines[at])) for at in range(head_to)]
    if head_to < tail_from:
        seen.append(Line(head_to + 1, ""))
    seen.extend(Line(at + 1, clean(lines[at])) for at in range(tail_from, total))
    return seen


def spans(lines: Sequence[Line], chosen: Iterable[int]) -> tuple[Span, ...]:
    """The chosen indexes of `lines` as spans of the log: in order, without overlap, neighbours joined."""
    found: list[Span] = []
    for number in sorted({lines[index].number for index in chosen}):
        if found and found[-1].last == number - 1:
            found[-1] = Span(first=found[-1].first, last=number)
        else:
            found.append(Span(first=number, last=number))
    return tuple(found)
