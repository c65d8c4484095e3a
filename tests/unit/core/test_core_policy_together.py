"""What is asked of all jobs of a change together, and by two who do not know of each other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ids import JobId
from models.job import JobSpec, Resources, SecretUse, Step
from models.policy import (
    EgressPolicy,
    ForkPolicy,
    LimitPolicy,
    Policy,
    Rules,
    SecretPolicy,
    ServerRules,
    merged,
    refusals,
    required_jobs,
    violations,
)
from tests.unit.core.samples import spec

KEY = (Step(secrets=(SecretUse(name="KEY"),)),)


def repository(**rules: Any) -> Policy:
    return merged(Policy(), Rules(**rules))


def refused(jobs: list[JobSpec], policy: Policy, known: list[JobSpec] | None = None) -> dict[str, list[str]]:
    found = refusals(jobs, known or jobs, policy, fork=False)
    return {job.id: [reason.evidence for reason in job.reasons] for job in found}


@pytest.mark.parametrize(
    ("rules", "fields", "says"),
    [
        ({"images": ("runner-*",)}, {"image": "other"}, "`other` is not in the repository's policy's `images`"),
        ({"egress": EgressPolicy(allow=())}, {"egress": ("pypi.org",)}, "the repository's policy's `egress.allow`"),
        ({"limits": LimitPolicy(cpus=1)}, {"resources": Resources(cpus=2)}, "the repository's policy's `limits`"),
        ({"secrets": {"KEY": SecretPolicy(jobs=("x",))}}, {"steps": KEY}, "the repository's policy does not give"),
    ],
)
def test_a_repository_can_forbid_what_the_server_allows(rules: Any, fields: Any, says: str) -> None:
    [reason] = violations(spec("test").having(**fields), repository(**rules), fork=False)
    assert says in reason.evidence
    assert violations(spec("test"), repository(**rules), fork=False) == ()


jobs = st.builds(
    spec("test").having,
    image=st.sampled_from(["a", "ab", "b"]),
    egress=st.sets(st.sampled_from(["pypi.org", "a.example.com", "example.org"])).map(tuple),
    timeout_s=st.sampled_from([1.0, 10.0]),
    steps=st.sampled_from([(), KEY]),
)
rules: dict[str, st.SearchStrategy[Any]] = {
    "images": st.sampled_from([("*",), ("a*",), ("b",)]),
    "egress": st.sampled_from([None, EgressPolicy(allow=()), EgressPolicy(allow=("*.example.com", "pypi.org"))]),
    "limits": st.sampled_from([LimitPolicy(), LimitPolicy(timeout_s=5)]),
    "secrets": st.sampled_from([{}, {"KEY": SecretPolicy(jobs=("t*",))}, {"KEY": SecretPolicy(jobs=("x",))}]),
    "max_jobs": st.integers(1, 3),
    "max_time": st.sampled_from([None, 5.0, 1e6]),
    "required": st.sampled_from([(), ("test",), ("lint",)]),
    "forks": st.builds(ForkPolicy, approval=st.sampled_from([None, "none", "first_time", "all"])),
}


@given(jobs, st.builds(ServerRules, **rules), st.builds(Rules, **rules))
def test_the_stricter_holds_whoever_says_it(job: JobSpec, server: ServerRules, own: Rules) -> None:
    both = merged(Policy(server=server), own)
    loose = ServerRules(egress=None, forks=ForkPolicy(approval="none"))
    alone = [Policy(server=server), Policy(server=loose, repository=own)]
    assert bool(violations(job, both, fork=False)) == any(violations(job, each, fork=False) for each in alone)
    assert both.max_jobs == min(server.max_jobs, own.max_jobs)
    assert set(both.required) == {*server.required, *own.required}
    for newcomer in (True, False):
        assert both.fork_waits(newcomer=newcomer) == any(each.fork_waits(newcomer=newcomer) for each in alone)
    times = [each.max_time for each in (server, own) if each.max_time is not None]
    assert both.max_time == (min(times) if times else None)


def test_without_a_word_of_the_repository_the_servers_holds() -> None:
    assert merged(Policy(), None) == Policy() == merged(Policy(), Rules())


def test_too_many_jobs_are_refused_from_the_end() -> None:
    found = refused([spec("a"), spec("b"), spec("c")], repository(max_jobs=2))
    assert found == {"c": ["3 jobs would run, and the policy's `max_jobs` is 2"]}


def test_time_is_the_sum_with_retries_and_a_smaller_job_may_still_fit() -> None:
    jobs = [spec("a", retries=1), spec("b"), spec("c").having(timeout_s=100.0)]
    found = refused(jobs, repository(max_time=1300.0))
    assert found == {
        "b": [
            "the job may take 600 s and those before it 1200 s, retries included, and the policy's `max_time` is 1300 s"
        ]
    }
    assert refused(jobs, repository(max_time=1900.0)) == {}


def test_what_is_refused_by_itself_takes_nothing_of_the_others() -> None:
    bad = spec("a").having(image="evil")
    assert list(refused([bad, spec("b")], repository(images=("runner-*",), max_jobs=1))) == ["a"]


def test_a_required_job_that_does_not_exist_is_refused_and_says_so() -> None:
    found = refused([spec("test")], repository(required=("test", "lint")))
    assert found == {"lint": ["the policy requires a job `lint`, and the configuration has none: add it"]}


def test_a_required_job_that_is_skipped_exists() -> None:
    assert refused([], repository(required=("test",)), known=[spec("test")]) == {}


def test_a_name_means_all_combinations_of_a_matrix() -> None:
    combined = [spec(f"test-{n}").having(matrix_of=JobId("test"), steps=KEY) for n in (1, 2)]
    policy = repository(required=("test",), secrets={"KEY": SecretPolicy(jobs=("test",))})
    assert refused(combined, policy) == {}
    assert required_jobs([*combined, spec("lint")], policy) == ("test-1", "test-2")


def test_the_failure_of_a_required_job_cannot_be_allowed() -> None:
    [why] = refused([spec("test", allow_failure=True)], repository(required=("test",)))["test"]
    assert "take `allow_failure` out" in why


def test_the_digest_is_of_the_content() -> None:
    one = Policy(server=ServerRules(secrets={"A": SecretPolicy(), "B": SecretPolicy()}))
    same = Policy(server=ServerRules(secrets={"B": SecretPolicy(), "A": SecretPolicy()}))
    assert one.digest == same.digest
    assert len({one.digest, Policy().digest, repository(max_jobs=3).digest}) == 3
    assert Policy().digest.startswith("1-")
