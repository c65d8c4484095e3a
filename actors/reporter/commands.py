"""What people may say to Delta in a comment, as a table, and what it means. Pure.

The commands act on the newest run of the comment's pull request, as it was when the comment was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from actors.reporter.markdown import code
from actors.reporter.render import reasons, why_failed
from models.errors import CallerError
from models.inbox import COMMAND, Approve, Cancel, Message, Rerun, Said
from models.run import Run

HELP: Final = (
    "- `/delta run [all|JOB]`: all jobs again, or one\n"
    "- `/delta rerun [failed]`: what failed, again\n"
    "- `/delta cancel`: end the run\n"
    "- `/delta approve`: let the run of somebody from outside begin\n"
    "- `/delta explain JOB`: why the job runs, is left out, or failed\n"
    "- `/delta quarantine TEST`: set a flaky test aside for 30 days"
)
QUARANTINE_DAYS: Final = 30


class Wish(NamedTuple):
    """One command. `argument` is a job or a test where the verb takes one."""

    verb: str
    argument: str = ""


# By verb: whether it takes an argument. `run` and `rerun` have words of their own.
_ARGUMENT: Final[Mapping[str, bool]] = {"cancel": False, "approve": False, "explain": True, "quarantine": True}


def understood(text: str) -> Wish | None:
    """The command in a comment's first line; None where it is none that there is."""
    verb, _, rest = text.removeprefix(COMMAND).strip().partition(" ")
    rest = rest.strip()
    if verb == "run":
        return Wish("run", "" if rest in {"", "all"} else rest)
    if verb == "rerun":
        return Wish("rerun") if rest in {"", "failed"} else None
    if _ARGUMENT.get(verb) is bool(rest):
        return Wish(verb, rest)
    return None


def message(wish: Wish, said: Said, run: Run) -> Message | None:
    """What is asked of the orchestrator; None for what it is not asked for. Raises `CallerError`.

    An approval is for what its author saw: a run that began after the comment was written is not approved by it.
    """
    by = f"{said.author} in #{said.number}"
    match wish.verb:
        case "run":
            return Rerun(run=run.id, which=f"job:{wish.argument}" if wish.argument else "all", by=by)
        case "rerun":
            return Rerun(run=run.id, which="failed", by=by)
        case "cancel":
            return Cancel(run=run.id, by=by)
        case "approve":
            if run.created_at > said.at:
                raise CallerError(
                    f"commit {run.change.head[:12]} came after your comment",
                    remedy="look at it, and say `/delta approve` once more",
                )
            return Approve(run=run.id, by=by)
        case _:
            return None


def explanation(run: Run, name: str) -> str:
    """Why a job of the run is there, is left out, or failed, as Markdown."""
    for job in run.jobs:
        if job.id == name:
            told = f"{code(job.id)} is {job.state}, and runs because of {reasons(job.reasons) or 'nothing recorded'}."
            return f"{told}\n\n{why_failed(job)}" if job.explanation is not None else told
    for skipped in run.plan.skipped if run.plan else ():
        if skipped.id == name:
            return f"{code(skipped.id)} is left out: {reasons(skipped.reasons)}."
    known = ", ".join(code(job.id) for job in run.jobs[:20])
    return f"There is no job {code(name)} in this run. There are: {known or 'none yet'}."


def not_understood(text: str) -> str:
    """What to say to a command that there is not."""
    return f"I do not know {code(text)}. This is what I know:\n\n{HELP}"
