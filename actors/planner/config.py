"""The schema of `.delta.yml`, version 1. The pydantic models below are the schema; unknown keys are errors.

`parse` turns the text into a `Config` or raises a `ChangeError` whose every line names the file, line, column, what is
wrong and the nearest valid word. Nothing is guessed and nothing is dropped in silence.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from actors.planner.document import Document, Loc, read_document
from actors.planner.glob import compile_glob
from models.errors import ChangeError
from models.ids import JobId
from models.plan import DEFAULT_IMAGE, DEFAULT_TIMEOUT_S, Concurrency, JobSpec, Resources
from models.record import Record

NAME: Final = ".delta.yml"
MAX_JOBS: Final = 200
MAX_PROBLEMS: Final = 5

_JOB_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IMAGE: Final = re.compile(r"[a-z0-9][a-z0-9._/:@-]{0,254}")
# Pydantic's words where a person who writes YAML would not understand them.
_WORDS: Final[Mapping[str, str]] = {
    "dict_type": "there must be `key: value` lines below it",
    "model_type": "there must be `key: value` lines below it",
    "tuple_type": "there must be a list, or one word",
    "string_type": "there must be text; put it in quotes",
    "int_parsing": "there must be a whole number",
    "int_from_float": "there must be a whole number",
    "int_type": "there must be a whole number",
    "float_parsing": "there must be a number",
    "float_type": "there must be a number",
    "literal_error": "this Delta reads version 1",
    "too_short": "it is empty",
}
_DURATION: Final = re.compile(r"(?:(\d{1,5}) ?h)? ?(?:(\d{1,5}) ?m(?:in)?)? ?(?:(\d{1,6}) ?s)?")


def _listed(value: object) -> object:
    """One word stands for a list of one."""
    return [value] if isinstance(value, str) else value


def _command(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("a command is empty")
    return value


def _pattern(value: str) -> str:
    compile_glob(value)
    return value


def _file_pattern(value: str) -> str:
    if value.startswith("!"):
        raise ValueError("only `paths` may take something away again with `!`")
    return _pattern(value)


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = _DURATION.fullmatch(value.strip())
    if not found or not any(found.groups()):
        raise ValueError('a time is a number of seconds or like "90s", "10m", "1h 30m"')
    hours, minutes, seconds = (int(group or 0) for group in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _named_like_a_job(value: str) -> str:
    if not _JOB_ID.fullmatch(value):
        raise ValueError("a job's name is 1 to 64 of a-z, 0-9, `-` and `_`, and begins with a letter or digit")
    return value


def _named_like_a_variable(value: str) -> str:
    if not _ENV_NAME.fullmatch(value):
        raise ValueError("a variable's name is letters, digits and `_`, and does not begin with a digit")
    return value


def _named_like_an_image(value: str) -> str:
    if not _IMAGE.fullmatch(value):
        raise ValueError(f"not an image name; the one that is always there is `{DEFAULT_IMAGE}`")
    return value


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("a value cannot hold a NUL character")
    return value


_Words = BeforeValidator(_listed)
JobName = Annotated[str, AfterValidator(_named_like_a_job)]
Commands = Annotated[tuple[Annotated[str, AfterValidator(_command)], ...], _Words, Field(min_length=1, max_length=100)]
Paths = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], _Words, Field(min_length=1, max_length=200)]
Files = Annotated[tuple[Annotated[str, AfterValidator(_file_pattern)], ...], _Words, Field(max_length=200)]
VariableName = Annotated[str, AfterValidator(_named_like_a_variable)]
VariableText = Annotated[str, AfterValidator(_without_nul)]


class JobConfig(Record):
    """One job. `timeout` is seconds of wall time; `paths` is None where the job looks at every change."""

    run: Commands
    image: Annotated[str, AfterValidator(_named_like_an_image)] = DEFAULT_IMAGE
    needs: Annotated[tuple[str, ...], _Words] = ()
    paths: Paths | None = None
    env: dict[VariableName, VariableText] = Field(default_factory=dict, max_length=200)
    timeout: Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=86_400)] = DEFAULT_TIMEOUT_S
    retries: int = Field(default=0, ge=0, le=10)
    artifacts: Files = ()
    junit: Files = ()
    resources: Resources = Resources()
    concurrency: Concurrency | None = None

    def spec(self, job: str) -> JobSpec:
        """The part of it that a runner needs."""
        return JobSpec(
            id=JobId(job),
            run=self.run,
            image=self.image,
            needs=tuple(JobId(need) for need in dict.fromkeys(self.needs)),
            env=dict(self.env),
            timeout_s=self.timeout,
            retries=self.retries,
            artifacts=self.artifacts,
            junit=self.junit,
            resources=self.resources,
            concurrency=self.concurrency,
        )


class Config(Record):
    """A whole `.delta.yml`. Jobs keep the order in which they are written."""

    version: Literal[1]
    jobs: dict[JobName, JobConfig] = Field(min_length=1, max_length=MAX_JOBS)


def parse(text: str, name: str = NAME) -> Config:
    """The configuration in `text`. Raises `ChangeError`, one line for each of the first problems."""
    document = read_document(text, name)
    if not isinstance(document.data, dict):
        raise ChangeError(f"{name}:1:1: not a configuration", remedy="begin with `version: 1` and `jobs:`")
    try:
        config = Config.model_validate(_env_as_written(document))
    except ValidationError as error:
        problems = [_problem(document, details) for details in error.errors(include_url=False)]
        raise _refusal(name, document, problems) from error
    misfits = [*_unknown_needs(config), *_cycles(config)]
    if misfits:
        raise _refusal(name, document, misfits)
    return config


def _env_as_written(document: Document) -> object:
    """Variables are text: `3.10` must not become 3.1, nor `yes` or `1_000` something else."""
    data: Any = document.data
    for loc, text in document.written.items():
        if len(loc) == 4 and loc[0] == "jobs" and loc[2] == "env":
            data[loc[0]][loc[1]][loc[2]][loc[3]] = text
    return data


def _refusal(name: str, document: Document, problems: list[tuple[Loc, str]]) -> ChangeError:
    placed = sorted((document.place(loc), what) for loc, what in problems)
    lines = [f"{name}:{place.line}:{place.column}: {what}" for place, what in placed[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        lines.append(f"and {len(problems) - MAX_PROBLEMS} more")
    return ChangeError("\n".join(lines))


def _problem(document: Document, details: ErrorDetails) -> tuple[Loc, str]:
    """Where it is and what to say about it, in words instead of pydantic's."""
    loc = tuple(part for part in details["loc"] if part != "[key]")
    where = _called(loc[:-1])
    key = _short(loc[-1]) if loc else ""
    if details["type"] == "extra_forbidden":
        return loc, f'{where} has no key "{key}"{_nearest(key, _keys_at(loc[:-1]))}'
    if details["type"] == "missing":
        there = _data_at(document, loc[:-1])
        return loc[:-1], f'{where} lacks the key "{key}"{_nearest(key, there, "is it meant by")}'
    message = _WORDS.get(details["type"], details["msg"].removeprefix("Value error, "))
    got = details["input"]
    shown = f", not {_short(got)!r}" if isinstance(got, str | int | float) else ""
    what = f"number {int(key) + 1}" if isinstance(loc[-1], int) else f'"{key}"'
    return loc, f"{what} in {where}: {message[:1].lower()}{message[1:]}{shown}"


