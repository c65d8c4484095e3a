"""The learned side: text to vectors, and the nearest among many vectors. Heavy libraries load on first use."""

from __future__ import annotations

import os


def one_thread() -> None:
    """Has numpy multiply with one thread. To be called before numpy is imported by anybody.

    A query is bound by memory, so a second thread gains nothing; on a busy machine the two wait for each other, and one
    query in twenty takes ten times as long.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
