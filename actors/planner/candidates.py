"""The jobs that might run: those of `.delta.yml`, or those that the tree proposes; before anything is decided."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

from actors.planner.caches import cache_specs
from actors.planner.choice import VARIABLE, Choice, of_packages, of_python
from actors.planner.config import NAME, parse
from actors.planner.fork import base_policy
from actors.planner.glob import Glob, compile_glob
from actors.planner.inputs import PlanInputs
from actors.planner.schema import Config, JobConfig
from actors.planner.tree import Ecosystem, Grain, TreeJob, from_tree
from models.change import Trust
from models.job import JobSpec
from models.plan import Reason
from models.printable import code

# The tool by which a job's commands test, where it is not Python's: it takes packages, not files.
_TOOL: Final = re.compile(
    r"(?:^|[\s;&|(])(go|cargo|npm|pnpm|yarn)\s+(?:test|nextest|run\s+test|workspaces?\b|--filter)"
)


class Candidate(NamedTuple):
    """One job. `paths` empty: it looks at every change. `choose` gives its tests; None where it has none to choose.

    `ecosystem` is whose files it is about, where the tree says so.
    """

    spec: JobSpec
    paths: tuple[Glob, ...]
    origin: tuple[Reason, ...]
    choose: Callable[[], Choice | None] | None = None
    ecosystem: Ecosystem | None = None


class Candidates(NamedTuple):
    """All of them, and where they come from."""

    source: str
    jobs: tuple[Candidate, ...]
    notes: tuple[str, ...]
    proposed_by_tree: bool


def candidates(inputs: PlanInputs) -> Candidates:
    """The jobs of this tree. Raises `ChangeError` for a configuration that does not parse."""
    if inputs.config_text is None:
        tree = from_tree(inputs.files, inputs.read)
        jobs = tuple(
            Candidate(job.keyed(inputs.blobs), (), job.evidence, _proposed_tests(job, inputs), job.ecosystem)
            for job in tree.found
        )
        return Candidates(tree.source, jobs, tree.notes, proposed_by_tree=True)
    config, notes = parse(inputs.config_text), tuple[str, ...]()
    if inputs.change.trust is Trust.FORK:
        config, notes = base_policy(config, inputs.base_config_text)
    jobs, more = _configured(config, inputs)
    return Candidates(NAME, jobs, (*notes, *more), proposed_by_tree=False)


def _configured(config: Config, inputs: PlanInputs) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    found, notes = [], []
    for job, body in config.jobs.items():
        caches, odd = cache_specs(body.cache, body.image, inputs.blobs, body.values)
        paths = tuple(compile_glob(pattern) for pattern in (not body.always and body.paths) or ())
        found.append(Candidate(body.spec(job).having(caches=caches), paths, (), _configured_tests(body, inputs)))
        notes += [f"{code(job)}: {note}" for note in odd]
        if body.tests is not None and not any(VARIABLE in command for command in _commands(body)):
            notes.append(f"{code(job)} has `tests`, but no command names `${VARIABLE}`: all of them run, or none")
    return tuple(found), tuple(notes)


def _commands(body: JobConfig) -> tuple[str, ...]:
    return body.run or tuple(step.run for step in body.steps or ())


def _configured_tests(body: JobConfig, inputs: PlanInputs) -> Callable[[], Choice | None] | None:
    if body.tests is None:
        return None
    tool = _TOOL.search("\n".join(_commands(body)))
    sources = inputs.packages
    if tool is not None and sources is not None and not body.tests.files:
        return lambda: of_packages(sources, tool[1])
    return _chooser(inputs, tuple(compile_glob(pattern) for pattern in body.tests.files))


def _proposed_tests(job: TreeJob, inputs: PlanInputs) -> Callable[[], Choice | None] | None:
    if job.tests is Grain.FILES:
        return _chooser(inputs, ())
    sources = inputs.packages
    if job.tests is Grain.PACKAGES and sources is not None:
        return lambda: of_packages(sources, job.tool)
    return None


def _chooser(inputs: PlanInputs, named: tuple[Glob, ...]) -> Callable[[], Choice | None] | None:
    project = inputs.python
    # Asked for once to choose, and once more where everything runs all the same.
    return None if project is None else cache(lambda: of_python(project, named))
