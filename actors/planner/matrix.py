"""One job for each combination of the values of some axes. Pure, and bounded: a few lines could ask for millions.

As on GitHub: the product of the axes, without what an entry of `exclude` matches. An entry of `include` is added to
every combination whose axes it does not contradict; where there is none, it is a combination of its own.

`${{ matrix.NAME }}` stands for a value in every text of the job, and is put in before anything of the job is looked at:
what comes of it must be as valid as if somebody had written it. There are no other expressions.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, model_validator

from models.notation import WORDS, Written
from models.record import Record

MAX_AXES: Final = 10
MAX_VALUES: Final = 100
MAX_PRODUCT: Final = 1000  # before anything is excluded
MAX_COMBINATIONS: Final = 200
_MAX_VALUE: Final = 128
_MAX_ID: Final = 64

_AXIS: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_OWN: Final = ("exclude", "include")
_PLACEHOLDER: Final = re.compile(r"\$\{\{ *matrix\.([A-Za-z0-9_-]{1,64}) *\}\}")

Value = Annotated[str, Field(max_length=_MAX_VALUE), Written()]
Values = Mapping[str, str]
Entry = Annotated[dict[str, Value], Field(min_length=1, max_length=MAX_AXES * 2)]
Entries = Annotated[tuple[Entry, ...], Field(max_length=MAX_VALUES)]


class Matrix(Record):
    """Axes with their values. Every other key than the two below is an axis: `a-z`, `0-9` and `_`, a letter first."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[tuple[Value, ...], Field(min_length=1, max_length=MAX_VALUES), *WORDS]]

    exclude: Entries = ()
    include: Entries = ()

    @property
    def axes(self) -> Mapping[str, tuple[str, ...]]:
        """The values of each axis, in the order of the file."""
        return self.__pydantic_extra__

    @model_validator(mode="after")
    def _makes_sense(self) -> Matrix:
        if fault := _fault(self):
            raise ValueError(fault)
        return self


def combinations(matrix: Matrix) -> tuple[Values, ...]:
    """At least one and at most `MAX_COMBINATIONS`, each different from the others, in the order of the file."""
    found = _combined(matrix)
    return tuple({tuple(sorted(values.items())): values for values in found}.values())


def variables(values: Values) -> dict[str, str]:
    """What the commands of a combination see: `MATRIX_PYTHON` for the axis `python`."""
    return {f"MATRIX_{name.upper()}": value for name, value in values.items()}


def names(job: str, every: Sequence[Values], taken: set[str]) -> list[str]:
    """A job's name for each combination: `test-3-11-linux`. None is among `taken`, which they join.

    One that would be too long, or is there already, ends in a digest instead.
    """
    return [_name(job, values, taken) for values in every]


def filled(value: object, values: Values, known: Iterable[str]) -> object:
    """The same with every placeholder filled. A name of `known` that this combination has not is an empty text.

    Placeholders of other names stay: `unknown` finds them.
    """
    if isinstance(value, str):
        known = set(known)
        return _PLACEHOLDER.sub(lambda found: values.get(found[1], "" if found[1] in known else found[0]), value)
    if isinstance(value, list):
        return [filled(item, values, known) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, values, known) for key, item in value.items()}
    return value


def placeholders(value: object, loc: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where in a job placeholders stand, and what they name."""
    if isinstance(value, str):
        yield from ((loc, found[1]) for found in _PLACEHOLDER.finditer(value))
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, list):
        items = enumerate(value)
    elif isinstance(value, dict):
        items = value.items()
    for key, item in items:
        yield from placeholders(item, (*loc, key))


def _fault(matrix: Matrix) -> str:
    """What is wrong with it, or nothing."""
    fault = _odd_names(matrix) or _too_large(matrix.axes)
    fault = fault or next((fault for entry in matrix.exclude if (fault := _excludes_nothing(entry, matrix.axes))), "")
    if fault:
        return fault
    count = len(_combined(matrix))
    if count > MAX_COMBINATIONS:
        return f"there are {count} combinations, and {MAX_COMBINATIONS} are the most"
    return "" if count else "`exclude` leaves no combination"


def _odd_names(matrix: Matrix) -> str:
    named = (*matrix.axes, *itertools.chain(*matrix.exclude, *matrix.include))
    if (odd := next((name for name in named if not _usable(name)), None)) is not None:
        return f'"{odd[:60]}" is no name of an axis: that is 1 to 32 of a-z, 0-9 and `_`, and begins with a letter'
    return "" if named else "there is no axis, such as `python: [3.11, 3.12]`"


def _too_large(axes: Mapping[str, Sequence[str]]) -> str:
    """Before a product is made: its size is known without it."""
    if len(axes) > MAX_AXES:
        return f"{len(axes)} axes are more than {MAX_AXES}"
    product = math.prod(len(values) for values in axes.values())
    if product > MAX_PRODUCT:
        return f"the axes have {product} combinations, and more than {MAX_PRODUCT} are not looked at"
    return ""


def _usable(name: str) -> bool:
    return _AXIS.fullmatch(name) is not None and name not in _OWN


def _excludes_nothing(entry: Values, axes: Mapping[str, Sequence[str]]) -> str:
    for name, value in entry.items():
        if name not in axes:
            return f'`exclude` names the axis "{name}", which is not there; the axes are {", ".join(axes)}'
        if value not in axes[name]:
            return f'`exclude` names "{value[:60]}", which is no value of the axis "{name}"'
    return ""


def _combined(matrix: Matrix) -> list[dict[str, str]]:
    axes = matrix.axes
    product = (dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values()))
    kept = [values for values in product if not any(entry.items() <= values.items() for entry in matrix.exclude)]
    made = kept if axes else []
    alone: list[dict[str, str]] = []
    for entry in matrix.include:
        own = {name: value for name, value in entry.items() if name in axes}
        fitting = [values for values in made if own.items() <= values.items()]
        for values in fitting:
            values.update(entry)
        if not fitting:
            alone.append(dict(entry))
    return [*made, *alone]


def _name(job: str, values: Values, taken: set[str]) -> str:
    words = (re.sub(r"[^a-z0-9_]+", "-", value.lower()).strip("-") for value in values.values())
    plain = "-".join([job, *filter(None, words)])
    name = plain
    for count in itertools.count():
        if len(name) <= _MAX_ID and name not in taken:
            break
        said = repr((job, sorted(values.items()), count))
        digest = hashlib.sha256(said.encode()).hexdigest()[:8]
        name = f"{plain[: _MAX_ID - 9].rstrip('-')}-{digest}"
    taken.add(name)
    return name
