"""GitLab as a `Forge`, over its REST interface: commit statuses and the notes of merge requests of one project.

https://docs.gitlab.com/api/commits/#commit-status and https://docs.gitlab.com/api/notes/#merge-requests
Nothing is tried again here: a note whose answer got lost would be a second one.

A status is known by commit, ref, name and author; it carries no id of ours, no text and no annotations. One that has
ended stays as it was, and the next of its name takes its place. So two things must not share a name:
- a push and a merge request with one head: what the push needs may be less, and must not pass for the other's verdict;
- a fork's branch and ours of the same name: a fork's statuses are of the merge request's ref, never of a branch.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from actors.reporter.desired import SUMMARY
from actors.reporter.forge import (
    Check,
    Conclusion,
    ForgeGone,
    ForgeRefused,
    ForgeUnavailable,
    FoundCheck,
    FoundComment,
    Status,
)
from actors.reporter.markdown import one_line
from models.change import Change, ChangeKind, Trust
from models.ids import CommitId, RunId
from models.settings import GitLabSettings

_STATUSES: Final = 100  # a page, the most GitLab gives at once
_NOTES: Final = 20  # a page: a note may have 1,000,000 characters
_MAX_PAGES: Final = 50
_MAX_BYTES: Final = 64 * 1024 * 1024
_TIMEOUT_S: Final = 30.0
_FIELD: Final = 255  # characters of a status' description, and of its URL
_TOLD: Final = 500

_STATES: Final[Mapping[Status | Conclusion, str]] = {
    Status.QUEUED: "pending",
    Status.IN_PROGRESS: "running",
    Conclusion.SUCCESS: "success",
    Conclusion.FAILURE: "failed",
    Conclusion.TIMED_OUT: "failed",
    Conclusion.CANCELLED: "canceled",
    Conclusion.SKIPPED: "skipped",
    Conclusion.NEUTRAL: "success",
}
# What the state does not say.
_REMARKS: Final[Mapping[Conclusion, str]] = {
    Conclusion.NEUTRAL: "counts as success: ",
    Conclusion.TIMED_OUT: "timed out: ",
}
_NO_MOVE: Final = re.compile(r"Cannot transition status via :\w+ from :(\w+)")
_COMMAND: Final = re.compile(r"^/", re.MULTILINE)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _User(_Answer):
    id: int


class _Status(_Answer):
    name: str = ""


class _Note(_Answer):
    id: int
    body: str = ""
    author: _User | None = None


_STATUS_LIST: Final = TypeAdapter(list[_Status])
_NOTE_LIST: Final = TypeAdapter(list[_Note])
_T = TypeVar("_T")
_Sent: TypeAlias = Mapping[str, str | int]


class Lane(NamedTuple):
    """What a run's statuses are called, and which ref they are of."""

    run: RunId
    label: str
    ref: str

    def name(self, check: str) -> str:
        """What the status of a check is called."""
        return f"{self.label}{check.removeprefix(SUMMARY)}"

    def external_id(self, name: str) -> str | None:
        """The check that a status stands for; None where it is none of this run's."""
        if name == self.label:
            return self.run
        job = name.removeprefix(f"{self.label} / ")
        return f"{self.run}/{job}" if job != name else None


def lane(change: Change) -> Lane:
    """The lane of the run of a change."""
    label = f"{SUMMARY} !{change.number}" if change.kind is ChangeKind.PULL_REQUEST else SUMMARY
    # GitLab shows statuses in the merge request where they are of its source branch, and that lies in this project.
    return Lane(change.run_id(), label, change.fetch_ref if change.trust is Trust.FORK else change.head_ref)


@asynccontextmanager
async def connect(settings: GitLabSettings, change: Change) -> AsyncIterator[GitLabForge]:
    """GitLab as seen from this change's project, with one pool of connections until the block ends.

    Raises `ForgeRefused` where there is no credential, or it would travel in the clear.
    """
    token, url = settings.token.get_secret_value(), urlsplit(settings.url)
    if not token:
        raise ForgeRefused(
            f"nothing can be written to {change.repository} on GitLab: there is no credential for it",
            remedy="set DELTA_GITLAB__TOKEN",
        )
    if url.scheme != "https" and url.hostname not in {"127.0.0.1", "localhost"}:
        raise ForgeRefused("the token would travel in the clear", remedy="set DELTA_GITLAB__URL to an https address")
    async with httpx.AsyncClient(
        base_url=f"{settings.url.rstrip('/')}/api/v4",
        headers={"Authorization": f"Bearer {token}", "User-Agent": "delta-ci"},
        timeout=_TIMEOUT_S,
        follow_redirects=False,  # the token is for this address
    ) as client:
        yield GitLabForge(client, change.repository, lane(change), token)


