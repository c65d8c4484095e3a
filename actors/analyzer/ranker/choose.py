"""From a score for each line to the lines that are shown, as spans.

Which of three ways is taken depends on what there is, never on whose log it is:
- with logs of the same job that passed: of the lines that none of them has, those that a model of its own holds likely;
- a log of steps, as GitHub's are (`##[group]`): its telling lines wherever they stand, each wording once;
- else one piece: the run of lines whose scores add up to the most.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from actors.analyzer.ranker.compare import Comparison, compared
from actors.analyzer.ranker.features import Table, features
from actors.analyzer.ranker.trees import COMPARED, Floats, scores

MAX_LINES: Final = 2_000  # of all spans together
# Of new lines: as likely as not to explain something, or, where none is, nearly as likely as the likeliest.
_LIKELY: Final = 0.5
_NEARLY: Final = 0.7
# Log odds. Of a piece, each line must be worth it.
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
    """Indexes of lines, in order: those that explain a failure, and those that tell the most.

    The latter are judged without logs that passed: they name the failure, and which log passed last is chance.
    """

    lines: list[int]
    telling: list[int]


def chosen(lines: Sequence[str], passed: Sequence[Sequence[str]], *, steps: bool) -> Chosen:
    """The lines that explain a failure. `lines` are clean; `passed` need not be.

    `steps` says that the log is one of steps (`is_of_steps`, which wants it as it is).
    """
    if not lines:
        return Chosen([], [])
    table = features(lines)
    judged = scores(table)
    alone = _spread(lines, judged) if steps else piece(lines, judged)
    best = max((judged[at] for at in alone if lines[at]), default=0.0)
    telling = [at for at in alone if lines[at] and judged[at] >= best - _TELLING]
    return Chosen(_beside(lines, table, judged, passed) or alone, telling)


def _beside(lines: Sequence[str], table: Table, judged: Floats, passed: Sequence[Sequence[str]]) -> list[int]:
    """What is chosen beside logs that passed; nothing where there are none, or nothing is new."""
    passed = [log for log in passed if any(line.strip() for line in log)]
    beside = compared(lines, passed, judged) if passed else None
    if beside is None or not beside.new.any():
        return []
    return news(beside, scores(beside_table(beside, table), COMPARED))[-MAX_LINES:]


def is_of_steps(raw: Sequence[str]) -> bool:
    """Whether a log has the marks that GitHub puts around steps."""
    return any(_STEPS.search(line[:200]) for line in raw)


def beside_table(beside: Comparison, table: Table) -> Table:
    """The columns of `COMPARED`."""
    return np.concatenate([beside.table, table], axis=1)


def news(beside: Comparison, odds: Floats) -> list[int]:
    """The new lines that explain something; at least one of them."""
    new = np.flatnonzero(beside.new)
    likely = 1 / (1 + np.exp(-odds[new]))
    return [int(at) for at in new[likely >= min(_LIKELY, _NEARLY * likely.max())]]


def _plain(line: str) -> str:
    return _CHANGING.sub("#", line.strip())


def piece(lines: Sequence[str], judged: Floats) -> list[int]:
    """One run of lines, without the blank ones around it."""
    first, last = _run(judged)
    said = [at for at in range(first, min(last + 1, first + MAX_LINES)) if lines[at]]
    return list(range(said[0], said[-1] + 1)) if said else []


def _run(judged: Floats) -> tuple[int, int]:
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
