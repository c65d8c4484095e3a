"""The runner controller with a launch that the test holds in its hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.handles import OrchestratorHandle
from actors.runners import actor
from actors.runners.actor import RunnerController
from models.errors import DeltaError, InfrastructureError
from models.ids import AttemptId, JobId, RunnerId
from models.job import Footprint, JobSpec, Resources
from models.settings import RunnerSettings, Settings
from models.terminal import TerminalGrant
from tests.unit.core.samples import change

SMALL = Resources()
LARGE = Resources(cpus=4.0)


class Launches:
    """Every runner that was launched and has not been ended by the test."""

    def __init__(self) -> None:
        self.alive: dict[RunnerId, asyncio.Future[None]] = {}
        self.shapes: dict[RunnerId, str] = {}
        self._started: asyncio.Queue[RunnerId] = asyncio.Queue()

    async def __call__(self, runner: RunnerId, resources: Resources) -> None:
        self.alive[runner] = asyncio.get_running_loop().create_future()
        self.shapes[runner] = resources.shape
        self._started.put_nowait(runner)
        try:
            await self.alive[runner]
        finally:
            del self.alive[runner]

    async def next(self, count: int = 1) -> list[RunnerId]:
        """The next ones that start."""
        return [await self._started.get() for _ in range(count)]

    def nothing_more(self) -> bool:
        """Whether no other has started."""
        return self._started.empty()

    def end(self, runner: RunnerId, error: DeltaError | None = None) -> None:
        """The task ends: well, or lost."""
        if error is None:
            self.alive[runner].set_result(None)
        else:
            self.alive[runner].set_exception(error)


class Terminals:
    """Every terminal that was launched; the test ends each."""

    def __init__(self) -> None:
        self.open: list[tuple[TerminalGrant, asyncio.Future[str]]] = []

    async def __call__(self, grant: TerminalGrant) -> str:
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.open.append((grant, ended))
        return await ended


class Asked:
    """Stands for the orchestrator's actor. `depth` is what it answers; `lost` is what it was told."""

    def __init__(self) -> None:
        self.depth = 0
        self.questions: asyncio.Queue[str] = asyncio.Queue()
        self.lost: asyncio.Queue[tuple[RunnerId, str]] = asyncio.Queue()
        self.over: asyncio.Queue[tuple[AttemptId, str]] = asyncio.Queue()
        self.broken = False

    def handle(self) -> OrchestratorHandle:
        stand_in = self

        class Method:
            def __init__(self, method: Any) -> None:
                self.remote = method

        class Actor:
            queued = Method(stand_in._queued)
            runner_lost = Method(stand_in._runner_lost)
            terminal_over = Method(stand_in._terminal_over)

        return OrchestratorHandle(Actor())

    async def _queued(self, shape: str) -> int:
        self.questions.put_nowait(shape)
        return self.depth

    async def _runner_lost(self, runner: RunnerId, why: str) -> None:
        self.lost.put_nowait((runner, why))
        if self.broken:
            raise InfrastructureError("the orchestrator does not answer")

    async def _terminal_over(self, session: AttemptId, why: str) -> None:
        self.over.put_nowait((session, why))


@pytest.fixture
def terminals() -> Terminals:
    return Terminals()


@pytest.fixture
def launches() -> Launches:
    return Launches()


@pytest.fixture
def orchestrator() -> Asked:
    return Asked()


@pytest.fixture
async def controller(
    launches: Launches, terminals: Terminals, orchestrator: Asked, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunnerController]:
    monkeypatch.setattr(actor, "PAUSE_S", 0.0)
    settings = Settings(runners=RunnerSettings(max_pending=3))
    controller = RunnerController(settings, launches, terminals, orchestrator.handle())
    await controller.start()
    yield controller
    await controller.stop()


