"""Mirrors against real repositories, hostile ones among them."""

from __future__ import annotations

import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models.errors import CallerError, ChangeError, InfrastructureError, NotFound
from models.ids import CommitId
from models.plan import ChangedFile
from sandbox.source.git import resolve
from sandbox.source.mirror import Mirror, Mirrors

ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}
NOWHERE = CommitId("0123456789" * 4)


class Repo:
    """A user's repository."""

    def __init__(self, path: Path, *init: str) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *init)

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments], env=ENV, input=stdin, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def commit(self, files: dict[str, str] | None = None) -> CommitId:
        for name, content in (files or {}).items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return CommitId(self.git("rev-parse", "HEAD"))


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def mirrors(tmp_path: Path) -> Mirrors:
    return Mirrors(tmp_path / "mirrors")


@pytest.fixture
def mirror(mirrors: Mirrors, repo: Repo) -> Mirror:
    return mirrors.of(str(repo.path))


def members(mirror: Mirror, commit: CommitId) -> dict[str, tarfile.TarInfo]:
    with mirror.archive(commit) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        return {info.name: info for info in tar}


def content(mirror: Mirror, commit: CommitId, name: str) -> bytes:
    with mirror.archive(commit) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for info in tar:
            file = tar.extractfile(info)
            if info.name == name and file is not None:
                return file.read()
    raise AssertionError(f"{name} is not in the archive")


# fetching


def test_a_commit_of_a_branch_is_fetched_with_its_history(repo: Repo, mirror: Mirror) -> None:
    first, second = repo.commit({"a": "1"}), repo.commit({"a": "2"})
    mirror.ensure(second)
    assert mirror.has(first)
    assert mirror.has(second)


def test_a_commit_on_no_branch_is_fetched_by_its_id(repo: Repo, mirror: Mirror) -> None:
    repo.commit({"a": "1"})
    loose = repo.commit({"a": "2"})
    repo.git("reset", "-q", "--hard", "HEAD~1")
    mirror.ensure(loose)
    assert mirror.has(loose)


def test_a_commit_is_fetched_by_ref_where_the_origin_hands_out_no_ids(repo: Repo, mirror: Mirror) -> None:
    repo.commit({"a": "1"})
    pull = repo.commit({"a": "2"})
    repo.git("update-ref", "refs/pull/7/head", pull)
    repo.git("reset", "-q", "--hard", "HEAD~1")
    hidden = repo.commit({"a": "3"})
    repo.git("reset", "-q", "--hard", "HEAD~1")
    with (mirror.path / "config").open("a") as config:
        config.write("[protocol]\n\tversion = 0\n")  # of the old protocol, in which only refs can be asked for
    with pytest.raises(NotFound):
        mirror.ensure(hidden, ref="refs/pull/7/head")
    mirror.ensure(pull, ref="refs/pull/7/head")
    assert mirror.has(pull)


def test_a_commit_that_is_there_is_not_fetched_again(repo: Repo, mirror: Mirror) -> None:
    commit = repo.commit({"a": "1"})
    mirror.ensure(commit)
    repo.path.rename(repo.path.with_name("moved"))
    mirror.ensure(commit)


def test_a_commit_that_does_not_exist_is_not_found(repo: Repo, mirror: Mirror) -> None:
    repo.commit({"a": "1"})
    with pytest.raises(NotFound, match=NOWHERE):
        mirror.ensure(NOWHERE)


def test_the_tip_of_a_branch_is_where_it_is_now(repo: Repo, mirror: Mirror) -> None:
    repo.commit({"a": "1"})
    for name in ("main", "feature/ü(1)", "-x"):
        if name != "main":
            repo.git("update-ref", f"refs/heads/{name}", "HEAD")
        was = CommitId(repo.git("rev-parse", f"refs/heads/{name}"))
        assert mirror.tip(name) == (None if name == "-x" else was)
        repo.git("update-ref", f"refs/heads/{name}", repo.commit({"a": name}))
        assert mirror.tip(name) != was
        assert mirror.has(was) or name == "-x", "what was planned with stays"


