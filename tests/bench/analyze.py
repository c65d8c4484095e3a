"""How long an analysis takes and how much memory beside the log, for 100 KB and 36 MB, and beside a log that passed.

`tail-50` and `keyword` (lines with a word of failure, two before and five after each) are timed for comparison. How
good the lines shown are is printed only when there are labelled logs, which never ship:

    python -m tests.bench.analyze FOLDER ...

A FOLDER holds `labels.jsonl` and the logs, in the form that `actors/analyzer/ranker/train.py` tells. On logs that the
ranker was trained on the figures flatter: `train.py` prints what holds for repositories that it has not seen.
"""

from __future__ import annotations

import json
import re
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, Final

from actors.analyzer.decide import analyze
from actors.analyzer.normalize import clean
from actors.analyzer.read import read_lines
from tests.bench.figures import show, spread

Passed = Sequence[Sequence[str]]
Shown = Iterable[tuple[int, int]]  # first and last lines, from 1
Method = Callable[[Sequence[str], Passed], Shown]

_CUE: Final = re.compile(
    r"\b(?:errors?|fail(?:ed|ure)?|fatal|exception|traceback|panic|cannot|undefined)\b", re.IGNORECASE
)
_FAILURE: Final = [
    "FAILED stable.py::test_door",
    "AssertionError: expected 3 to equal 5",
    "1 failed, 900 passed in 3 s",
]


def synthetic(size_bytes: int, salt: int = 0) -> list[str]:
    """Lines that differ, as a build prints them."""
    lines: list[str] = []
    written = 0
    while written < size_bytes:
        at = len(lines)
        lines.append(
            f"[{at % 97}%] compiling src/part{at}/file{at * 7 % 1_013}.c with -O2 into build/{at + salt:x}.o, "
            f"module {at * at + salt}"
        )
        written += len(lines[-1]) + 1
    return lines


def delta(lines: Sequence[str], passed: Passed) -> Shown:
    """What the product shows."""
    finding = analyze(lines, result=None, passed=passed)
    return [(span.first, span.last) for span in finding.evidence or finding.excerpt]


def tail(lines: Sequence[str], passed: Passed) -> Shown:
    """The last 50 lines."""
    del passed
    return [(max(1, len(lines) - 49), len(lines))]


def keyword(lines: Sequence[str], passed: Passed) -> Shown:
    """Lines with a word of failure, and what stands around them."""
    del passed
    return [(at - 2, at + 5) for at, line in enumerate(lines, 1) if _CUE.search(line)]


METHODS: Final[dict[str, Method]] = {"delta": delta, "tail-50": tail, "keyword": keyword}


def speed() -> None:
    """Time, the first call and with it the loading of the models aside; memory beside the log itself."""
    small, large = synthetic(100_000), synthetic(36_000_000)
    cases: dict[str, tuple[list[str], Passed, int]] = {
        "100 KB": ([*small, *_FAILURE], (), 41),
        "100 KB, with one that passed": ([*small, *_FAILURE], [synthetic(100_000, salt=7)], 41),
        "36 MB": ([*large, *_FAILURE], (), 3),
        "36 MB, with one that passed": ([*large, *_FAILURE], [synthetic(36_000_000, salt=7)], 3),
    }
    for name, (lines, passed, times) in cases.items():
        for of, method in METHODS.items():
            method(lines[-50:], passed and [lines[:50]])
            spent = []
            for _ in range(times):
                began = time.perf_counter()
                method(lines, passed)
                spent.append(time.perf_counter() - began)
            show("analyze_s", log=name, of=of, measured=spread(spent))
        tracemalloc.start()
        delta(lines, passed)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        show("analyze_extra_mb", log=name, of="delta", measured=round(peak / 1e6, 1))


def inside(texts: Sequence[str], spans: Shown) -> Counter[str]:
    """The lines inside the spans that are not blank, each place once."""
    places = {at for first, last in spans for at in range(max(1, first), min(len(texts), last) + 1)}
    return Counter(texts[at - 1] for at in places if texts[at - 1])


def overlap(found: Counter[str], right: Counter[str]) -> tuple[float, float]:
    """F1 and recall; 0 where nothing is shared."""
    shared = sum((found & right).values())
    return (2 * shared / (found.total() + right.total()), shared / right.total()) if shared else (0.0, 0.0)


def quality(folder: Path) -> None:
    """F1 and recall of the lines shown, means over logs, and how much shorter than the log they are."""
    labels: list[dict[str, Any]] = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    labels = [label for label in labels if label["log"] and label["spans"]]
    rows: dict[str, list[tuple[float, float, float]]] = {of: [] for of in METHODS}
    for label in labels:
        lines = read_lines(folder / label["log"])
        passed = [read_lines(folder / path) for path in label["passed"]]
        texts = [clean(line).strip() for line in lines]
        parts = [[span] for span in label["spans"]]
        alternatives = label["extra"].get("spans_are") == "alternatives"
        rights = [inside(texts, part) for part in (parts if alternatives else [label["spans"]])]
        for of, method in METHODS.items():
            found = inside(texts, method(lines, passed))
            left = sum(len(text) * times for text, times in found.items()) / max(1, sum(map(len, texts)))
            rows[of].append((*max(overlap(found, right) for right in rights), 1 - left))
    for of, row in rows.items():
        f1, recall, shorter = (round(mean(column), 3) for column in zip(*row, strict=True))
        show("analyze_lines", set=folder.name, of=of, logs=len(labels), f1=f1, recall=recall, shorter=shorter)


def main() -> None:
    """Measures and prints."""
    speed()
    for folder in sys.argv[1:]:
        quality(Path(folder))


if __name__ == "__main__":
    main()