class GitLabForge:
    """One project, `group/…/name`, and the statuses of one run. `token` is what no message may show."""

    def __init__(self, client: httpx.AsyncClient, project: str, at: Lane, token: str = "") -> None:
        self._client = client
        self._project = f"/projects/{quote(project, safe='')}"
        self._lane = at
        self._token = token
        self._user: int | None = None
        self._not_before = 0.0
        self._knows_skipped = True

    async def find_checks(self, head: CommitId) -> dict[str, FoundCheck]:
        """See `Forge`."""
        names = await self._names(head, {})
        found = {name: self._lane.external_id(name) for name in names}
        return {ours: _found(head, name) for name, ours in found.items() if ours is not None}

    async def find_check(self, check_id: str) -> FoundCheck | None:
        """See `Forge`."""
        head, _, name = check_id.partition("/")
        try:
            names = await self._names(CommitId(head), {"name": name})
        except ForgeGone:
            return None
        return _found(CommitId(head), name) if name in names else None

    async def create_check(self, head: CommitId, check: Check) -> str:
        """See `Forge`. For GitLab it is the same as changing one."""
        name = self._lane.name(check.name)
        await self._set(head, name, check)
        return f"{head}/{name}"

    async def update_check(self, check_id: str, check: Check) -> None:
        """See `Forge`."""
        head, _, name = check_id.partition("/")
        await self._set(CommitId(head), name, check)

    async def find_comment(self, number: int, marker: str) -> FoundComment | None:
        """See `Forge`."""
        place = f"{self._project}/merge_requests/{number}/notes"
        for page in range(1, _MAX_PAGES + 1):
            paging: _Sent = {"sort": "asc", "order_by": "created_at", "per_page": _NOTES, "page": page}
            answer = await self._ask(f"listing the comments of !{number}", "GET", place, params=paging)
            notes = _read(_NOTE_LIST, answer)
            for note in notes:
                if note.body.startswith(marker) and note.author and note.author.id == await self._who_we_are():
                    return FoundComment(id=f"{number}/{note.id}", body=note.body)
            if len(notes) < _NOTES:
                break
        return None

    async def create_comment(self, number: int, body: str) -> str:
        """See `Forge`."""
        answer = await self._ask(
            f"commenting on !{number}",
            "POST",
            f"{self._project}/merge_requests/{number}/notes",
            json={"body": without_commands(body)},
        )
        return f"{number}/{_read(TypeAdapter(_Note), answer).id}"

    async def update_comment(self, comment_id: str, body: str) -> None:
        """See `Forge`."""
        number, _, note = comment_id.partition("/")
        await self._ask(
            f"changing a comment on !{number}",
            "PUT",
            f"{self._project}/merge_requests/{number}/notes/{note}",
            json={"body": without_commands(body)},
        )

    async def _set(self, head: CommitId, name: str, check: Check) -> None:
        state = _STATES[check.conclusion or check.status]
        title = f"{_REMARKS.get(check.conclusion or Conclusion.SUCCESS, '')}{check.title}"
        if state == "skipped" and not self._knows_skipped:
            state, title = "success", title if title.startswith("skipped") else f"skipped: {title}"
        body: dict[str, str | int] = {"name": name, "state": state, "description": one_line(title, _FIELD)}
        if self._lane.ref:
            body["ref"] = self._lane.ref
        if check.details_url and len(check.details_url) <= _FIELD:
            body["target_url"] = check.details_url
        what = f"setting the status {name!r}"
        answer = await self._send(what, "POST", f"{self._project}/statuses/{quote(head)}", json=body)
        if answer.status_code == 400 and "state does not have a valid value" in answer.text and state == "skipped":
            self._knows_skipped = False  # an older GitLab
            await self._set(head, name, check)
        elif not (answer.status_code == 400 and _is_there(state, answer.text)):
            self._check(what, answer)

    async def _names(self, head: CommitId, which: Mapping[str, str]) -> list[str]:
        """The names of the commit's statuses, of each the newest."""
        found: list[str] = []
        place = f"{self._project}/repository/commits/{quote(head)}/statuses"
        of = {**which, "ref": self._lane.ref} if self._lane.ref else which
        for page in range(1, _MAX_PAGES + 1):
            paging: _Sent = {**of, "per_page": _STATUSES, "page": page}
            answer = await self._ask(f"listing the statuses of {head}", "GET", place, params=paging)
            statuses = _read(_STATUS_LIST, answer)
            found += [status.name for status in statuses]
            if len(statuses) < _STATUSES:
                break
        return found

    async def _who_we_are(self) -> int:
        """Anybody can copy the marker; without this, a stranger's comment could stand for ours."""
        if self._user is None:
            answer = await self._ask("asking whose token this is", "GET", "/user")
            self._user = _read(TypeAdapter(_User), answer).id
        return self._user

    async def _ask(
        self, what: str, method: str, path: str, *, params: _Sent | None = None, json: _Sent | None = None
    ) -> httpx.Response:
        answer = await self._send(what, method, path, params=params, json=json)
        self._check(what, answer)
        return answer

    async def _send(
        self, what: str, method: str, path: str, *, params: _Sent | None = None, json: _Sent | None = None
    ) -> httpx.Response:
        """One request. What it answers is read up to `_MAX_BYTES`, whoever wrote so many notes."""
        wait_s = self._not_before - time.time()
        if wait_s > 0:
            raise ForgeUnavailable(f"{what}: GitLab's rate limit is used up", retry_after_s=wait_s)
        try:
            async with self._client.stream(method, path, params=params, json=json) as answer:
                content = bytearray()
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > _MAX_BYTES:
                        raise ForgeRefused(f"{what}: GitLab's answer is over {_MAX_BYTES:,} bytes")
        except httpx.TransportError as error:
            raise ForgeUnavailable(f"{what}: GitLab does not answer: {type(error).__name__}") from error
        except httpx.DecodingError as error:
            raise ForgeUnavailable(f"{what}: GitLab's answer cannot be read: {type(error).__name__}") from error
        if answer.headers.get("RateLimit-Remaining") == "0":
            self._not_before = time.time() + _patience_s(answer.headers)
        return httpx.Response(answer.status_code, headers=_plain(answer.headers), content=bytes(content))

    def _check(self, what: str, answer: httpx.Response) -> None:
        """The errors, told apart by whether the same call could succeed later."""
        status = answer.status_code
        if status < 300:
            return
        said = answer.text[:_TOLD]
        told = f"{what}: GitLab answered {status}: {said.replace(self._token, '***') if self._token else said}"
        # 409: somebody else is setting the same status just now.
        if status in {408, 409, 429} or status >= 500 or (status == 403 and "retry-after" in answer.headers):
            raise ForgeUnavailable(told, retry_after_s=_patience_s(answer.headers))
        if status in {404, 410}:
            raise ForgeGone(told, remedy="it was deleted, or the token's user is no member of the project")
        if status < 400:
            raise ForgeRefused(told, remedy="set DELTA_GITLAB__URL to where GitLab is now")
        raise ForgeRefused(told, remedy="the token needs the scope `api` and at least the role Developer")


