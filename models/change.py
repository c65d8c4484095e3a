"""What came in: one change of one repository, whoever told us about it. Every forge's event is parsed into this."""

from __future__ import annotations

from enum import StrEnum

from models.ids import CommitId, RunId, run_id
from models.probe import Probe
from models.record import Record


class Forge(StrEnum):
    """Where a change comes from and where its verdict goes."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    LOCAL = "local"


class ChangeKind(StrEnum):
    """Why Delta looks at a commit. `audit`: to see whether an earlier run's plan was right to leave tests out.

    `probe`: to find out more about a job that failed in an earlier run.
    """

    PUSH = "push"
    PULL_REQUEST = "pull_request"
    MANUAL = "manual"
    AUDIT = "audit"
    PROBE = "probe"


class Trust(StrEnum):
    """Decided once, from the event. `fork`: the code comes from outside the repository and gets no secrets."""

    TRUSTED = "trusted"
    FORK = "fork"


class Change(Record):
    """One commit to judge.

    `base` is the target branch's commit as the event named it, or None when there is nothing to compare with; the
    diff is always taken against the merge base of `base` and `head`. `clone_url` is what git fetches from: a URL, or an
    absolute path for a local repository. `fetch_ref` is the ref that holds `head` when no branch of the repository does
    (a fork's pull request).
    `default_branch` is empty where it is not known. `delivery` is the forge's id of the event; `nonce` tells two
    manual runs of a commit apart. `newcomer` is somebody of whom the forge does not say that he contributed before.
    `audits` is the run whose plan an audit looks at, `probe` what a probe looks at.
    """

    forge: Forge
    kind: ChangeKind
    trust: Trust
    repository: str
    clone_url: str
    head: CommitId
    base: CommitId | None = None
    head_ref: str = ""
    base_ref: str = ""
    default_branch: str = ""
    fetch_ref: str = ""
    number: int | None = None
    title: str = ""
    author: str = ""
    delivery: str = ""
    nonce: str = ""
    at: float = 0.0
    newcomer: bool = True
    installation: int | None = None
    audits: RunId | None = None
    probe: Probe | None = None

    @property
    def line(self) -> str:
        """The line of work it belongs to: its pull request, or its branch."""
        return f"#{self.number}" if self.number is not None else self.head_ref

    @property
    def priority(self) -> int:
        """Who waits for it: a person in front of a terminal (2), the people of a pull request (1), nobody (0).

        An aside (-1) has what nobody else wants.
        """
        if self.aside:
            return -1
        return {ChangeKind.MANUAL: 2, ChangeKind.PULL_REQUEST: 1}.get(self.kind, 0)

    @property
    def aside(self) -> bool:
        """Whether it is about another run: nobody waits for it, no forge is told, and no aside follows from it."""
        return self.kind in {ChangeKind.AUDIT, ChangeKind.PROBE}

    @property
    def on_default_branch(self) -> bool:
        """Whether it is a push to the repository's default branch."""
        return self.kind is ChangeKind.PUSH and bool(self.default_branch) and self.head_ref == self.default_branch

    def run_id(self) -> RunId:
        """The one run of this change: the same for each delivery that speaks of the same commit in the same place."""
        return run_id(self.forge, self.repository, self.kind, self.line, self.head, self.nonce)
