"""Which lines differ between two texts, as a file's patch. Pure and bounded: the texts may be made to take long.

The shortest edit by Myers' greedy algorithm (An O(ND) Difference Algorithm and Its Variations, Algorithmica 1, 1986),
given up where it needs more edits than a patch that people read may have.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from models.errors import ChangeError
from models.patch import AROUND, FilePatch, Hunk, lines_of

MOST_LINES: Final = 20_000
MOST_EDITS: Final = 250

# A mark of a hunk (space, `-`, `+`), and the line.
_Edit = tuple[str, str]


def changes(path: str, old_text: str, new_text: str) -> FilePatch | None:
    """What makes the one text of the other; None where they are the same. `ChangeError`: it is too much."""
    old, new = lines_of(old_text), lines_of(new_text)
    if old == new:
        return None
    if max(len(old), len(new)) > MOST_LINES:
        raise ChangeError(f"{path} has more than {MOST_LINES:,} lines")
    same = _same(old, new)
    end = _same(old[same:][::-1], new[same:][::-1])
    middle = _edits(old[same : len(old) - end], new[same : len(new) - end])
    if middle is None:
        raise ChangeError(f"more than {MOST_EDITS} lines of {path} change")
    kept = [(" ", line) for line in old[:same]], [(" ", line) for line in old[len(old) - end :]]
    return FilePatch(path=path, hunks=_hunks([*kept[0], *_in_order(middle), *kept[1]]))


def _same(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines at the beginning are the same."""
    pairs = zip(old, new, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(old), len(new)))


def _edits(old: Sequence[str], new: Sequence[str]) -> list[_Edit] | None:
    """The shortest way from one to the other, of at most MOST_EDITS steps; None where there is none."""
    numbers: dict[str, int] = {}
    one = [numbers.setdefault(line, len(numbers)) for line in old]
    other = [numbers.setdefault(line, len(numbers)) for line in new]
    reached: dict[int, int] = {}  # by diagonal (lines of old less lines of new), how many lines of old
    rounds: list[dict[int, int]] = []
    for step in range(min(MOST_EDITS, len(one) + len(other)) + 1):
        rounds.append(dict(reached))
        for diagonal in range(-step, step + 1, 2):
            at, _ = _onto(reached, diagonal, len(one), len(other)) if step else (0, "")
            while 0 <= at < len(one) and at - diagonal < len(other) and one[at] == other[at - diagonal]:
                at += 1
            reached[diagonal] = at
            if at == len(one) and at - diagonal == len(other):
                return _way_back(rounds, old, new)
    return None


def _onto(reached: dict[int, int], diagonal: int, lines: int, new_lines: int) -> tuple[int, str]:
    """How far the step onto a diagonal comes, and which it is; -1 where none leads there."""
    added = reached.get(diagonal + 1, -1)
    added = added if added - diagonal <= new_lines else -1
    taken = reached.get(diagonal - 1, -1)
    taken = taken + 1 if 0 <= taken < lines else -1
    return (added, "+") if added > taken else (taken, "-")


def _way_back(rounds: list[dict[int, int]], old: Sequence[str], new: Sequence[str]) -> list[_Edit]:
    at, diagonal = len(old), len(old) - len(new)
    found: list[_Edit] = []
    for step in range(len(rounds) - 1, 0, -1):
        begun, mark = _onto(rounds[step], diagonal, len(old), len(new))
        found += [(" ", old[place]) for place in range(at - 1, begun - 1, -1)]
        if mark == "+":
            found.append(("+", new[begun - diagonal - 1]))
            at, diagonal = begun, diagonal + 1
        else:
            found.append(("-", old[begun - 1]))
            at, diagonal = begun - 1, diagonal - 1
    found += [(" ", old[place]) for place in range(at - 1, -1, -1)]
    return found[::-1]


def _in_order(edits: Sequence[_Edit]) -> list[_Edit]:
    """Of lines that change together, first those that go, as people read it."""
    parts = [[*part] for _, part in groupby(edits, lambda edit: edit[0] == " ")]
    return [edit for part in parts for edit in sorted(part, key=lambda edit: edit[0] == "+")]


def _hunks(edits: Sequence[_Edit]) -> tuple[Hunk, ...]:
    """The edits with some lines around them; those that touch are one."""
    ranges: list[list[int]] = []
    for at in (at for at, (mark, _) in enumerate(edits) if mark != " "):
        first, last = max(0, at - AROUND), min(len(edits), at + AROUND + 1)
        if ranges and first <= ranges[-1][1]:
            ranges[-1][1] = last
        else:
            ranges.append([first, last])
    hunks: list[Hunk] = []
    for first, last in ranges:
        before = sum(mark != "+" for mark, _ in edits[:first])
        body = tuple(f"{mark}{line}" for mark, line in edits[first:last])
        adds_only = all(line[0] == "+" for line in body)
        hunks.append(Hunk(start=before + (not adds_only), lines=body))
    return tuple(hunks)
