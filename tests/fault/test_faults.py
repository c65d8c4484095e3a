"""What can die is killed at a random instant of a run, and what can fail fails. Then all is right again.

A bounded form of it runs with the other tests; `make fault SEED=… ROUNDS=…` goes on for longer.
"""

from __future__ import annotations

import signal
import uuid
from collections.abc import Callable
from contextlib import suppress

import pytest
from docker.errors import APIError

from actors.driver import Driver
from cluster.embedded.ray_head import RayHead
from cluster.host.dockerd import running as managed_dockerd
from cluster.host.engine import connect
from cluster.host.paths import HostPaths
from models.machines import RunState
from tests.fault.github import Fault
from tests.fault.processes import part
from tests.fault.table import Table
from tests.fault.worker_node import join
from tests.fault.world import World

pytestmark = pytest.mark.timeout(600)

WORK_FOR_TWO_NODES = 4


def kill_actor(name: str) -> Callable[[World], None]:
    return lambda world: world.actor(name).kill()


def kill_child(name: str) -> Callable[[World], None]:
    return lambda world: part(world.server, name).kill()


def kill_driver(world: World) -> None:
    """The server starts another one."""
    part(world.server, "driver").kill()
    world.soon(Driver(world.server.state_dir / "run").running, "another driver")


def kill_api(world: World) -> None:
    kill_child("api")(world)
    world.server.up()


def kill_everything(world: World) -> None:
    world.server.kill()
    world.server.up()


def kill_sandbox(world: World) -> None:
    """The first that is there; it may end by itself before, and then it was another one's turn."""
    client = connect(world.docker_url)
    try:
        with suppress(APIError):
            client.api.kill(world.soon(world.containers, "a sandbox")[0])
    finally:
        client.close()


def kill_engine(world: World) -> None:
    daemon = managed_dockerd(HostPaths.read())
    if daemon is None:
        pytest.skip("the Docker engine is the machine's own: it is not for us to kill")
    del world
    daemon.kill()


def stop_redis(world: World) -> None:
    redis = part(world.server, "redis")
    redis.send_signal(signal.SIGSTOP)
    world.at_some_instant(10.0)
    redis.send_signal(signal.SIGCONT)


def kill_gcs(world: World) -> None:
    head = RayHead(world.server.state_dir, world.server.state_dir / "run")
    head.named("gcs_server")[0].kill()


def kill_worker_node(world: World) -> None:
    """One that joins, gets work, and is gone: what ran there must run again elsewhere."""
    raylet = join(world.server)
    number, head = world.new_pull_request()
    for _ in range(WORK_FOR_TWO_NODES):
        world.deliver(number, head)
        number, head = world.new_pull_request()
    world.soon(lambda: any("ray::runner-" in " ".join(each.cmdline()) for each in raylet.children()), "a runner there")
    world.at_some_instant(1.0)
    raylet.kill()


def step_clock(world: World) -> None:
    """Forward, and back, and right again, a few minutes each: more than any lease, less than the queue's time-out."""
    for direction in (1, -1, 0):
        world.clock.step(direction * world.random.uniform(60.0, 600.0))
        world.at_some_instant(2.0)


FAULTS = {
    "api": kill_api,
    "orchestrator": kill_actor("OrchestratorActor"),
    "supervisor": kill_actor("SupervisorActor"),
    "planner": kill_actor("PlannerActor"),
    "analyzer": kill_actor("AnalyzerActor"),
    "reporter": kill_actor("ReporterActor"),
    "runner controller": kill_actor("RunnersActor"),
    "sandbox pool": kill_actor("SandboxPoolActor"),
    "runner": kill_actor("ray::runner-"),
    "sandbox": kill_sandbox,
    "docker engine": kill_engine,
    "redis": kill_child("redis"),
    "redis stopped": stop_redis,
    "ray's driver": kill_driver,
    "ray's raylet": kill_child("ray"),
    "ray's control service": kill_gcs,
    "worker node": kill_worker_node,
    "clock stepped": step_clock,
    "everything": kill_everything,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_given_it_is_killed_in_the_middle_of_runs_i_expect_them_to_end_once(
    world: World, table: Table, rounds: range, fault: str
) -> None:
    for _ in rounds:
        changes = [world.new_pull_request() for _ in range(2)]
        runs = [world.deliver(*change) for change in changes]
        world.at_some_instant()
        with table.round(fault):
            FAULTS[fault](world)
            world.check(runs)


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.RATE_LIMITED, Fault.HANGS])
def test_given_a_forge_that_fails_i_expect_it_to_get_the_last_state(
    world: World, table: Table, rounds: range, fault: Fault
) -> None:
    for _ in rounds:
        world.github.fault = fault
        runs = [world.deliver(*world.new_pull_request())]
        for run in runs:
            world.server.settled(run)
        with table.round(f"forge {fault}"):
            world.github.fault = Fault.NONE
            world.check(runs)


def test_given_duplicate_and_reordered_webhooks_i_expect_one_run_of_each_and_the_newest_to_go_on(
    world: World, table: Table, rounds: range
) -> None:
    for _ in rounds:
        number, first = world.new_pull_request()
        second, third = world.push(number), world.push(number)
        delivery = str(uuid.uuid4())
        with table.round("webhooks twice and reordered"):
            newest = world.deliver(number, third, at=30, delivery=delivery)
            assert world.deliver(number, third, at=30, delivery=delivery) == newest
            older = [world.deliver(number, second, at=20), world.deliver(number, first, at=10)]
            assert world.deliver(number, third, at=30) == newest
            world.check([newest])
            world.check(older, state=RunState.CANCELLED)
