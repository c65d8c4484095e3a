"""GitHub's events, as far as Delta reacts to them: `pull_request` and `push` become a `Change`, all others nothing.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
Own small models, because full ones reject about a third of GitHub's own examples: a field that is not needed cannot be
wrong. What is decided here, once, is trust: a pull request whose head lives in another repository, or in one that is
gone, is a fork's.

Drafts are judged like any other pull request: people push drafts to see whether they pass. `ready_for_review` then
names the same commit and so the same run; it starts one only where Delta did not hear of the draft.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, TypeAlias, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json

from api.errors import Unprocessable, field_problems
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId

PULL_REQUEST_ACTIONS: Final = frozenset({"opened", "synchronize", "reopened", "ready_for_review"})
_BRANCH: Final = "refs/heads/"
_TITLE_LIMIT: Final = 300  # characters; for people only, nothing is looked up by it

_Json: TypeAlias = dict[str, object]
_Sha = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
_FullName = Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$", max_length=255)]
# Handed to git later on: what begins with another scheme, or with a dash, could mean something else to it.
_CloneUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\x00-\x1f]+$", max_length=2048)]
_Ref = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]+$", max_length=1024)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Named(_Part):
    login: str = ""


class _Installation(_Part):
    id: int


class _Identity(_Part):
    id: int


class _Repository(_Part):
    full_name: _FullName
    clone_url: _CloneUrl
    default_branch: str = ""


class _Head(_Part):
    ref: _Ref
    sha: _Sha
    repo: _Identity | None  # null when the fork was deleted


class _Base(_Part):
    ref: _Ref
    sha: _Sha
    repo: _Identity


class _PullRequest(_Part):
    number: int = Field(gt=0)
    title: str = ""
    user: _Named | None = None
    updated_at: AwareDatetime | None = None
    head: _Head
    base: _Base


class _Action(_Part):
    action: str


class _PullRequestEvent(_Part):
    pull_request: _PullRequest
    repository: _Repository
    installation: _Installation | None = None


class _Target(_Part):
    ref: _Ref
    deleted: bool = False


class _Commit(_Part):
    message: str = ""


class _PushEvent(_Part):
    ref: _Ref
    before: _Sha
    after: _Sha
    repository: _Repository
    head_commit: _Commit | None = None  # null when the push brought no commit of its own
    sender: _Named | None = None
    installation: _Installation | None = None


def parse(event: str, delivery: str, body: bytes) -> Change | None:
    """The change an event speaks of, or None when Delta does not react to that event or action.

    `event` and `delivery` are the headers X-GitHub-Event and X-GitHub-Delivery. Raises `Unprocessable`, naming the
    field, when an event Delta reacts to is not what GitHub documents.
    """
    parser = _PARSERS.get(event)
    if parser is None:
        return None
    try:
        # Not json.loads: a hostile nesting depth is an error here and a RecursionError there.
        payload = from_json(body)
    except ValueError as error:
        raise Unprocessable(
            f"the body is not JSON: {error}", remedy="set the webhook's content type to application/json"
        ) from None
    if not isinstance(payload, dict):
        raise Unprocessable("the body is JSON, but not an object", remedy="only GitHub's own webhooks are accepted")
    return parser(payload, delivery)


def _pull_request(payload: _Json, delivery: str) -> Change | None:
    if _read(_Action, payload).action not in PULL_REQUEST_ACTIONS:
        return None
    event = _read(_PullRequestEvent, payload)
    pull = event.pull_request
    inside = pull.head.repo is not None and pull.head.repo.id == pull.base.repo.id
    return Change(
        forge=Forge.GITHUB,
        kind=ChangeKind.PULL_REQUEST,
        trust=Trust.TRUSTED if inside else Trust.FORK,
        repository=event.repository.full_name,
        clone_url=event.repository.clone_url,
        head=CommitId(pull.head.sha),
        at=pull.updated_at.timestamp() if pull.updated_at else 0.0,
        base=CommitId(pull.base.sha),
        head_ref=pull.head.ref,
        base_ref=pull.base.ref,
        default_branch=event.repository.default_branch,
        # GitHub keeps this ref in the base repository for every pull request, also after a fork is deleted.
        fetch_ref=f"refs/pull/{pull.number}/head",
        number=pull.number,
        title=pull.title[:_TITLE_LIMIT],
        author=pull.user.login if pull.user else "",
        delivery=delivery,
        installation=event.installation.id if event.installation else None,
    )


def _push(payload: _Json, delivery: str) -> Change | None:
    target = _read(_Target, payload)
    if target.deleted or not target.ref.startswith(_BRANCH):
        return None
    event = _read(_PushEvent, payload)
    if _is_zero(event.after):  # a deletion that does not say so
        return None
    branch = event.ref.removeprefix(_BRANCH)
    created = _is_zero(event.before)
    return Change(
        forge=Forge.GITHUB,
        kind=ChangeKind.PUSH,
        trust=Trust.TRUSTED,
        repository=event.repository.full_name,
        clone_url=event.repository.clone_url,
        head=CommitId(event.after),
        # A new branch has no commit before it; where it will go is the best there is to compare with.
        base=None if created else CommitId(event.before),
        head_ref=branch,
        base_ref=event.repository.default_branch if created else branch,
        default_branch=event.repository.default_branch,
        title=event.head_commit.message.partition("\n")[0][:_TITLE_LIMIT] if event.head_commit else "",
        author=event.sender.login if event.sender else "",
        delivery=delivery,
        installation=event.installation.id if event.installation else None,
    )


def _is_zero(sha: str) -> bool:
    return not sha.strip("0")


_M = TypeVar("_M", bound=_Part)


def _read(model: type[_M], payload: _Json) -> _M:
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise Unprocessable(
            f"the event is not as GitHub documents it: {field_problems(error)}",
            remedy="if GitHub itself sent this, please report it with the delivery's id",
        ) from None


_PARSERS: Final[dict[str, Callable[[_Json, str], Change | None]]] = {"pull_request": _pull_request, "push": _push}
