"""Sandboxes that wait, on real gVisor: as fresh as cold ones, given away once, and gone in the end whoever dies."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import docker
import pytest

from models.errors import InfrastructureError
from models.ids import AttemptId
from models.result import Outcome
from sandbox.container import Sandbox
from sandbox.names import warm_name
from sandbox.pool import WarmPool
from sandbox.spec import GVISOR, SandboxSpec
from sandbox.stock import Bounds
from sandbox.sweep import sweep

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Laboratory

ATTEMPT = AttemptId("r1.job.1")


@pytest.fixture
def pool(lab: Laboratory) -> Iterator[WarmPool]:
    made = WarmPool(lab.docker_url, lab.installation, Bounds(per_shape=3, total=3))
    yield made
    made.close()


@pytest.fixture
def engine(docker_url: str) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=docker_url)
    yield client
    client.close()


def kind(lab: Laboratory, **fields: Any) -> SandboxSpec:
    """What `lab.run` asks for."""
    usual: dict[str, Any] = {"installation": lab.installation, "memory_mb": 512, "workspace_mb": 128}
    return SandboxSpec(**{"image": lab.image, **usual, **fields})


def filled(pool: WarmPool, spec: SandboxSpec, count: int = 1) -> None:
    for _ in range(count):
        pool.expect(spec)
    while pool.tend():
        pass
    assert pool.waiting() == {spec: count}


def names(engine: docker.DockerClient, lab: Laboratory) -> list[str]:
    found = engine.api.containers(all=True, filters={"label": f"delta.installation={lab.installation}"})
    return [container["Names"][0] for container in found]


def test_a_job_runs_in_one_that_waited_and_it_is_gone_afterwards(lab: Laboratory, pool: WarmPool) -> None:
    filled(pool, kind(lab))
    [before] = lab.left()
    lab.claim = lambda spec: pool.take(spec, ATTEMPT)
    lab.tree = {"hello": b"hello from the tree\n"}
    result = lab.run("cat hello", "echo $MINE", env={"MINE": "at the exec"})
    assert result.outcome is Outcome.PASSED
    assert lab.output == "hello from the tree\nat the exec\n"
    assert "taken from the pool in" in lab.told
    assert before not in lab.left()
    assert pool.take(kind(lab), ATTEMPT) is None


def test_one_that_waits_is_sealed_and_nothing_ran_in_it(lab: Laboratory, pool: WarmPool) -> None:
    filled(pool, kind(lab, pids=100))
    lab.claim = lambda spec: pool.take(spec, ATTEMPT)
    lab.run(
        "cat /sys/fs/cgroup/pids/pids.max",
        "find /workspace /tmp ~ -mindepth 1 | wc -l; ls /proc | grep -c '^[0-9]'",
        resources={"pids": 100},
    )
    limit, files, processes = lab.output.split()
    assert "taken from the pool" in lab.told
    assert (limit, files) == ("100", "0")
    assert int(processes) <= 6  # PID 1 and its `sleep`; bash, ls and grep


def test_nothing_of_a_job_is_in_one_that_waits(lab: Laboratory, pool: WarmPool, engine: docker.DockerClient) -> None:
    filled(pool, kind(lab))
    [container] = lab.left()
    seen = engine.api.inspect_container(container)
    assert set(seen["Config"]["Env"]) == set(engine.images.get(lab.image).attrs["Config"]["Env"])
    assert seen["Config"]["Labels"] == {"delta.installation": lab.installation}
    assert (seen["Mounts"], seen["HostConfig"]["Runtime"]) == ([], GVISOR)


def test_a_job_sees_nothing_of_the_one_before(lab: Laboratory, pool: WarmPool) -> None:
    filled(pool, kind(lab), 2)
    lab.claim = lambda spec: pool.take(spec, ATTEMPT)
    lab.run("echo secret > /tmp/x; echo secret > x; echo secret > ~/x; echo secret > /dev/shm/x; sleep 600 & disown")
    lab.run("ls /tmp/x x ~/x /dev/shm/x 2>/dev/null || echo nothing; grep -l sleep /proc/[0-9]*/comm | wc -l")
    assert lab.told.count("taken from the pool") == 2
    assert lab.output == "nothing\n1\n"  # PID 1's own


def test_many_who_ask_at_once_get_each_another_one(lab: Laboratory, pool: WarmPool) -> None:
    filled(pool, kind(lab), 3)
    taken: deque[str | None] = deque()
    start = threading.Barrier(9)

    def ask(number: int) -> None:
        start.wait()
        taken.append(pool.take(kind(lab), AttemptId(f"r1.job.{number}")))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = [container for container in taken if container]
    assert len(got) == len(set(got)) == 3
    sweep(lab.docker_url, lab.installation, keep=lambda _: False)


def test_one_is_never_given_away_twice_whatever_is_believed(lab: Laboratory) -> None:
    """Given two who both believe that they have the same waiting sandbox, Docker lets one of them give it away."""
    name = warm_name(lab.installation)
    sandbox = Sandbox.start(lab.docker_url, kind(lab), name)
    try:
        sandbox.give_to(name, AttemptId("r1.job.1"))
        with pytest.raises(InfrastructureError, match="No such container"):
            sandbox.give_to(name, AttemptId("r1.job.2"))
    finally:
        sandbox.destroy()


def test_only_the_same_kind_fits(lab: Laboratory, pool: WarmPool) -> None:
    filled(pool, kind(lab))
    for other in ({"memory_mb": 256}, {"cpus": 2.0}, {"pids": 64}, {"workspace_mb": 64}, {"runtime": "runc"}):
        assert pool.take(kind(lab, **other), ATTEMPT) is None


def test_one_that_died_while_it_waited_is_passed_over(
    lab: Laboratory, pool: WarmPool, engine: docker.DockerClient
) -> None:
    filled(pool, kind(lab), 2)
    victim, *_ = names(engine, lab)
    events = engine.api.events(decode=True, filters={"container": victim.removeprefix("/"), "event": "die"})
    engine.api.kill(victim.removeprefix("/"))
    next(iter(events))
    lab.claim = lambda spec: pool.take(spec, ATTEMPT)
    assert lab.run("echo alive").outcome is Outcome.PASSED
    assert lab.output == "alive\n"
    assert victim not in names(engine, lab) or pool.waiting()


def test_one_of_an_image_that_was_made_anew_is_passed_over(
    lab: Laboratory, pool: WarmPool, engine: docker.DockerClient
) -> None:
    tag = f"delta/test-anew:{lab.installation}"
    repository, version = tag.split(":")
    engine.images.get(lab.image).tag(repository, version)
    try:
        spec = kind(lab, image=tag)
        filled(pool, spec)
        changes = ["ENV ANEW=1"]
        other = engine.api.create_container(lab.image, command=["true"], host_config={"NetworkMode": "none"})
        engine.api.commit(other["Id"], repository=repository, tag=version, changes=changes)
        engine.api.remove_container(other["Id"])
        assert pool.take(spec, ATTEMPT) is None
        assert lab.left() == []
    finally:
        engine.images.remove(tag, force=True)


def test_the_next_pool_removes_what_a_dead_one_left_and_nothing_that_was_given_away(
    lab: Laboratory, pool: WarmPool
) -> None:
    filled(pool, kind(lab), 2)
    taken = pool.take(kind(lab), ATTEMPT)
    pool._waiting.clear()  # it dies
    WarmPool(lab.docker_url, lab.installation, Bounds(1, 1)).remove_leftovers()
    assert lab.left() == [taken]
    assert sweep(lab.docker_url, lab.installation, keep=lambda attempt: attempt == ATTEMPT) == []
    assert lab.left() == [taken]
    assert sweep(lab.docker_url, lab.installation, keep=lambda _: False) == [ATTEMPT]


def test_a_runner_that_dies_with_one_leaves_it_to_the_sweeper_which_keeps_the_waiting(
    lab: Laboratory, pool: WarmPool
) -> None:
    filled(pool, kind(lab), 2)
    taken = pool.take(kind(lab), ATTEMPT)
    assert sweep(lab.docker_url, lab.installation, keep=lambda _: False, keep_warm=True) == [ATTEMPT]
    assert taken not in lab.left()
    assert len(lab.left()) == 1
    assert pool.waiting() == {kind(lab): 1}


def test_when_nothing_lives_the_sweeper_leaves_nothing(lab: Laboratory, pool: WarmPool) -> None:
    filled(pool, kind(lab), 2)
    pool.take(kind(lab), ATTEMPT)
    sweep(lab.docker_url, lab.installation, keep=lambda _: False)
    assert lab.left() == []


def test_what_nobody_wants_any_more_is_removed(lab: Laboratory) -> None:
    now = 0.0
    pool = WarmPool(lab.docker_url, lab.installation, Bounds(3, 3), clock=lambda: now)
    try:
        filled(pool, kind(lab), 2)
        now = 3600.0
        pool.expect(kind(lab, memory_mb=256))
        while pool.tend():
            pass
        assert pool.waiting() == {kind(lab, memory_mb=256): 1}
        assert len(lab.left()) == 1
    finally:
        pool.close()


def test_a_node_without_memory_keeps_none_waiting(lab: Laboratory) -> None:
    free = 1_000_000
    pool = WarmPool(lab.docker_url, lab.installation, Bounds(3, 3), memory_mb=lambda: free)
    filled(pool, kind(lab))
    free = 100
    assert not pool.tend()
    assert lab.left() == []


def test_what_cannot_be_made_is_not_tried_for_ever(lab: Laboratory, pool: WarmPool) -> None:
    pool.expect(kind(lab, image="delta/not-there:1"))
    assert pool.tend()
    assert not pool.tend()


def test_a_pool_that_is_closed_while_it_makes_one_keeps_none(
    lab: Laboratory, pool: WarmPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = docker.APIClient.start

    def closed_meanwhile(client: docker.APIClient, container: str) -> None:
        pool.close()
        start(client, container)

    monkeypatch.setattr(docker.APIClient, "start", closed_meanwhile)
    pool.expect(kind(lab))
    pool.tend()
    assert lab.left() == []


def test_an_unsafe_runtime_waits_too_and_is_called_unsafe(lab: Laboratory, pool: WarmPool) -> None:
    lab.settings = lab.settings.model_copy(update={"unsafe_runtime": "runc"})
    filled(pool, kind(lab, runtime="runc"))
    lab.claim = lambda spec: pool.take(spec, ATTEMPT)
    result = lab.run("echo hello")
    assert (result.outcome, result.unsafe, lab.output) == (Outcome.PASSED, True, "hello\n")
    assert "taken from the pool" in lab.told


def test_the_result_is_told_while_the_sandbox_still_is_there_and_it_goes_even_if_telling_fails(lab: Laboratory) -> None:
    def report(result: object) -> None:
        assert result is not None
        assert len(lab.left()) == 1
        raise KeyboardInterrupt

    lab.report = report
    with pytest.raises(KeyboardInterrupt):
        lab.run("true")
    assert lab.left() == []
