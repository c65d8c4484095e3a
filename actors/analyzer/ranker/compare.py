"""What is seen of each line of a log beside logs of the same job that passed: is it new, and is what it says new?

Two runs of one job never print the same: times, ids, hashes, versions, folders, sizes, downloads and the order differ.
So a line is compared in four ways, each looser than the one before, by its words, and by what stands around it; the
model weighs them. No feature knows a tool or a project. The work is bounded however much has passed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.analyzer.normalize import clean
from actors.analyzer.ranker.features import Table

Marks = NDArray[np.bool_]
Column = NDArray[np.float32] | NDArray[np.float64] | NDArray[np.bool_]

MAX_PASSED_LINES: Final = 60_000  # of all passing logs together: the first and the last of each
MAX_CHARS: Final = 400  # of a line, by which it is known again
_REACHES: Final = (1, 3, 10, 40)
_GAP: Final = 2  # so many known lines do not end a block of new ones
_WORDS: Final = 12
_NO_WORDS: Final = 9.0

NAMES: Final = (
    "known",
    "known_loosely",
    "known_wording",
    "known_head",
    "wording_often",
    "head_often",
    "new_words",
    "rarest_word",
    "more_than_passed",
    *(f"new@{sign}{reach}" for reach in _REACHES for sign in "-+"),
    "block_length",
    "block_at",
    "block_left",
    "blocks_left",
    "in_longest_block",
    "new_left",
    "new_share_before",
    "known_left",
    "new_share",
    "judged",
    "judged_rank",
    "judged_below_best",
    "judged_around",
)

# What some systems put before every line, and `clean` leaves: `job<TAB>step<TAB>time`, a clock, a worker's name.
_BEFORE: Final = re.compile(
    r"^(?:[^\t]{1,80}\t[^\t]{0,120}\t)?\s?(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?Z?\s)?"
    r"(?:\[?\d\d:\d\d:\d\d(?:[.,]\d{1,6})?\]?\s)?(?:\[?gw\d{1,3}\]?\s)?"
)
# Hashes go before numbers: one that begins with a digit is a hash as well.
_CHANGING: Final = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|0x[0-9a-f]{1,32}"
    r"|\b(?=[a-f]{0,40}\d)[0-9a-f]{7,64}\b|\d+",
    re.IGNORECASE,
)
# Whatever has a digit, a slash or a per cent in it: a version, a path, an address, a size, a name made by chance.
_VOLATILE: Final = re.compile(r"(?<![^\s()\[\]{}\"'`,;=<>|])[^\s()\[\]{}\"'`,;=<>|]*[\d/\\#%][^\s()\[\]{}\"'`,;=<>|]*")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")


class Comparison(NamedTuple):
    """One row a line, in the order of `NAMES`; and which lines no passing log has, numbers and hashes aside."""

    table: Table
    new: Marks


class _Keys(NamedTuple):
    """Of each line: as it is but for numbers; without what is volatile; only words; only the first two."""

    plain: list[str]
    loose: list[str]
    wording: list[str]
    head: list[str]


def compared(lines: Sequence[str], passed: Sequence[Sequence[str]], judged: NDArray[np.float32]) -> Comparison:
    """`lines` are clean, `passed` need not be; `judged` is what the model for logs alone says of each line."""
    here, there = _keys(lines), _keys(clean(line) for line in _some(passed))
    known = Counter(there.plain)
    new = np.array([bool(key) and key not in known for key in here.plain], dtype=bool)
    columns = [
        ~new,
        *_likeness(here, there),
        _surplus(here, known),
        *_around(new),
        *_blocks(new),
        *_judged(judged, new),
    ]
    return Comparison(np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1), new)


def _some(passed: Sequence[Sequence[str]]) -> Iterable[str]:
    each = MAX_PASSED_LINES // max(1, len(passed))
    for log in passed:
        if len(log) <= each:
            yield from log
        else:
            yield from log[: each // 2]
            yield from log[len(log) - each // 2 :]


def _keys(lines: Iterable[str]) -> _Keys:
    """Lines that differ in numbers only are looked at once."""
    memo: dict[str, tuple[str, str, str]] = {}
    keys = _Keys([], [], [], [])
    for line in lines:
        plain = _CHANGING.sub("#", _BEFORE.sub("", line[:MAX_CHARS]).strip())
        looser = memo.get(plain)
        if looser is None:
            loose = " ".join(_VOLATILE.sub("#", plain).split())
            words = _WORD.findall(loose.lower())[:_WORDS]
            looser = memo[plain] = (loose, " ".join(words), " ".join(words[:2]))
        keys.plain.append(plain)
        keys.loose.append(looser[0])
        keys.wording.append(looser[1])
        keys.head.append(looser[2])
    return keys


def _likeness(here: _Keys, there: _Keys) -> list[Column]:
    """What of each line the passing logs have, and how often."""
    loose, wording, head = set(there.loose), Counter(there.wording), Counter(there.head)
    words = Counter(word for text in loose for word in set(_WORD.findall(text)))
    said = [set(_WORD.findall(text)) for text in here.loose]
    return [
        np.array([key in loose for key in here.loose], dtype=bool),
        np.array([key in wording for key in here.wording], dtype=bool),
        np.array([key in head for key in here.head], dtype=bool),
        np.log1p([wording[key] for key in here.wording]),
        np.log1p([head[key] for key in here.head]),
        np.array([sum(word not in words for word in some) / max(1, len(some)) for some in said]),
        np.array([np.log1p(min(words[word] for word in some)) if some else _NO_WORDS for some in said]),
    ]


def _surplus(here: _Keys, known: Counter[str]) -> Column:
    """How much more often than in the passing logs the line is there."""
    often = Counter(here.plain)
    return np.log1p([max(0, often[key] - known[key]) for key in here.plain])


def _around(new: Marks) -> list[Column]:
    """The share of new lines before and after each."""
    n = len(new)
    total = np.concatenate([[0], np.cumsum(new)])
    at = np.arange(n)
    found: list[Column] = []
    for reach in _REACHES:
        found.append((total[at] - total[np.maximum(at - reach, 0)]) / reach)
        found.append((total[np.minimum(at + 1 + reach, n)] - total[at + 1]) / reach)
    return found


def _blocks(new: Marks) -> list[Column]:
    """New lines that stand together: where in its block each stands, and where in the log."""
    n = len(new)
    places = np.flatnonzero(new)
    if not len(places):
        return [np.zeros(n) for _ in range(9)]
    begins = np.concatenate([[True], np.diff(places) > _GAP + 1])
    first, last = places[begins], places[np.concatenate([begins[1:], [True]])]
    length = np.bincount(np.cumsum(begins) - 1)
    at = np.arange(n)
    block = np.clip(np.searchsorted(first, at, side="right") - 1, 0, None)
    inside = (at >= first[block]) & (at <= last[block])
    total, known = np.cumsum(new), np.cumsum(~new)
    return [
        np.where(inside, np.log1p(length[block]), 0),
        np.where(inside, np.log1p(np.maximum(0, at - first[block])), -1),
        np.where(inside, np.log1p(np.maximum(0, last[block] - at)), -1),
        np.log1p(len(first) - 1 - block),
        inside & (length[block] == length.max()),
        np.log1p(total[-1] - total),
        total / total[-1],
        np.log1p(known[-1] - known),
        np.full(n, total[-1] / n),
    ]


def _judged(judged: NDArray[np.float32], new: Marks) -> list[Column]:
    """What the line says by itself, beside the other new ones."""
    n = len(judged)
    others = np.sort(judged[new] if new.any() else judged)
    edge = np.full(3, -20, dtype=np.float32)
    padded = np.concatenate([edge, judged, edge])
    return [
        judged,
        np.searchsorted(others, judged) / max(1, len(others)),
        judged - (others[-1] if len(others) else 0),
        np.max([padded[at : at + n] for at in range(2 * len(edge) + 1)], axis=0),
    ]
