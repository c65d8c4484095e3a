"""Bare mirrors of repositories, one folder per clone URL: where commits are fetched to, compared and read from.

Processes on one machine share a root folder. Whoever writes to a mirror holds its lock file; readers need none, because
git adds objects whole and what a reader looks at is kept by a ref.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from models.errors import CallerError, InfrastructureError, NotFound
from models.ids import CommitId
from sandbox.source import git, patched, worktree
from sandbox.source.objects import Objects
from sandbox.source.repository import Repository

FETCH_TIMEOUT_S = 900.0
KEPT_COMMITS = "refs/delta/commits"
KEPT_REFS = "refs/delta/refs"
_TOGETHER = 50
_READERS = 16  # a process each

# What runs is what was committed: `export-ignore` would leave files out, `export-subst` would rewrite them. This file
# outranks every `.gitattributes` of the tree (`man 5 gitattributes`).
_ATTRIBUTES = "* -export-ignore -export-subst\n"
# Read by all git processes of a fetch. Local repositories of other users may be fetched from, because a fetch runs
# nothing that their configuration names; git takes this permission from no command line here, only from a file.
_CONFIG = "[safe]\n\tdirectory = *\n"

_URL = re.compile(r"(?:https?|ssh|git|file)://[^\s]+|[\w.-]+@[\w.-]+:[^\s]+|/.*", re.DOTALL)
# What `git check-ref-format` lets through, and nothing that a refspec or a command line reads another way.
_BRANCH = re.compile(r"(?!-)[^\x00-\x20\x7f~^:?*\[\\]+")
_NO_BRANCH = ("couldn't find remote ref", "could not find remote ref")
_REF = re.compile(r"refs/[\w./@+=,#%!-]+|[\w][\w./@+=,#%!-]*")


class Mirrors:
    """All mirrors under one root folder."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root = root.absolute()
        self._readers: OrderedDict[Path, Objects] = OrderedDict()
        self._books = Lock()

    def of(self, clone_url: str) -> Mirror:
        """The mirror of a repository, made when it is not there yet; nothing is fetched.

        `clone_url` is an https, http, ssh, git or file URL, or an absolute path. Errors: `CallerError` for any other,
        and for one with a password in it.
        """
        if not _URL.fullmatch(clone_url) or re.match(r"\w+://[^/@]*:[^/@]*@", clone_url):
            raise CallerError(
                "the clone URL is not one that Delta fetches from",
                remedy="give a URL without a password, or an absolute path; a credential is handed over apart",
            )
        digest = hashlib.sha256(clone_url.encode()).hexdigest()[:32]
        path = self._root / f"{digest}.git"
        mirror = Mirror(path, clone_url, self._reader(path))
        mirror.create()
        return mirror

    def close(self) -> None:
        """End the processes that read."""
        with self._books:
            for reader in self._readers.values():
                reader.close()

    def _reader(self, path: Path) -> Objects:
        with self._books:
            reader = self._readers.setdefault(path, Objects(path))
            self._readers.move_to_end(path)
            if len(self._readers) > _READERS:
                _, oldest = self._readers.popitem(last=False)
                oldest.close()  # whoever is using it starts it again
            return reader


