"""Which jobs run for a change, which do not, and why. Pure: the same inputs give the same plan, digest included.

The rules, in order, for each job:
1. something makes the plan unsure (no merge base, shallow history, an empty diff, a change of the configuration, of CI
   or build files, a file of unknown kind): every job runs, with that as its reason;
2. a job with `paths` runs when a changed file matches, by its old or its new name, and is skipped otherwise;
3. a job of `.delta.yml` without `paths` always runs; one that the tree proposed is skipped for documentation alone;
4. what a running job needs runs too;
5. of these, a job that asks for what the policy does not allow is refused, with every reason.

A configuration that does not parse raises `ChangeError`; nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pydantic import ConfigDict

from actors.planner.caches import cache_specs
from actors.planner.config import NAME, parse
from actors.planner.fork import base_policy
from actors.planner.glob import Glob, compile_glob, match
from actors.planner.kinds import Kind, code_folders, kind_of
from actors.planner.schema import Config
from actors.planner.tree import from_tree
from models.change import Change, Trust
from models.ids import CommitId
from models.job import JobSpec
from models.plan import ChangedFile, Plan, PlannedJob, Reason, RefusedJob, SkippedJob
from models.policy import Policy, violations
from models.record import Record

POLICY: Final = "default-1"
MAX_MATCHES: Final = 250_000  # of paths with patterns: about half a second
_SHOWN: Final = 3

_WIDENS: Final[Mapping[Kind, str]] = {
    Kind.CONFIGURATION: "changed: it decides what the jobs are",
    Kind.CI: "changed: it belongs to the CI itself",
    Kind.BUILD: "changed: it can affect everything",
    Kind.UNKNOWN: "is of a kind that no rule knows and no job's `paths` name",
}


class PlanInputs(Record):
    """All that a plan is made from. Stored, it replays the plan.

    `merge_base` is None when there is none; `shallow` says that history was cut, so that it cannot be trusted. `files`
    are all paths of the tree at the head; `read` is the content of those that `manifest_paths` names. `config_text` is
    the head's `.delta.yml`, `base_config_text` the base branch's where it counts, for a fork; None where there
    is none. `blobs` are the ids of the contents of the files, by path.
    """

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    change: Change
    merge_base: CommitId | None
    shallow: bool = False
    changed: tuple[ChangedFile, ...]
    files: tuple[str, ...]
    config_text: str | None = None
    base_config_text: str | None = None
    read: Mapping[str, bytes] = {}
    blobs: Mapping[str, str] = {}
    policy: Policy = Policy()


class _Candidate(NamedTuple):
    """A job before it is decided whether it runs. `paths` empty: it looks at every change."""

    spec: JobSpec
    paths: tuple[Glob, ...]
    origin: tuple[Reason, ...]


class _Candidates(NamedTuple):
    source: str
    jobs: tuple[_Candidate, ...]
    notes: tuple[str, ...]
    proposed_by_tree: bool


def plan(inputs: PlanInputs) -> Plan:
    """The plan for one change, sealed. Raises `ChangeError` for a configuration that does not parse."""
    found = _candidates(inputs)
    changed = tuple(sorted(inputs.changed, key=lambda file: (file.path, file.old_path or "", file.status)))
    kinds = _kinds(changed, inputs.files)
    unsure = _unsure(inputs, kinds, found.jobs)
    reasons: dict[str, tuple[Reason, ...]] = {}
    skipped: dict[str, Reason] = {}
    for job in found.jobs:
        runs, reason = _decide(job, unsure, kinds, found.proposed_by_tree and not _reads_documents(inputs.read))
        if runs:
            reasons[job.spec.id] = (*reason, *job.origin)
        else:
            skipped[job.spec.id] = reason[0]
    _pull_in_needs(found.jobs, reasons)
    fork = inputs.change.trust is Trust.FORK
    refused = {j.spec.id: why for j in found.jobs if (why := violations(j.spec, inputs.policy, fork=fork))}
    running = [j.spec for j in found.jobs if j.spec.id in reasons]
    return Plan(
        head=inputs.change.head,
        merge_base=inputs.merge_base,
        changed=changed,
        source=found.source,
        jobs=tuple(PlannedJob(spec=job, reasons=reasons[job.id]) for job in running if job.id not in refused),
        refused=tuple(RefusedJob(spec=job, reasons=refused[job.id]) for job in running if job.id in refused),
        skipped=tuple(
            SkippedJob(id=j.spec.id, reasons=(skipped[j.spec.id],)) for j in found.jobs if j.spec.id not in reasons
        ),
        notes=(*found.notes, *_coverage_notes(found, kinds, unsure)),
        policy=POLICY,
    ).sealed()


def _candidates(inputs: PlanInputs) -> _Candidates:
    if inputs.config_text is None:
        tree = from_tree(inputs.files, inputs.read)
        jobs = tuple(_Candidate(spec, (), tree.evidence) for spec in tree.jobs)
        return _Candidates(tree.source, jobs, tree.notes, proposed_by_tree=True)
    config, notes = parse(inputs.config_text), tuple[str, ...]()
    if inputs.change.trust is Trust.FORK:
        config, notes = base_policy(config, inputs.base_config_text)
    jobs, more = _configured(config, inputs.blobs)
    return _Candidates(NAME, jobs, (*notes, *more), proposed_by_tree=False)


def _configured(config: Config, blobs: Mapping[str, str]) -> tuple[tuple[_Candidate, ...], tuple[str, ...]]:
    candidates, notes = [], []
    for job, body in config.jobs.items():
        caches, odd = cache_specs(body.cache, body.image, blobs)
        paths = tuple(compile_glob(pattern) for pattern in body.paths or ())
        candidates.append(_Candidate(body.spec(job).having(caches=caches), paths, ()))
        notes += [f"{_code(job)}: {note}" for note in odd]
    return tuple(candidates), tuple(notes)


def _kinds(changed: Iterable[ChangedFile], files: Iterable[str]) -> dict[str, Kind]:
    """Every path the diff speaks of, old names of renamed files included, and its kind."""
    code = code_folders(files)
    paths = [path for file in changed for path in (file.path, file.old_path) if path is not None]
    return {path: kind_of(path, code) for path in paths}


def _unsure(inputs: PlanInputs, kinds: Mapping[str, Kind], jobs: Sequence[_Candidate]) -> tuple[Reason, ...]:
    """Why nothing may be left out; empty when the diff can be trusted."""
    reasons: list[Reason] = []
    if inputs.merge_base is None:
        reasons.append(Reason(rule="no merge base", evidence="there is no common commit with a base to compare with"))
    elif inputs.shallow:
        reasons.append(Reason(rule="shallow history", evidence="the history is cut off, so the diff may be incomplete"))
    elif not kinds:
        reasons.append(Reason(rule="empty diff", evidence="no file differs from the base, so nothing can be narrowed"))
    globs = [job.paths for job in jobs if job.paths]
    if len(kinds) * sum(map(len, globs)) > MAX_MATCHES:
        reasons.append(Reason(rule="huge change", evidence=f"{len(kinds)} paths changed, too many to match each"))
    for path, kind in kinds.items():
        if len(reasons) >= _SHOWN:
            break  # enough to show, and with one of them no path needs to be matched any more
        named = kind is Kind.UNKNOWN and any(match(paths, path) for paths in globs)
        if kind in _WIDENS and not named:
            reasons.append(Reason(rule=f"{kind} file", evidence=f"{_code(path)} {_WIDENS[kind]}"))
    return tuple(reasons)


def _decide(
    job: _Candidate, unsure: tuple[Reason, ...], kinds: Mapping[str, Kind], may_skip_documents: bool
) -> tuple[bool, tuple[Reason, ...]]:
    if unsure:
        return True, unsure
    if job.paths:
        return _by_paths(job, kinds)
    if not may_skip_documents:
        return True, (Reason(rule="always", evidence="the job has no `paths`, so it runs for every change"),)
    code = [path for path, kind in kinds.items() if kind is not Kind.DOCUMENTATION]
    if not code:
        only = f"only documentation changed: {_listed(tuple(kinds))}"
        return False, (Reason(rule="documentation", evidence=only, score=0.9),)
    return True, (Reason(rule="change", evidence=f"{_listed(code)} changed"),)


def _by_paths(job: _Candidate, kinds: Mapping[str, Kind]) -> tuple[bool, tuple[Reason, ...]]:
    matched = [(path, glob.pattern) for path in kinds if (glob := match(job.paths, path)) is not None]
    if not matched:
        patterns = _listed([glob.pattern for glob in job.paths])
        return False, (Reason(rule="paths", evidence=f"none of {_count(kinds)} matches {patterns}"),)
    shown = tuple(Reason(rule="paths", evidence=f"{_code(path)} matches {_code(by)}") for path, by in matched[:_SHOWN])
    if len(matched) > _SHOWN:
        more = Reason(rule="paths", evidence=f"and {len(matched) - _SHOWN} more changed files match")
        return True, (*shown, more)
    return True, shown


def _pull_in_needs(jobs: Sequence[_Candidate], reasons: dict[str, tuple[Reason, ...]]) -> None:
    """Add what running jobs need, directly or not. `needs` has no cycle: the configuration was checked."""
    needs = {job.spec.id: job.spec.needs for job in jobs}
    waiting = [job.spec.id for job in jobs if job.spec.id in reasons]
    while waiting:
        job = waiting.pop(0)
        for need in needs[job]:
            if need not in reasons:
                reasons[need] = (Reason(rule="needs", evidence=f"{_code(job)} runs and needs it"),)
                waiting.append(need)


def _reads_documents(read: Mapping[str, bytes]) -> bool:
    """Doctests make documentation a test: then it is not safe to leave tests out for it."""
    return any(b"doctest" in content for content in read.values())


def _coverage_notes(found: _Candidates, kinds: Mapping[str, Kind], unsure: tuple[Reason, ...]) -> tuple[str, ...]:
    """Say it where changed code is looked at by no job: a skip that somebody configured, perhaps without meaning to."""
    if unsure or not found.jobs or not all(job.paths for job in found.jobs):
        return ()
    missed = [
        path
        for path, kind in kinds.items()
        if kind is not Kind.DOCUMENTATION and not any(match(job.paths, path) for job in found.jobs)
    ]
    return (f"no job's `paths` name {_listed(missed)}, so no job looks at that change",) if missed else ()


def _count(kinds: Mapping[str, Kind]) -> str:
    return "the changed files" if len(kinds) > 1 else f"the changed files ({_listed(tuple(kinds))})"


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(_code(path) for path in paths[:_SHOWN]) + more


def _code(text: str) -> str:
    """A path as a code span. Paths come from the change: whatever could end the span or the line is taken out."""
    clean = "".join(character if character.isprintable() and character != "`" else "?" for character in text)
    return f"`{clean if len(clean) <= 120 else clean[:58] + '...' + clean[-58:]}`"
