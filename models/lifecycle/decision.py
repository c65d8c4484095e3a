"""What a decision is made of."""

from __future__ import annotations

from models.commands import Command
from models.events import Event
from models.record import Record
from models.run import Run


class Decision(Record):
    """The record as it shall be, what to tell about it, and what to do next. Committed in one step or not at all."""

    run: Run
    events: tuple[Event, ...] = ()
    commands: tuple[Command, ...] = ()

    def then(self, later: Decision) -> Decision:
        """This decision followed by one that was made on its record."""
        return Decision(run=later.run, events=(*self.events, *later.events), commands=(*self.commands, *later.commands))
