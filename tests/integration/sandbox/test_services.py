"""Services: real Redis and PostgreSQL in gVisor sandboxes of their own, reached on the job's loopback."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest

from cluster.images.build import prepare
from cluster.images.catalog import resolve
from cluster.images.services import SERVICE_POSTGRES, SERVICE_REDIS
from models.job import ServiceSpec
from models.result import AttemptResult, Cause, Outcome
from sandbox.door import Doors
from tests.integration.sandbox.conftest import Laboratory

# The runner image has no client of either: what a driver would say, said by hand.
REDIS = """\
import socket, sys
with socket.create_connection(("localhost", int(sys.argv[1]))) as redis:
    for command in sys.argv[2:]:
        redis.sendall(command.encode() + b"\\r\\n")
        print(redis.recv(4096).decode().strip())
"""
POSTGRES = """\
import socket, struct, sys
with socket.create_connection(("127.0.0.1", 5432)) as server:
    words = b"user\\0shop\\0database\\0shop\\0\\0"
    server.sendall(struct.pack(">II", 8 + len(words), 196608) + words)
    said = b""
    while b"Z\\0\\0\\0\\x05I" not in said:
        said += server.recv(65536)
    query = b"select 'the answer is ' || 6 * 7\\0"
    server.sendall(b"Q" + struct.pack(">I", 4 + len(query)) + query)
    print(server.recv(65536))
"""


@pytest.fixture(scope="session")
def services(docker_url: str) -> None:
    client = docker.DockerClient(base_url=docker_url)
    try:
        for recipe in (SERVICE_REDIS, SERVICE_POSTGRES):
            prepare(client, recipe, print)
    finally:
        client.close()


@pytest.fixture
def served(lab: Laboratory, services: None, tmp_path: Path) -> Laboratory:
    del services
    lab.doors = Doors(tmp_path / "doors")
    lab.resolve = resolve
    lab.tree = {"redis.py": REDIS.encode(), "postgres.py": POSTGRES.encode()}
    return lab


def redis(name: str = "cache", **asked: object) -> ServiceSpec:
    return ServiceSpec.model_validate({"name": name, "image": "service-redis", "memory_mb": 128, **asked})


def refused(result: AttemptResult) -> str:
    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.REFUSED), result
    return result.detail


def test_a_job_uses_redis_and_postgres_on_its_loopback(served: Laboratory) -> None:
    database = ServiceSpec(
        name="db", image="service-postgres", env={"POSTGRES_USER": "shop", "POSTGRES_PASSWORD": "unused"}
    )
    result = served.run(
        "python3 redis.py 6379 'SET colour mauve' 'GET colour'", "python3 postgres.py", services=(redis(), database)
    )
    assert result.outcome is Outcome.PASSED, served.output
    assert "mauve" in served.output
    assert "the answer is 42" in served.output
    assert "service cache: on localhost:6379, ready after" in served.told
    assert "service db: on localhost:5432, ready after" in served.told


def test_many_connections_at_once_each_reach_the_service(served: Laboratory) -> None:
    result = served.run(
        "for n in $(seq 40); do python3 redis.py 6379 'INCR count' > /dev/null & done; wait",
        "python3 redis.py 6379 'GET count'",
        services=(redis(),),
        timeout_s=120,
    )
    assert result.outcome is Outcome.PASSED
    assert "\n40\n" in served.output


def test_two_of_a_kind_listen_where_they_are_told_and_are_two(served: Laboratory) -> None:
    other = redis("other", command="redis-server --port 7000 --bind 127.0.0.1 --save ''", port=7000)
    served.run(
        "python3 redis.py 6379 'SET colour mauve'; python3 redis.py 7000 'GET colour'", services=(redis(), other)
    )
    assert "$-1" in served.output, "the other one has never heard of it"


def test_neither_the_job_nor_a_service_has_any_other_way_out(served: Laboratory) -> None:
    probe = redis(
        command="grep -q eth /proc/net/dev && exit 1; touch /run/delta/x && exit 2; redis-server --bind 127.0.0.1",
        port=6379,
    )
    served.run("cat /proc/net/dev; ls /run/delta; touch /run/delta/x || echo sealed", services=(probe,))
    assert "eth" not in served.output
    assert "sealed" in served.output
    assert "service-cache.sock" in served.output


def test_one_that_ends_before_it_is_ready_is_told_with_its_last_words(served: Laboratory) -> None:
    detail = refused(served.run("true", services=(redis(command="echo no such option; exit 3", port=1),)))
    assert "the service 'cache' has ended by itself, exit code 3" in detail
    assert "no such option" in detail


def test_one_that_ends_in_the_middle_is_told_in_the_log(served: Laboratory) -> None:
    result = served.run(
        "python3 redis.py 6379 SHUTDOWN; for n in 1 2 3 4 5 6 7 8; do sleep 0.2; echo $n; done", services=(redis(),)
    )
    assert result.outcome is Outcome.PASSED
    assert "the service 'cache' has ended by itself, exit code 0" in served.told


def test_an_image_that_is_not_there_and_a_port_that_two_want_are_refused(served: Laboratory) -> None:
    assert "service-nothing" in refused(served.run("true", services=(redis(image="service-nothing:1"),)))
    assert "want port 6379" in refused(served.run("true", services=(redis("a"), redis("b"))))


def test_a_job_that_is_cancelled_leaves_no_service_behind(served: Laboratory) -> None:
    served.on_ready = served.cancelled.set
    result = served.run("sleep 600", services=(redis(),))
    assert result.outcome is Outcome.CANCELLED
