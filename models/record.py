"""The parent of every record: frozen, and strict about unknown fields: a stored record is a fact and not a guess."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict

from models.errors import InternalError


class Record(BaseModel):
    """An immutable value. Change one by `record.having(field=value)`, which gives a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def having(self, **changes: object) -> Self:
        """A copy with these fields replaced. Values are trusted: only Delta's own code calls this.

        A name that is no field raises `InternalError`: pydantic itself would add it and lose it at the next write.
        """
        if unknown := changes.keys() - type(self).model_fields.keys():
            raise InternalError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        return self.model_copy(update=changes)
