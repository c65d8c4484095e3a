"""A batch for measuring: a file of JSON lines, each checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from models.errors import CallerError

M = TypeVar("M", bound=BaseModel)


def items(batch: Path, form: type[M]) -> Iterator[M]:
    """The items in their order. Raises `CallerError` with the line's number for one that is not of this form."""
    try:
        text = batch.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError(f"the batch {batch} cannot be read: {error}", remedy="name a file of JSON lines") from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield form.model_validate_json(line)
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                where = ".".join(map(str, first["loc"])) or "the line"
                raise CallerError(f"{batch}:{number}: {where}: {first['msg']}") from error
