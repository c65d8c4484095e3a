"""Reading `.delta.yml`: `parse` turns the text into a `Config` (`schema.py`), or says what is wrong with it.

It raises a `ChangeError` whose every line names the file, line, column, what is wrong and the nearest valid word.
Nothing is guessed and nothing is dropped in silence.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from actors.planner.document import Document, Loc, read_document
from actors.planner.expansion import Origin, Problem, assembled, expanded
from actors.planner.schema import NO_COMMANDS, Config
from models.errors import ChangeError

NAME: Final = ".delta.yml"
MAX_PROBLEMS: Final = 5
NOWHERE: Final[Mapping[str, Origin]] = {}

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


def parse(text: str, name: str = NAME, most: int = MAX_PROBLEMS) -> Config:
    """The configuration in `text`, with a job for each combination of a matrix.

    Raises `ChangeError`, one line for each of the first `most` problems.
    """
    document = read_document(text, name)
    if not isinstance(document.data, dict):
        raise ChangeError(f"{name}:1:1: not a configuration", remedy="begin with `version: 1` and `jobs:`")
    made = expanded(_as_written(document))
    try:
        config, misfits = assembled(Config.model_validate(made.data), made.origins)
    except ValidationError as error:
        known = {loc for loc, _ in made.problems}  # what is wrong there already does not fit the schema either
        more = [each for each in _problems(Config, document, error, made.origins, most) if each[0] not in known]
        raise _refusal(name, document, [*made.problems, *more], most) from error
    misfits = [*made.problems, *misfits] or _cycles(config, made.origins)
    if misfits:
        raise _refusal(name, document, misfits, most)
    return config


def told(name: str, schema: type[BaseModel], document: Document, error: ValidationError) -> ChangeError:
    """What is wrong with a document, for a person, when it does not fit its schema."""
    return _refusal(name, document, _problems(schema, document, error, NOWHERE, MAX_PROBLEMS), MAX_PROBLEMS)


def _as_written(document: Document) -> object:
    """Variables and values of a matrix are text: `3.10` must not become 3.1, nor `yes` or `1_000` something else."""
    for loc, text in document.written.items():
        in_matrix = len(loc) > 3 and (loc[0], loc[2]) == ("jobs", "matrix")
        if in_matrix or (len(loc) > 1 and loc[-2] == "env"):
            holder: Any = document.data
            for part in loc[:-1]:
                holder = holder[part]
            holder[loc[-1]] = text
    return document.data


def _refusal(name: str, document: Document, problems: list[Problem], most: int) -> ChangeError:
    placed = sorted(((document.place(loc), what) for loc, what in problems), key=lambda each: each[0])
    lines = [f"{name}:{place.line}:{place.column}: {what}" for place, what in placed[:most]]
    if len(problems) > most:
        lines.append(f"and {len(problems) - most} more")
    return ChangeError("\n".join(lines))


def _problems(
    schema: type[BaseModel], document: Document, error: ValidationError, origins: Mapping[str, Origin], most: int
) -> list[Problem]:
    """What is wrong, in the order of the file; the first `most` in words, which take their time to find.

    What is wrong with every combination of a matrix is told once.
    """
    found: dict[tuple[Loc, str], ErrorDetails] = {}
    for details in error.errors(include_url=False):
        loc = tuple(part for part in details["loc"] if part != "[key]")
        if len(loc) > 1 and loc[0] == "jobs" and (origin := origins.get(str(loc[1]))) is not None:
            loc = ("jobs", origin.job, *loc[2:])
        found.setdefault((loc, details["msg"]), details)
    ordered = sorted(found.items(), key=lambda each: document.place(each[0][0]))
    return [
        (loc, _in_words(schema, document, loc, details) if index < most else "")
        for index, ((loc, _), details) in enumerate(ordered)
    ]


def _in_words(schema: type[BaseModel], document: Document, loc: Loc, details: ErrorDetails) -> str:
    """What to say about it, in words instead of pydantic's."""
    where = _called(loc[:-1])
    key = _short(loc[-1]) if loc else ""
    if details["type"] == "extra_forbidden":
        return f'{where} has no key "{key}"{_nearest(key, _keys_at(schema, loc[:-1]))}'
    if details["type"] == NO_COMMANDS:
        there = _data_at(schema, document, loc)
        return f'{_called(loc)} lacks the key "run"{_nearest("run", there, "is it meant by")}'
    if details["type"] == "missing":
        there = _data_at(schema, document, loc[:-1])
        return f'{where} lacks the key "{key}"{_nearest(key, there, "is it meant by")}'
    message = _WORDS.get(details["type"], details["msg"].removeprefix("Value error, "))
    got = details["input"]
    shown = f", not {_short(got)!r}" if isinstance(got, str | int | float) else ""
    if not loc:
        return f"the file: {message[:1].lower()}{message[1:]}"
    what = f"number {int(key) + 1}" if isinstance(loc[-1], int) else f'"{key}"'
    return f"{what} in {where}: {message[:1].lower()}{message[1:]}{shown}"


def _called(loc: Loc) -> str:
    if len(loc) >= 2 and loc[0] == "jobs":
        inner = "".join(f".{part}" for part in loc[2:])
        return f'job "{_short(loc[1])}"' + (f" ({_short(inner[1:])})" if inner else "")
    return f'"{_short(loc[0])}"' if loc else "the file"


def _keys_at(schema: type[BaseModel], loc: Loc) -> Iterable[str]:
    """The keys the schema has at a place."""
    kind: object = schema
    for part in loc:
        model = _model_in(kind)
        field = model.model_fields.get(str(part)) if model is not None and isinstance(part, str) else None
        # What is no field of a model is the key of a mapping or the index of a list, and both hold one kind of thing.
        kind = field.annotation if field is not None else kind
    found = _model_in(kind)
    return found.model_fields if found is not None else ()


def _model_in(kind: object) -> type[BaseModel] | None:
    """The model that a type is, or that it holds as an element or as one of several."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for each in typing.get_args(kind) if (found := _model_in(each)) is not None), None)


def _data_at(schema: type[BaseModel], document: Document, loc: Loc) -> Iterable[str]:
    """The keys the text has at a place which the schema does not."""
    return [str(key[-1]) for key in document.keys if key[:-1] == loc and key[-1] not in set(_keys_at(schema, loc))]


def _nearest(word: str, valid: Iterable[str], ask: str = "did you mean") -> str:
    close = difflib.get_close_matches(word.lower(), list(valid), n=1, cutoff=0.6)
    if close:
        return f'; {ask} "{_short(close[0])}"?'
    return f"; its keys are {', '.join(valid)}" if ask == "did you mean" and valid else ""


def _short(value: object) -> str:
    """Words of the file in a message: one line, of bounded length."""
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _cycles(config: Config, origins: Mapping[str, Origin]) -> list[tuple[Loc, str]]:
    """At most one: the first cycle in the order of the file."""
    cycle = find_cycle({job: body.needs for job, body in config.jobs.items()})
    if not cycle:
        return []
    written = origins[cycle[0]].job if cycle[0] in origins else cycle[0]
    return [(("jobs", written, "needs"), f"the jobs need each other in a circle: {' -> '.join(cycle)}")]


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
