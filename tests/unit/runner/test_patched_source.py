"""A proposal in the source that a sandbox gets: those lines and nothing else, and no way out of the tree."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from actors.runner.source import source
from models.change import Change, ChangeKind
from models.errors import ChangeError
from models.ids import AttemptId, CommitId, JobId, RunId
from models.patch import FilePatch, Hunk, render
from models.probe import Probe
from sandbox.source.mirror import Mirrors
from tests.e2e.repositories import git
from tests.unit.core import samples

PATCH = FilePatch(path="src/a.py", hunks=(Hunk(start=1, lines=("-x\n", "+y\n")),))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One file to change, one that may be executed, a link that leads out, and an attribute that would rewrite."""
    where = tmp_path / "repository"
    (where / "src").mkdir(parents=True)
    (where / "src/a.py").write_text("x\nz\n")
    (where / "run.sh").write_text("x\n")
    (where / "run.sh").chmod(0o755)
    (where / "out").symlink_to(tmp_path / "victim")
    (where / "folder").symlink_to(tmp_path)
    (where / ".gitattributes").write_text("* text eol=crlf\n")
    (tmp_path / "victim").write_text("x\n")
    git(where, "init", "--quiet", "--initial-branch=main")
    git(where, "add", "--all")
    git(where, "commit", "--quiet", "--message=first")
    return where


def probing(repository: Path, patch: str) -> Change:
    probe = Probe(run=RunId("r1"), job=JobId("lint"), attempt=AttemptId("r1.lint.1"), patch=patch)
    head = CommitId(git(repository, "rev-parse", "HEAD"))
    return samples.change().having(kind=ChangeKind.PROBE, clone_url=str(repository), head=head, probe=probe)


def unpacked(repository: Path, tmp_path: Path, patch: str) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every regular file that the sandbox would get."""
    with source(tmp_path / "mirrors", probing(repository, patch)) as stream, tarfile.open(None, "r|", stream) as tar:
        found = {}
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is not None:
                found[member.name] = (member.mode & 0o100, content.read())
        return found


def test_the_lines_are_changed_and_everything_else_is_as_committed(repository: Path, tmp_path: Path) -> None:
    plain = unpacked(repository, tmp_path, "")
    shell = FilePatch(path="run.sh", hunks=(Hunk(start=1, lines=("-x\n", "+y\n")),))
    got = unpacked(repository, tmp_path, render([PATCH, shell]))
    assert got.keys() == plain.keys()
    changed = {path for path in plain if got[path] != plain[path]}
    assert changed == {"src/a.py", "run.sh"}
    assert got["run.sh"][0] == plain["run.sh"][0] != 0, "it may be executed still"
    assert [content.replace(b"\r", b"") for _, content in (got["src/a.py"], got["run.sh"])] == [b"y\nz\n", b"y\n"]
    assert unpacked(repository, tmp_path, "") == plain, "the mirror's commit is as it was"


@pytest.mark.parametrize("path", ["out", "folder/victim", "gone.py", "src"])
def test_links_folders_and_what_is_not_there_are_refused(repository: Path, tmp_path: Path, path: str) -> None:
    patch = render([PATCH.having(path=path)])
    with pytest.raises(ChangeError), source(tmp_path / "mirrors", probing(repository, patch)):
        pass
    mirror = Mirrors(tmp_path / "mirrors").of(str(repository))
    with pytest.raises(ChangeError, match="no regular file"):
        mirror.patched(probing(repository, "").head, {path: b"y\n"})
    assert (tmp_path / "victim").read_text() == "x\n"


@pytest.mark.parametrize("text", ["--- a/../victim\n+++ b/../victim\n@@ -1,1 +1,1 @@\n-x\n+y\n", "x", "a" * 10_000_000])
def test_what_is_no_patch_is_refused(repository: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(ChangeError), source(tmp_path / "mirrors", probing(repository, text)):
        pass


def test_one_that_does_not_fit_is_refused(repository: Path, tmp_path: Path) -> None:
    other = PATCH.having(hunks=(Hunk(start=2, lines=("-x\n", "+y\n")),))
    with (
        pytest.raises(ChangeError, match="does not fit"),
        source(tmp_path / "mirrors", probing(repository, render([other]))),
    ):
        pass


def test_the_same_patch_is_the_same_commit_and_no_ref_holds_it(repository: Path, tmp_path: Path) -> None:
    mirror = Mirrors(tmp_path / "mirrors").of(str(repository))
    head = probing(repository, "").head
    mirror.ensure(head)
    refs = _refs(mirror.path)
    made = mirror.patched(head, {"src/a.py": b"y\n"})
    assert made == mirror.patched(head, {"src/a.py": b"y\n"}) != head
    assert _refs(mirror.path) == refs
    assert not [path for path in mirror.path.iterdir() if path.name.startswith("patched-")], "nothing is left over"


def _refs(mirror: Path) -> str:
    return subprocess.run(
        ["git", "--git-dir", str(mirror), "for-each-ref"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
