"""Which jobs run for a change, which do not, and why. Pure: the same inputs give the same plan, digest included.

The rules, in order, for each job:
1. something makes the plan unsure (no merge base, shallow history, an empty diff, a change of the configuration, of CI
   or build files, a file of unknown kind): every job runs, whole, with that as its reason;
2. a job with `paths` runs when a changed file matches, by its old or its new name, and is skipped otherwise;
3. of a job whose tests Delta can choose from, the tests that the change reaches run; it is skipped if there are none,
   and runs whole where the way from the change to the tests is not known;
4. any other job of `.delta.yml` without `paths` runs; one that the tree proposed is skipped for documentation alone;
5. what failed unseen, or failed for changes like this one, is added to that (`hints.py`);
6. what a running job needs runs too;
7. a push to the default branch runs everything all the same, and remembers what would have been left out;
8. of these, a job that asks for what the policy does not allow is refused, with every reason.

A configuration that does not parse raises `ChangeError`; nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from actors.planner import choice as tests_of
from actors.planner.candidates import Candidate, Candidates, candidates
from actors.planner.doubt import Doubts, doubts
from actors.planner.glob import match
from actors.planner.hints import Hint, Hints
from actors.planner.inputs import PlanInputs
from actors.planner.kinds import Kind
from actors.planner.profile import propose
from actors.planner.sampling import samples, would_note, would_skip
from models.change import Trust
from models.job import JobSpec
from models.plan import Plan, PlannedJob, Reason, RefusedJob, SkippedJob, TestSelection, WouldSkip
from models.policy import violations
from models.printable import SHOWN, code, listed

__all__ = ["POLICY", "PlanInputs", "plan"]

POLICY: Final = "default-1"
_DEFAULT_BRANCH: Final = (
    Reason(rule="default branch", evidence="everything runs there, so that what selection misses shows"),
)


class _Verdict(NamedTuple):
    """What becomes of a job: why, and which of its tests run."""

    runs: bool
    reasons: tuple[Reason, ...]
    tests: TestSelection | None = None


def plan(inputs: PlanInputs) -> Plan:
    """The plan for one change, sealed. Raises `ChangeError` for a configuration that does not parse."""
    found = candidates(inputs)
    changed = tuple(sorted(inputs.changed, key=lambda file: (file.path, file.old_path or "", file.status)))
    seen = doubts(inputs, changed, [job.paths for job in found.jobs if job.paths])
    lenient = found.proposed_by_tree and not _reads_documents(inputs.read)
    hints = Hints(inputs.history, changed)
    verdicts: dict[str, _Verdict] = {job.spec.id: _judge(job, seen, lenient, hints) for job in found.jobs}
    _pull_in_needs(found.jobs, verdicts)
    missing: tuple[WouldSkip, ...] = ()
    if inputs.change.on_default_branch and not seen.everywhere:
        missing = would_skip((job.spec.id, (v := verdicts[job.spec.id]).runs, v.tests) for job in found.jobs)
        verdicts = {job.spec.id: _whole(job, _DEFAULT_BRANCH) for job in found.jobs}
    fork = inputs.change.trust is Trust.FORK
    refused = {j.spec.id: why for j in found.jobs if (why := violations(j.spec, inputs.policy, fork=fork))}
    running = [job for job in found.jobs if verdicts[job.spec.id].runs]
    return Plan(
        head=inputs.change.head,
        merge_base=inputs.merge_base,
        changed=changed,
        source=found.source,
        jobs=tuple(_planned(job, verdicts[job.spec.id]) for job in running if job.spec.id not in refused),
        refused=tuple(
            RefusedJob(spec=job.spec, reasons=refused[job.spec.id]) for job in running if job.spec.id in refused
        ),
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
                if (verdict := verdicts[job.spec.id]).tests and job.spec.id not in refused
            ),
            inputs.audit_share,
        ),
        notes=(*found.notes, *_coverage_notes(found, seen), *_past_notes(inputs, found, missing)),
        policy=POLICY,
    ).sealed()


def _planned(job: Candidate, verdict: _Verdict) -> PlannedJob:
    reasons = (*verdict.reasons, *job.origin)
    if verdict.tests is None:
        return PlannedJob(spec=job.spec, reasons=reasons)
    return PlannedJob(spec=_told(job.spec, verdict.tests), reasons=reasons, tests=verdict.tests)


def _told(spec: JobSpec, tests: TestSelection) -> JobSpec:
    """The job with its selection where its commands find it."""
    return spec.having(env={**spec.env, tests_of.VARIABLE: tests_of.words(tests) or ""})


def _judge(job: Candidate, seen: Doubts, lenient: bool, hints: Hints) -> _Verdict:
    if seen.everywhere:
        return _whole(job, seen.everywhere)
    by_paths = _by_paths(job, seen.kinds) if job.paths else None
    chosen = job.choose() if job.choose else None
    hint = hints.of(job.spec.id, chosen.tests if chosen else ())
    if by_paths is not None and not by_paths.runs and not seen.without_tests and not hint.job:
        return by_paths._replace(tests=tests_of.nothing(chosen) if chosen else None)
    if chosen is not None:
        verdict = _narrowed(chosen, by_paths, hint)
        return verdict._replace(tests=verdict.tests and hints.ordered(verdict.tests, chosen.distance))
    if seen.without_tests:
        return _Verdict(runs=True, reasons=seen.without_tests)
    verdict = by_paths or _at_every_change(seen.kinds, lenient)
    return _Verdict(runs=True, reasons=hint.job) if hint.job and not verdict.runs else verdict


def _at_every_change(kinds: Mapping[str, Kind], lenient: bool) -> _Verdict:
    """Of a job without `paths` and without tests that Delta could choose from."""
    if not lenient:
        return _Verdict(True, (Reason(rule="always", evidence="the job has no `paths`, so it runs for every change"),))
    changed = [path for path, kind in kinds.items() if kind is not Kind.DOCUMENTATION]
    if not changed:
        only = f"only documentation changed: {listed(tuple(kinds))}"
        return _Verdict(False, (Reason(rule="documentation", evidence=only, score=0.9),))
    return _Verdict(True, (Reason(rule="change", evidence=f"{listed(changed)} changed"),))


def _whole(job: Candidate, reasons: tuple[Reason, ...]) -> _Verdict:
    """It runs with all its tests."""
    chosen = job.choose() if job.choose else None
    return _Verdict(runs=True, reasons=reasons, tests=tests_of.everything(chosen) if chosen else None)


def _narrowed(chosen: tests_of.Choice, by_paths: _Verdict | None, hint: Hint) -> _Verdict:
    """The tests that the change reaches and those that the past adds; all where that is not known."""
    if chosen.unsure:
        return _Verdict(runs=True, reasons=chosen.unsure[:SHOWN], tests=tests_of.everything(chosen))
    selected = tests_of.reached(chosen, hint.tests)
    if not selected.selected and hint.job:  # it failed then, and no test that is still there says by what
        return _Verdict(runs=True, reasons=hint.job, tests=tests_of.everything(chosen))
    if not selected.selected:
        why = Reason(rule="tests", evidence=f"the change reaches none of the {selected.total} test files")
        return _Verdict(runs=False, reasons=(why,), tests=selected)
    if tests_of.words(selected) is None:
        why = Reason(rule="tests", evidence="the selected tests' names cannot be told to a shell, or are too many")
        return _Verdict(runs=True, reasons=(why,), tests=tests_of.everything(chosen))
    reached = f"the change reaches {len(chosen.reached)} of {selected.total} test files"
    before = by_paths.reasons if by_paths is not None and by_paths.runs else ()
    added = hint.job if len(selected.selected) > len(chosen.reached) else ()
    return _Verdict(runs=True, reasons=(*before, Reason(rule="tests", evidence=reached), *added), tests=selected)


def _by_paths(job: Candidate, kinds: Mapping[str, Kind]) -> _Verdict:
    matched = [(path, glob.pattern) for path in kinds if (glob := match(job.paths, path)) is not None]
    if not matched:
        patterns = listed([glob.pattern for glob in job.paths])
        return _Verdict(False, (Reason(rule="paths", evidence=f"none of {_count(kinds)} matches {patterns}"),))
    shown = tuple(Reason(rule="paths", evidence=f"{code(path)} matches {code(by)}") for path, by in matched[:SHOWN])
    if len(matched) > SHOWN:
        more = Reason(rule="paths", evidence=f"and {len(matched) - SHOWN} more changed files match")
        return _Verdict(True, (*shown, more))
    return _Verdict(True, shown)


def _pull_in_needs(jobs: Sequence[Candidate], verdicts: dict[str, _Verdict]) -> None:
    """Add what running jobs need, directly or not. `needs` has no cycle: the configuration was checked."""
    by_id = {job.spec.id: job for job in jobs}
    waiting = [job.spec.id for job in jobs if verdicts[job.spec.id].runs]
    while waiting:
        job = waiting.pop(0)
        for need in by_id[job].spec.needs:
            if not verdicts[need].runs:
                verdicts[need] = _whole(by_id[need], (Reason(rule="needs", evidence=f"{code(job)} runs and needs it"),))
                waiting.append(need)


def _reads_documents(read: Mapping[str, bytes]) -> bool:
    """Doctests make documentation a test: then it is not safe to leave tests out for it."""
    return any(b"doctest" in content for content in read.values())


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


def _count(kinds: Mapping[str, Kind]) -> str:
    return "the changed files" if len(kinds) > 1 else f"the changed files ({listed(tuple(kinds))})"
