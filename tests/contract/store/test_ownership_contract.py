"""Who holds a run: the last one to claim it, and whatever another one writes for it is refused and changes nothing."""

from __future__ import annotations

import asyncio

import pytest

from cluster.store.store import Store
from models.commands import MakePlan, Report
from models.errors import StaleWrite, VersionConflict
from models.fence import Fence
from models.lifecycle.cancel import cancel
from models.lifecycle.create import create
from models.lifecycle.decision import Decision
from models.run import Run
from tests.contract.store.conftest import Join
from tests.unit.core.samples import NOW, change, sure

RUN = change().run_id()


async def put(store: Store) -> Run:
    return await store.runs.commit(create(change(), NOW))


async def told(store: Store) -> list[object]:
    return [
        await store.runs.load(RUN),
        await store.runs.events(RUN),
        await store.runs.outbox(RUN),
        await store.runs.is_active(RUN),
    ]


async def everything_is_refused(store: Store, fence: Fence) -> None:
    """Each write that a supervisor makes for a run."""
    before = await told(store)
    run = await store.runs.load(RUN)
    [(entry, _), *_] = await store.runs.outbox(RUN)
    for write in (
        store.runs.commit(Decision(run=run, commands=(Report(),)), fence),
        store.runs.apply(RUN, lambda run: cancel(run, "a ghost", NOW), fence),
        store.runs.performed(RUN, [entry], fence),
        store.runs.retire(RUN, run.version, fence),
    ):
        with pytest.raises(StaleWrite) as refused:
            await write
        assert not isinstance(refused.value, VersionConflict)  # nobody is to decide anew
    assert await told(store) == before


async def everything_is_taken(store: Store, fence: Fence) -> None:
    [(entry, _), *_] = await store.runs.outbox(RUN)
    await store.runs.performed(RUN, [entry], fence)
    assert entry not in dict(await store.runs.outbox(RUN))
    run = await store.runs.apply(RUN, lambda run: Decision(run=run.having(detail=str(fence))), fence)
    assert run == await store.runs.load(RUN)
    await store.runs.retire(RUN, run.version, fence)
    assert not await store.runs.is_active(RUN)


async def test_who_claimed_a_run_may_write(store: Store) -> None:
    await put(store)
    fence = await store.owners.register("a")
    await store.owners.claim(RUN, fence)
    await everything_is_taken(store, fence)


async def test_who_did_not_claim_it_may_not(store: Store) -> None:
    await put(store)
    await everything_is_refused(store, await store.owners.register("a"))


async def test_a_claim_fences_the_one_before_it_off(store: Store, join: Join) -> None:
    await put(store)
    other = join()
    first, second = await store.owners.register("a"), await other.owners.register("b")
    await store.owners.claim(RUN, first)
    await other.owners.claim(RUN, second)
    await everything_is_refused(store, first)
    await store.owners.claim(RUN, first)  # given back
    await everything_is_refused(other, second)
    await everything_is_taken(store, first)


async def test_an_earlier_incarnation_cannot_take_a_run_back(store: Store) -> None:
    await put(store)
    dead = await store.owners.register("a")
    await store.owners.claim(RUN, dead)
    alive = await store.owners.register("a")
    assert alive.epoch > dead.epoch
    await store.owners.claim(RUN, alive)
    with pytest.raises(StaleWrite, match="newer a"):
        await store.owners.claim(RUN, dead)
    await everything_is_refused(store, dead)
    await everything_is_taken(store, alive)


async def test_of_many_that_claim_at_once_one_may_write(store: Store) -> None:
    await put(store)
    fences = [await store.owners.register(name) for name in "abcdefgh"]
    await asyncio.gather(*(store.owners.claim(RUN, fence) for fence in fences))
    written = await asyncio.gather(
        *(store.runs.apply(RUN, lambda run: Decision(run=run), fence) for fence in fences), return_exceptions=True
    )
    assert sum(isinstance(answer, Run) for answer in written) == 1
    assert sum(isinstance(answer, StaleWrite) for answer in written) == 7


async def test_the_authority_needs_no_fence(store: Store) -> None:
    await put(store)
    await store.owners.claim(RUN, await store.owners.register("a"))
    assert (await store.runs.apply(RUN, lambda run: cancel(run, "ada", NOW))).over
    for entry, _ in await store.runs.outbox(RUN):
        await store.runs.performed(RUN, [entry])
    await store.runs.retire(RUN)
    assert not await store.runs.is_active(RUN)


async def test_supervisors_hear_of_each_other(store: Store, join: Join) -> None:
    a = await store.owners.register("a")
    b = await join().owners.register("b")
    assert a.epoch < b.epoch
    ages = await store.owners.beat(a)
    assert ages.keys() == {"a", "b"}
    assert all(0 <= age < 60 for age in ages.values())
    assert (await join().owners.ages()).keys() == {"a", "b"}


async def test_who_is_silent_grows_old_and_who_speaks_does_not(store: Store) -> None:
    a, _ = await store.owners.register("a"), await store.owners.register("b")
    first = (await store.owners.ages())["b"]
    ages = await store.owners.beat(a)
    while ages["b"] <= first:  # some milliseconds by the store's clock
        ages = await store.owners.beat(a)
    assert (await store.owners.ages())["a"] <= ages["b"]


async def test_an_incarnation_that_has_a_successor_hears_so(store: Store) -> None:
    dead = await store.owners.register("a")
    alive = await store.owners.register("a")
    with pytest.raises(StaleWrite, match="newer a"):
        await store.owners.beat(dead)
    assert (await store.owners.beat(alive)).keys() == {"a"}


async def test_a_run_that_somebody_commits_to_is_not_retired(store: Store) -> None:
    run = await put(store)
    await store.runs.commit(sure(cancel(run, "ada", NOW)))
    with pytest.raises(VersionConflict):
        await store.runs.retire(RUN, run.version)
    assert await store.runs.is_active(RUN)
    assert [command for _, command in await store.runs.outbox(RUN)][:2] == [MakePlan(), Report()]


async def test_retiring_and_committing_at_once_leaves_no_run_with_commands_off_the_list(
    store: Store, join: Join
) -> None:
    await put(store)
    for _ in range(50):
        run = await store.runs.load(RUN)
        for entry, _ in await store.runs.outbox(RUN):
            await store.runs.performed(RUN, [entry])
        retired, committed = await asyncio.gather(
            store.runs.retire(RUN, run.version),
            join().runs.commit(Decision(run=run, commands=(Report(),))),
            return_exceptions=True,
        )
        assert retired is None or isinstance(retired, VersionConflict)
        assert isinstance(committed, Run)
        assert await store.runs.is_active(RUN)
