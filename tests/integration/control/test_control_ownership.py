"""Each run is carried by one supervisor, also when some die, come back, or do not know that they are dead."""

from __future__ import annotations

import asyncio

import pytest

from actors import handles
from actors.handles import supervisor_name
from actors.orchestrator import actor as orchestrator_actor
from actors.supervisor import actor as supervisor_actor
from actors.supervisor.ownership import owner
from cluster.store import keys
from cluster.store.connection import text
from models.errors import ChangeError, InfrastructureError, StaleWrite
from models.events import EventKind
from models.fence import Fence
from models.ids import RunId
from models.machines import RunState
from models.settings import OwnershipSettings
from tests.integration.control.plane import LONG_S, Make, Plane
from tests.unit.core.samples import FAILED, PASSED, change, explanation

POOL = [supervisor_name(0), supervisor_name(1)]
# So that a death is noticed within the test; nothing depends on how fast.
QUICK = OwnershipSettings(ttl_s=0.3, beat_s=0.05)


def nonces_of(number: int) -> list[str]:
    """What to submit to get runs that belong to this supervisor while both live."""
    return [str(n) for n in range(40) if owner(change(str(n)).run_id(), POOL) == supervisor_name(number)]


@pytest.fixture(autouse=True)
def _slow_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks come only where a test says so: what happens here happens because somebody was told, or noticed."""
    monkeypatch.setattr(supervisor_actor, "_RECONCILE_S", LONG_S)
    monkeypatch.setattr(orchestrator_actor, "_COMPARE_S", LONG_S)
    monkeypatch.setattr(handles, "_BELIEF_S", 0.0)


async def holder(plane: Plane, run: RunId) -> str:
    """Who holds the run: epoch and name."""
    held = await plane.store.redis.get(keys.owner(run))
    return text(held) if held else ""


async def test_runs_are_spread_and_each_is_claimed_by_its_owner(make: Make) -> None:
    plane = make()
    await plane.start()
    for number in range(2):
        run = await plane.submit(nonces_of(number)[0])
        assert (await plane.lease(f"runner-{number}")).run == run
        assert (await holder(plane, run)).endswith(f" {supervisor_name(number)}")


async def test_runs_of_a_supervisor_that_never_comes_back_are_taken_over(make: Make) -> None:
    plane = make(ownership=QUICK)
    await plane.start()
    before, after = nonces_of(1)[:2]
    plane.planner.gate.clear()
    run = await plane.submit(before)
    await plane.planner.asked.get()
    await plane.supervisors[1].stop()  # in the middle of planning, and for good
    plane.planner.gate.set()
    grant = await plane.lease("runner-1")
    assert grant.run == run
    assert (await holder(plane, run)).endswith(f" {supervisor_name(0)}")
    assert await plane.orchestrator.finish(grant, PASSED)
    assert await plane.retired() == run
    # And what comes later goes to the one that lives.
    later = await plane.submit(after)
    grant = await plane.lease("runner-2")
    assert grant.run == later
    await plane.orchestrator.finish(grant, PASSED)
    while await plane.retired() != later:  # the first one's end may be seen twice
        pass


async def test_a_supervisor_that_comes_back_gets_its_runs_back(make: Make) -> None:
    plane = make(ownership=QUICK)
    await plane.start()
    await plane.supervisors[1].stop()
    run = await plane.submit(nonces_of(1)[0])
    grant = await plane.lease("runner-1")
    fresh = plane.new_supervisor(1)
    plane.supervisors.append(fresh)
    await fresh.start()
    await plane.orchestrator.begin(grant)
    await plane.orchestrator.finish(grant, PASSED)
    await plane.retired()
    assert (await holder(plane, run)).endswith(f" {supervisor_name(1)}")


async def test_a_supervisor_that_does_not_know_it_has_a_successor_changes_nothing(make: Make) -> None:
    """Ray believed it dead and started it anew; it lives on, and what it asked the planner comes back wrong."""
    plane = make()
    plane.planner.gate.clear()
    plane.planner.errors = [ChangeError("what only the ghost was told")]
    await plane.start()
    run = await plane.submit(nonces_of(1)[0])
    await plane.planner.asked.get()
    successor = plane.new_supervisor(1)
    plane.supervisors.append(successor)
    await successor.start()
    await plane.planner.asked.get()
    plane.planner.gate.set()  # the ghost asked first, and is answered first
    grant = await plane.lease()
    record = await plane.store.runs.load(run)
    assert (record.state, record.detail) == (RunState.RUNNING, "")
    ghost = plane.supervisors[1]
    ghost_fence = Fence(supervisor=supervisor_name(1), epoch=int((await holder(plane, run)).split()[0]) - 1)
    with pytest.raises(StaleWrite):
        await plane.store.runs.performed(run, ["1-1"], ghost_fence)
    # It is told of a run: it does not carry it.
    await plane.orchestrator.finish(grant, FAILED)
    await ghost.carry(run)
    await plane.retired()
    record = await plane.store.runs.load(run)
    assert record.jobs[0].explanation == explanation()
    assert plane.analyzer.asked == [grant.attempt]


async def test_what_a_supervisor_did_too_late_is_done_again_by_the_one_that_took_over(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not speak for a while; meanwhile another one has its run. Both performed, one acknowledged."""
    plane = make(ownership=QUICK)
    cut_off = asyncio.Event()
    beat = plane.store.owners.beat

    async def sometimes(fence: Fence) -> dict[str, float]:
        if cut_off.is_set() and fence.supervisor == supervisor_name(1):
            raise InfrastructureError("cut off")
        return await beat(fence)

    monkeypatch.setattr(plane.store.owners, "beat", sometimes)
    plane.planner.gate.clear()
    await plane.start()
    run = await plane.submit(nonces_of(1)[0])
    await plane.planner.asked.get()
    cut_off.set()
    await plane.planner.asked.get()  # the other one has noticed, and asks as well
    plane.planner.gate.set()
    grant = await plane.lease()
    assert (await holder(plane, run)).endswith(f" {supervisor_name(0)}")
    await plane.orchestrator.finish(grant, PASSED)
    await plane.retired()
    told = [event.kind for _, event in await plane.store.runs.events(run)]
    assert told.count(EventKind.RUN_PLANNED) == 1
    assert told.count(EventKind.JOB_QUEUED) == 1


