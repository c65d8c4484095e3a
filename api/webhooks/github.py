"""GitHub's events, as far as Delta reacts to them: what is pushed or asked to be merged, and checks to run again.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
What is decided here, once, is trust: a pull request whose head lives in another repository, or in one that is
gone, is a fork's.

Drafts are judged like any other pull request: people push drafts to see whether they pass. `ready_for_review` then
names the same commit and so the same run; it starts one only where Delta did not hear of the draft.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Final, TypeVar

from pydantic import AwareDatetime, Field, StringConstraints

from api.webhooks.payload import (
    BRANCH,
    TITLE_LIMIT,
    CloneUrl,
    Json,
    Part,
    Place,
    Ref,
    Sha,
    first_line,
    is_command,
    pushed,
    read,
    read_json,
)
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId, RunId
from models.inbox import Message, Rerun, Said, Submit

_NAME: Final = "GitHub"
PULL_REQUEST_ACTIONS: Final = frozenset({"opened", "synchronize", "reopened", "ready_for_review"})

# https://docs.github.com/en/graphql/reference/enums#commentauthorassociation
_KNOWN_HERE: Final = frozenset({"OWNER", "MEMBER", "COLLABORATOR", "CONTRIBUTOR"})
# As `models.ids.run_id` makes them.
_RUN: Final = re.compile(r"r[0-9a-f]{8,64}")
_FullName = Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$", max_length=255)]


class _Named(Part):
    login: str = ""


class _Installation(Part):
    id: int


class _Identity(Part):
    id: int


class _Repository(Part):
    full_name: _FullName
    clone_url: CloneUrl
    default_branch: str = ""


class _Event(Part):
    """Of a repository; through an App's installation where there is an App."""

    repository: _Repository
    installation: _Installation | None = None

    @property
    def place(self) -> Place:
        """Where it is."""
        of = self.repository
        through = self.installation.id if self.installation else None
        return Place(Forge.GITHUB, of.full_name, of.clone_url, of.default_branch, through)


class _Head(Part):
    ref: Ref
    sha: Sha
    repo: _Identity | None  # null when the fork was deleted


class _Base(Part):
    ref: Ref
    sha: Sha
    repo: _Identity


class _PullRequest(Part):
    number: int = Field(gt=0)
    title: str = ""
    user: _Named | None = None
    author_association: str = ""
    updated_at: AwareDatetime | None = None
    head: _Head
    base: _Base


class _Action(Part):
    action: str


class _PullRequestEvent(_Event):
    pull_request: _PullRequest


class _Target(Part):
    ref: Ref
    deleted: bool = False


class _Commit(Part):
    message: str = ""


class _MergeGroup(Part):
    head_sha: Sha
    head_ref: Ref
    base_sha: Sha
    base_ref: Ref
    head_commit: _Commit | None = None


class _MergeGroupEvent(_Event):
    merge_group: _MergeGroup
    sender: _Named | None = None


class _CheckRun(Part):
    external_id: str | None = None


class _CheckRunEvent(Part):
    check_run: _CheckRun
    sender: _Named


class _Person(Part):
    login: str
    type: str = "User"


class _Comment(Part):
    id: int
    body: str = ""
    user: _Person
    created_at: AwareDatetime


class _Issue(Part):
    number: int = Field(gt=0)
    pull_request: Json | None = None


class _CommentEvent(_Event):
    issue: _Issue
    comment: _Comment


class _PushEvent(_Event):
    ref: Ref
    before: Sha
    after: Sha
    head_commit: _Commit | None = None  # null when the push brought no commit of its own
    sender: _Named | None = None


def parse(event: str, delivery: str, body: bytes) -> Message | None:
    """What an event asks of Delta, or None when Delta does not react to that event or action.

    `event` and `delivery` are the headers X-GitHub-Event and X-GitHub-Delivery. Raises `Unprocessable`, naming the
    field, when an event Delta reacts to is not what GitHub documents.
    """
    parser = _PARSERS.get(event)
    if parser is None:
        return None
    return parser(read_json(body, _NAME), delivery)


