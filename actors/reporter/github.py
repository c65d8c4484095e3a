"""GitHub as a `Forge`, through githubkit: checks and issue comments of one repository.

https://docs.github.com/en/rest/checks/runs and https://docs.github.com/en/rest/issues/comments
Nothing is tried again here: a create whose answer got lost would be a second check. Answers are read through own small
models, because full ones fail on fields that nobody asked for.

A GitHub App is the way to use it: with a token of a person GitHub refuses to create checks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from githubkit import AppAuthStrategy, GitHub, Response, TokenAuthStrategy
from githubkit.exception import GitHubException, RateLimitExceeded, RequestError, RequestFailed
from pydantic import BaseModel, ConfigDict, TypeAdapter

from actors.reporter.forge import Check, ForgeGone, ForgeRefused, ForgeUnavailable, FoundCheck, FoundComment
from models.ids import CommitId
from models.settings import GitHubSettings

_PAGE: Final = 100  # the most GitHub gives at once
_MAX_PAGES: Final = 30
_TIMEOUT_S: Final = 30.0


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Id(_Answer):
    id: int


class _Output(_Answer):
    annotations_count: int = 0


class _CheckRun(_Answer):
    id: int
    external_id: str | None = None
    output: _Output = _Output()

    def found(self) -> FoundCheck:
        return FoundCheck(id=str(self.id), annotations=self.output.annotations_count)


class _CheckRuns(_Answer):
    check_runs: list[_CheckRun]


class _User(_Answer):
    login: str
    type: str = "User"


class _Comment(_Answer):
    id: int
    body: str | None = None
    user: _User | None = None
    performed_via_github_app: _Id | None = None


class _Permission(_Answer):
    permission: str


_COMMENTS: Final = TypeAdapter(list[_Comment])


@asynccontextmanager
async def connect(settings: GitHubSettings, repository: str, installation: int | None) -> AsyncIterator[GitHubForge]:
    """GitHub as seen from this repository, with one pool of connections until the block ends.

    An App's `installation` is the one that the event came through. Raises `ForgeRefused` where there is no credential.
    """
    app_id = int(settings.app_id) if settings.app_id.isdigit() else None
    auth: Any  # githubkit's strategies share no public type that its constructor takes
    if settings.app_id and installation is not None:
        app = AppAuthStrategy(settings.app_id, settings.private_key.get_secret_value())
        auth = app.as_installation(installation)
    elif settings.token.get_secret_value():
        auth = TokenAuthStrategy(settings.token.get_secret_value())
    else:
        raise ForgeRefused(
            f"nothing can be written to {repository} on GitHub: there is no credential for it",
            remedy="install Delta's GitHub App there, or set DELTA_GITHUB__TOKEN",
        )
    github: GitHub[Any] = GitHub(
        auth, base_url=settings.api_url, user_agent="delta-ci", timeout=_TIMEOUT_S, auto_retry=False, http_cache=False
    )
    async with github:
        yield GitHubForge(github, repository, app_id if settings.app_id and installation else None)


class GitHubForge:
    """One repository, `owner/name`. `app_id` is the App we are, None when we are the owner of a token."""

    def __init__(self, github: GitHub[Any], repository: str, app_id: int | None) -> None:
        self._github = github
        self._owner, _, self._repo = repository.partition("/")
        self._app_id = app_id
        self._login: str | None = None

    async def find_checks(self, head: CommitId) -> dict[str, FoundCheck]:
        """See `Forge`. The newest check of an external id counts."""
        found: dict[str, FoundCheck] = {}
        for page in range(1, _MAX_PAGES + 1):
            mine: dict[str, Any] = {} if self._app_id is None else {"app_id": self._app_id}
            with _answering(f"listing the checks of {head}"):
                response: Response[Any, Any] = await self._github.rest.checks.async_list_for_ref(
                    self._owner, self._repo, head, filter_="all", per_page=_PAGE, page=page, **mine
                )
            runs = _CheckRuns.model_validate_json(response.content).check_runs
            for run in runs:
                if run.external_id:
                    found.setdefault(run.external_id, run.found())
            if len(runs) < _PAGE:
                break
        return found

    async def find_check(self, check_id: str) -> FoundCheck | None:
        """See `Forge`."""
        try:
            with _answering(f"reading check {check_id}"):
                response: Response[Any, Any] = await self._github.rest.checks.async_get(
                    self._owner, self._repo, int(check_id)
                )
        except ForgeGone:
            return None
        return _CheckRun.model_validate_json(response.content).found()

    async def create_check(self, head: CommitId, check: Check) -> str:
        """See `Forge`."""
        body: Any = {"head_sha": head, **_body(check)}  # githubkit checks it against GitHub's description
        with _answering(f"creating the check {check.name!r}"):
            response: Response[Any, Any] = await self._github.rest.checks.async_create(
                self._owner, self._repo, data=body
            )
        return str(_Id.model_validate_json(response.content).id)

    async def update_check(self, check_id: str, check: Check) -> None:
        """See `Forge`."""
        body: Any = _body(check)
        with _answering(f"updating the check {check.name!r}"):
            await self._github.rest.checks.async_update(self._owner, self._repo, int(check_id), data=body)

    async def find_comment(self, number: int, marker: str) -> FoundComment | None:
        """See `Forge`."""
        for page in range(1, _MAX_PAGES + 1):
            with _answering(f"listing the comments of #{number}"):
                response: Response[Any, Any] = await self._github.rest.issues.async_list_comments(
                    self._owner, self._repo, number, per_page=_PAGE, page=page
                )
            comments = _COMMENTS.validate_json(response.content)
            for comment in comments:
                if comment.body and comment.body.startswith(marker) and await self._is_ours(comment):
                    return FoundComment(id=str(comment.id), body=comment.body)
            if len(comments) < _PAGE:
                break
        return None

    async def create_comment(self, number: int, body: str) -> str:
        """See `Forge`."""
        with _answering(f"commenting on #{number}"):
            response: Response[Any, Any] = await self._github.rest.issues.async_create_comment(
                self._owner, self._repo, number, data={"body": body}
            )
        return str(_Id.model_validate_json(response.content).id)

    async def update_comment(self, comment_id: str, body: str) -> None:
        """See `Forge`."""
        with _answering(f"changing comment {comment_id}"):
            await self._github.rest.issues.async_update_comment(
                self._owner, self._repo, int(comment_id), data={"body": body}
            )

    async def may_write(self, login: str) -> bool:
        """See `Talk`. Somebody who is no collaborator may not."""
        try:
            with _answering(f"asking what {login} may do"):
                response: Response[Any, Any] = await self._github.rest.repos.async_get_collaborator_permission_level(
                    self._owner, self._repo, login
                )
        except ForgeGone:
            return False
        return _Permission.model_validate_json(response.content).permission in {"admin", "write"}

    async def react(self, comment_id: str, *, done: bool) -> None:
        """See `Talk`."""
        with _answering(f"reacting to comment {comment_id}"):
            await self._github.rest.reactions.async_create_for_issue_comment(
                self._owner, self._repo, int(comment_id), content="+1" if done else "confused"
            )

    async def _is_ours(self, comment: _Comment) -> bool:
        """Whether we wrote it. Anybody can copy the marker; without this, a stranger's comment could stand for ours."""
        if self._app_id is not None:
            return comment.performed_via_github_app is not None and comment.performed_via_github_app.id == self._app_id
        if comment.user is None:
            return False
        if self._login is None:
            self._login = await self._who_we_are()
        # An App's token, handed to us as a plain token, may not ask who it is; what it writes is written by a bot.
        return comment.user.login == self._login if self._login else comment.user.type == "Bot"

    async def _who_we_are(self) -> str:
        try:
            with _answering("asking whose token this is"):
                response: Response[Any, Any] = await self._github.rest.users.async_get_authenticated()
        except ForgeRefused:
            return ""
        return _User.model_validate_json(response.content).login


