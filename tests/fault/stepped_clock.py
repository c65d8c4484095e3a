"""The wall clock of Delta's own processes, which a test can step. Redis keeps the machine's: the two then differ."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "clock"


@dataclass(frozen=True)
class Clock:
    """How far it is off stands in a file that every process looks into."""

    file: Path

    @classmethod
    def right(cls, file: Path) -> Clock:
        """One that is not off."""
        clock = cls(file)
        clock.step(0.0)
        return clock

    def step(self, seconds: float) -> None:
        """From now on, it is off by so many seconds. Written in place: who reads it has it open."""
        text = f"{seconds:+.3f}\n".ljust(32).encode()
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, text, 0)
        finally:
            os.close(handle)

    def environment(self) -> dict[str, str]:
        """What a process needs to live by it."""
        return {"TEST_CLOCK": str(self.file), "PYTHONPATH": str(_FOLDER)}
