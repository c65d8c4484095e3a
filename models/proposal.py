"""A change that Delta proposes for a failure: shown to people as a patch, tried in a sandbox first, never applied."""

from __future__ import annotations

from enum import StrEnum

from models.ids import RunId
from models.probe import Probed
from models.record import Record
from models.snapshots import Snapshots


class ProposalKind(StrEnum):
    """Where the change comes from."""

    FORMATTER = "formatter"
    GENERATED = "generated"
    DEPENDENCY = "dependency"
    IMAGE = "image"
    CONFIGURATION = "configuration"
    SNAPSHOT = "snapshot"


class Proposal(Record):
    """`patch` is a text of `models/patch.py`; `first` and `last` are the lines of the log that it is from.

    Of an `image` and a `configuration`, they are lines of `.delta.yml`; the latter was tried by reading it, and no job
    was run. `why` is in Delta's own words. `outcome` is what the job did with the patch in it, and `run` where it was
    tried; None: it is awaited, and the proposal is not shown before. `image` is what the job runs in when it is tried;
    empty: as before. Of `snapshots`, the patch is empty until a probe has written them anew.
    """

    kind: ProposalKind
    patch: str
    why: str
    first: int
    last: int
    run: RunId | None = None
    outcome: Probed | None = None
    image: str = ""
    snapshots: Snapshots | None = None

    @property
    def tried(self) -> bool:
        """Whether it is known what the job does with it."""
        return self.outcome in {Probed.PASSED, Probed.FAILED, Probed.OTHERWISE}