async def settled() -> None:
    """Lets every task that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)  # gives way, waits for nothing


async def test_given_queued_attempts_i_expect_as_many_runners_of_their_shape(
    controller: RunnerController, launches: Launches
) -> None:
    await controller.wanted(SMALL, 2)
    await controller.wanted(LARGE, 1)
    runners = await launches.next(3)
    assert len(set(runners)) == 3
    assert sorted(launches.shapes[runner] for runner in runners) == sorted([SMALL.shape, SMALL.shape, LARGE.shape])
    await settled()
    assert launches.nothing_more()


async def test_given_waiting_runners_when_the_same_is_wanted_again_i_expect_no_more(
    controller: RunnerController, launches: Launches
) -> None:
    await controller.wanted(SMALL, 2)
    await launches.next(2)
    await controller.wanted(SMALL, 2)
    await controller.wanted(SMALL, 1)
    await settled()
    assert launches.nothing_more()


async def test_given_more_attempts_than_may_be_pending_i_expect_the_limit_and_the_next_one_when_one_has_work(
    controller: RunnerController, launches: Launches
) -> None:
    await controller.wanted(SMALL, 5)
    first, second, *_ = await launches.next(3)
    await settled()
    assert launches.nothing_more()
    await controller.taken(first)
    await launches.next()
    await controller.taken(second)
    await launches.next()
    await settled()
    assert launches.nothing_more()
    assert len(launches.alive) == 5


async def test_given_a_runner_with_work_when_it_ends_i_expect_none_in_its_place(
    controller: RunnerController, launches: Launches, orchestrator: Asked
) -> None:
    await controller.wanted(SMALL, 1)
    [runner] = await launches.next()
    await controller.taken(runner)
    launches.end(runner)
    await settled()
    assert launches.nothing_more()
    assert orchestrator.questions.empty()


async def test_given_a_runner_with_work_when_it_is_lost_i_expect_the_orchestrator_to_be_told(
    controller: RunnerController, launches: Launches, orchestrator: Asked
) -> None:
    await controller.wanted(SMALL, 1)
    [runner] = await launches.next()
    await controller.taken(runner)
    launches.end(runner, InfrastructureError("its node is gone"))
    assert await orchestrator.lost.get() == (runner, "its node is gone")
    await settled()
    assert launches.nothing_more()


async def test_given_a_waiting_runner_when_it_is_lost_i_expect_another_one(
    controller: RunnerController, launches: Launches, orchestrator: Asked
) -> None:
    await controller.wanted(SMALL, 1)
    [runner] = await launches.next()
    launches.end(runner, InfrastructureError("its node is gone"))
    assert await orchestrator.lost.get() == (runner, "its node is gone")
    assert await launches.next() != [runner]


async def test_given_runners_that_cannot_start_i_expect_a_pause_before_the_next(
    controller: RunnerController, launches: Launches, orchestrator: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "PAUSE_S", 3600.0)
    await controller.wanted(SMALL, 1)
    [runner] = await launches.next()
    launches.end(runner, InfrastructureError("no such image"))
    await orchestrator.lost.get()
    await controller.wanted(SMALL, 1)
    await settled()
    assert launches.nothing_more()


async def test_given_a_runner_of_a_node_that_has_gone_i_expect_a_longer_pause(
    controller: RunnerController, launches: Launches, orchestrator: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "BOUND_PAUSE_S", 3600.0)
    await controller.wanted(Footprint(node="gone"), 1)
    [runner] = await launches.next()
    launches.end(runner, InfrastructureError("the node is not there"))
    await orchestrator.lost.get()
    await settled()
    assert launches.nothing_more()


async def test_given_an_orchestrator_that_cannot_be_told_i_expect_the_controller_to_go_on(
    controller: RunnerController, launches: Launches, orchestrator: Asked
) -> None:
    orchestrator.broken = True
    await controller.wanted(SMALL, 1)
    [runner] = await launches.next()
    launches.end(runner, InfrastructureError("its node is gone"))
    assert await launches.next() != [runner]


async def test_given_a_runner_that_found_nothing_i_expect_the_count_to_be_asked_for_and_believed(
    controller: RunnerController, launches: Launches, orchestrator: Asked
) -> None:
    await controller.wanted(SMALL, 2)
    first, second = await launches.next(2)
    orchestrator.depth = 0
    launches.end(first)
    assert await orchestrator.questions.get() == SMALL.shape
    launches.end(second)
    await settled()
    assert launches.nothing_more()
    await controller.wanted(SMALL, 1)
    [third] = await launches.next()
    orchestrator.depth = 1
    launches.end(third)
    assert len(await launches.next()) == 1


async def test_given_a_runner_the_controller_does_not_know_when_it_has_work_i_expect_no_harm(
    controller: RunnerController, launches: Launches
) -> None:
    await controller.taken(RunnerId("runner-of-an-earlier-controller"))
    await controller.wanted(SMALL, 1)
    await launches.next()
    await settled()
    assert launches.nothing_more()


def terminal(session: str) -> TerminalGrant:
    return TerminalGrant(session=AttemptId(session), spec=JobSpec(id=JobId("test"), run=("true",)), change=change())


async def test_a_terminal_is_opened_once_and_its_end_is_told(
    controller: RunnerController, terminals: Terminals, orchestrator: Asked
) -> None:
    await controller.open_terminal(terminal("r1.test.terminal-1"))
    await controller.open_terminal(terminal("r1.test.terminal-1"))
    await settled()
    [(_, ended)] = terminals.open
    ended.set_result("")
    assert await orchestrator.over.get() == ("r1.test.terminal-1", "")


async def test_a_terminal_whose_node_dies_ends_with_the_reason(
    controller: RunnerController, terminals: Terminals, orchestrator: Asked
) -> None:
    await controller.open_terminal(terminal("r1.test.terminal-1"))
    await settled()
    [(_, ended)] = terminals.open
    ended.set_exception(InfrastructureError("the node died"))
    assert await orchestrator.over.get() == ("r1.test.terminal-1", "the node died")


def test_a_task_asks_for_what_its_shape_has_and_a_little_of_each_label() -> None:
    from actors.runners.shell import _place

    placed = _place(Resources(cpus=2, memory_mb=64, labels=("gpu", "big")))
    assert placed == {
        "num_cpus": 2,
        "memory": 64 << 20,
        "resources": {"gvisor": 1, "label-big": 0.0001, "label-gpu": 0.0001},
        "max_retries": 0,
    }
    assert _place(Resources())["resources"] == {"gvisor": 1}
