"""The files of the commit that failed, as recognisers see them, and which of them no patch may touch. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from models.errors import ChangeError
from models.patch import FilePatch, applied, checked_path

MAX_FILE_BYTES: Final = 500_000

# What decides what a job runs: a log must not talk anybody into changing that.
_STEERING: Final = frozenset(
    {
        "Dockerfile",
        "GNUmakefile",
        "Jenkinsfile",
        "Justfile",
        "Makefile",
        "Taskfile.yml",
        "appveyor.yml",
        "azure-pipelines.yml",
        "bitbucket-pipelines.yml",
        "conftest.py",
        "justfile",
        "makefile",
        "noxfile.py",
        "package.json",
        "setup.py",
        "tox.ini",
    }
)


class Files(Protocol):
    """The tree of a commit."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file and symbolic link."""
        ...

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """What regular files hold; others, larger ones than MAX_FILE_BYTES, and what is not there, are left out."""
        ...


def text_of(files: Files, path: str) -> str:
    """A file's content as text with plain line breaks. `ChangeError` for everything else, symbolic links among it."""
    raw = files.read([checked_path(path)]).get(path)
    if raw is None:
        raise ChangeError(f"{path} is no file of the tree that a patch could change")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise ChangeError(f"{path} is not UTF-8") from None
    if "\r" in text or "\0" in text:
        raise ChangeError(f"{path} is not plain text")
    return text


def guarded(path: str) -> bool:
    """Whether no patch from a log may touch it: Delta's and every CI's configuration, hidden files, build scripts."""
    parts = path.split("/")
    return any(part.startswith(".") for part in parts) or parts[-1] in _STEERING


def changed(files: Files, patch: FilePatch) -> tuple[str, str]:
    """The old and the new content. `ChangeError` where the patch may not touch the file, or does not fit it."""
    if guarded(checked_path(patch.path)):
        raise ChangeError(f"a patch from a log may not change {patch.path}")
    old = text_of(files, patch.path)
    return old, applied(patch, old)
