"""What the reporter needs of a forge: the port, what goes through it, and how it fails.

Implementations: `github.py`, and an in-memory one with fault knobs in the tests. Both pass one contract suite.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from pydantic import Field

from models.errors import InfrastructureError
from models.ids import CommitId
from models.record import Record


class Status(StrEnum):
    """How far a check has come, in GitHub's words."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Conclusion(StrEnum):
    """How a completed check ended, in GitHub's words; those that Delta uses."""

    SUCCESS = "success"
    FAILURE = "failure"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    NEUTRAL = "neutral"


class Annotation(Record):
    """A remark on one line of the change. `line` counts from 1."""

    path: str
    line: int = Field(ge=1)
    title: str = Field(max_length=255)
    message: str


class Check(Record):
    """One check as the forge shall show it. Times are Unix seconds. `conclusion` goes with `completed` only."""

    external_id: str
    name: str
    status: Status
    conclusion: Conclusion | None
    title: str = Field(max_length=255)
    summary: str = Field(max_length=65_535)
    text: str = Field(default="", max_length=65_535)
    details_url: str = ""
    started_at: float | None = None
    completed_at: float | None = None
    annotations: tuple[Annotation, ...] = Field(default=(), max_length=50)


class FoundCheck(Record):
    """A check that is there already. `annotations` is how many remarks it carries."""

    id: str
    annotations: int


class FoundComment(Record):
    """A comment of Delta's own that is there already."""

    id: str
    body: str


class ForgeUnavailable(InfrastructureError):
    """The forge did not answer, or asked for patience: the same call may well succeed after `retry_after_s` seconds."""

    def __init__(self, message: str, *, remedy: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


class ForgeRefused(InfrastructureError):
    """The forge understood and said no: a credential or a right is missing. The same call would be refused again."""


class ForgeGone(ForgeRefused):
    """What was to be changed is not there, or not for us to see."""


class Forge(Protocol):
    """One repository on a forge. Every method may raise `ForgeUnavailable` and `ForgeRefused`; none tries again."""

    async def find_checks(self, head: CommitId) -> dict[str, FoundCheck]:
        """The checks of this commit that carry an external id, by that id."""

    async def find_check(self, check_id: str) -> FoundCheck | None:
        """One check by the forge's id, or None."""

    async def create_check(self, head: CommitId, check: Check) -> str:
        """Makes a check; gives the forge's id of it."""

    async def update_check(self, check_id: str, check: Check) -> None:
        """Makes it look like this. Annotations are added to those that are there. Raises `ForgeGone`."""

    async def find_comment(self, number: int, marker: str) -> FoundComment | None:
        """The first comment on that pull request that begins with `marker` and that we ourselves wrote."""

    async def create_comment(self, number: int, body: str) -> str:
        """Writes a comment; gives the forge's id of it."""

    async def update_comment(self, comment_id: str, body: str) -> None:
        """Replaces its text. Raises `ForgeGone` when somebody deleted it."""
