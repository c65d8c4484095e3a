"""The fence of a run: who may carry out its commands. See `actors/supervisor/ownership.py` for who that should be."""

from __future__ import annotations

from models.record import Record


class Fence(Record):
    """One incarnation of one supervisor. Of two with one name, the greater epoch is the living one."""

    supervisor: str
    epoch: int

    def __str__(self) -> str:
        return f"{self.epoch} {self.supervisor}"
