"""Which jobs run for a change, which do not, and why. Pure: the same inputs give the same plan, digest included.

The rules, in order, for each job:
1. something makes the plan unsure (no merge base, shallow history, an empty diff, a change of the configuration, of CI
   or build files, a file of unknown kind): every job runs, whole, with that as its reason;
2. a job with `paths` runs when a changed file matches, by its old or its new name, and is skipped otherwise;
3. of a job whose tests Delta can choose from, the tests that the change reaches run; it is skipped if there are none,
   and runs whole where the way from the change to the tests is not known;
4. any other job of `.delta.yml` without `paths` runs; one that the tree proposed is skipped for documentation alone;
5. what failed unseen, or failed for changes like this one, is added to that (`hints.py`);
6. what a running job needs runs too; a job with `always` runs whatever the rules above say, and brings nothing in;
7. a push to the default branch runs whole all the same what only the selection would leave out, and remembers that;
8. of these, a job that asks for what the policy does not allow is refused, with every reason, and so is a required job
   that does not exist.

A configuration that does not parse raises `ChangeError`; nothing else does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from actors.planner import choice as tests_of
from actors.planner.candidates import Candidate, Candidates, candidates
from actors.planner.doubt import Doubts, doubts
from actors.planner.glob import match
from actors.planner.hints import Hints
from actors.planner.inputs import PlanInputs
from actors.planner.kinds import Kind
from actors.planner.policy import effective
from actors.planner.profile import propose
from actors.planner.python.facts import VERSION
from actors.planner.sampling import samples, would_note, would_skip
from actors.planner.verdict import Judge, Verdict, whole
from models.change import Trust
from models.job import JobSpec
from models.plan import Plan, PlannedJob, Reason, Receipt, SkippedJob, TestSelection, WouldSkip
from models.policy import refusals, required_jobs
from models.printable import code, listed

__all__ = ["PlanInputs", "plan"]

# The version of these rules and of what is found in files: raised whenever the same inputs give another plan.
RULES: Final = f"1.{VERSION}"
HELD: Final = "a change from a fork waits for approval"
_DEFAULT_BRANCH: Final = (
    Reason(rule="default branch", evidence="everything runs there, so that what selection misses shows"),
)


def plan(inputs: PlanInputs) -> Plan:
    """The plan for one change, sealed. Raises `ChangeError` for a configuration that does not parse."""
    found = candidates(inputs)
    changed = tuple(sorted(inputs.changed, key=lambda file: (file.path, file.old_path or "", file.status)))
    seen = doubts(inputs, changed, [job.paths for job in found.jobs if job.paths])
    judge = Judge(inputs, found, seen, Hints(inputs.history, changed))
    verdicts: dict[str, Verdict] = {job.spec.id: judge.verdict(job) for job in found.jobs}
    _pull_in_needs(found.jobs, verdicts)
    missing = _run_whole(found.jobs, verdicts) if inputs.change.on_default_branch and not seen.everywhere else ()
    fork = inputs.change.trust is Trust.FORK
    running = [job for job in found.jobs if verdicts[job.spec.id].runs]
    policy, policy_notes = effective(inputs.policy, inputs.change, inputs.config_text, inputs.base_config_text)
    known = [job.spec for job in found.jobs]
    refused = refusals([job.spec for job in running], known, policy, fork=fork)
    not_allowed = {job.id for job in refused}
    return Plan(
        head=inputs.change.head,
        merge_base=inputs.merge_base,
        changed=changed,
        source=found.source,
        jobs=tuple(_planned(job, verdicts[job.spec.id]) for job in running if job.spec.id not in not_allowed),
        refused=refused,
        skipped=tuple(
            SkippedJob(id=job.spec.id, reasons=verdict.reasons, tests=verdict.tests)
            for job in found.jobs
            if not (verdict := verdicts[job.spec.id]).runs
        ),
        would_skip=missing,
        samples=samples(
            inputs.change,
            (
                (job.spec, verdict.tests.skipped)
                for job in found.jobs
                if (verdict := verdicts[job.spec.id]).tests and job.spec.id not in not_allowed
            ),
            inputs.audit_share,
        ),
        notes=(*found.notes, *policy_notes, *_coverage_notes(found, seen), *_past_notes(inputs, found, missing)),
        policy=policy.digest,
        required=required_jobs(known, policy),
        held=HELD if fork and policy.fork_waits(newcomer=inputs.change.newcomer) else "",
        receipt=_receipt(inputs),
    ).sealed()


def _receipt(inputs: PlanInputs) -> Receipt:
    return Receipt(
        rules=RULES,
        policy=inputs.policy.model_dump_json(),
        history=inputs.history.model_dump_json(),
        audit_share=inputs.audit_share,
        config=_digest(inputs.config_text),
        base_config=_digest(inputs.base_config_text),
        base=inputs.change.base,
    )


def _digest(text: str | None) -> str:
    return "" if text is None else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _planned(job: Candidate, verdict: Verdict) -> PlannedJob:
    reasons = (*verdict.reasons, *job.origin)
    if verdict.tests is None:
        return PlannedJob(spec=job.spec, reasons=reasons)
    return PlannedJob(spec=_told(job.spec, verdict.tests), reasons=reasons, tests=verdict.tests)


def _told(spec: JobSpec, tests: TestSelection) -> JobSpec:
    """The job with its selection where its commands find it."""
    return spec.having(env={**spec.env, tests_of.VARIABLE: tests_of.words(tests) or ""})


def _run_whole(jobs: Sequence[Candidate], verdicts: dict[str, Verdict]) -> tuple[WouldSkip, ...]:
    """Makes jobs run whole, but for those that a person's `paths` leave out: that is meant. Gives what it added."""
    meant = [job for job in jobs if verdicts[job.spec.id].runs or not job.paths]
    missing = would_skip((job.spec.id, (was := verdicts[job.spec.id]).runs, was.tests) for job in meant)
    verdicts.update({job.spec.id: whole(job, _DEFAULT_BRANCH) for job in meant})
    return missing


def _pull_in_needs(jobs: Sequence[Candidate], verdicts: dict[str, Verdict]) -> None:
    """Add what running jobs need, directly or not. `needs` has no cycle: the configuration was checked.

    A job that always runs does so whatever becomes of what it needs, so it brings nothing in.
    """
    by_id = {job.spec.id: job for job in jobs}
    waiting = [job.spec.id for job in jobs if verdicts[job.spec.id].runs]
    while waiting:
        job = waiting.pop(0)
        for need in () if by_id[job].spec.always else by_id[job].spec.needs:
            if not verdicts[need].runs:
                verdicts[need] = whole(by_id[need], (Reason(rule="needs", evidence=f"{code(job)} runs and needs it"),))
                waiting.append(need)


def _coverage_notes(found: Candidates, seen: Doubts) -> tuple[str, ...]:
    """Say it where changed code is looked at by no job: a skip that somebody configured, perhaps without meaning to."""
    if seen.everywhere or not found.jobs or not all(job.paths for job in found.jobs):
        return ()
    missed = [
        path
        for path, kind in seen.kinds.items()
        if kind is not Kind.DOCUMENTATION and not any(match(job.paths, path) for job in found.jobs)
    ]
    return (f"no job's `paths` name {listed(missed)}, so no job looks at that change",) if missed else ()


def _past_notes(inputs: PlanInputs, found: Candidates, missing: Sequence[WouldSkip]) -> tuple[str, ...]:
    """What could not be asked, what would have been left out; and where nothing is known, what works elsewhere."""
    proposed = () if found.jobs else propose(inputs.history.similar)
    return (*inputs.history.notes, *would_note(missing), *proposed)
