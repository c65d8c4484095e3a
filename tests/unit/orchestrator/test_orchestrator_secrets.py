"""Secrets as the orchestrator gives them out: to the holder of a lease, for a trusted run, what its job names."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from actors.handles import RunnersHandle, Supervisors
from actors.orchestrator.actor import Orchestrator
from actors.secrets import remove_secret, set_secret
from cluster.store.store import Store
from cluster.vault import Vault
from models.change import Trust
from models.errors import ChangeError, InfrastructureError, StaleWrite
from models.grant import Grant
from models.ids import JobId, LeaseToken, RunnerId
from models.job import JobSpec, Resources, SecretUse, Step
from models.lifecycle.create import create, planned
from models.settings import Settings
from tests.unit.core.samples import change, plan, sure

JOB = JobSpec(id=JobId("deploy"), run=("deploy",), steps=(Step(secrets=(SecretUse(name="KEY"),)),))
VALUE = "tok-4f6a9c2e7b18d035"


class Deaf:
    """Stands for every other actor."""

    def __getattr__(self, name: str) -> Any:
        return self

    def remote(self, *_: object) -> None:
        return None


class World:
    def __init__(self, folder: Path) -> None:
        self.store = Store.in_memory()
        self.vault = Vault(folder / "secrets.key")
        actor: Any = Deaf()
        supervisors = Supervisors((actor,), self.store.owners, 5.0)
        self.orchestrator = Orchestrator(Settings(), self.store, self.vault, "boot", supervisors, RunnersHandle(actor))

    async def granted(self, trust: Trust = Trust.TRUSTED) -> Grant:
        """A run whose plan has the job, whatever a planner would have said to that, leased by a runner."""
        run = await self.store.runs.commit(create(change().having(trust=trust), time.time()))
        await self.store.runs.commit(sure(planned(run, plan(JOB), time.time())))
        await self.orchestrator.start()
        grant = await self.orchestrator.lease(RunnerId("runner-1"), Resources().shape, 1.0)
        assert grant is not None
        return grant

    async def given(self, grant: Grant) -> dict[str, str]:
        out = await self.orchestrator.secrets(grant.attempt, grant.token)
        return {name: value.get_secret_value() for name, value in out.values.items()}


@pytest.fixture
async def world(tmp_path: Path) -> Any:
    made = World(tmp_path)
    yield made
    await made.orchestrator.stop()


async def test_a_trusted_job_gets_what_it_names_and_nothing_else_holds_it(world: World) -> None:
    await set_secret(world.store, world.vault, "KEY", "", VALUE)
    await set_secret(world.store, world.vault, "OTHER", "", "another-value")
    grant = await world.granted()
    assert await world.given(grant) == {"KEY": VALUE}
    run = await world.store.runs.load(grant.run)
    told = [event.model_dump_json() for _, event in await world.store.runs.events(grant.run)]
    assert VALUE not in "".join([grant.model_dump_json(), run.model_dump_json(), *told])


async def test_the_repositorys_own_comes_before_that_of_all(world: World) -> None:
    await set_secret(world.store, world.vault, "KEY", "kitchen", VALUE)
    await set_secret(world.store, world.vault, "KEY", "", "that-of-all-of-them")
    grant = await world.granted()
    assert await world.given(grant) == {"KEY": VALUE}
    await remove_secret(world.store, "KEY", "kitchen")
    assert await world.given(grant) == {"KEY": "that-of-all-of-them"}


async def test_a_fork_gets_nothing_even_where_a_plan_let_it_run(world: World) -> None:
    await set_secret(world.store, world.vault, "KEY", "", VALUE)
    assert await world.given(await world.granted(Trust.FORK)) == {}


async def test_one_that_is_missing_is_an_error_that_says_what_to_do(world: World) -> None:
    grant = await world.granted()
    with pytest.raises(ChangeError, match="delta secret set KEY --repo kitchen"):
        await world.given(grant)
    await set_secret(world.store, world.vault, "KEY", "", VALUE)
    assert await world.given(grant) == {"KEY": VALUE}


async def test_without_the_key_there_is_an_error_and_no_secret(world: World, tmp_path: Path) -> None:
    await set_secret(world.store, world.vault, "KEY", "", VALUE)
    (tmp_path / "secrets.key").unlink()
    with pytest.raises(InfrastructureError, match="is not there"):
        await world.given(await world.granted())


async def test_only_the_holder_of_the_lease_is_answered(world: World) -> None:
    await set_secret(world.store, world.vault, "KEY", "", VALUE)
    grant = await world.granted()
    with pytest.raises(StaleWrite):
        await world.orchestrator.secrets(grant.attempt, LeaseToken("guessed"))
    await world.orchestrator.withdraw(grant.attempt)
    with pytest.raises(StaleWrite):
        await world.given(grant)
