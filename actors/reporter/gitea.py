"""Gitea or Forgejo as a `Forge`, on its documented endpoints: commit statuses and issue comments of one repository.

https://docs.gitea.com/api and https://codeberg.org/api/swagger
They have no checks. A commit status stands for one: what it is called is its context, and of all that were posted with
one context on one commit, the last counts. So posting is both making and changing, posting twice does no harm, and the
id of a check is its commit. A status has one line and a link; annotations and the longer texts have no place there.

A branch protection asks for contexts by name. Those of a pull request's run are the checks' names; those of another run
(of a push) of the same commit say so, or one run would hide what the other one found.

Nothing is tried again here, no redirect is followed, and the token is in no error.
"""

from __future__ import annotations

import string
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from actors.reporter.forge import (
    Check,
    Conclusion,
    ForgeGone,
    ForgeRefused,
    ForgeUnavailable,
    FoundCheck,
    FoundComment,
)
from models.change import Change
from models.ids import CommitId
from models.settings import GiteaSettings

_PAGE: Final = 50  # servers give so many at once unless they are set up otherwise, and may give fewer
_MAX_PAGES: Final = 60
_TIMEOUT_S: Final = 30.0
_LONGEST_WAIT_S: Final = 3_600.0
_DESCRIPTION_LIMIT: Final = 255  # characters; what is shown beside a commit
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class _Shown(NamedTuple):
    """A state that every version knows, and what the description has to add to it."""

    state: str
    note: str = ""


# `warning` and `skipped` would say it better, but the first blocks a merge in some versions, and some have no second.
_CONCLUSIONS: Final[Mapping[Conclusion | None, _Shown]] = {
    None: _Shown("pending"),
    Conclusion.SUCCESS: _Shown("success"),
    Conclusion.FAILURE: _Shown("failure"),
    Conclusion.TIMED_OUT: _Shown("failure", "timed out"),
    Conclusion.CANCELLED: _Shown("error"),
    Conclusion.SKIPPED: _Shown("success", "does not block"),
    Conclusion.NEUTRAL: _Shown("success", "does not block"),
}


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Id(_Answer):
    id: int


class _User(_Answer):
    id: int


class _Status(_Answer):
    context: str


class _Combined(_Answer):
    statuses: list[_Status] | None = None  # null where there is none


class _Comment(_Answer):
    id: int
    body: str = ""
    user: _User | None = None


_COMBINED: Final = TypeAdapter(_Combined)
_COMMENTS: Final = TypeAdapter(list[_Comment])
_ID: Final = TypeAdapter(_Id)
_USER: Final = TypeAdapter(_User)


@asynccontextmanager
async def connect(settings: GiteaSettings, change: Change) -> AsyncIterator[GiteaForge]:
    """Gitea as seen from this change's repository, with one pool of connections until the block ends.

    Raises `ForgeRefused` where the address or the token cannot be used.
    """
    token = _usable_token(settings)
    headers = {"Authorization": f"token {token}", "Accept": "application/json", "User-Agent": "delta-ci"}
    url = f"{_usable_url(settings)}/api/v1"
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT_S) as client:
        yield GiteaForge(_Calls(client, token), change)


class GiteaForge:
    """One repository, and in it the checks of one change."""

    def __init__(self, calls: _Calls, change: Change) -> None:
        self._calls = calls
        self._repo = "/repos/" + "/".join(quote(part, safe="") for part in change.repository.split("/"))
        self._run = change.run_id()
        self._suffix = "" if change.number is not None else f" ({change.kind})"
        self._us: int | None = None

    async def find_checks(self, head: CommitId) -> dict[str, FoundCheck]:
        """See `Forge`. A status does not say which run it is of; the one of our context is the one to replace."""
        found: dict[str, FoundCheck] = {}
        seen = 0
        for page in range(1, _MAX_PAGES + 1):
            answer = await self._calls.call(
                f"listing the statuses of {head}",
                "GET",
                f"{self._repo}/commits/{head}/status",
                params={"page": page, "limit": _PAGE},
            )
            statuses = _read(_COMBINED, answer).statuses or []
            for each in statuses:
                if (external_id := self._external_id(each.context)) is not None:
                    found[external_id] = FoundCheck(id=head, annotations=0)
            seen += len(statuses)
            # Not "fewer than asked for": the server may be set to give fewer.
            if not statuses or seen >= _total(answer):
                break
        return found

    async def find_check(self, check_id: str) -> FoundCheck | None:
        """See `Forge`. A status cannot be taken away, and carries no annotations."""
        return FoundCheck(id=check_id, annotations=0)

    async def create_check(self, head: CommitId, check: Check) -> str:
        """See `Forge`."""
        shown = _CONCLUSIONS[check.conclusion]
        body = {"context": f"{check.name}{self._suffix}", "state": shown.state, "description": _line(check, shown.note)}
        if check.details_url:
            body["target_url"] = check.details_url
        what = f"posting the status {check.name!r}"
        _read(_ID, await self._calls.call(what, "POST", f"{self._repo}/statuses/{head}", json=body))
        return head

    async def update_check(self, check_id: str, check: Check) -> None:
        """See `Forge`."""
        await self.create_check(CommitId(check_id), check)

    async def find_comment(self, number: int, marker: str) -> FoundComment | None:
        """See `Forge`. All comments come at once: this list has no pages."""
        what = f"listing the comments of #{number}"
        comments = _read(_COMMENTS, await self._calls.call(what, "GET", f"{self._repo}/issues/{number}/comments"))
        for comment in comments:
            # Anybody can copy the marker; without a look at the author, a stranger's comment could stand for ours.
            if comment.body.startswith(marker) and comment.user is not None and comment.user.id == await self._who():
                return FoundComment(id=str(comment.id), body=comment.body)
        return None

    async def create_comment(self, number: int, body: str) -> str:
        """See `Forge`."""
        path = f"{self._repo}/issues/{number}/comments"
        answer = await self._calls.call(f"commenting on #{number}", "POST", path, json={"body": body})
        return str(_read(_ID, answer).id)

    async def update_comment(self, comment_id: str, body: str) -> None:
        """See `Forge`."""
        path = f"{self._repo}/issues/comments/{int(comment_id)}"
        await self._calls.call(f"changing comment {comment_id}", "PATCH", path, json={"body": body})

    async def _who(self) -> int:
        """Whose token this is."""
        if self._us is None:
            self._us = _read(_USER, await self._calls.call("asking whose token this is", "GET", "/user")).id
        return self._us

    def _external_id(self, context: str) -> str | None:
        name = context.removesuffix(self._suffix) if context.endswith(self._suffix) else ""
        summary, slash, job = name.partition(" / ")
        if summary != "delta":
            return None
        return f"{self._run}/{job}" if slash else self._run


