"""The earlier failure that this one resembles, and how often it was there. Pure.

An equal signature is the same failure. Without one, only an excerpt that says almost the same counts: showing a failure
that has nothing to do with this one costs trust, so beyond MAX_DISTANCE nothing is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from actors.analyzer.normalize import normalize
from models.failure import Finding, PastFailure, RememberedFailure, Repeats
from models.ids import CommitId

# Measured: see "How well failures are explained" in docs/performance.md.
MAX_DISTANCE: Final = 0.005
_EMBEDDED_LINES: Final = 20
_NUMBERS: Final = 5


def text_of(finding: Finding) -> str:
    """What of a finding is embedded: the signature and the excerpt, without what changes from run to run."""
    lines = (normalize(line) for line in finding.excerpt_text.splitlines()[:_EMBEDDED_LINES])
    return "\n".join([finding.signature, *(line for line in lines if line)])


def seen_before(repeats: Repeats, failure: RememberedFailure, *, distance: float) -> PastFailure | None:
    """The failure to show beside this one, of those with one signature; None where all of them are of its own run.

    It is the newest that is known to be fixed, else the newest.
    """
    others = [other for other in repeats.latest if other.run != failure.run]
    if not others:
        return None
    shown = next((other for other in others if other.fixed_by is not None), others[0])
    numbers = dict.fromkeys(other.number for other in others if other.number is not None)
    return PastFailure(
        run=shown.run,
        job=shown.job,
        at=shown.at,
        head=shown.head,
        number=shown.number,
        title=shown.title,
        category=shown.category,
        signature=shown.signature,
        distance=distance,
        fixed_by=shown.fixed_by,
        same=shown.signature == failure.signature,
        times=repeats.times - (len(repeats.latest) - len(others)),
        since=min(repeats.since, others[-1].at),
        numbers=tuple(numbers)[:_NUMBERS],
    )


def nearest(near: Iterable[tuple[float, RememberedFailure]], failure: RememberedFailure) -> RememberedFailure | None:
    """The nearest of other runs, by cosine distance, where it is near enough; of equals, the newest."""
    close = [item for item in near if item[0] <= MAX_DISTANCE and item[1].run != failure.run]
    return min(close, key=lambda item: (item[0], -item[1].at))[1] if close else None


def fixed(unfixed: Sequence[RememberedFailure], by: CommitId) -> list[RememberedFailure]:
    """The job passes at `by`: what failed on the same line of work at another commit is fixed. Those, corrected.

    A failure at the same commit that passes now was not fixed by it: it was a flake, or somebody else's fault.
    """
    return [failure.having(fixed_by=by) for failure in unfixed if failure.head != by]
