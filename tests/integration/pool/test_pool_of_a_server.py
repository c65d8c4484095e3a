"""A server keeps sandboxes warm and its jobs start in them; a single `delta run` warms nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import psutil
import pytest

from cluster.images.build import prepare
from cluster.images.runners import RUNNER_PYTHON
from tests.e2e.repositories import git
from tests.e2e.server import as_json, delta
from tests.fault import worker_node

CONFIG = "version: 1\njobs:\n  noop:\n    run: 'true'\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "noop"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / ".delta.yml").write_text(CONFIG)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=first")
    return folder


@pytest.fixture
def client(docker_url: str) -> Iterator[docker.DockerClient]:
    made = docker.DockerClient(base_url=docker_url)
    prepare(made, RUNNER_PYTHON, print)
    yield made
    made.close()


def log_of(server: Any, run: Any) -> str:
    return str(server.client.get(f"/v1/runs/{run['id']}/jobs/noop/log").text)


def test_a_job_of_a_server_starts_in_a_sandbox_that_waited(repository: Path, client: docker.DockerClient) -> None:
    events = client.api.events(decode=True, filters={"type": "container"})
    with delta() as server:
        server.up()
        _next(events, "start", f"delta-{(server.state_dir / 'installation.id').read_text()}-warm-")
        run = as_json(server.command("run", str(repository), "--json"))
        assert run["state"] == "passed", run
        assert "taken from the pool" in log_of(server, run)


def test_a_server_whose_pool_was_killed_runs_jobs_and_loses_nothing(
    repository: Path, client: docker.DockerClient
) -> None:
    """Given a pool that is killed while sandboxes wait, the next job runs, and the new pool removes the old one's."""
    events = client.api.events(decode=True, filters={"type": "container"})
    with delta() as server:
        server.up()
        mark = f"delta-{(server.state_dir / 'installation.id').read_text()}-warm-"
        left = _next(events, "start", mark)
        [ray] = [json.loads(path.read_text()) for path in (server.state_dir / "run").glob("ray.json")]
        family = psutil.Process(ray["pid"]).children(recursive=True)
        [pool] = [process for process in family if "SandboxPool" in " ".join(process.cmdline())]
        pool.kill()
        run = as_json(server.command("run", str(repository), "--json"))
        assert run["state"] == "passed", run
        assert _next(events, "destroy", left) == left


def test_a_node_that_joins_later_gets_a_pool_too(client: docker.DockerClient) -> None:
    """Given a second node, which here shares the first one's engine, its pool begins by removing what waits there."""
    events = client.api.events(decode=True, filters={"type": "container"})
    with delta() as server:
        server.up()
        mark = f"delta-{(server.state_dir / 'installation.id').read_text()}-warm-"
        left = _next(events, "start", mark)
        raylet = worker_node.join(server)
        try:
            assert _next(events, "destroy", left) == left
        finally:
            raylet.terminate()


def _next(events: Iterator[Any], action: str, name: str) -> str:
    """The name of the first container beginning so that this happens to."""
    found = (event["Actor"]["Attributes"]["name"] for event in events if event["Action"] == action)
    return next(str(each) for each in found if each.startswith(name))


def test_a_single_run_makes_its_own_and_warms_nothing(repository: Path, client: docker.DockerClient) -> None:
    events = client.api.events(decode=True, filters={"event": "create", "type": "container"})
    with delta() as server:
        run = as_json(server.command("run", str(repository), "--json"))
        assert run["state"] == "passed", run
        installation = (server.state_dir / "installation.id").read_text()
    # a last container of the test's own, to know where to stop reading
    end = client.api.create_container(RUNNER_PYTHON.tag)
    client.api.remove_container(end["Id"])
    made = []
    for event in events:
        if event["Actor"]["ID"] == end["Id"]:
            break
        made.append(event["Actor"]["Attributes"]["name"])
    ours = [name for name in made if name.startswith(f"delta-{installation}-")]
    assert len(ours) == 1
    assert "-warm-" not in ours[0]
