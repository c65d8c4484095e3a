"""What the policy refuses, and what becomes of a refused job."""

from __future__ import annotations

from typing import Any

import pytest

from models.failure import Category
from models.ids import JobId
from models.job import JobSpec, Resources, SecretUse, ServiceSpec, Step
from models.lifecycle.create import planned
from models.lifecycle.rerun import rerun
from models.plan import RefusedJob
from models.policy import EgressPolicy, LimitPolicy, Policy, SecretPolicy, ServerRules, violations
from tests.unit.core import samples

DEPLOY = JobSpec(
    id=JobId("deploy"), run=("true",), steps=(Step(secrets=(SecretUse(name="KEY"),)),), egress=("pypi.org",)
)


def policy(**rules: Any) -> Policy:
    return Policy(server=ServerRules(**rules))


def refused(policy: Policy, *, fork: bool = False, **fields: Any) -> list[str]:
    return [reason.evidence for reason in violations(DEPLOY.having(**fields), policy, fork=fork)]


def test_what_nobody_forbids_is_allowed() -> None:
    assert refused(Policy()) == []


@pytest.mark.parametrize(
    ("policy", "fields", "says"),
    [
        (Policy(), {"egress": ("example.org",)}, "`example.org`, which is not in the policy's `egress.allow`"),
        (policy(egress=EgressPolicy(allow=())), {}, "`pypi.org`, which is not in"),
        (policy(egress=EgressPolicy(allow=("*.example.org",))), {"egress": ("example.org",)}, "`example.org`, which"),
        (policy(images=("runner-*",)), {"image": "evil/miner"}, "`evil/miner` is not in the policy's `images`"),
        (policy(images=("runner-*",)), {"services": (ServiceSpec(name="db", image="x"),)}, "the image `x`"),
        (policy(secrets={"KEY": SecretPolicy(jobs=("publish*",))}), {}, "does not give the secret `KEY` to the job"),
        (policy(limits=LimitPolicy(cpus=2)), {"resources": Resources(cpus=4)}, "asks for 4 CPUs, and the policy"),
        (policy(limits=LimitPolicy(timeout_s=60)), {}, "asks for 600 seconds"),
        (
            policy(limits=LimitPolicy(memory_mb=2100)),
            {"services": (ServiceSpec(name="db", image="x"),)},
            "asks for 2560 MB of memory",
        ),
    ],
)
def test_what_goes_beyond_it_is_named(policy: Policy, fields: dict[str, Any], says: str) -> None:
    [reason] = refused(policy, **fields)
    assert says in reason


def test_every_violation_is_told() -> None:
    asked = policy(egress=EgressPolicy(allow=()), limits=LimitPolicy(timeout_s=60))
    assert len(refused(asked, fork=True, egress=("a.example.org", "b.example.org"))) == 4


def test_a_fork_gets_no_secrets_whatever_the_policy_says() -> None:
    asked = policy(secrets={"KEY": SecretPolicy(jobs=("*",))})
    assert refused(asked, fork=True) == ["a change from a fork gets no secrets, and the job asks for `KEY`"]
    assert refused(asked, fork=True, steps=()) == []


def test_a_refused_job_fails_says_why_and_runs_never_and_what_needs_it_is_skipped() -> None:
    plan = samples.plan(samples.spec("test"), samples.spec("after", "deploy"))
    why = violations(DEPLOY, policy(egress=EgressPolicy(allow=())), fork=False)
    plan = plan.having(refused=(RefusedJob(spec=DEPLOY, reasons=why),)).sealed()
    run = samples.after(planned(samples.created(), plan, samples.NOW))
    assert samples.states(run) == {"test": "queued", "after": "skipped", "deploy": "failed"}
    job = run.job(JobId("deploy"))
    assert job.attempts == ()
    assert "egress.allow" in job.detail
    assert job.explanation is not None
    assert job.explanation.finding.category is Category.SECURITY_POLICY

    ended = samples.finished(run, samples.PASSED).run
    assert ended.state == "failed"
    for which in ("failed", "job:deploy"):
        assert rerun(ended, which, "ada", samples.NOW) is None