def _body(check: Check) -> dict[str, Any]:
    output: dict[str, Any] = {"title": check.title, "summary": check.summary}
    if check.text:
        output["text"] = check.text
    if check.annotations:
        output["annotations"] = [
            {
                "path": each.path,
                "start_line": each.line,
                "end_line": each.line,
                "annotation_level": "failure",
                "title": each.title,
                "message": each.message,
            }
            for each in check.annotations
        ]
    body: dict[str, Any] = {"name": check.name, "external_id": check.external_id, "status": check.status.value}
    if check.conclusion is not None:
        body["conclusion"] = check.conclusion.value
    if check.details_url:
        body["details_url"] = check.details_url
    if check.started_at is not None:
        body["started_at"] = _iso(check.started_at)
    if check.completed_at is not None:
        body["completed_at"] = _iso(check.completed_at)
    return {**body, "output": output}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def _answering(what: str) -> Iterator[None]:
    """The errors of githubkit, told apart by whether the same call could succeed later."""
    try:
        yield
    except GitHubException as error:
        raise _translated(what, error) from error


def _translated(what: str, error: BaseException) -> ForgeUnavailable | ForgeRefused:
    # What fails while an App's token is fetched arrives wrapped once more.
    while isinstance(error, RequestError) and not isinstance(error, RequestFailed):
        if not isinstance(error.exc, GitHubException):
            return ForgeUnavailable(f"{what}: GitHub does not answer: {error.exc!r}")
        error = error.exc
    if isinstance(error, RateLimitExceeded):
        wait_s = error.retry_after.total_seconds()
        return ForgeUnavailable(f"{what}: GitHub's rate limit is used up", retry_after_s=wait_s)
    if not isinstance(error, RequestFailed):
        return ForgeRefused(f"{what}: {error!r}", remedy="check DELTA_GITHUB__APP_ID and DELTA_GITHUB__PRIVATE_KEY")
    status = error.response.status_code
    told = f"{what}: GitHub answered {status}: {error.response.text[:500]}"
    if status >= 500:
        return ForgeUnavailable(told)
    if status in {404, 410}:
        return ForgeGone(told, remedy="it was deleted, or the App is not installed on this repository")
    return ForgeRefused(told, remedy="the App needs write access to checks and to pull requests")
