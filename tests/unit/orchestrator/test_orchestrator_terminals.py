"""Terminals as the orchestrator has them, on a store in memory and a clock that the test turns."""

from __future__ import annotations

from typing import Any

import pytest

from actors.handles import RunnersHandle
from actors.orchestrator import terminals as module
from actors.orchestrator.terminals import IDLE_S, SILENT_S, Terminals
from cluster.store.store import Store
from models.events import EventKind
from models.ids import JobId, RunId
from models.inbox import OpenTerminal
from models.job import JobSpec, SecretUse, Step
from models.lifecycle.create import create, planned
from models.ports import START
from models.terminal import TerminalGrant, Typed, is_last, new_session
from tests.unit.core.samples import NOW, change, plan

JOB = JobSpec(id=JobId("test"), run=("deploy",), steps=(Step(secrets=(SecretUse(name="KEY"),)),))


class Runners:
    """Stands for the runner controller's actor."""

    def __init__(self) -> None:
        self.opened: list[TerminalGrant] = []
        self.open_terminal = self

    def remote(self, grant: TerminalGrant) -> None:
        self.opened.append(grant)


class World:
    def __init__(self) -> None:
        self.now = 0.0
        self.store = Store.in_memory()
        self.runners = Runners()
        actor: Any = self.runners
        self.terminals = Terminals(self.store, RunnersHandle(actor), lambda: self.now)

    async def asked(self, job: str = "test") -> OpenTerminal:
        run = await self.store.runs.commit(create(change(), NOW))
        decision = planned(run, plan(JOB), NOW)
        assert decision is not None
        run = await self.store.runs.commit(decision)
        return OpenTerminal(run=run.id, job=JobId(job), session=new_session(run.id, JobId(job)), by="ada")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(module, "_WAIT_S", 0.001)
    return World()


async def test_it_is_opened_once_without_secrets_or_steps_and_told_in_the_audit_stream(world: World) -> None:
    asked = await world.asked()
    await world.terminals.open(asked)
    await world.terminals.open(asked)
    [grant] = world.runners.opened
    assert (grant.session, grant.spec.run, grant.spec.secrets) == (asked.session, ("true",), frozenset())
    events = [event for _, event in await world.store.runs.events(asked.run)]
    assert [(event.job, event.detail) for event in events if event.kind is EventKind.TERMINAL_OPENED] == [
        ("test", "by ada")
    ]


async def test_what_was_typed_is_given_in_order_and_from_a_place_on(world: World) -> None:
    asked = await world.asked()
    await world.terminals.open(asked)
    await world.store.terminals.type(asked.session, Typed(size=(24, 80)))
    answer = await world.terminals.typed(asked.session, START)
    assert answer is not None
    after, found = answer
    assert found == [Typed(size=(24, 80))]
    await world.store.terminals.type(asked.session, Typed(text="ls\r"))
    answer = await world.terminals.typed(asked.session, after)
    assert answer is not None
    assert answer[1] == [Typed(text="ls\r")]


async def test_one_that_nobody_knows_ends(world: World) -> None:
    asked = await world.asked()
    assert await world.terminals.typed(asked.session, START) is None


async def test_one_in_which_nobody_types_ends(world: World) -> None:
    asked = await world.asked()
    await world.terminals.open(asked)
    assert await world.terminals.typed(asked.session, START) == (START, [])
    world.now = IDLE_S + 1
    assert await world.terminals.typed(asked.session, START) is None


async def test_its_sandbox_is_held_while_its_runner_asks(world: World) -> None:
    asked = await world.asked()
    await world.terminals.open(asked)
    assert not world.terminals.holds(asked.session)
    await world.terminals.typed(asked.session, START)
    assert world.terminals.holds(asked.session)
    world.now = SILENT_S + 1
    assert not world.terminals.holds(asked.session)


async def test_its_end_is_the_last_thing_it_shows(world: World) -> None:
    asked = await world.asked()
    await world.terminals.open(asked)
    await world.terminals.over(asked.session, "its node died")
    [(_, chunk)] = await world.store.logs.read(asked.session)
    assert (is_last(chunk), chunk.text) == (True, "the terminal has ended: its node died\n")


async def test_a_job_that_is_not_there_is_told_in_the_terminal(world: World) -> None:
    asked = await world.asked("tets")
    await world.terminals.open(asked)
    assert world.runners.opened == []
    [(_, chunk)] = await world.store.logs.read(asked.session)
    assert is_last(chunk)
    assert "has no job 'tets'" in chunk.text


async def test_a_run_that_is_not_there_is_told_in_the_terminal(world: World) -> None:
    session = new_session(RunId("r1"), JobId("test"))
    await world.terminals.open(OpenTerminal(run=RunId("r1"), job=JobId("test"), session=session, by="ada"))
    [(_, chunk)] = await world.store.logs.read(session)
    assert is_last(chunk)