def _pull_request(payload: Json, delivery: str) -> Submit | None:
    if _read(_Action, payload).action not in PULL_REQUEST_ACTIONS:
        return None
    event = _read(_PullRequestEvent, payload)
    pull = event.pull_request
    inside = pull.head.repo is not None and pull.head.repo.id == pull.base.repo.id
    change = Change(
        **event.place._asdict(),
        kind=ChangeKind.PULL_REQUEST,
        trust=Trust.TRUSTED if inside else Trust.FORK,
        head=CommitId(pull.head.sha),
        at=pull.updated_at.timestamp() if pull.updated_at else 0.0,
        base=CommitId(pull.base.sha),
        head_ref=pull.head.ref,
        base_ref=pull.base.ref,
        # GitHub keeps this ref in the base repository for every pull request, also after a fork is deleted.
        fetch_ref=f"refs/pull/{pull.number}/head",
        number=pull.number,
        title=first_line(pull.title),
        author=pull.user.login if pull.user else "",
        newcomer=pull.author_association not in _KNOWN_HERE,
        delivery=delivery,
    )
    return Submit(change=change)


def _push(payload: Json, delivery: str) -> Submit | None:
    target = _read(_Target, payload)
    if target.deleted or not target.ref.startswith(BRANCH):
        return None
    event = _read(_PushEvent, payload)
    change = pushed(
        event.place,
        event.ref,
        event.before,
        event.after,
        title=first_line(event.head_commit.message) if event.head_commit else "",
        author=event.sender.login if event.sender else "",
        delivery=delivery,
    )
    return Submit(change=change) if change is not None else None  # None: a deletion that does not say so


def _merge_group(payload: Json, delivery: str) -> Submit | None:
    """A queue asks for a verdict on what the base branch would be. The push of its branch is the same run."""
    if _read(_Action, payload).action != "checks_requested":
        return None
    event = _read(_MergeGroupEvent, payload)
    group = event.merge_group
    change = Change(
        **event.place._asdict(),
        kind=ChangeKind.PUSH,
        trust=Trust.TRUSTED,  # somebody who may merge it put it there
        head=CommitId(group.head_sha),
        base=CommitId(group.base_sha),
        head_ref=group.head_ref.removeprefix(BRANCH),
        base_ref=group.base_ref.removeprefix(BRANCH),
        title=first_line(group.head_commit.message) if group.head_commit else "",
        author=event.sender.login if event.sender else "",
        delivery=delivery,
    )
    return Submit(change=change)


def _check_run(payload: Json, delivery: str) -> Rerun | None:
    """Somebody who may write pressed a check's button: the job once more, or of the summary what failed."""
    del delivery
    if _read(_Action, payload).action != "rerequested":
        return None
    event = _read(_CheckRunEvent, payload)
    run, _, job = (event.check_run.external_id or "").partition("/")
    if not _RUN.fullmatch(run):  # another App's
        return None
    return Rerun(run=RunId(run), which=f"job:{job}" if job else "failed", by=event.sender.login)


def _issue_comment(payload: Json, delivery: str) -> Said | None:
    """What a person says to Delta on a pull request: a comment that begins with its name. Not what a bot says."""
    del delivery
    if _read(_Action, payload).action != "created":
        return None
    event = _read(_CommentEvent, payload)
    text = event.comment.body.lstrip().partition("\n")[0].strip()
    if event.issue.pull_request is None or event.comment.user.type != "User" or not is_command(text):
        return None
    return Said(
        forge=Forge.GITHUB,
        repository=event.repository.full_name,
        clone_url=event.repository.clone_url,
        number=event.issue.number,
        comment=str(event.comment.id),
        author=event.comment.user.login,
        text=text[:TITLE_LIMIT],
        at=event.comment.created_at.timestamp(),
        installation=event.place.installation,
    )


_M = TypeVar("_M", bound=Part)


def _read(model: type[_M], payload: Json) -> _M:
    return read(model, payload, _NAME)


_PARSERS: Final[dict[str, Callable[[Json, str], Message | None]]] = {
    "pull_request": _pull_request,
    "push": _push,
    "merge_group": _merge_group,
    "check_run": _check_run,
    "issue_comment": _issue_comment,
}
