"""What is shown of how good plans are; the command line's `--json` and the REST interface show the same."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from actors.planner.health import Health
from models.history import Found, Miss
from models.ids import JobId, RunId


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class MissView(_View):
    """A failure that a plan left out, or would have: `changed` reaches `test`, and selection does not know it.

    `test` is empty where a whole job was left out. `closed_at` is None while it widens plans.
    """

    key: str
    repository: str
    run: RunId
    job: JobId
    test: str
    changed: tuple[str, ...]
    found: Found
    at: float
    closed_at: float | None
    fixed_by: RunId | None
    dismissed_by: str


class RecallView(_View):
    """Of the failures in runs of everything, the share that selection had chosen, between `low` and `high` (95 %)."""

    caught: int
    missed: int
    share: float | None
    low: float
    high: float


class HealthView(_View):
    """`repository` is None for all together. Of `sampled` tests that plans left out, `sampled_failed` failed."""

    repository: str | None
    recall: RecallView
    sampled: int
    sampled_failed: int
    open: tuple[MissView, ...]
    closed: tuple[MissView, ...]


def health_view(found: Health) -> HealthView:
    """As it is shown."""
    return HealthView(
        repository=found.repository or None,
        recall=RecallView.model_validate(found.recall),
        sampled=found.sampled,
        sampled_failed=found.sampled_failed,
        open=tuple(map(miss_view, found.open)),
        closed=tuple(map(miss_view, found.closed)),
    )


def miss_view(miss: Miss) -> MissView:
    """As it is shown."""
    return MissView.model_validate(miss)
