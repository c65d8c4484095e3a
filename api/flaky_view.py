"""What is shown of flaky tests and of the quarantine; the command line's `--json` and the REST interface show the same.

Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from actors.flaky_tests import FlakyTest
from models.flaky import Quarantined


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class QuarantinedView(_View):
    """A test in quarantine; `job` is empty where that is so in every job. `ended`: it counts again."""

    repository: str
    test: str
    job: str
    reason: str
    by: str
    since: float
    until: float
    ended: bool


class FlakyView(_View):
    """What is known of one repository's tests, or of all."""

    flaky: tuple[FlakyTest, ...]
    quarantine: tuple[QuarantinedView, ...]


def flaky_view(tests: Iterable[FlakyTest], entries: Iterable[Quarantined], now: float) -> FlakyView:
    """Both lists."""
    return FlakyView(
        flaky=tuple(tests),
        quarantine=tuple(quarantined_view(entry, now) for entry in entries),
    )


def quarantined_view(entry: Quarantined, now: float) -> QuarantinedView:
    """One entry as it stands at `now`."""
    return QuarantinedView(**entry.model_dump(), ended=entry.until <= now)
