"""What a probe looks at, and what the four probes of one failure said together. Pure: the verdict is a small table.

A probe is a run of one failed job with one thing changed: the commit, the node, or the files of a proposal.
The four-way check runs the head and its merge base, each on the node where the job failed and on another one.
"""

from __future__ import annotations

from enum import StrEnum

from models.ids import AttemptId, CommitId, JobId, RunId
from models.record import Record
from models.snapshots import Snapshots


class Corner(StrEnum):
    """Which commit, and on which node: that of the failure, or another."""

    HEAD_SAME = "head_same_node"
    HEAD_OTHER = "head_other_node"
    BASE_SAME = "base_same_node"
    BASE_OTHER = "base_other_node"

    @property
    def of_head(self) -> bool:
        """Whether it runs the change itself."""
        return self in {Corner.HEAD_SAME, Corner.HEAD_OTHER}

    @property
    def same_node(self) -> bool:
        """Whether it runs where the job failed."""
        return self in {Corner.HEAD_SAME, Corner.BASE_SAME}


class Probed(StrEnum):
    """What a probe showed. `failed`: in the same way as the job that it looks at. `otherwise`: in another way.

    Like `not_run`, `otherwise` says nothing about the failure in question.
    """

    PASSED = "passed"
    FAILED = "failed"
    OTHERWISE = "otherwise"
    NOT_RUN = "not_run"


class FourWayVerdict(StrEnum):
    """What the four probes say together about the failure of a job."""

    CAUSED = "caused"
    PRE_EXISTING = "pre_existing"
    FLAKY = "flaky"
    INFRASTRUCTURE = "infrastructure"
    UNCLEAR = "unclear"


class Probe(Record):
    """Part of a probe run's change: the failed attempt that it looks at, and what is different.

    `node` is Ray's id of the node where it must run; empty: any. `corner` is which of a four-way check it is; None: it
    tries a proposal, whose `patch` (`models/patch.py`) the runner puts into the files of the commit. `fresh`: the
    caches may not fit what is patched, so none is restored. `image`: in place of the job's own. `snapshots`: what the
    job is to write anew, so that there is a patch to try.
    """

    run: RunId
    job: JobId
    attempt: AttemptId
    corner: Corner | None = None
    node: str = ""
    patch: str = ""
    fresh: bool = False
    image: str = ""
    snapshots: Snapshots | None = None


class CornerProbe(Record):
    """One of the four: `outcome` is None while it is awaited, `why` says for what reason it is not run at all."""

    corner: Corner
    commit: CommitId | None = None
    node: str = ""
    run: RunId | None = None
    outcome: Probed | None = None
    why: str = ""


class FourWay(Record):
    """The four probes of a failure; `verdict` is None until the last of them has said something."""

    probes: tuple[CornerProbe, ...]
    verdict: FourWayVerdict | None = None

    def outcome(self, corner: Corner) -> Probed:
        """What is known of a corner; `not_run` where nothing is."""
        found = next((each.outcome for each in self.probes if each.corner is corner), None)
        return found or Probed.NOT_RUN

    def noted(self, corner: Corner, run: RunId, outcome: Probed) -> FourWay:
        """With what the probe of this corner showed, and the verdict where none is awaited any more."""
        probes = tuple(
            each.having(run=run, outcome=outcome) if each.corner is corner and each.outcome is None else each
            for each in self.probes
        )
        found = self.having(probes=probes)
        if any(each.outcome is None for each in probes):
            return found
        return found.having(verdict=verdict(*(found.outcome(corner) for corner in Corner)))


def verdict(head_same: Probed, head_other: Probed, base_same: Probed, base_other: Probed) -> FourWayVerdict:
    """What four outcomes mean for a job that failed once already, on the head and on the same node.

    Where two explanations remain, neither is given: a wrong "flaky" lets a defect through.
    """
    bases = {base_same, base_other}
    if head_same is Probed.PASSED:  # the same commit on the same node has failed and passed
        return FourWayVerdict.FLAKY
    if head_other is Probed.PASSED:  # a broken node fails whatever it is given; that alone tells it from a flake
        broken = base_same is Probed.FAILED and base_other is not Probed.FAILED
        return FourWayVerdict.INFRASTRUCTURE if broken else FourWayVerdict.UNCLEAR
    if bases >= {Probed.FAILED, Probed.PASSED}:
        return FourWayVerdict.UNCLEAR
    if Probed.FAILED in bases:
        return FourWayVerdict.PRE_EXISTING
    # On one node at least the head has failed again where the base has passed.
    pairs = ((head_same, base_same), (head_other, base_other))
    if (Probed.FAILED, Probed.PASSED) in pairs:
        return FourWayVerdict.CAUSED
    return FourWayVerdict.UNCLEAR