async def test_a_start_of_everything_takes_no_run_from_who_is_about_to_start(make: Make) -> None:
    """Supervisor 1 has been silent for long, and supervisor 0 is there first: that is no death."""
    plane = make()
    plane.planner.gate.clear()
    await plane.start()
    run = await plane.submit(nonces_of(1)[0])
    await plane.planner.asked.get()
    await plane.stop()
    await plane.store.redis.hset(keys.SUPERVISORS, supervisor_name(1), "2 0")
    first = plane.new_supervisor(0)
    plane.supervisors.append(first)
    await first.start()
    await first.carry(run)
    assert (await holder(plane, run)).endswith(f" {supervisor_name(1)}")


async def test_a_run_that_is_listed_though_it_is_over_is_taken_off_again(make: Make) -> None:
    """As a second event about it lists it, before it is seen to be a duplicate."""
    plane = make()
    await plane.start()
    run = await plane.submit()
    await plane.orchestrator.finish(await plane.lease(), PASSED)
    await plane.retired()
    while await plane.store.runs.outbox(run):
        await plane.runs.done.get()
    await plane.stop()
    await plane.store.redis.sadd(keys.ACTIVE, run)
    later = make()
    await later.start()
    assert await later.retired() == run
    assert not await later.store.runs.is_active(run)


async def test_a_run_that_is_carried_asks_the_store_once_who_holds_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = make()
    claims: list[RunId] = []
    claim = plane.store.owners.claim

    async def counted(run: RunId, fence: Fence) -> None:
        claims.append(run)
        await claim(run, fence)

    monkeypatch.setattr(plane.store.owners, "claim", counted)
    await plane.start()
    run = await plane.submit()
    grant = await plane.lease()
    await plane.orchestrator.begin(grant)
    await plane.orchestrator.finish(grant, PASSED)
    await plane.retired()
    assert claims == [run]
