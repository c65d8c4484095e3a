"""What every bench prints: JSON, with the machine's core count beside each figure."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Sequence


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50 and p95 of what was measured, to a tenth of a millisecond where it is seconds."""
    ordered = sorted(values)
    return {"p50": round(statistics.median(ordered), 4), "p95": round(ordered[round(0.95 * (len(ordered) - 1))], 4)}


def show(figure: str, **values: object) -> None:
    """Prints one figure as a line of JSON."""
    json.dump({"figure": figure, "cores": os.cpu_count(), **values}, sys.stdout)
    sys.stdout.write("\n")
    sys.stdout.flush()
