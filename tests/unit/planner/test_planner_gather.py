"""Plans of real small repositories, odd ones among them, and what `delta plan` says of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli.plan import make
from models.errors import CallerError, ChangeError
from models.plan import Plan
from models.settings import Settings

ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "file",
    **{f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
FILES = {
    "pkg/__init__.py": "",
    "pkg/a.py": "def a():\n    return 1\n",
    "pkg/b.py": "def b():\n    return 1\n",
    "tests/test_one.py": "from pkg.a import a\ndef test_it():\n    assert a()\n",
    "tests/test_two.py": "from pkg.b import b\ndef test_it():\n    assert b()\n",
}
ONE, TWO = "tests/test_one.py", "tests/test_two.py"
A2 = {"pkg/a.py": FILES["pkg/a.py"].replace("1", "2")}


class Repo:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.path), *arguments]
        return subprocess.run(command, env=ENV, capture_output=True, check=True, text=True).stdout.strip()

    def commit(self, files: dict[str, str | bytes | None]) -> str:
        for name, content in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                target.unlink()
            else:
                target.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")

    def plan(self, base: str = "HEAD~1", where: Path | None = None) -> Plan:
        settings = Settings(state_dir=self.path.parent / "state")
        return make(settings, where or self.path, base=base, head="HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "repo")
    made.commit({**FILES})
    return made


def chosen(plan: Plan) -> set[str]:
    return {test.path for job in plan.jobs if job.tests for test in job.tests.selected}


def rules(plan: Plan) -> set[str]:
    return {reason.rule for job in plan.jobs for reason in job.reasons}


def test_only_what_is_reached_runs(repo: Repo) -> None:
    repo.commit({**A2})
    assert chosen(repo.plan()) == {ONE}
    assert repo.plan().digest == repo.plan().digest


def test_a_rename_reaches_who_uses_the_old_name(repo: Repo) -> None:
    repo.git("mv", "pkg/a.py", "pkg/c.py")
    repo.commit({})
    assert chosen(repo.plan()) == {ONE}


def test_a_shallow_clone_leaves_nothing_out_and_says_so(repo: Repo, tmp_path: Path) -> None:
    repo.commit({**A2})
    repo.git("clone", "-q", "--depth=2", repo.path.as_uri(), str(tmp_path / "shallow"))
    plan = repo.plan(where=tmp_path / "shallow")
    assert "shallow history" in rules(plan)
    assert all(job.tests is None or not job.tests.skipped for job in plan.jobs)
    assert plan.jobs


def test_without_a_merge_base_nothing_is_left_out(repo: Repo) -> None:
    repo.git("checkout", "-q", "--orphan", "other")
    repo.commit({**A2})
    plan = repo.plan(base="main")
    assert (rules(plan) >= {"no merge base"}, chosen(plan)) == (True, {ONE, TWO})


def test_links_in_circles_and_submodules_are_passed_by(repo: Repo, tmp_path: Path) -> None:
    other = Repo(tmp_path / "other")
    other.commit({"x.py": "x = 1\n"})
    (repo.path / "pkg" / "loop").symlink_to("../pkg")
    (repo.path / "self.py").symlink_to("self.py")
    (repo.path / "tests" / "test_link.py").symlink_to("test_one.py")
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.path), "sub")
    repo.commit({})
    repo.commit({**A2})
    assert ONE in chosen(repo.plan())
    assert TWO not in chosen(repo.plan())


@pytest.mark.parametrize(
    "content", [b"# caf\xe9\ndef a():\n    return 2\n", b"\0\0", b"def a(:\n", "x = 1\n" * 500_000, "x = 1\n" * 800_000]
)
def test_what_cannot_be_parsed_or_read_reaches_its_users(repo: Repo, content: str | bytes) -> None:
    repo.commit({"pkg/a.py": content})
    assert ONE in chosen(repo.plan())


def test_a_changed_test_too_large_to_be_read_is_selected(repo: Repo) -> None:
    repo.commit({ONE: FILES[ONE] + "# 123456\n" * 500_000})
    assert chosen(repo.plan()) == {ONE}


def test_a_manifest_that_a_test_reads_reaches_it(repo: Repo) -> None:
    reads = "def test_it():\n    assert open('pyproject.toml').read()\n"
    repo.commit({"pyproject.toml": "[project]\nname='x'\nversion='1'\n", "tests/test_three.py": reads})
    repo.commit({"pyproject.toml": "[project]\nname='x'\nversion='2'\n"})
    assert chosen(repo.plan()) == {"tests/test_three.py"}


def test_bare_repositories_and_linked_worktrees_are_read_too(repo: Repo, tmp_path: Path) -> None:
    repo.commit({**A2})
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare"))
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    for where in (tmp_path / "bare", tmp_path / "linked", tmp_path / "linked" / "pkg"):
        assert chosen(repo.plan(where=where)) == {ONE}


def test_what_is_not_there_is_named(repo: Repo, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="not in a git repository"):
        repo.plan(where=tmp_path)
    with pytest.raises(CallerError, match="'nowhere' names no commit"):
        repo.plan(base="nowhere")
    with pytest.raises(CallerError, match="names no commit"):
        repo.plan(base="--output=x")


def test_a_configuration_that_does_not_parse_is_placed(repo: Repo) -> None:
    repo.commit({".delta.yml": "version: 1\njobs:\n  a:\n    run: [x]\n    nothing: 1\n"})
    with pytest.raises(ChangeError, match=r"\.delta\.yml:5:5"):
        repo.plan()


def test_the_command_ends_with_2_and_a_line_that_says_why(repo: Repo, tmp_path: Path) -> None:
    def asked(*arguments: str) -> tuple[int, str, str]:
        command = [sys.executable, "-c", "from api.cli.main import main; main()", "plan", *arguments, "--json"]
        env = {**ENV, "DELTA_STATE_DIR": str(tmp_path / "state")}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    repo.commit({**A2})
    code, told, _ = asked(str(repo.path), "--base", "HEAD~1")
    assert (code, len(json.loads(told)["jobs"])) == (0, 1)
    repo.commit({".delta.yml": "version: 1\njobs:\n  a:\n    run: [x]\n    nothing: 1\n"})
    for arguments, says in (
        ((str(tmp_path),), "not in a git repository"),
        ((str(repo.path), "--base", "nowhere"), "'nowhere' names no commit"),
        ((str(repo.path), "--base", "HEAD~1"), ".delta.yml:5:5"),
    ):
        code, told, said = asked(*arguments)
        assert (code, told) == (2, "")
        assert says in said