def without_commands(body: str) -> str:
    """The text with nothing in it that GitLab would do in our name.

    A line that begins with a slash is a *quick action* (`/merge`, `/approve`). GitLab looks for them before it reads
    Markdown, so a fence of a log's own around one does not hide it; a blank before the slash does.
    """
    return _COMMAND.sub(" /", body.replace("\r", ""))


def _is_there(state: str, told: str) -> bool:
    """Whether GitLab refuses a state because the status has it, or has gone on and knows no way back."""
    found = _NO_MOVE.search(told)
    return found is not None and (found[1] == state or (state, found[1]) == ("pending", "running"))


def _found(head: CommitId, name: str) -> FoundCheck:
    return FoundCheck(id=f"{head}/{name}", annotations=0)


def _patience_s(headers: httpx.Headers) -> float:
    """How long to wait, from what GitLab says; 0 where it does not say, or not in seconds."""
    after, reset = headers.get("Retry-After", ""), headers.get("RateLimit-Reset", "")
    if re.fullmatch(r"\d{1,6}", after):
        return float(after)
    return max(0.0, min(float(reset) - time.time(), 3600.0)) if re.fullmatch(r"\d{1,12}", reset) else 0.0


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """Those that are looked at: the content was decoded."""
    return {name: value for name, value in headers.items() if name in {"retry-after", "ratelimit-reset"}}


def _read(form: TypeAdapter[_T], answer: httpx.Response) -> _T:
    try:
        return form.validate_json(answer.content)
    except ValidationError as error:
        raise ForgeUnavailable("the answer is not GitLab's", remedy="is a proxy before DELTA_GITLAB__URL?") from error
