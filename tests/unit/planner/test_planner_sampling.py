"""A share of what plans leave out, drawn from the run's id; the audit that runs it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.planner.choice import VARIABLE
from actors.planner.sampling import MOST_SAMPLED, audit_of, audit_plan, samples
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId
from models.plan import Plan, Sample
from models.policy import Policy, ServerRules
from tests.unit.core.samples import HEAD, plan, spec

PULL = Change(
    forge=Forge.GITHUB,
    kind=ChangeKind.PULL_REQUEST,
    trust=Trust.TRUSTED,
    repository="ada/kitchen",
    clone_url="https://github.com/ada/kitchen",
    head=HEAD,
    head_ref="feature",
    number=7,
    delivery="d-1",
)
TESTS = [f"tests/test_{number}.py" for number in range(50)]


def drawn(change: Change, tests: list[str], share: float) -> tuple[str, ...]:
    return tuple(test for sample in samples(change, [(spec("test"), tests)], share) for test in sample.tests)


def with_samples(*tests: str) -> Plan:
    return plan(spec("build"), spec("test", "build", retries=3)).having(
        samples=(Sample(spec=spec("test", "build", retries=3).having(env={"A": "b"}), tests=tests),)
    )


def test_about_the_share_is_drawn_and_of_few_tests_one_now_and_then() -> None:
    runs = [PULL.having(head=CommitId(f"{number:040x}")) for number in range(2_000)]
    counts = [len(drawn(run, TESTS[:5], 0.02)) for run in runs]
    assert 150 < sum(counts) < 250, "2 % of 10,000"
    assert set(counts) >= {0, 1}


@given(st.lists(st.sampled_from(TESTS), unique=True), st.floats(0, 1))
def test_the_same_run_draws_the_same_whatever_the_order(tests: list[str], share: float) -> None:
    first = drawn(PULL, tests, share)
    assert drawn(PULL, tests[::-1], share) == first
    assert set(first) <= set(tests)
    assert set(first) <= set(drawn(PULL, tests, min(1.0, share + 0.1)))


def test_everything_and_nothing() -> None:
    assert drawn(PULL, TESTS, 1.0) == tuple(sorted(TESTS))
    assert drawn(PULL, TESTS, 0.0) == ()
    many = [f"tests/{number}.py" for number in range(1_000)]
    both = samples(PULL, [(spec("a"), many), (spec("b"), many)], 1.0)
    assert sum(len(sample.tests) for sample in both) == MOST_SAMPLED


def test_a_name_that_a_shell_would_not_leave_alone_is_not_drawn() -> None:
    assert drawn(PULL, ["tests/a b.py", "tests/$(id).py", "-x", "tests/test_a.py"], 1.0) == ("tests/test_a.py",)


@pytest.mark.parametrize(
    "change",
    [PULL.having(trust=Trust.FORK), PULL.having(forge=Forge.LOCAL), PULL.having(kind=ChangeKind.AUDIT)],
    ids=["from outside", "on somebody's own machine", "of an audit"],
)
def test_nothing_is_drawn_for_a_run(change: Change) -> None:
    assert drawn(change, TESTS, 1.0) == ()


def test_an_audit_is_a_run_of_its_own_that_nobody_waits_for() -> None:
    audit = audit_of(PULL, with_samples("tests/test_a.py"))
    assert audit is not None
    assert audit.audits == PULL.run_id()
    assert audit.run_id() != PULL.run_id()
    others = [PULL.having(kind=kind) for kind in ChangeKind]
    assert audit.priority < min(each.priority for each in others if not each.aside)
    assert audit.number is None, "a newer push to the pull request must not cancel it, nor it a newer push"
    assert audit.trust is PULL.trust
    assert not audit.on_default_branch
    assert audit_of(PULL.having(delivery="d-2"), with_samples("tests/test_a.py")) == audit
    assert audit_of(PULL, plan(spec("test"))) is None


def test_it_runs_what_was_drawn_and_nothing_that_it_needs() -> None:
    audit = audit_plan(PULL.run_id(), with_samples("tests/test_a.py", "tests/test_b.py"), Policy())
    (job,) = audit.jobs
    assert job.spec.id == "test"
    assert job.spec.needs == ()
    assert job.spec.env["A"] == "b"
    assert job.spec.env[VARIABLE] == "tests/test_a.py tests/test_b.py"
    assert job.spec.retries == 1, "a flake is no miss"
    assert audit.having(digest="").sealed() == audit
    assert audit.samples == ()


def test_what_the_policy_forbids_by_now_is_not_run() -> None:
    assert audit_plan(PULL.run_id(), with_samples("a"), Policy(server=ServerRules(images=("other-*",)))).jobs == ()
