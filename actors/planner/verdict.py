"""What becomes of one job: whether it runs, why, and with which of its tests. The rules are `decide.py`'s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from actors.planner import choice as tests_of
from actors.planner.candidates import Candidate, Candidates
from actors.planner.doubt import Doubts, doubts
from actors.planner.glob import match
from actors.planner.hints import Hint, Hints
from actors.planner.inputs import PlanInputs
from actors.planner.kinds import Kind, code_folders
from actors.planner.tree import foreign
from models.plan import Reason, TestSelection
from models.printable import SHOWN, code, listed


class Verdict(NamedTuple):
    """What becomes of a job: why, and which of its tests run."""

    runs: bool
    reasons: tuple[Reason, ...]
    tests: TestSelection | None = None


class Judge:
    """Judges the jobs of one change, each for itself."""

    def __init__(self, inputs: PlanInputs, found: Candidates, seen: Doubts, hints: Hints) -> None:
        self._inputs = inputs
        self._seen = seen
        self._hints = hints
        self._ecosystems = {each.ecosystem for each in found.jobs if each.ecosystem is not None}
        # What the tree proposes is not needed for documentation alone, unless that is tested.
        self._lenient = found.proposed_by_tree and not _reads_documents(inputs.read)

    def verdict(self, job: Candidate) -> Verdict:
        """Of what surely is only another language's part of the change, with a job of its own, nothing counts."""
        inputs, seen = self._inputs, self._seen
        unsure = inputs.merge_base is None or inputs.shallow or not inputs.changed
        if job.ecosystem is None or len(self._ecosystems) < 2 or unsure:
            return self._judged(job, seen)
        folders = code_folders(inputs.files)
        others = {path for path in seen.kinds if foreign(path, job.ecosystem, self._ecosystems, folders)}
        own = [file for file in inputs.changed if not {file.path, file.old_path or file.path} <= others]
        if own:
            return self._judged(job, doubts(inputs, own, ()) if others else seen)
        only = f"only files of another language changed: {listed(tuple(seen.kinds))}"
        return _left_out(job, Reason(rule="other language", evidence=only))

    def _judged(self, job: Candidate, seen: Doubts) -> Verdict:
        if job.spec.always:
            return whole(job, (Reason(rule="always", evidence="it has `always`, so it runs for every change"),))
        if seen.everywhere:
            return whole(job, seen.everywhere)
        by_paths = _by_paths(job, seen.kinds) if job.paths else None
        chosen = job.choose() if job.choose else None
        hint = self._hints.of(job.spec.id, chosen.tests if chosen else ())
        if by_paths is not None and not by_paths.runs and not seen.without_tests and not hint.job:
            return _left_out(job, *by_paths.reasons)
        if chosen is not None:
            verdict = _narrowed(chosen, by_paths, hint)
            return verdict._replace(tests=verdict.tests and self._hints.ordered(verdict.tests, chosen.distance))
        if seen.without_tests:
            return Verdict(runs=True, reasons=seen.without_tests)
        verdict = by_paths or _at_every_change(seen.kinds, self._lenient)
        return Verdict(runs=True, reasons=hint.job) if hint.job and not verdict.runs else verdict


def whole(job: Candidate, reasons: tuple[Reason, ...]) -> Verdict:
    """It runs with all its tests."""
    chosen = job.choose() if job.choose else None
    return Verdict(runs=True, reasons=reasons, tests=tests_of.everything(chosen) if chosen else None)


def _left_out(job: Candidate, *reasons: Reason) -> Verdict:
    chosen = job.choose() if job.choose else None
    return Verdict(runs=False, reasons=reasons, tests=tests_of.nothing(chosen) if chosen else None)


def _at_every_change(kinds: Mapping[str, Kind], lenient: bool) -> Verdict:
    """Of a job without `paths` and without tests that Delta could choose from."""
    if not lenient:
        return Verdict(True, (Reason(rule="always", evidence="the job has no `paths`, so it runs for every change"),))
    changed = [path for path, kind in kinds.items() if kind is not Kind.DOCUMENTATION]
    if not changed:
        only = f"only documentation changed: {listed(tuple(kinds))}"
        return Verdict(False, (Reason(rule="documentation", evidence=only, score=0.9),))
    return Verdict(True, (Reason(rule="change", evidence=f"{listed(changed)} changed"),))


def _narrowed(chosen: tests_of.Choice, by_paths: Verdict | None, hint: Hint) -> Verdict:
    """The tests that the change reaches and those that the past adds; all where that is not known."""
    if chosen.unsure:
        return Verdict(runs=True, reasons=chosen.unsure[:SHOWN], tests=tests_of.everything(chosen))
    selected = tests_of.reached(chosen, hint.tests)
    if not selected.selected and hint.job:  # it failed then, and no test that is still there says by what
        return Verdict(runs=True, reasons=hint.job, tests=tests_of.everything(chosen))
    if not selected.selected:
        why = Reason(rule="tests", evidence=f"the change reaches none of the {selected.total} {chosen.kind}")
        return Verdict(runs=False, reasons=(why,), tests=selected)
    if tests_of.words(selected) is None:
        why = Reason(rule="tests", evidence="the selected tests' names cannot be told to a shell, or are too many")
        return Verdict(runs=True, reasons=(why,), tests=tests_of.everything(chosen))
    reached = f"the change reaches {len(chosen.reached)} of {selected.total} {chosen.kind}"
    before = by_paths.reasons if by_paths is not None and by_paths.runs else ()
    added = hint.job if len(selected.selected) > len(chosen.reached) else ()
    return Verdict(runs=True, reasons=(*before, Reason(rule="tests", evidence=reached), *added), tests=selected)


def _by_paths(job: Candidate, kinds: Mapping[str, Kind]) -> Verdict:
    matched = [(path, glob.pattern) for path in kinds if (glob := match(job.paths, path)) is not None]
    if not matched:
        patterns = listed([glob.pattern for glob in job.paths])
        return Verdict(False, (Reason(rule="paths", evidence=f"none of {_count(kinds)} matches {patterns}"),))
    shown = tuple(Reason(rule="paths", evidence=f"{code(path)} matches {code(by)}") for path, by in matched[:SHOWN])
    if len(matched) > SHOWN:
        more = Reason(rule="paths", evidence=f"and {len(matched) - SHOWN} more changed files match")
        return Verdict(True, (*shown, more))
    return Verdict(True, shown)


def _reads_documents(read: Mapping[str, bytes]) -> bool:
    """Doctests make documentation a test: then it is not safe to leave tests out for it."""
    return any(b"doctest" in content for content in read.values())


def _count(kinds: Mapping[str, Kind]) -> str:
    return "the changed files" if len(kinds) > 1 else f"the changed files ({listed(tuple(kinds))})"
