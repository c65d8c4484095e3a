"""A proposal in a comment: folded away, its patch in a fence that nothing in it can close. Pure."""

from __future__ import annotations

from typing import Final

from actors.reporter.markdown import fenced, inert
from models.probe import Probed
from models.proposal import Proposal, ProposalKind

_KINDS: Final[dict[ProposalKind, str]] = {
    ProposalKind.FORMATTER: "what the formatter would change",
    ProposalKind.GENERATED: "what the job generated anew",
    ProposalKind.DEPENDENCY: "one more dependency",
    ProposalKind.IMAGE: "another image",
    ProposalKind.CONFIGURATION: "what was probably meant",
    ProposalKind.SNAPSHOT: "the snapshots as the tests write them now",
}


def folded(proposal: Proposal | None) -> str:
    """The block for the comment; empty before it was tried, and where that could not be done."""
    if proposal is None or not proposal.tried:
        return ""
    lines = proposal.patch.rstrip("\n").split("\n")  # without anything unseen: `models/patch.py` refuses it
    of_file = proposal.kind in {ProposalKind.IMAGE, ProposalKind.CONFIGURATION}
    lines_of = "" if of_file else "log "
    several = proposal.last > proposal.first
    where = f"{lines_of}lines {proposal.first}-{proposal.last}" if several else f"{lines_of}line {proposal.first}"
    return "\n".join(
        [
            f"<details><summary>Proposal: {_KINDS[proposal.kind]}; {_result(proposal)}</summary>",
            "",
            f"From {where}: {inert(proposal.why)}. It is not applied: look at it first.",
            "",
            *fenced(lines, "diff"),
            "",
            "</details>",
        ]
    )


def _result(proposal: Proposal) -> str:
    """What was tried, and what came of it."""
    if proposal.kind is ProposalKind.CONFIGURATION:
        return "tried by reading it, a plan can then be made; no job was run"
    return f"tried in a sandbox, the job {'then passed' if proposal.outcome is Probed.PASSED else 'still failed'}"