@pytest.mark.parametrize(
    "name", ["gone", "", "HEAD", "main:refs/heads/x", "*", "a..b", "+main", "a b", "m@{1}", "--upload-pack=id", "a\nb"]
)
def test_a_branch_that_is_not_there_has_no_tip(repo: Repo, mirror: Mirror, name: str) -> None:
    repo.commit({"a": "1"})
    assert mirror.tip(name) is None


def test_an_origin_that_is_gone_has_no_answer_about_a_branch(mirrors: Mirrors, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="could not fetch"):
        mirrors.of(str(tmp_path / "nothing")).tip("main")


def test_an_origin_that_is_gone_is_an_infrastructure_error_in_gits_words(mirrors: Mirrors, tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="does not appear to be a git repository"):
        mirrors.of(str(tmp_path / "nothing")).ensure(NOWHERE)


@pytest.mark.parametrize("commit", ["HEAD", "--output=/tmp/x", "main", "0123", "0" * 39 + "g", ""])
def test_only_full_commit_ids_reach_git(mirror: Mirror, commit: str) -> None:
    with pytest.raises(CallerError, match="not a commit id"):
        mirror.ensure(CommitId(commit))


@pytest.mark.parametrize("ref", ["--upload-pack=touch x", "a:b", "+a", "a b", "a^", "*"])
def test_only_refs_reach_git(mirror: Mirror, ref: str) -> None:
    with pytest.raises(CallerError, match="not a ref"):
        mirror.ensure(NOWHERE, ref=ref)


@pytest.mark.parametrize(
    "url", ["ext::sh -c id", "--upload-pack=x", "relative/path", "ftp://x/y", "https://u:p@x/y", ""]
)
def test_only_known_transports_and_no_passwords(mirrors: Mirrors, url: str) -> None:
    with pytest.raises(CallerError, match="clone URL"):
        mirrors.of(url)


def test_one_mirror_per_url(mirrors: Mirrors) -> None:
    assert mirrors.of("/a").path == mirrors.of("/a").path
    assert mirrors.of("/a").path != mirrors.of("/b").path


def test_many_at_once_make_and_fill_one_mirror(repo: Repo, mirrors: Mirrors) -> None:
    commits = [repo.commit({"a": str(number)}) for number in range(6)]
    failures: list[Exception] = []

    def fetch(commit: CommitId) -> None:
        try:
            mirrors.of(str(repo.path)).ensure(commit)
        except (InfrastructureError, CallerError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=fetch, args=(commit,)) for commit in commits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert all(mirrors.of(str(repo.path)).has(commit) for commit in commits)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a repository of another user's")
def test_a_repository_of_another_user_can_be_fetched_from(repo: Repo, mirror: Mirror) -> None:
    commit = repo.commit({"a": "1"})
    for path in [repo.path, *repo.path.rglob("*")]:
        os.chown(path, 12345, 12345)
    mirror.ensure(commit)
    assert resolve(repo.path, "HEAD") == commit


def test_hooks_of_either_side_do_not_run(repo: Repo, mirror: Mirror, tmp_path: Path) -> None:
    commit = repo.commit({"a": "1"})
    trace = tmp_path / "ran"
    for hooks in (repo.path / ".git" / "hooks", mirror.path / "hooks"):
        hooks.mkdir(exist_ok=True)
        for name in ("post-checkout", "reference-transaction", "pre-auto-gc", "post-index-change"):
            (hooks / name).write_text(f"#!/bin/sh\ntouch {trace}\n")
            (hooks / name).chmod(0o755)
    mirror.ensure(commit)
    members(mirror, commit)
    assert not trace.exists()


