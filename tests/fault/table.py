"""What the fault suite reports: fault, rounds, violations, time to recover."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Table:
    """One row a fault."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._recovered_s: defaultdict[str, list[float]] = defaultdict(list)
        self._violations: defaultdict[str, int] = defaultdict(int)

    @contextmanager
    def round(self, fault: str) -> Iterator[None]:
        """One round, from the fault to everything being right again. What fails in it is a violation."""
        begun = time.monotonic()
        try:
            yield
        except AssertionError:
            self._violations[fault] += 1
            raise
        finally:
            self._recovered_s[fault].append(time.monotonic() - begun)

    def __str__(self) -> str:
        lines = [f"{'fault':<28} {'rounds':>6} {'violations':>10} {'recovered, s':>16}   (seed {self._seed})"]
        for fault, spent in self._recovered_s.items():
            middle, worst = sorted(spent)[len(spent) // 2], max(spent)
            lines.append(f"{fault:<28} {len(spent):>6} {self._violations[fault]:>10} {middle:>8.1f} {worst:>7.1f}")
        return "\n".join(lines)
