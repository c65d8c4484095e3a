import subprocess
from pathlib import Path

import pytest

from actors.planner.actor import Planner
from actors.planner.decide import plan
from actors.planner.gather import gather
from actors.planner.python.project import VERSION
from cluster.factbase import FactBase
from models.change import Change, ChangeKind, Forge, Trust
from models.errors import ChangeError
from models.history import Recollection
from models.ids import CommitId
from models.plan import Plan
from models.policy import Policy
from sandbox.source.mirror import Mirrors

FILES = {
    "app/__init__.py": "",
    "app/a.py": "def a():\n    return 1\n",
    "app/b.py": "def b():\n    return 2\n",
    "tests/test_a.py": "from app.a import a\n\ndef test_a():\n    assert a() == 1\n",
    "tests/test_b.py": "from app.b import b\n\ndef test_b():\n    assert b() == 2\n",
}


def git(repo: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=e@localhost"]
    done = subprocess.run(["git", "-C", str(repo), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def a_change(repo: Path) -> Change:
    repo.mkdir()
    git(repo, "init", "-q")
    for name, text in FILES.items():
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_text(text)
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "one")
    base = git(repo, "rev-parse", "HEAD")
    (repo / "app/a.py").write_text("def a():\n    return 3\n")
    git(repo, "commit", "-qam", "two")
    return Change(
        forge=Forge.LOCAL,
        kind=ChangeKind.MANUAL,
        trust=Trust.TRUSTED,
        repository=str(repo),
        clone_url=str(repo),
        head=CommitId(git(repo, "rev-parse", "HEAD")),
        base=CommitId(base),
    )


def again(mirrors: Mirrors, change: Change, made: Plan) -> Plan:
    assert made.receipt is not None
    receipt = made.receipt
    inputs = gather(
        mirrors.of(change.clone_url),
        change,
        Policy.model_validate_json(receipt.policy),
        FactBase(None, VERSION),
        Recollection.model_validate_json(receipt.history),
        receipt.audit_share,
    )
    return plan(inputs)


async def test_a_configuration_with_a_typo_comes_back_as_it_was_meant(tmp_path: Path) -> None:
    change = a_change(tmp_path / "repo")
    planner = Planner(Mirrors(tmp_path / "mirrors"), tmp_path / "policy.yml")
    assert await planner.mend(change) is None, "there is no configuration"
    (tmp_path / "repo/.delta.yml").write_text("version: 1\njobs:\n  test:\n    timeuot: 5m\n    run: make\n")
    git(tmp_path / "repo", "add", "-A")
    git(tmp_path / "repo", "commit", "-qm", "three")
    wrong = change.having(head=CommitId(git(tmp_path / "repo", "rev-parse", "HEAD")))
    with pytest.raises(ChangeError):
        await planner.plan(wrong)
    found = await planner.mend(wrong)
    assert found is not None
    assert "+    timeout: 5m\n" in found.patch


async def test_a_plan_is_made_again_from_its_commits_and_its_receipt(tmp_path: Path) -> None:
    change = a_change(tmp_path / "repo")
    mirrors = Mirrors(tmp_path / "mirrors")
    kept = await Planner(mirrors, tmp_path / "policy.yml", facts=tmp_path / "facts", audit_share=0.5).plan(change)
    made = again(mirrors, change, kept)
    assert made.digest == kept.digest
    assert made.brief() == kept
    mirrors.close()


async def test_what_a_run_keeps_leaves_out_the_tests_that_do_not_run(tmp_path: Path) -> None:
    change = a_change(tmp_path / "repo")
    mirrors = Mirrors(tmp_path / "mirrors")
    kept = await Planner(mirrors, tmp_path / "policy.yml").plan(change)
    whole = again(mirrors, change, kept)
    assert whole.jobs[0].tests is not None
    assert kept.jobs[0].tests is not None
    assert [test.path for test in whole.jobs[0].tests.selected] == ["tests/test_a.py"]
    assert whole.jobs[0].tests.skipped == ("tests/test_b.py",)
    assert (kept.jobs[0].tests.skipped, kept.jobs[0].tests.total) == ((), 2)
    assert kept.jobs[0].tests.selected == whole.jobs[0].tests.selected
    mirrors.close()


async def test_another_policy_gives_another_plan(tmp_path: Path) -> None:
    change = a_change(tmp_path / "repo")
    mirrors = Mirrors(tmp_path / "mirrors")
    first = await Planner(mirrors, tmp_path / "policy.yml").plan(change)
    (tmp_path / "policy.yml").write_text("version: 1\nimages: [other-*]\n")
    second = await Planner(mirrors, tmp_path / "policy.yml").plan(change)
    assert second.digest != first.digest
    assert [job.id for job in second.refused] == ["test"]
    mirrors.close()


async def test_a_request_whose_event_names_no_base_is_compared_with_its_target_branch(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    change = a_change(repo)
    assert change.base is not None
    git(repo, "update-ref", "refs/heads/target", change.base)
    asked = change.having(kind=ChangeKind.PULL_REQUEST, number=1, base=None, base_ref="target")
    mirrors = Mirrors(tmp_path / "mirrors")
    planner = Planner(mirrors, tmp_path / "policy.yml")
    kept = await planner.plan(asked)
    assert kept.merge_base == change.base
    assert [file.path for file in kept.changed] == ["app/a.py"]
    # The plan stays what it was when the branch moves, or is gone.
    git(repo, "update-ref", "-d", "refs/heads/target")
    made = again(mirrors, asked.having(base=kept.base_of(asked)), kept)
    assert made.digest == kept.digest
    assert (await planner.plan(asked)).merge_base is None
    mirrors.close()


async def test_a_fork_is_held_to_the_policy_of_the_branch_that_it_wants_into(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    change = a_change(repo)
    (repo / ".delta.yml").write_text("version: 1\njobs:\n  test:\n    timeout: 5m\n    run: make\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "base")
    git(repo, "branch", "target")
    (repo / ".delta.yml").write_text("version: 1\njobs:\n  test:\n    timeout: 50m\n    run: make\n")
    git(repo, "commit", "-qam", "mine is longer")
    head = CommitId(git(repo, "rev-parse", "HEAD"))
    asked = change.having(
        kind=ChangeKind.PULL_REQUEST, trust=Trust.FORK, number=1, head=head, base=None, base_ref="target"
    )
    mirrors = Mirrors(tmp_path / "mirrors")
    plan_of = await Planner(mirrors, tmp_path / "policy.yml").plan(asked)
    assert [job.spec.timeout_s for job in plan_of.jobs] == [300.0]
    mirrors.close()
