"""The parent of every record: frozen, and strict about unknown fields: a stored record is a fact and not a guess."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """An immutable value. Change one by `record.having(field=value)`, which gives a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def having(self, **changes: object) -> Self:
        """A copy with these fields replaced. Values are trusted: only Delta's own code calls this."""
        return self.model_copy(update=changes)
