"""The one proposal for a failure, if any recogniser has one that holds. Pure; refusals are told to the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from actors.analyzer.proposals.dependency import of_dependency
from actors.analyzer.proposals.files import Files
from actors.analyzer.proposals.formatting import of_formatter, of_generated
from actors.analyzer.proposals.image import of_image
from actors.analyzer.proposals.snapshots import of_snapshots
from models.errors import ChangeError
from models.job import JobSpec
from models.proposal import Proposal

log = logging.getLogger(__name__)


def proposed(
    lines: Sequence[str], spec: JobSpec, files: Files, *, refused: bool = False, step: int | None = None
) -> Proposal | None:
    """What may be tried for a job with this log, whose commit has these files. `refused`: it was not even begun.

    `step` is the index of the one that failed.
    """
    if refused:
        return _first(spec, (lambda: of_image(spec, files),))
    ways = (
        lambda: of_formatter(lines, spec, files),
        lambda: of_generated(lines, spec, files),
        lambda: of_dependency(lines, files),
        lambda: of_snapshots(lines, spec, files, step),
    )
    return _first(spec, ways)


def _first(spec: JobSpec, ways: Sequence[Callable[[], Proposal | None]]) -> Proposal | None:
    for way in ways:
        try:
            if (found := way()) is not None:
                return found
        except ChangeError as refusal:
            log.info("nothing is proposed for job %s: %s", spec.id, refusal)
    return None
