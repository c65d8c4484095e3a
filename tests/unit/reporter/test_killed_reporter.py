"""A reporter that is killed at any moment, a thousand times: what the forge has in the end is right, and there once."""

from __future__ import annotations

import random

import pytest

from actors.reporter.desired import desired
from actors.reporter.publish import NotPublished, publish
from models.run import Run
from tests.unit.reporter import sample_runs as runs
from tests.unit.reporter.memory_forge import MemoryForge

KILLS = 1_000


class Killed(BaseException):
    """Nothing in the reporter may catch it, as nothing can catch a kill."""


class DeadlyForge(MemoryForge):
    """Kills whoever makes its call number `deadly`: before it has its effect, or after."""

    deadly = 0
    after_effect = False

    def arm(self, calls: int, *, after_effect: bool) -> None:
        self.deadly, self.after_effect = len(self.calls) + calls, after_effect

    def _fault(self, faults: dict[str, Exception], name: str) -> None:
        reached = self.deadly and len(self.calls) + (faults is self.before) >= self.deadly
        if reached and (faults is self.after) == self.after_effect:
            self.deadly = 0
            raise Killed
        super()._fault(faults, name)


def life() -> list[Run]:
    """One run as the reporter may find it, from its creation to its explained failure."""
    jobs = (runs.spec("test"), runs.spec("lint"))
    running = runs.running(*jobs, skipped=("docs",))
    begun = runs.started(running)
    failed = runs.ended(running, runs.FAILED)
    explained = runs.explained_as(failed, runs.finding())
    ended = runs.ended(explained, runs.PASSED, "lint")
    return [runs.created(), running, begun, failed, explained, ended]


@pytest.mark.parametrize("seed", range(10))
async def test_killed_between_any_call_and_its_answer_nothing_is_there_twice(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - it decides which call is the last
    whole = life()
    for _ in range(KILLS // 10):
        forge, remembered = DeadlyForge(), dict[str, str]()
        for run in whole[chance.randrange(len(whole)) :]:
            if chance.random() < 0.6:
                forge.arm(chance.randint(1, 6), after_effect=chance.random() < 0.5)
            try:
                remembered = await publish(run, forge, remembered)
            except (Killed, NotPublished):
                continue  # what it knew by then is lost with it
        forge.deadly = 0
        await publish(whole[-1], forge, remembered)
        shows_the_last_state(forge, whole[-1])


def shows_the_last_state(forge: MemoryForge, run: Run) -> None:
    wanted = desired(run, "")
    there = sorted((check.external_id, check.conclusion, check.text) for check in forge.checks.values())
    assert there == sorted((check.external_id, check.conclusion, check.text) for check in wanted.checks)
    assert [*forge.comments.values()] == [wanted.comment]
    assert max(forge.remarks.values()) <= max(len(check.annotations) for check in wanted.checks)
