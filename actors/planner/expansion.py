"""From the jobs as they are written to the jobs as they run: each combination of a matrix becomes a job of its own.

It works on plain data, before the schema is applied, so that a value may stand wherever a text may. A job whose matrix
is wrong stays as it is, for the schema to complain about. Pure, and bounded in what it makes.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Final, NamedTuple

from pydantic import ValidationError

from actors.planner.document import Loc
from actors.planner.matrix import Matrix, Values, combinations, filled, names, placeholders
from actors.planner.schema import CombinedJob, Config, JobConfig, is_job_name

MAX_VALUES: Final = 50_000  # of all jobs that matrices make
MAX_CHARACTERS: Final = 1 << 20
_MOST_HINTS: Final = 100  # looking for the nearest word takes its time

Problem = tuple[Loc, str]


class Origin(NamedTuple):
    """Which job of the file a job comes from, and the values of its combination."""

    job: str
    values: Values


class Expansion(NamedTuple):
    """The data with a job for each combination, where each of those comes from, and what is wrong."""

    data: object
    origins: dict[str, Origin]
    problems: list[Problem]


def expanded(data: object) -> Expansion:
    """`data` is a whole configuration as YAML gives it, of any shape."""
    if not isinstance(data, dict) or not isinstance(jobs := data.get("jobs"), dict):
        return Expansion(data, {}, [])
    made: dict[str, object] = {}
    found = Expansion({**data, "jobs": made}, {}, [])
    taken, room = set(jobs), _Room()
    for job, body in jobs.items():
        matrix = _matrix(job, body)
        if matrix is None:
            made[job] = body
            found.problems.extend(_without_matrix(job, body))
            continue
        template = {key: value for key, value in body.items() if key != "matrix"}
        every = combinations(matrix)
        if not room.holds(template, len(every)):
            made[job] = template
            found.problems.append((("jobs", job, "matrix"), "the matrices make more text than Delta takes"))
            continue
        known = {name for values in every for name in values}
        found.problems.extend(_unknown(job, template, known))
        for name, values in zip(names(job, every, taken), every, strict=True):
            made[name] = filled(template, values, known)
            found.origins[name] = Origin(job, values)
    return found


def assembled(config: Config, origins: Mapping[str, Origin]) -> tuple[Config, list[Problem]]:
    """The configuration with its combinations known as such, and `needs` resolved to jobs; and needs of no job."""
    groups: dict[str, list[str]] = {}
    for name, made_from in origins.items():
        groups.setdefault(made_from.job, []).append(name)
    written = list(dict.fromkeys(origins[each].job if each in origins else each for each in config.jobs))
    problems: dict[Loc, str] = {}
    jobs: dict[str, JobConfig] = {}
    for name, body in config.jobs.items():
        origin = origins.get(name)
        job = origin.job if origin is not None else name
        for index, need in enumerate(body.needs):
            loc: Loc = ("jobs", job, "needs", index)
            if need not in config.jobs and need not in groups and loc not in problems:
                hint = _hint(need, written, "jobs are") if len(problems) < _MOST_HINTS else ""
                problems[loc] = f'job "{job}" needs "{_short(need)}", no such job{hint}'
        needs = tuple(dict.fromkeys(each for need in body.needs for each in groups.get(need, [need])))
        whole = body.having(needs=needs)
        jobs[name] = CombinedJob.of(whole, origin.job, origin.values) if origin is not None else whole
    return config.having(jobs=jobs), list(problems.items())


class _Room:
    """How much the matrices of a file may make together."""

    def __init__(self) -> None:
        self._values = MAX_VALUES
        self._characters = MAX_CHARACTERS

    def holds(self, template: object, times: int) -> bool:
        values, characters = _measured(template)
        self._values -= values * times
        self._characters -= characters * times
        return self._values >= 0 and self._characters >= 0


def _measured(value: object) -> tuple[int, int]:
    """How many values there are, and at most how many characters once placeholders are filled."""
    if isinstance(value, dict):
        value = [item for pair in value.items() for item in pair]
    if isinstance(value, list):
        parts = [_measured(item) for item in value]
        return 1 + sum(values for values, _ in parts), sum(characters for _, characters in parts)
    if not isinstance(value, str):
        return 1, 8
    return 1, len(value) + 128 * value.count("${{")


def _matrix(job: str, body: object) -> Matrix | None:
    if not isinstance(body, dict) or "matrix" not in body or not is_job_name(job):
        return None
    try:
        return Matrix.model_validate(body["matrix"])
    except ValidationError:
        return None  # the schema says what is wrong


def _without_matrix(job: str, body: object) -> list[Problem]:
    if isinstance(body, dict) and "matrix" in body:
        return []
    return [
        (("jobs", job, *loc), f'`${{{{ matrix.{name} }}}}` stands in job "{job}", which has no matrix')
        for loc, name in placeholders(body)
    ]


def _unknown(job: str, template: object, known: set[str]) -> list[Problem]:
    problems: dict[Loc, str] = {}
    for loc, name in placeholders(template):
        if name not in known:
            hint = _hint(name, sorted(known), "names are") if len(problems) < _MOST_HINTS else ""
            problems["jobs", job, *loc] = f'the matrix of job "{job}" has no "{name}"{hint}'
    return list(problems.items())


def _hint(word: str, known: list[str], what: str) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return f'; did you mean "{close[0]}"?' if close else f"; the {what} {_short(', '.join(known))}"


def _short(value: str) -> str:
    text = " ".join(value.split())
    return text if len(text) <= 60 else f"{text[:57]}..."
