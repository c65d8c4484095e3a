"""How values may be written in a configuration: one word for a list of one, `1h 30m` for seconds. Pure.

Each notation also says how it looks in a JSON Schema, so that what an editor accepts is what Delta accepts.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

_DURATION: Final = re.compile(r"(?:(\d{1,5}) ?h)? ?(?:(\d{1,5}) ?m(?:in)?)? ?(?:(\d{1,6}) ?s)?")
_DURATION_TEXT: Final = r"^(?=.*\d) *(\d{1,5} ?h)? ?(\d{1,5} ?m(in)?)? ?(\d{1,6} ?s)? *$"
# Where a value of a job's matrix stands for text; it is put in before anything is checked.
PLACEHOLDER_TEXT: Final = r"\$\{\{ *matrix\."


def listed(value: object) -> object:
    """One word stands for a list of one."""
    return [value] if isinstance(value, str) else value


class _OneOrMore:
    """The JSON Schema of a list for which a word may stand."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        many = handler(core)
        kind = many["items"].get("type")
        return {"anyOf": [{"type": kind if isinstance(kind, list) else "string"}, many]}


# Annotations of a tuple; what bounds its length stands before them, or the word were bounded instead.
WORDS: Final = (BeforeValidator(listed), _OneOrMore())


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = _DURATION.fullmatch(value.strip())
    if not found or not any(found.groups()):
        raise ValueError('a time is a number of seconds or like "90s", "10m", "1h 30m"')
    hours, minutes, seconds = (int(group or 0) for group in found.groups())
    return hours * 3600 + minutes * 60 + seconds


class _Time:
    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        text = {"type": "string", "anyOf": [{"pattern": _DURATION_TEXT}, {"pattern": PLACEHOLDER_TEXT}]}
        return {"anyOf": [handler(core), text]}


# Annotations of a number of seconds.
DURATION: Final = (BeforeValidator(_seconds), _Time())


def spelt(pattern: str, complaint: str, *, fillable: bool = False) -> tuple[AfterValidator, WithJsonSchema]:
    """Annotations of a text that matches a pattern from end to end; `complaint` says what it should be.

    `fillable`: a value of the job's matrix may be put into it, so that in the file it may look different.
    """
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(complaint)
        return value

    shapes: list[JsonSchemaValue] = [{"pattern": f"^({pattern})$"}]
    if fillable:
        shapes.append({"pattern": PLACEHOLDER_TEXT})
    shape = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    return AfterValidator(check), WithJsonSchema({"type": "string", **shape})


class Written:
    """Text that is taken as it is written, so that a number or a truth value may stand there: `3.10` stays `3.10`."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": ["string", "number", "boolean", "null"]}


JobName = Annotated[
    str,
    *spelt(
        r"[a-z0-9][a-z0-9_-]{0,63}",
        "a job's name is 1 to 64 of a-z, 0-9, `-` and `_`, and begins with a letter or digit",
    ),
]
