"""A change that a person or a script names, rather than a forge: the body of `POST /v1/runs`."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.errors import Unprocessable
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId

# git runs programs for some URLs (`ext::`), so what it may be given is a list of what is known, not of what is not.
_SCHEMES: Final = frozenset({"http", "https", "ssh", "git"})
_SCP_LIKE: Final = re.compile(r"\w[\w.-]*@\w[\w.-]*:[^\s:-][^\s:]*")

_Commit = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
_Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=1024)]


class Submission(BaseModel):
    """`repository` is a clone URL, or the absolute path of a repository on the server's machine.

    `head` and `base` are full commit ids: what a branch means is for the sender to say (`git rev-parse`). Without
    `base` there is nothing to compare with. `fetch_ref` is the ref that holds `head` when no branch does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: _Line = Field(min_length=1, examples=["https://github.com/octocat/hello-world.git"])
    head: _Commit
    base: _Commit | None = None
    head_ref: _Line = ""
    base_ref: _Line = ""
    fetch_ref: _Line = ""
    title: _Line = ""
    author: _Line = ""

    def change(self, nonce: str) -> Change:
        """The change to judge. `nonce` tells two runs of one commit apart. Raises `Unprocessable` for the repository.

        It is trusted: whoever holds the server's token may run what they like on it.
        """
        return Change(
            forge=Forge.LOCAL,
            kind=ChangeKind.MANUAL,
            trust=Trust.TRUSTED,
            repository=_name(self.repository),
            clone_url=self.repository,
            head=CommitId(self.head),
            base=CommitId(self.base) if self.base else None,
            head_ref=self.head_ref,
            base_ref=self.base_ref,
            fetch_ref=self.fetch_ref,
            title=self.title,
            author=self.author,
            nonce=nonce,
        )


class RerunRequest(BaseModel):
    """What to run once more: `all`, `failed` (with cancelled and errored), or one job as `job:ID`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    which: Annotated[str, StringConstraints(pattern=r"^(all|failed|job:[a-z0-9][a-z0-9_-]{0,63})$")] = "failed"


def _name(repository: str) -> str:
    """`owner/name` of a URL; a local repository is called by its path."""
    if repository.startswith("/"):
        return repository
    path = repository.partition(":")[2] if _SCP_LIKE.fullmatch(repository) else _path_of_url(repository)
    parts = [part for part in PurePosixPath(path.removesuffix(".git")).parts if part != "/"]
    if not parts:
        raise Unprocessable(f"repository: {repository!r} names no repository", remedy="give the URL `git clone` takes")
    return "/".join(parts)


def _path_of_url(repository: str) -> str:
    try:
        url = urlsplit(repository)
        host, password = url.hostname, url.password
    except ValueError as error:
        raise Unprocessable(f"repository: not a URL: {error}", remedy="give the URL `git clone` takes") from None
    if url.scheme not in _SCHEMES or not host or host.startswith("-"):
        raise Unprocessable(
            "repository: neither an absolute path nor a URL that Delta clones from",
            remedy=f"use an absolute path, {', '.join(sorted(_SCHEMES))} or user@host:path",
        )
    if password is not None:
        raise Unprocessable(
            "repository: the URL holds a password, which would be stored with the run",
            remedy="give the server its own access to the repository",
        )
    return url.path
