"""What the outside asks of Delta. Durable before it is acknowledged; taken by the orchestrator in order."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from models.change import Change, Forge
from models.ids import AttemptId, JobId, RunId
from models.record import Record

COMMAND: Final = "/delta"  # what a comment begins with that is for Delta


class Submit(Record):
    """Judge this change."""

    ask: Literal["submit"] = "submit"
    change: Change


class Cancel(Record):
    """Stop this run. `by` is who asked, for the audit stream."""

    ask: Literal["cancel"] = "cancel"
    run: RunId
    by: str


class Approve(Record):
    """Let this run begin, which waits for a person. `by` is who asked, for the audit stream."""

    ask: Literal["approve"] = "approve"
    run: RunId
    by: str


class Rerun(Record):
    """Run some jobs of this run once more. `which` is `all`, `failed`, or a job's id after `job:`."""

    ask: Literal["rerun"] = "rerun"
    run: RunId
    which: str = Field(pattern=r"^(all|failed|job:.+)$")
    by: str


class NoteProbe(Record):
    """A probe has shown something of this run: take it down. `unexplained`: how it failed, nobody will find out.

    `patch`: what it has written anew, where it was asked to.
    """

    ask: Literal["note_probe"] = "note_probe"
    run: RunId
    probe: RunId
    unexplained: bool = False
    patch: str = ""


class OpenTerminal(Record):
    """Open a terminal in a sandbox like that of this job. `by` is who asked, for the audit stream."""

    ask: Literal["open_terminal"] = "open_terminal"
    run: RunId
    job: JobId
    session: AttemptId
    by: str


class Said(Record):
    """Somebody said something to Delta in a comment on a pull request. Who may what is not known yet.

    `comment` is the forge's id of it, `at` when it was written, by the forge's clock (Unix seconds).
    """

    ask: Literal["said"] = "said"
    forge: Forge
    repository: str
    clone_url: str
    number: int
    comment: str
    author: str
    text: str = Field(max_length=300)
    at: float
    installation: int | None = None

    @property
    def key(self) -> str:
        """One comment is answered once."""
        return f"{self.forge} {self.repository} {self.comment}"


Message = Annotated[Submit | Cancel | Approve | Rerun | NoteProbe | OpenTerminal | Said, Field(discriminator="ask")]
MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