class _Calls:
    """One client, its answers told apart by whether the same call could succeed later."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._token = token

    async def call(
        self, what: str, method: str, path: str, *, json: object = None, params: Mapping[str, int] | None = None
    ) -> httpx.Response:
        """A 2xx answer. Raises `ForgeUnavailable`, `ForgeRefused` and `ForgeGone`."""
        try:
            response = await self._client.request(method, path, json=json, params=params)
        except httpx.HTTPError as error:
            told = self._without_token(f"{what}: Gitea does not answer: {error!r}")
            raise ForgeUnavailable(told, remedy="check DELTA_GITEA__URL, and whether Gitea runs") from None
        if response.is_success:
            return response
        raise self._refusal(what, response)

    def _refusal(self, what: str, response: httpx.Response) -> ForgeUnavailable | ForgeRefused:
        status = response.status_code
        told = self._without_token(f"{what}: Gitea answered {status}: {response.text[:500]}")
        if status in {408, 429} or status >= 500:
            return ForgeUnavailable(told, retry_after_s=_retry_after_s(response))
        if status in {404, 410}:
            return ForgeGone(told, remedy="it was deleted, or the token's user may not see this repository")
        if status < 400:
            return ForgeRefused(told, remedy="set DELTA_GITEA__URL to where Gitea itself answers, without a redirect")
        return ForgeRefused(
            told,
            remedy="DELTA_GITEA__TOKEN needs write:repository, write:issue and read:user, and its user write access",
        )

    def _without_token(self, text: str) -> str:
        return text.replace(self._token, "[token]")


_T = TypeVar("_T")


def _read(adapter: TypeAdapter[_T], response: httpx.Response) -> _T:
    try:
        return adapter.validate_json(response.content)
    except ValidationError:
        raise ForgeRefused(
            f"{response.request.method} {response.request.url.path}: the answer is not what Gitea documents",
            remedy="check that DELTA_GITEA__URL is the address of Gitea or Forgejo",
        ) from None


def _line(check: Check, note: str) -> str:
    """The check's title, and in brackets what its state does not say."""
    if not note:
        return check.title[:_DESCRIPTION_LIMIT]
    return f"{check.title[: _DESCRIPTION_LIMIT - len(note) - 3]} ({note})"


def _total(response: httpx.Response) -> float:
    """How many there are in all; without end where the server does not say."""
    told = response.headers.get("X-Total-Count", "")
    return int(told) if told.isdecimal() else float("inf")


def _retry_after_s(response: httpx.Response) -> float:
    """Seconds or a date (RFC 9110, 10.2.3), within reason; 0 where nothing usable is said."""
    told = response.headers.get("Retry-After", "")
    if told.isdecimal():
        return min(float(told), _LONGEST_WAIT_S)
    try:
        until = parsedate_to_datetime(told)
    except ValueError:
        return 0.0
    wait_s = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S)


def _usable_token(settings: GiteaSettings) -> str:
    token = settings.token.get_secret_value().strip()
    if not token:
        raise ForgeRefused("nothing can be written to Gitea: there is no token", remedy="set DELTA_GITEA__TOKEN")
    if not set(token) <= set(string.ascii_letters + string.digits + string.punctuation):
        # The client's own error would show it.
        raise ForgeRefused("DELTA_GITEA__TOKEN has a character that no token has", remedy="set it anew")
    return token


def _usable_url(settings: GiteaSettings) -> str:
    try:
        url = urlsplit(settings.url.strip())
        sealed = url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK)
        usable = bool(url.hostname) and sealed and not (url.username or url.password or url.query or url.fragment)
    except ValueError:
        usable = False
    if not usable:
        raise ForgeRefused(
            "nothing can be written to Gitea: DELTA_GITEA__URL is not an https:// address, without a user in it",
            remedy="set it to what begins the address of each repository; http:// is for this machine alone",
        )
    return settings.url.strip().rstrip("/")
