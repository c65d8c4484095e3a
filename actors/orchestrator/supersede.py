"""Which runs a new push makes pointless, pure. Only runs of one pull request replace each other."""

from __future__ import annotations

from collections.abc import Iterable

from models.change import Change
from models.run import Run


def same_pull_request(one: Change, other: Change) -> bool:
    """Whether both are of the same pull request. A push to a branch is of none, least of all one to the default one."""
    same_place = (one.forge, one.repository, one.number) == (other.forge, other.repository, other.number)
    return one.number is not None and same_place


def superseded(run: Run, rivals: Iterable[Run]) -> list[tuple[Run, Run]]:
    """Pairs of (run to cancel, run that replaces it): of all these only the newest goes on."""
    unfinished = [each for each in (run, *rivals) if not each.over]
    newest = max((run, *rivals), key=_age)
    return [(each, newest) for each in unfinished if each.id != newest.id]


def _age(run: Run) -> tuple[float, float]:
    """When the forge says that it happened; where it does not say, when Delta heard of it."""
    return (run.change.at or run.created_at, run.created_at)
