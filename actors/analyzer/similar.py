"""The earlier failure that this one resembles: the nearest by embedding of the same repository, if it is near enough.

Pure: the analyzer's actor keeps the index and the failures, and rebuilds them from the store. Showing a failure that
has nothing to do with this one costs trust, so beyond MAX_DISTANCE nothing is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from actors.analyzer.normalize import normalize
from models.embedding.index import Vector, VectorIndex
from models.failure import Finding, PastFailure, RememberedFailure
from models.ids import RunId

MAX_DISTANCE: Final = 0.25
# Of neighbours about as near as the nearest, one with an equal signature is preferred, then one with a fix.
_ABOUT_EQUAL: Final = 0.02
_NEIGHBOURS: Final = 32
_EMBEDDED_LINES: Final = 20


def text_of(finding: Finding) -> str:
    """What of a finding is embedded: the signature and the excerpt, without what changes from run to run."""
    lines = (normalize(line) for line in finding.excerpt_text.splitlines()[:_EMBEDDED_LINES])
    return "\n".join([finding.signature, *(line for line in lines if line)])


def nearest(
    vector: Vector,
    index: VectorIndex,
    past: Mapping[str, RememberedFailure],
    *,
    repository: str,
    excluding: RunId,
    signature: str = "",
) -> PastFailure | None:
    """The failure to show beside this one: of this repository, not of this run; None when nothing is near enough.

    `past` holds the failures under the ids they have in `index`.
    """
    near: list[tuple[float, RememberedFailure]] = []
    k = _NEIGHBOURS
    while True:
        neighbours = [(distance, past.get(key)) for key, distance in index.nearest(vector, k)]
        close = [(distance, failure) for distance, failure in neighbours if distance <= MAX_DISTANCE]
        near = [
            (distance, failure)
            for distance, failure in close
            if failure is not None and failure.repository == repository and failure.run != excluding
        ]
        # The index holds all repositories: others' failures may fill the first places.
        if near or len(close) < k or k >= len(index):
            break
        k *= 4
    return _best(near, signature) if near else None


def _best(near: list[tuple[float, RememberedFailure]], signature: str) -> PastFailure:
    about_equal = [item for item in near if item[0] <= near[0][0] + _ABOUT_EQUAL]
    distance, failure = max(
        about_equal,
        key=lambda item: (item[1].signature == signature, item[1].fixed_by is not None, -item[0], item[1].at),
    )
    return PastFailure(
        run=failure.run,
        job=failure.job,
        at=failure.at,
        head=failure.head,
        number=failure.number,
        title=failure.title,
        category=failure.category,
        signature=failure.signature,
        distance=distance,
        fixed_by=failure.fixed_by,
    )
