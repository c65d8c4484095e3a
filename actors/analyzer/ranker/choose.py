"""From a score for each line to the lines that are shown, as spans.

Which of three ways is taken depends on what there is, never on whose log it is:
- with logs of the same job that passed: the lines that none of them has, but for those that surely explain nothing;
- a log of steps, as GitHub's are (`##[group]`): its telling lines wherever they stand, each wording once;
- else one piece: the run of lines whose scores add up to the most.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from actors.analyzer.normalize import clean
from actors.analyzer.ranker.features import features
from actors.analyzer.ranker.trees import Floats, scores

MAX_LINES: Final = 2_000  # of all spans together
# Log odds. A line that is new needs little more; of a piece, each line must be worth it.
_NEW: Final = -5.0
_WORTH: Final = 0.0
_MOST: Final = 6.0  # one line must not outweigh all around it
_TELLING: Final = 2.0  # so far below the best line, a line tells little
# Of a log of steps: this share of its characters, so many lines at most, and of lines that begin alike the first few.
_SHARE: Final = 0.035
_SPREAD_LINES: Final = 250
_ALIKE: Final = 3
_HEAD_CHARS: Final = 20
_STEPS: Final = re.compile(r"##\[(?:group|endgroup|error|command)\]")
_CHANGING: Final = re.compile(r"\d+|0x[0-9a-f]+|\b[0-9a-f]{7,40}\b", re.IGNORECASE)


class Chosen(NamedTuple):
    """Indexes of lines, in order: those that explain a failure, and of these the ones that tell the most."""

    lines: list[int]
    telling: list[int]


def chosen(lines: Sequence[str], passed: Sequence[Sequence[str]], *, steps: bool) -> Chosen:
    """The lines that explain a failure. `lines` are clean; `passed` need not be.

    `steps` says that the log is one of steps (`is_of_steps`, which wants it as it is).
    """
    if not lines:
        return Chosen([], [])
    judged = scores(features(lines))
    found = _explaining(lines, judged, passed, steps=steps)
    best = max((judged[at] for at in found if lines[at]), default=0.0)
    return Chosen(found, [at for at in found if lines[at] and judged[at] >= best - _TELLING])


def _explaining(lines: Sequence[str], judged: Floats, passed: Sequence[Sequence[str]], *, steps: bool) -> list[int]:
    if passed:
        known = {_plain(clean(line)) for log in passed for line in log}
        new = [at for at, line in enumerate(lines) if judged[at] > _NEW and line and _plain(line) not in known]
        if new:
            return new[-MAX_LINES:]
    if steps:
        return _spread(lines, judged)
    first, last = _piece(judged)
    said = [at for at in range(first, min(last + 1, first + MAX_LINES)) if lines[at]]
    return list(range(said[0], said[-1] + 1)) if said else []


def is_of_steps(raw: Sequence[str]) -> bool:
    """Whether a log has the marks that GitHub puts around steps."""
    return any(_STEPS.search(line[:200]) for line in raw)


def _plain(line: str) -> str:
    return _CHANGING.sub("#", line.strip())


def _piece(judged: Floats) -> tuple[int, int]:
    """The run of lines with the greatest sum (Kadane's algorithm)."""
    best, current = -np.inf, 0.0
    start = first = last = int(np.argmax(judged))
    for at, value in enumerate(np.clip(judged, -_MOST, _MOST) - _WORTH):
        if current <= 0:
            current, start = 0.0, at
        current += float(value)
        if current > best:
            best, first, last = current, start, at
    return first, last


def _spread(lines: Sequence[str], judged: Floats) -> list[int]:
    room = _SHARE * sum(map(len, lines))
    seen: set[str] = set()
    heads: Counter[str] = Counter()
    taken: list[int] = []
    for at in map(int, np.argsort(-judged, kind="stable")):
        text = _plain(lines[at])
        head = text[:_HEAD_CHARS]
        if not text or text in seen or heads[head] >= _ALIKE:
            continue
        seen.add(text)
        heads[head] += 1
        taken.append(at)
        room -= len(lines[at])
        if room < 0 or len(taken) >= _SPREAD_LINES:
            break
    return sorted(taken)
