"""A store in memory: one record, committed under its version, and everything that was ever committed with it."""

from __future__ import annotations

from collections.abc import Callable

from models.commands import Command
from models.errors import VersionConflict
from models.events import Event
from models.lifecycle.decision import Decision
from models.run import Run


class Ledger:
    """`commit` does what the store's Lua script does: everything at the expected version, or nothing."""

    def __init__(self, created: Decision) -> None:
        self.history: list[Run] = []
        self.events: list[Event] = []
        self.commands: list[Command] = []
        self._write(created)

    @property
    def run(self) -> Run:
        """The record as last committed, as it comes out of a store: through JSON."""
        return Run.model_validate_json(self.history[-1].model_dump_json())

    def commit(self, decision: Decision) -> None:
        """Raises `VersionConflict` for a decision on a record that is not the last."""
        if decision.run.version != self.history[-1].version:
            raise VersionConflict(f"the record is at {self.history[-1].version}, not at {decision.run.version}")
        self._write(decision)

    def apply(self, decide: Callable[[Run], Decision | None]) -> bool:
        """Decides and commits; whether there was something to write."""
        decision = decide(self.run)
        if decision is not None:
            self.commit(decision)
        return decision is not None

    def _write(self, decision: Decision) -> None:
        self.history.append(decision.run.having(version=decision.run.version + 1))
        self.events += decision.events
        self.commands += decision.commands
