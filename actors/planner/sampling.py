"""Whether plans are right to leave tests out: a share of these is run all the same, after everybody else. Pure.

Which ones is decided with the plan, from the run's id alone, so that it stands in the receipt. They run in an *audit*,
a run of its own that nobody waits for: it is told to no forge, and its jobs come last in every queue.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from actors.planner.choice import VARIABLE, tellable
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import JobId, RunId
from models.job import JobSpec
from models.plan import Plan, PlannedJob, Reason, Sample, TestSelection, WouldSkip
from models.policy import Policy, violations
from models.printable import code

RULE: Final = "audit"
MOST_SAMPLED: Final = 100
# A sample that fails is run once more: one that passes then is a flake, and says nothing about the plan.
_RETRIES: Final = 1
_LOTS: Final = 1 << 64
_SHOWN: Final = 5


def samples(change: Change, left_out: Iterable[tuple[JobSpec, Iterable[str]]], share: float) -> tuple[Sample, ...]:
    """What an audit of this change's plan shall run, at most MOST_SAMPLED tests. `left_out`: jobs with skipped tests.

    Each test is drawn by itself with probability `share`, so of few tests one is drawn now and then. Nothing is drawn
    for somebody from outside, whose code would run for nobody, nor for what a person asked for on his own machine.
    """
    if change.trust is not Trust.TRUSTED or change.forge is Forge.LOCAL or change.aside:
        return ()
    run, room, found = change.run_id(), MOST_SAMPLED, []
    for spec, tests in left_out:
        drawn = tuple(sorted(t for t in set(tests) if tellable(t) and _lot(run, spec.id, t) < share))[:room]
        room -= len(drawn)
        if drawn:
            found.append(Sample(spec=spec, tests=drawn))
    return tuple(found)


def would_skip(judged: Iterable[tuple[JobId, bool, TestSelection | None]]) -> tuple[WouldSkip, ...]:
    """What selection alone would have left out: by job, whether it would run and with which tests."""
    found = []
    for job, runs, tests in judged:
        selected = tuple(test.path for test in tests.selected) if tests and runs else ()
        if not runs or (tests is not None and tests.skipped):
            found.append(WouldSkip(job=job, selected=selected, total=tests.total if tests else 0))
    return tuple(found)


def would_note(missing: Sequence[WouldSkip]) -> tuple[str, ...]:
    """The same for a person."""
    told = [
        f"{code(each.job)} with {len(each.selected)} of {each.total} tests"
        if each.selected
        else f"{code(each.job)} not at all"
        for each in missing[:_SHOWN]
    ]
    told += [f"and {len(missing) - _SHOWN} more jobs"] if len(missing) > _SHOWN else []
    return (f"on another branch less would have run: {', '.join(told)}",) if told else ()


def _lot(run: RunId, job: JobId, test: str) -> float:
    """A number from 0 to 1, the same each time."""
    digest = hashlib.sha256(f"{run}\0{job}\0{test}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _LOTS


def audit_of(run_change: Change, plan: Plan) -> Change | None:
    """The change that an audit of this run judges; None where nothing was drawn. The same run gives the same audit."""
    if not plan.samples:
        return None
    run = run_change.run_id()
    return run_change.having(
        kind=ChangeKind.AUDIT,
        number=None,  # no newer push takes its place, and nothing is written on a pull request
        head_ref=f"audit of {run}",
        title=f"audit of {run}",
        delivery="",
        nonce=run,
        audits=run,
    )


def audit_plan(run: RunId, plan: Plan, policy: Policy) -> Plan:
    """What an audit runs: of each job that left tests out, those that were drawn, and nothing that it needs.

    A job that today's policy does not allow is left out: nobody would look at its refusal.
    """
    jobs = tuple(
        PlannedJob(
            spec=sample.spec.having(
                needs=(),
                retries=_RETRIES,
                env={**sample.spec.env, VARIABLE: " ".join(sample.tests)},
            ),
            reasons=(
                Reason(rule=RULE, evidence=f"{len(sample.tests)} of the tests that run {run} left out, drawn by lot"),
            ),
        )
        for sample in plan.samples
        if not violations(sample.spec, policy, fork=False)
    )
    return Plan(
        head=plan.head,
        merge_base=plan.merge_base,
        changed=plan.changed,
        source=f"audit of {run}",
        jobs=jobs,
        policy=plan.policy,
    ).sealed()
