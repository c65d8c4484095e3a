"""GitLab's events, as far as Delta reacts to them: pushes to branches, and merge requests with something new in them.

https://docs.gitlab.com/user/project/integrations/webhook_events/
What is decided here, once, is trust: a merge request whose source lives in another project, or in one that is gone, is
a fork's.

No event names a commit of the target branch (`oldrev` is what the source branch was), so a merge request's change has
no `base`: the planner looks up where its `base_ref` is. Drafts are judged like any other merge request.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

from api.webhooks.payload import CloneUrl, Json, Part, Place, Ref, Sha, first_line, no_dots, pushed, read, read_json
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId
from models.inbox import Message, Submit

_NAME: Final = "GitLab"
_TIMES: Final = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S %Z")


# A project may lie in groups of groups: `group/subgroup/project`.
_Path = Annotated[str, StringConstraints(pattern=r"^[\w.-]+(/[\w.-]+)+$", max_length=1024), AfterValidator(no_dots)]


class _Project(Part):
    path_with_namespace: _Path
    git_http_url: CloneUrl
    default_branch: str | None = None  # null in a project without a commit

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(Forge.GITLAB, self.path_with_namespace, self.git_http_url, self.default_branch or "")


class _User(Part):
    id: int | None = None
    username: str = ""


class _Commit(Part):
    id: str = ""
    message: str = ""


class _PushEvent(Part):
    object_kind: Literal["push"]
    ref: Ref
    before: Sha
    after: Sha
    user_username: str = ""
    project: _Project
    commits: list[_Commit] = Field(default=[])


class _Switch(Part):
    previous: bool | None = None
    current: bool | None = None


class _Changes(Part):
    draft: _Switch = _Switch()
    work_in_progress: _Switch = _Switch()  # its name before GitLab 14


class _LastCommit(Part):
    id: Sha


class _Asked(Part):
    action: str | None = None  # GitLab's own test events have none
    state: str = "opened"
    oldrev: str | None = None


class _Action(Part):
    object_kind: Literal["merge_request"]
    object_attributes: _Asked
    changes: _Changes = _Changes()


class _MergeRequest(Part):
    iid: int = Field(gt=0)
    title: str = ""
    source_branch: Ref
    target_branch: Ref
    source_project_id: int | None  # null when the fork was deleted
    target_project_id: int
    author_id: int | None = None
    first_contribution: bool | None = None
    updated_at: str | None = None
    last_commit: _LastCommit | None = None  # null when the source branch is gone


class _MergeRequestEvent(Part):
    object_attributes: _MergeRequest
    project: _Project
    user: _User = _User()


def parse(event: str, delivery: str, body: bytes) -> Message | None:
    """What an event asks of Delta, or None when Delta does not react to that event or action.

    `event` is the header X-Gitlab-Event, `delivery` the delivery's id. Raises `Unprocessable`, naming the field, when
    an event Delta reacts to is not what GitLab documents. The header is not signed: the body says again what it is.
    """
    parser = _PARSERS.get(event)
    if parser is None:
        return None
    return parser(read_json(body, _NAME), delivery)


def _merge_request(payload: Json, delivery: str) -> Submit | None:
    if not _brings_something(_read(_Action, payload)):
        return None
    event = _read(_MergeRequestEvent, payload)
    asked = event.object_attributes
    if asked.last_commit is None:
        return None
    inside = asked.source_project_id == asked.target_project_id
    change = Change(
        **event.project.place._asdict(),
        kind=ChangeKind.PULL_REQUEST,
        trust=Trust.TRUSTED if inside else Trust.FORK,
        head=CommitId(asked.last_commit.id),
        at=_seconds(asked.updated_at or ""),
        head_ref=asked.source_branch,
        base_ref=asked.target_branch,
        # GitLab keeps this ref in the target project for every merge request, also after a fork is deleted.
        fetch_ref=f"refs/merge-requests/{asked.iid}/head",
        number=asked.iid,
        title=first_line(asked.title),
        # `user` did what the event tells of. The author is known by number only.
        author=event.user.username if event.user.id is not None and event.user.id == asked.author_id else "",
        newcomer=asked.first_contribution is not False,
        delivery=delivery,
    )
    return Submit(change=change)


def _brings_something(event: _Action) -> bool:
    """Whether there may be a commit that nobody judged: `oldrev` is there only when commits came."""
    asked = event.object_attributes
    if asked.state != "opened":
        return False
    if asked.action == "update":
        switches = (event.changes.draft, event.changes.work_in_progress)
        return bool(asked.oldrev) or any(each.previous is True and each.current is False for each in switches)
    return asked.action in {"open", "reopen"}


def _push(payload: Json, delivery: str) -> Submit | None:
    event = _read(_PushEvent, payload)
    # At most the newest 20 are there, the newest last; none when the push brought no commit of its own.
    head = next((commit for commit in event.commits if commit.id == event.after), _Commit())
    change = pushed(
        event.project.place,
        event.ref,
        event.before,
        event.after,
        title=first_line(head.message),
        author=event.user_username,
        delivery=delivery,
    )
    return Submit(change=change) if change is not None else None


def _seconds(time: str) -> float:
    """GitLab writes times in more than one way; one that it cannot be is as none."""
    for form in _TIMES:
        try:
            found = datetime.strptime(time[:64], form)  # noqa: DTZ007 - the zone is put in below where none was read
        except ValueError:
            continue
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return 0.0


_M = TypeVar("_M", bound=Part)


def _read(model: type[_M], payload: Json) -> _M:
    return read(model, payload, _NAME)


_PARSERS: Final[dict[str, Callable[[Json, str], Message | None]]] = {
    "Merge Request Hook": _merge_request,
    "Push Hook": _push,
}
