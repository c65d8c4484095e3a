"""Gitea's and Forgejo's events, as far as Delta reacts to them: `pull_request` and `push` become a `Change`.

https://docs.gitea.com/usage/webhooks and https://forgejo.org/docs/latest/user/webhooks/
They look like GitHub's, and also have GitHub's headers, but are not: the action of new commits is `synchronized`, and
there is no action for a draft that becomes ready, which is an edit of the title. So drafts are judged like any other
pull request, and nothing needs to happen when they stop to be drafts.

Trust is decided here, once, and only for what is sure: the head is a branch of the repository itself. A pull request
made by a push to `refs/for/BRANCH` (AGit) names the base repository as that of its head, although everyone who may read
the repository can make one. It has no branch, which tells it apart; so has one whose branch is gone already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints
from starlette.datastructures import Headers

from api.webhooks.payload import (
    BRANCH,
    CloneUrl,
    Json,
    Part,
    Place,
    Ref,
    Sha,
    first_line,
    no_dots,
    pushed,
    read,
    read_json,
)
from api.webhooks.signature import GITEA, Signature
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId
from models.inbox import Message, Submit
from models.settings import Settings

_NAME: Final = "Gitea"
PULL_REQUEST_ACTIONS: Final = frozenset({"opened", "reopened", "synchronized"})

# All three hold the same digest. Forgejo sends them all, Gitea the first and the last.
SIGNATURES: Final[tuple[Signature, ...]] = (
    GITEA,
    GITEA._replace(header="X-Forgejo-Signature"),
    GITEA._replace(header="X-Hub-Signature-256", prefix="sha256="),
)


def claimed(settings: Settings, headers: Headers) -> None:
    """Refuses before the body is read what cannot be right. Raises `Unauthorized`."""
    signature = _used(headers)
    signature.claimed(_secret(settings), _value(signature, headers))


def verify(settings: Settings, headers: Headers, body: bytes) -> None:
    """Raises `Unauthorized` unless the body was signed with our secret.

    The first signature that is there is the one that counts: a wrong one is not made good by another.
    """
    signature = _used(headers)
    signature.verify(_secret(settings), body, _value(signature, headers))


def _used(headers: Headers) -> Signature:
    return next((each for each in SIGNATURES if each.header in headers), GITEA)


def _value(signature: Signature, headers: Headers) -> str | None:
    return headers.get(signature.header) or None  # sent empty where the webhook has no secret


def _secret(settings: Settings) -> str:
    return settings.gitea.webhook_secret.get_secret_value()


_FullName = Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$", max_length=255), AfterValidator(no_dots)]


class _Named(Part):
    login: str = ""


class _Identity(Part):
    id: int = Field(gt=0)


class _Repository(_Identity):
    full_name: _FullName
    clone_url: CloneUrl
    default_branch: str = ""

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(Forge.GITEA, self.full_name, self.clone_url, self.default_branch)


class _Head(Part):
    ref: Ref  # the branch, or refs/pull/N/head where there is none
    sha: Sha
    repo: _Identity | None  # null when the fork was deleted, or is not for us to see


class _Base(Part):
    ref: Ref
    sha: Sha | Annotated[str, StringConstraints(max_length=0)]  # empty when the branch was deleted
    repo: _Identity


class _PullRequest(Part):
    number: int = Field(gt=0)
    title: str = ""
    user: _Named | None = None
    updated_at: AwareDatetime | None = None
    head: _Head
    base: _Base

    @property
    def inside(self) -> bool:
        """Whether only somebody who may write to the repository can have made its commits."""
        head = self.head
        return head.repo is not None and head.repo.id == self.base.repo.id and not head.ref.startswith("refs/")


class _Action(Part):
    action: str


class _PullRequestEvent(Part):
    pull_request: _PullRequest
    repository: _Repository


class _Target(Part):
    ref: Ref


class _Commit(Part):
    message: str = ""


class _PushEvent(Part):
    ref: Ref
    before: Sha
    after: Sha
    repository: _Repository
    head_commit: _Commit | None = None  # null when the push brought no commit of its own
    sender: _Named | None = None


def parse(event: str, delivery: str, body: bytes) -> Message | None:
    """What an event asks of Delta, or None when Delta does not react to that event or action.

    `event` and `delivery` are the headers X-Gitea-Event and X-Gitea-Delivery. Raises `Unprocessable`, naming the
    field, when an event Delta reacts to is not what Gitea documents.
    """
    parser = _PARSERS.get(event)
    if parser is None:
        return None
    change = parser(read_json(body, _NAME), delivery)
    return Submit(change=change) if change is not None else None


def _pull_request(payload: Json, delivery: str) -> Change | None:
    if _read(_Action, payload).action not in PULL_REQUEST_ACTIONS:
        return None
    event = _read(_PullRequestEvent, payload)
    pull = event.pull_request
    return Change(
        **event.repository.place._asdict(),
        kind=ChangeKind.PULL_REQUEST,
        trust=Trust.TRUSTED if pull.inside else Trust.FORK,
        head=CommitId(pull.head.sha),
        at=max(0.0, pull.updated_at.timestamp()) if pull.updated_at else 0.0,  # an unset time is the year 1
        # Not `merge_base`: that is where the branch left the target, and this is where the target is now.
        base=CommitId(pull.base.sha) if pull.base.sha else None,
        head_ref=pull.head.ref,
        base_ref=pull.base.ref,
        # Kept in the base repository for every pull request, also after a fork is deleted.
        fetch_ref=f"refs/pull/{pull.number}/head",
        number=pull.number,
        title=first_line(pull.title),
        author=pull.user.login if pull.user else "",
        delivery=delivery,
    )


def _push(payload: Json, delivery: str) -> Change | None:
    if not _read(_Target, payload).ref.startswith(BRANCH):  # before the rest is read: a tag may have less
        return None
    event = _read(_PushEvent, payload)
    return pushed(
        event.repository.place,
        event.ref,
        event.before,
        event.after,
        title=first_line(event.head_commit.message) if event.head_commit else "",
        author=event.sender.login if event.sender else "",
        delivery=delivery,
    )


_M = TypeVar("_M", bound=Part)


def _read(model: type[_M], payload: Json) -> _M:
    return read(model, payload, _NAME)


_PARSERS: Final[dict[str, Callable[[Json, str], Change | None]]] = {"pull_request": _pull_request, "push": _push}
