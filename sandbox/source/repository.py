"""A git repository that is only read: commits compared, trees listed, contents taken out. A user's own, or a mirror."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from models.errors import CallerError
from models.ids import CommitId
from models.plan import ChangedFile
from sandbox.source import git
from sandbox.source.objects import Objects
from sandbox.source.tree import Tree


class Differing(NamedTuple):
    """A file that differs between two commits, with the ids of its contents; None on the side where it is not."""

    file: ChangedFile
    old: str | None
    new: str | None


class Repository:
    """Reads the repository in `path`, a git directory. Nothing in it is changed."""

    def __init__(self, path: Path, objects: Objects) -> None:
        self.path = path
        self._objects = objects

    def has(self, commit: CommitId) -> bool:
        """Whether this commit is here."""
        (found,) = self._objects.info([git.checked_commit(commit)])
        return found is not None and found.kind == "commit"

    def merge_base(self, a: CommitId, b: CommitId) -> CommitId | None:
        """The best common ancestor. None: they are unrelated, or the history that would show it is not here."""
        done = git.run(["merge-base", git.checked_commit(a), git.checked_commit(b)], git_dir=self.path)
        return CommitId(done.stdout.decode().strip()) if done.returncode == 0 else None

    def is_shallow(self) -> bool:
        """Whether history is cut off somewhere, as after `git clone --depth`: a merge base may then be missing."""
        return (self.path / "shallow").exists()

    def changed(self, base: CommitId, head: CommitId) -> tuple[ChangedFile, ...]:
        """The files that differ, renames found by git's rule of similarity, in git's order."""
        return tuple(each.file for each in self.differing(base, head))

    def differing(self, base: CommitId, head: CommitId) -> tuple[Differing, ...]:
        """The same, with the contents on both sides. Submodules have none."""
        arguments = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "-M", "--no-ext-diff", "--no-textconv"]
        raw = git.output([*arguments, git.checked_commit(base), git.checked_commit(head)], git_dir=self.path)
        fields = iter(raw.split(b"\0")[:-1])
        found = []
        for meta in fields:
            old_mode, new_mode, old, new, status = meta.decode().removeprefix(":").split(" ")
            letter = status[:1]  # for R and C a percentage follows
            path = git.shown_path(next(fields))
            old_path = path if letter in {"R", "C"} else None
            file = ChangedFile(
                path=git.shown_path(next(fields)) if old_path else path, status=letter, old_path=old_path
            )
            found.append(Differing(file, _content(old_mode, old), _content(new_mode, new)))
        return tuple(found)

    def diff_text(self, base: CommitId, head: CommitId, limit_bytes: int) -> str:
        """The diff as text, cut off after `limit_bytes`; what is not UTF-8 is replaced."""
        arguments = ["diff-tree", "-r", "-p", "-M", "--no-color", "--no-ext-diff", "--no-textconv"]
        arguments += [git.checked_commit(base), git.checked_commit(head)]
        with git.streamed(arguments, git_dir=self.path) as stream:
            return stream.read(limit_bytes).decode(errors="replace")

    def tree(self, commit: CommitId) -> Tree:
        """The commit's files."""
        return Tree(self._objects, git.checked_commit(commit))

    def root(self, commit: CommitId) -> Tree:
        """The commit's files that lie in no folder."""
        return Tree(self._objects, git.checked_commit(commit), root_only=True)

    def contents(self, blobs: Sequence[str], limit_bytes: int) -> dict[str, bytes]:
        """What these blobs hold; those that are larger, or are not here, are left out."""
        wanted = [
            blob
            for blob, found in zip(blobs, self._objects.info(blobs), strict=True)
            if found is not None and found.size <= limit_bytes
        ]
        return {
            blob: found.data
            for blob, found in zip(wanted, self._objects.contents(wanted), strict=True)
            if found is not None
        }

    def close(self) -> None:
        """End the process that reads. It is started again when somebody asks."""
        self._objects.close()


def at(folder: Path) -> Repository:
    """The repository that `folder` lies in, or is. Errors: `CallerError` when there is none."""
    ownership = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    done = git.run(
        ["-C", str(folder.absolute()), "rev-parse", "--path-format=absolute", "--git-common-dir"], env=ownership
    )
    if done.returncode:
        raise CallerError(f"{folder} is not in a git repository", remedy="name a checked-out or bare repository")
    path = Path(done.stdout.decode().strip())
    return Repository(path, Objects(path))


def _content(mode: str, blob: str) -> str | None:
    return blob if mode in {"100644", "100755"} else None
