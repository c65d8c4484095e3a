"""`tests` in a `.delta.yml`, planned from a real git repository."""

from __future__ import annotations

from pathlib import Path

from actors.planner.actor import Planner
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId
from models.plan import Plan
from sandbox.source.mirror import Mirrors
from tests.e2e.repositories import git

CONFIG = """\
version: 1
jobs:
  test:
    matrix: {db: [a, b]}
    run: python3 -m pytest $DELTA_TESTS
    tests: true
  odd: {run: x $DELTA_TESTS, tests: {files: "checks/*_b.py"}}
  whole: {run: x, tests: true, always: true}
  plain: {run: x}
"""
FILES = {
    ".delta.yml": CONFIG,
    "shop/__init__.py": "",
    "shop/cart.py": "TOTAL = 1\n",
    "checks/test_a.py": "from shop import cart\n\ndef test_a():\n    assert cart.TOTAL\n",
    "checks/test_b.py": "def test_b():\n    pass\n",
}


def commit(repository: Path, files: dict[str, str]) -> CommitId:
    for name, text in files.items():
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text(text)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=change")
    return CommitId(git(repository, "rev-parse", "HEAD"))


async def planned(folder: Path) -> Plan:
    repository = folder / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch=main")
    base = commit(repository, FILES)
    head = commit(repository, {"shop/cart.py": "TOTAL = 2\n"})
    change = Change(
        forge=Forge.LOCAL,
        kind=ChangeKind.MANUAL,
        trust=Trust.TRUSTED,
        repository="shop",
        clone_url=str(repository),
        head=head,
        base=base,
    )
    mirrors = Mirrors(folder / "mirrors")
    try:
        return await Planner(mirrors, folder / "policy.yml").plan(change)
    finally:
        mirrors.close()


async def test_each_job_gets_the_tests_that_the_change_reaches_in_the_files_that_it_names(tmp_path: Path) -> None:
    plan = await planned(tmp_path)
    told = {job.spec.id: job.spec.env.get("DELTA_TESTS") for job in plan.jobs}
    assert told == {"test-a": "checks/test_a.py", "test-b": "checks/test_a.py", "whole": "", "plain": None}
    [odd] = plan.skipped
    assert (odd.id, odd.tests and (odd.tests.selected, odd.tests.total)) == ("odd", ((), 1))
