"""What a decision wants done. Committed with the record in one step, performed at least once, each one idempotent."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from models.ids import AttemptId, JobId
from models.record import Record


class MakePlan(Record):
    """Ask the planner for the run's plan."""

    do: Literal["make_plan"] = "make_plan"


class Enqueue(Record):
    """Offer an attempt to runners of its shape."""

    do: Literal["enqueue"] = "enqueue"
    job: JobId
    attempt: AttemptId
    shape: str


class Withdraw(Record):
    """Take an attempt back: out of the queue, or out of the hands of the runner that holds it."""

    do: Literal["withdraw"] = "withdraw"
    attempt: AttemptId


class Analyze(Record):
    """Ask the analyzer to explain a failed attempt."""

    do: Literal["analyze"] = "analyze"
    job: JobId
    attempt: AttemptId


class RunProbes(Record):
    """Submit the probes that the explanation of a failed attempt asks for."""

    do: Literal["run_probes"] = "run_probes"
    job: JobId
    attempt: AttemptId


class KeepCaches(Record):
    """Enter what an attempt saved into the index of caches."""

    do: Literal["keep_caches"] = "keep_caches"
    job: JobId
    attempt: AttemptId


class Report(Record):
    """Bring the forge up to the run's present state."""

    do: Literal["report"] = "report"


class NoteFix(Record):
    """Tell the analyzer that a job passes: what failed before it on the same line of work is fixed."""

    do: Literal["note_fix"] = "note_fix"
    job: JobId


class Learn(Record):
    """Tell the planner how the run ended, so that later plans are better."""

    do: Literal["learn"] = "learn"


class Retire(Record):
    """The run is over: take it off the list of active runs."""

    do: Literal["retire"] = "retire"


_Command = MakePlan | Enqueue | Withdraw | Analyze | RunProbes | NoteFix | KeepCaches | Learn | Report | Retire
Command = Annotated[_Command, Field(discriminator="do")]
COMMAND: TypeAdapter[Command] = TypeAdapter(Command)