class Mirror(Repository):
    """A bare repository with commits of one origin. Commit ids are checked: nothing else reaches git's command line."""

    def __init__(self, path: Path, clone_url: str, objects: Objects) -> None:
        super().__init__(path, objects)
        self.clone_url = clone_url

    def create(self) -> None:
        """Make the empty repository if it is not there."""
        if self.path.exists():
            return
        with self._alone():
            if self.path.exists():
                return
            fresh = self.path.with_suffix(f".{os.getpid()}")
            done = git.run(["init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(fresh)])
            if done.returncode:
                raise InfrastructureError(f"git could not make a mirror in {fresh}: {git.complaint(done)}")
            (fresh / "info").mkdir(exist_ok=True)
            (fresh / "info" / "attributes").write_text(_ATTRIBUTES)
            (fresh / "fetch.config").write_text(_CONFIG)
            fresh.rename(self.path)

    def has(self, commit: CommitId) -> bool:
        """Whether this commit is here."""
        if (self.path / KEPT_COMMITS / git.checked_commit(commit)).exists():  # or its ref was packed, or it has none
            return True
        return super().has(commit)

    def ensure(self, commit: CommitId, *, ref: str = "", authorization: str = "") -> None:
        """Fetch this commit and its history if it is not here.

        By its id, then by `ref` if the origin does not hand out ids, then with all branches. `authorization` is the
        value of an HTTP Authorization header. Errors: `NotFound` when the origin answers and does not have it,
        `InfrastructureError` with git's words when it does not answer.
        """
        if self.has(commit):
            return
        if ref and not _REF.fullmatch(ref):
            raise CallerError(f"{ref[:100]!r} is not a ref that can be fetched")
        by_ref = f"+{ref}:{KEPT_REFS}/{hashlib.sha256(ref.encode()).hexdigest()[:32]}"
        ways = [[_kept(commit)], *([[by_ref]] if ref else []), ["+refs/heads/*:refs/heads/*"]]
        with self._wanted(commit), self._alone() as waited:
            if waited and self.has(commit):
                return
            others = self._wanted_by_others(commit)
            if others and not self._fetch([_kept(commit), *map(_kept, others)], authorization):
                return
            complaint = ""
            for way in ways:
                complaint = self._fetch(way, authorization)
                if not complaint and way is ways[0]:
                    return  # and git has made its ref
                if self.has(commit):
                    self.keep(commit)
                    return
        if complaint:
            raise InfrastructureError(f"git could not fetch from {self.clone_url}: {complaint}")
        raise NotFound(
            f"{self.clone_url} has no commit {commit}", remedy="push it first, or name the ref that holds it"
        )

    def tip(self, branch: str, *, authorization: str = "") -> CommitId | None:
        """The commit that a branch of the origin is at now, fetched and kept; None when it has no such branch.

        Errors: `InfrastructureError` with git's words when the origin does not answer.
        """
        if not _BRANCH.fullmatch(branch) or ".." in branch or "@{" in branch:
            return None
        ref = f"{KEPT_REFS}/{hashlib.sha256(f'refs/heads/{branch}'.encode()).hexdigest()[:32]}"
        with self._alone():
            complaint = self._fetch([f"+refs/heads/{branch}:{ref}"], authorization)
            if any(words in complaint for words in _NO_BRANCH):
                return None
            if complaint:
                raise InfrastructureError(f"git could not fetch from {self.clone_url}: {complaint}")
            commit = git.checked_commit(
                git.output(["rev-parse", f"{ref}^{{commit}}"], git_dir=self.path).decode().strip()
            )
            self.keep(commit)
        return commit

    def keep(self, commit: CommitId) -> None:
        """Hold on to a commit that is here, so that git's own cleaning leaves it."""
        git.output(["update-ref", f"{KEPT_COMMITS}/{commit}", commit], git_dir=self.path)

    def archive(self, commit: CommitId) -> AbstractContextManager[BinaryIO]:
        """The commit's tree as a tar stream: every file that was committed, submodules as empty folders."""
        return git.streamed(["archive", "--format=tar", git.checked_commit(commit)], git_dir=self.path)

    def patched(self, head: CommitId, files: Mapping[str, bytes]) -> CommitId:
        """`head`, which must be here, with this content in these regular files of it; no ref keeps it."""
        with self._alone():
            return patched.commit(self.path, head, files)

    def snapshot(self, folder: Path) -> CommitId:
        """The work tree that `folder` lies in as a commit on top of its HEAD, kept in this mirror.

        With untracked files, without ignored ones. The same content gives the same commit. The user's repository, its
        index and its refs are not touched. Errors: `CallerError` when there is no work tree or no commit yet.
        """
        tree = worktree.find(folder)
        self.ensure(tree.head)
        with self._alone():
            commit = worktree.commit(tree, self.path)
            self.keep(commit)
        return commit

    def _fetch(self, refspecs: Sequence[str], authorization: str) -> str:
        """Fetch them; what git complained of, or nothing."""
        env = {"GIT_CONFIG_GLOBAL": str(self.path / "fetch.config")}
        if authorization:
            settings = {"http.extraHeader": f"Authorization: {authorization}", "http.followRedirects": "false"}
            env["GIT_CONFIG_COUNT"] = str(len(settings))
            for number, (name, value) in enumerate(settings.items()):
                env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        slow = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60"]  # bytes a second, for that many seconds
        flags = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--update-shallow"]
        flags += [] if self._untidy() else ["--no-auto-maintenance"]
        done = git.run(
            [*slow, "fetch", *flags, "--end-of-options", self.clone_url, *refspecs],
            git_dir=self.path,
            env=env,
            timeout_s=FETCH_TIMEOUT_S,
        )
        return (git.complaint(done) or f"exit code {done.returncode}") if done.returncode else ""

    @contextmanager
    def _wanted(self, commit: CommitId) -> Iterator[None]:
        """Let whoever fetches meanwhile know that this commit is wanted too: of many that wait, one fetches for all."""
        note = self._notes / commit
        self._notes.mkdir(exist_ok=True)
        note.touch()
        try:
            yield
        finally:
            note.unlink(missing_ok=True)

    def _wanted_by_others(self, commit: CommitId) -> list[CommitId]:
        """Some of the commits that others wait for. Asked for only once in this way: one of them may not exist."""
        others = [CommitId(name) for name in sorted(note.name for note in self._notes.iterdir()) if name != commit][
            :_TOGETHER
        ]
        for other in others:
            (self._notes / other).unlink(missing_ok=True)
        return [other for other in others if not self.has(other)]

    @property
    def _notes(self) -> Path:
        return self.path.with_suffix(".wanted")

    def _untidy(self) -> bool:
        """Whether git's own cleaning would find enough to do: it costs a process to ask git (`gc.auto` in git-config).

        Git too counts the loose objects in one folder of 256, and the packs.
        """
        loose, packs = self.path / "objects" / "17", self.path / "objects" / "pack"
        return _count(loose) > 6700 // 256 or _count(packs) > 2 * 50

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Hold the mirror's lock; says whether it was waited for. The kernel drops it with the process."""
        with self.path.with_suffix(".lock").open("w") as lock:
            waited = False
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waited = True
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield waited


def _kept(commit: CommitId) -> str:
    """The refspec that fetches a commit and keeps it."""
    return f"+{commit}:{KEPT_COMMITS}/{commit}"


def _count(folder: Path) -> int:
    try:
        return sum(1 for _ in folder.iterdir())
    except FileNotFoundError:
        return 0