@pytest.fixture
def origin() -> Iterator[tuple[str, list[str]]]:
    """An HTTP server that refuses everything, and the Authorization headers it has seen."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_error(403)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/repo.git", seen
    server.shutdown()
    server.server_close()


def test_a_credential_reaches_the_origin_and_stays_out_of_the_mirror(
    origin: tuple[str, list[str]], mirrors: Mirrors, tmp_path: Path
) -> None:
    url, seen = origin
    with pytest.raises(InfrastructureError) as caught:
        mirrors.of(url).ensure(NOWHERE, authorization="Basic c2VjcmV0")
    assert set(seen) == {"Basic c2VjcmV0"}
    assert "c2VjcmV0" not in str(caught.value)
    written = b"".join(path.read_bytes() for path in (tmp_path / "mirrors").rglob("*") if path.is_file())
    assert b"c2VjcmV0" not in written


# reading


def test_the_merge_base_of_two_branches(repo: Repo, mirror: Mirror) -> None:
    base = repo.commit({"a": "1"})
    left = repo.commit({"a": "2"})
    repo.git("checkout", "-q", "-b", "side", base)
    right = repo.commit({"b": "1"})
    mirror.ensure(left)
    mirror.ensure(right)
    assert mirror.merge_base(left, right) == base


def test_unrelated_commits_and_missing_ones_have_no_merge_base(repo: Repo, mirror: Mirror) -> None:
    one = repo.commit({"a": "1"})
    repo.git("checkout", "-q", "--orphan", "other")
    other = repo.commit({"b": "1"})
    mirror.ensure(one)
    mirror.ensure(other)
    assert mirror.merge_base(one, other) is None
    assert mirror.merge_base(one, NOWHERE) is None


def test_a_shallow_origin_is_taken_and_told(repo: Repo, mirrors: Mirrors, tmp_path: Path) -> None:
    repo.commit({"a": "1"})
    head = repo.commit({"a": "2"})
    shallow = tmp_path / "shallow"
    repo.git("clone", "-q", "--depth=1", f"file://{repo.path}", str(shallow))
    whole, cut = mirrors.of(str(repo.path)), mirrors.of(str(shallow))
    whole.ensure(head)
    cut.ensure(head)
    assert not whole.is_shallow()
    assert cut.is_shallow()


def test_changed_tells_added_modified_deleted_renamed_and_type_changed(repo: Repo, mirror: Mirror) -> None:
    long = "\n".join(str(number) for number in range(50))
    base = repo.commit({"mod": "1", "gone": "nothing like it", "old": long, "type": "x"})
    (repo.path / "gone").unlink()
    (repo.path / "old").rename(repo.path / "new")
    (repo.path / "type").unlink()
    (repo.path / "type").symlink_to("mod")
    head = repo.commit({"mod": "2", "added": "1"})
    mirror.ensure(head)
    assert set(mirror.changed(base, head)) == {
        ChangedFile(path="added", status="A"),
        ChangedFile(path="mod", status="M"),
        ChangedFile(path="gone", status="D"),
        ChangedFile(path="new", status="R", old_path="old"),
        ChangedFile(path="type", status="T"),
    }


def test_odd_names_are_read_as_they_are(repo: Repo, mirror: Mirror) -> None:
    odd = {"a b", "tab\there", "new\nline", 'quo"te', "größe", "-rf", ":(glob)*", "a*b", "x\\y"}
    base = repo.commit()
    head = repo.commit(dict.fromkeys(odd, "content"))
    mirror.ensure(head)
    assert set(mirror.tree(head).files) == odd
    assert {file.path for file in mirror.changed(base, head)} == odd
    assert mirror.tree(head).read(odd) == dict.fromkeys(odd, b"content")


def test_a_name_that_is_not_utf8_becomes_text_that_can_be_stored(repo: Repo, mirror: Mirror) -> None:
    (repo.path / os.fsdecode(b"bad\xff\xfe")).write_text("x")
    head = repo.commit()
    mirror.ensure(head)
    assert mirror.tree(head).files == ("bad\\xff\\xfe",)
    assert mirror.tree(head).files[0].encode()


def test_read_gives_regular_files_only(repo: Repo, mirror: Mirror) -> None:
    (repo.path / "link").symlink_to("/etc/passwd")
    head = repo.commit({"dir/file": "content"})
    mirror.ensure(head)
    asked = ["dir/file", "link", "dir", "missing", "../../etc/passwd"]
    assert mirror.tree(head).read(asked) == {"dir/file": b"content"}


def test_read_refuses_what_is_too_large(repo: Repo, mirror: Mirror) -> None:
    head = repo.commit({"big": "x" * 101})
    mirror.ensure(head)
    with pytest.raises(ChangeError, match="big has 101 bytes"):
        mirror.tree(head).read(["big"], limit_bytes=100)


def test_read_can_leave_out_what_is_too_large(repo: Repo, mirror: Mirror) -> None:
    head = repo.commit({"big": "x" * 101, "small": "y"})
    mirror.ensure(head)
    assert mirror.tree(head).read(["big", "small"], limit_bytes=100, skip_larger=True) == {"small": b"y"}


def test_the_diffs_text_is_bounded_and_runs_no_program_of_the_tree(repo: Repo, mirror: Mirror, tmp_path: Path) -> None:
    base = repo.commit({"a": "1\n", ".gitattributes": "* diff=evil\n"})
    head = repo.commit({"a": "2\n" * 10_000})
    mirror.ensure(head)
    (mirror.path / "config").open("a").write(f'[diff "evil"]\n\ttextconv = touch {tmp_path}/ran;\n')
    assert mirror.diff_text(base, head, 10**6).count("+2") == 10_000
    assert len(mirror.diff_text(base, head, 100)) == 100
    assert not (tmp_path / "ran").exists()


# the archive


def test_the_archive_has_what_was_committed_whatever_export_attributes_say(repo: Repo, mirror: Mirror) -> None:
    head = repo.commit(
        {
            "hidden/secret.txt": "still here",
            "version.txt": "$Format:%H$",
            ".gitattributes": "hidden export-ignore\nhidden/** export-ignore\nversion.txt export-subst\n",
        }
    )
    mirror.ensure(head)
    assert content(mirror, head, "hidden/secret.txt") == b"still here"
    assert content(mirror, head, "version.txt") == b"$Format:%H$"


def test_the_archive_keeps_modes_and_links(repo: Repo, mirror: Mirror) -> None:
    (repo.path / "link").symlink_to("../../outside")
    (repo.path / "run.sh").write_text("#!/bin/sh\n")
    (repo.path / "run.sh").chmod(0o755)
    head = repo.commit({"plain": "x"})
    mirror.ensure(head)
    found = members(mirror, head)
    assert found["link"].issym()
    assert found["link"].linkname == "../../outside"
    assert (found["run.sh"].mode, found["plain"].mode) == (0o755, 0o644)


def test_a_submodule_is_neither_fetched_nor_unpacked(repo: Repo, mirror: Mirror, tmp_path: Path) -> None:
    repo.commit({"a": "1"})
    url = f"ext::sh -c 'touch {tmp_path}/ran'"
    (repo.path / ".gitmodules").write_text(f'[submodule "s"]\n\tpath = sub\n\turl = "{url}"\n')
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{NOWHERE},sub")
    repo.git("add", ".gitmodules")
    repo.git("commit", "-q", "-m", "submodule")
    head = CommitId(repo.git("rev-parse", "HEAD"))
    mirror.ensure(head)
    assert members(mirror, head)["sub"].isdir()
    assert mirror.tree(head).files == (".gitmodules", "a")
    assert not (tmp_path / "ran").exists()


def test_the_archive_has_no_git_folder_and_no_credentials(repo: Repo, mirror: Mirror) -> None:
    head = repo.commit({"a": "1"})
    mirror.ensure(head)
    assert set(members(mirror, head)) == {"a"}


def test_a_reader_may_stop_early(repo: Repo, mirror: Mirror) -> None:
    head = repo.commit({"a": "x" * 1_000_000})
    mirror.ensure(head)
    with mirror.archive(head) as stream:
        assert len(stream.read(10)) == 10


def test_an_archive_of_nothing_fails_at_its_end(mirror: Mirror) -> None:
    with pytest.raises(InfrastructureError, match="git archive failed"), mirror.archive(NOWHERE) as stream:
        stream.read()


# revisions


def test_resolve_names_the_commit(repo: Repo) -> None:
    first, second = repo.commit({"a": "1"}), repo.commit({"a": "2"})
    repo.git("tag", "-a", "-m", "x", "v1", first)
    assert resolve(repo.path, "HEAD") == second
    assert resolve(repo.path, "HEAD~1") == first
    assert resolve(repo.path, "v1") == first
    assert resolve(repo.path, second[:8]) == second


@pytest.mark.parametrize("revision", ["nothing", "--all", "HEAD:a", ""])
def test_resolve_says_which_revision_of_which_repository(repo: Repo, revision: str) -> None:
    repo.commit({"a": "1"})
    with pytest.raises(CallerError) as caught:
        resolve(repo.path, revision)
    assert repr(revision) in str(caught.value)
    assert str(repo.path) in str(caught.value)
