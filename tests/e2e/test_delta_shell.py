"""`delta shell`: one looks into a sandbox like the one in which a job failed, here and through a server."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.e2e.repositories import branch, example
from tests.e2e.server import DELTA, Delta, as_json

CONFIG = """\
version: 1
jobs:
  broken:
    run: [echo made-by-a-step > made, cat no-such-file]
    env: {COLOUR: mauve}
"""


@pytest.fixture(scope="module")
def failed(server: Delta, tmp_path_factory: pytest.TempPathFactory) -> Any:
    repository = example(tmp_path_factory.mktemp("shell") / "kitchen")
    branch(repository, "change", {".delta.yml": CONFIG, "hello.txt": "from the change\n"})
    return as_json(server.command("run", str(repository), "--base", "main", "--head", "change", "--json"))


def typed(server: Delta, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    token = (server.state_dir / "api.token").read_text()
    return subprocess.run(
        [DELTA, "shell", *arguments],
        env={**server.env, "DELTA_API__TOKEN": token},
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_one_sees_what_the_job_had_before_its_first_step(server: Delta, failed: Any) -> None:
    done = typed(server, "cat hello.txt made; echo $COLOUR; exit\n", failed["id"], "broken")
    assert done.returncode == 0, done.stderr
    assert "from the change" in done.stdout
    assert "mauve" in done.stdout
    assert "made: No such file or directory" in done.stdout
    assert "the terminal has ended" in done.stdout
    told = server.client.get(f"/v1/runs/{failed['id']}/events").json()
    assert [event["job"] for event in told if event["kind"] == "terminal_opened"] == ["broken"]


def test_it_works_through_the_server_and_ends_with_the_input(server: Delta, failed: Any) -> None:
    address = str(server.client.base_url)
    done = typed(server, "cat hello.txt\n", failed["id"], "broken", "--server", address)
    assert done.returncode == 0, done.stderr
    assert "from the change" in done.stdout
    assert "the terminal has ended" in done.stdout


def test_an_unknown_job_is_an_error_before_anything_is_opened(server: Delta, failed: Any) -> None:
    for way in ([], ["--server", str(server.client.base_url)]):
        done = typed(server, "", failed["id"], "borken", *way)
        assert done.returncode == 2
        assert "has no job 'borken'" in done.stderr
        assert "Traceback" not in done.stderr