def _called(loc: Loc) -> str:
    if len(loc) >= 2 and loc[0] == "jobs":
        inner = "".join(f".{part}" for part in loc[2:])
        return f'job "{_short(loc[1])}"' + (f" ({_short(inner[1:])})" if inner else "")
    return f'"{_short(loc[0])}"' if loc else "the file"


def _keys_at(loc: Loc) -> Iterable[str]:
    """The keys the schema has at a place."""
    models: dict[int, type[BaseModel]] = {0: Config, 2: JobConfig, 3: Resources}
    model = models.get(len(loc))
    return model.model_fields if model is not None else ()


def _data_at(document: Document, loc: Loc) -> Iterable[str]:
    """The keys the text has at a place which the schema does not."""
    return [str(key[-1]) for key in document.keys if key[:-1] == loc and key[-1] not in set(_keys_at(loc))]


def _nearest(word: str, valid: Iterable[str], ask: str = "did you mean") -> str:
    close = difflib.get_close_matches(word.lower(), list(valid), n=1, cutoff=0.6)
    if close:
        return f'; {ask} "{_short(close[0])}"?'
    return f"; its keys are {', '.join(valid)}" if ask == "did you mean" and valid else ""


def _short(value: object) -> str:
    """Words of the file in a message: one line, of bounded length."""
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _unknown_needs(config: Config) -> list[tuple[Loc, str]]:
    problems: list[tuple[Loc, str]] = []
    for job, body in config.jobs.items():
        for index, need in enumerate(body.needs):
            if need not in config.jobs:
                close = difflib.get_close_matches(need, list(config.jobs), n=1, cutoff=0.4)
                hint = f'did you mean "{close[0]}"?' if close else f"the jobs are {_short(', '.join(config.jobs))}"
                problems.append(
                    (("jobs", job, "needs", index), f'job "{job}" needs "{_short(need)}", no such job; {hint}')
                )
    return problems


def _cycles(config: Config) -> list[tuple[Loc, str]]:
    """At most one: the first cycle in the order of the file."""
    needs = {job: [need for need in body.needs if need in config.jobs] for job, body in config.jobs.items()}
    cycle = find_cycle(needs)
    if not cycle:
        return []
    return [(("jobs", cycle[0], "needs"), f"the jobs need each other in a circle: {' -> '.join(cycle)}")]


def find_cycle(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """A path `[a, b, a]` that leads back to its start, or an empty list. Iterative: a chain may be long."""
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        waiting = [(start, iter(needs[start]))] if start not in done else []
        path.extend(node for node, _ in waiting)
        while waiting:
            node, rest = waiting[-1]
            following = next(rest, None)
            if following is None:
                done.add(node)
                waiting.pop()
                path.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            elif following not in done:
                waiting.append((following, iter(needs[following])))
                path.append(following)
    return []
