"""The local Ray head: started, adopted, stopped whatever became of it, and reachable from this machine alone."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cluster.embedded.ray_head import RayHead
from tests.integration.embedded.listening import tcp_addresses

DOUBLE = """
import ray, sys
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
print(ray.get(ray.remote(lambda: 21 * 2).remote()))
"""


LABELS = """
import ray, sys
from models.labels import asked_for
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
there = ray.remote(lambda: "there").options(num_cpus=0, resources=asked_for(["gpu", "big"]))
both = [there.remote(), there.remote()]
elsewhere = ray.remote(lambda: "elsewhere").options(num_cpus=0, resources=asked_for(["gpu", "other"])).remote()
print(*ray.get(both))
done, waiting = ray.wait([elsewhere], timeout=0.5)
print(len(done), len(waiting))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="delta-"))
    yield folder
    head = RayHead(folder, folder / "run")
    head.stop()
    shutil.rmtree(head.temp_dir, ignore_errors=True)  # a test that never started it left none
    shutil.rmtree(folder)


@pytest.fixture
def head(folder: Path) -> RayHead:
    head = RayHead(folder, folder / "run")
    assert head.ensure(cpus=1, dashboard=False)
    return head


def ask(head: RayHead, script: str = DOUBLE, **environment: str) -> subprocess.CompletedProcess[str]:
    """Tasks on this head, from a process of its own: Ray connects once per process."""
    return subprocess.run(
        [sys.executable, "-c", script, head.address],
        env={"PATH": "/usr/bin:/bin", "HOME": "/tmp", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    _, left = psutil.wait_procs(processes, timeout=20)
    return [process for process in left if process.status() != psutil.STATUS_ZOMBIE]


def test_it_works_for_who_has_the_token_is_found_again_and_leaves_nothing_when_stopped(
    head: RayHead, folder: Path
) -> None:
    answer = ask(head, **head.environment())
    assert answer.stdout.strip() == "42", answer.stderr
    stranger = ask(head, **{**head.environment(), "RAY_AUTH_TOKEN": "guessed"})
    assert stranger.returncode != 0
    assert "42" not in stranger.stdout

    again = RayHead(folder, folder / "run")
    assert again.running()
    assert not again.ensure(cpus=1, dashboard=False)
    assert again.address == head.address

    processes = head.processes()
    assert {each.name() for each in processes} >= {"raylet", "gcs_server"}
    addresses = tcp_addresses(processes)
    assert {address.removeprefix("::ffff:") for address in addresses} == {"127.0.0.1"}

    again.stop()
    assert alive(processes) == []
    assert not head.running()


@pytest.mark.parametrize("part", ["raylet", "gcs_server"])
def test_one_that_lost_a_part_is_ended_by_stop_and_can_be_started_again(head: RayHead, part: str) -> None:
    [victim] = head.named(part)
    others = [each for each in head.processes() if each != victim]
    address = head.address
    victim.send_signal(signal.SIGKILL)
    victim.wait(timeout=20)
    assert others
    assert not head.running()
    head.stop()
    assert alive(others) == []
    head.stop()  # and once more, harmlessly

    assert head.ensure(cpus=1, dashboard=False)
    assert head.address != address
    answer = ask(head, **head.environment())
    assert answer.stdout.strip() == "42", answer.stderr


def test_a_label_places_tasks_on_a_node_that_has_it_and_on_no_other(folder: Path) -> None:
    head = RayHead(folder, folder / "run", ["gpu", "big"])
    assert head.ensure(cpus=1, dashboard=False)
    root = str(Path(__file__).parents[3])
    answer = ask(head, LABELS, **{**head.environment(), "PYTHONPATH": root})
    assert answer.stdout.split() == ["there", "there", "0", "1"], answer.stderr
