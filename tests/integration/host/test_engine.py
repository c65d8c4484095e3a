"""The managed Docker engine, for real: a `dockerd` of its own for each test, beside the session's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cluster.host import dockerd
from cluster.host.engine import acquire, connect, engine, runtimes
from cluster.host.paths import HostPaths
from models.errors import InfrastructureError

USER = """
import sys
from cluster.host.engine import acquire
held = acquire()
print(held.url, flush=True)
sys.stdin.read()
held.release()
"""


@pytest.fixture
def paths(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostPaths]:
    """An engine's own directories, with a short name because of its sockets, and no system engine in sight."""
    directory = tempfile.mkdtemp(prefix="delta-", dir="/tmp")
    monkeypatch.setenv("DELTA_HOST_DIR", directory)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{directory}/no-system-engine.sock")
    paths = HostPaths.read()
    yield paths
    dockerd.stop(paths)
    # A daemon that is killed leaves a mount of its data root on itself, which only matters to whoever deletes it.
    subprocess.run(["umount", "--quiet", str(paths.data_root)], check=False)
    shutil.rmtree(directory)


@pytest.fixture
def user() -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the engine until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", USER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def wait_until_held(user: subprocess.Popen[str], paths: HostPaths) -> None:
    assert user.stdout is not None
    assert user.stdout.readline().strip() == paths.url


def processes_of(paths: HostPaths) -> list[str]:
    """Every live process that has the engine's directories on its command line: daemon, containerd, shims."""
    found = []
    for process in psutil.process_iter(["cmdline", "status", "name"]):
        command = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(paths.run) in part for part in command):
            found.append(process.info["name"])
    return sorted(found)


def test_an_engine_is_started_for_its_first_user_and_ended_with_its_last(paths: HostPaths) -> None:
    with engine(paths) as url:
        assert url == paths.url
        assert {"delta-runsc"} < runtimes(url)
        assert processes_of(paths) == ["containerd", "dockerd"]
        with engine(paths) as again:
            assert again == url
        assert runtimes(url)
    assert processes_of(paths) == []
    assert not runtimes(paths.url)


def test_a_user_who_leaves_does_not_take_the_engine_from_another(paths: HostPaths, user: subprocess.Popen[str]) -> None:
    wait_until_held(user, paths)
    mine = acquire(paths)
    user.communicate()  # its input ends: it leaves in good order, though it started the engine
    assert user.returncode == 0
    assert runtimes(mine.url)
    mine.release()
    assert processes_of(paths) == []


def test_a_killed_user_leaves_an_engine_that_the_next_one_uses_and_ends(
    paths: HostPaths, user: subprocess.Popen[str]
) -> None:
    wait_until_held(user, paths)
    before = dockerd.running(paths)
    assert before is not None
    user.send_signal(signal.SIGKILL)
    user.wait()
    with engine(paths):
        after = dockerd.running(paths)
        assert after is not None
        assert after.pid == before.pid
    assert processes_of(paths) == []


def test_ctrl_c_in_the_terminal_does_not_reach_the_engine(paths: HostPaths) -> None:
    with engine(paths):
        daemon = dockerd.running(paths)
        assert daemon is not None
        assert os.getsid(daemon.pid) != os.getsid(0)


def test_after_the_engine_was_killed_the_next_user_gets_a_new_one(paths: HostPaths) -> None:
    first = acquire(paths)
    killed = dockerd.running(paths)
    assert killed is not None
    killed.kill()
    killed.wait()
    with engine(paths) as url:
        assert "delta-runsc" in runtimes(url)
    first.release()
    assert processes_of(paths) == []


def test_an_engine_that_is_ready_is_used_as_it_is_and_never_ended(
    paths: HostPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine(paths) as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        held = acquire(HostPaths(state=paths.state / "other", run=paths.run / "other"))
        assert (held.url, held.managed) == (url, False)
        held.release()
        assert runtimes(url)


def test_release_is_harmless_the_second_time(paths: HostPaths) -> None:
    held = acquire(paths)
    held.release()
    held.release()


def test_an_engine_that_ends_at_once_is_explained_by_its_log(
    paths: HostPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "dockerd"
    broken.write_text("#!/bin/sh\necho the disk is full of leaves\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(InfrastructureError, match="the disk is full of leaves") as caught:
        acquire(paths)
    assert "make setup" in caught.value.remedy


def test_a_pid_that_now_belongs_to_another_program_is_left_alone(paths: HostPaths) -> None:
    paths.run.mkdir(parents=True)
    paths.pidfile.write_text(str(os.getpid()))
    dockerd.stop(paths)
    with engine(paths) as url:
        assert runtimes(url)


def test_an_ordinary_user_is_told_what_to_do(paths: HostPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(InfrastructureError) as caught:
        acquire(paths)
    assert "make setup" in caught.value.remedy
    assert not paths.run.exists()


def test_an_engine_on_another_machine_is_refused(paths: HostPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    with pytest.raises(InfrastructureError, match=r"192\.0\.2\.1"):
        acquire(paths)


def test_a_client_of_the_session_engine_answers(docker_url: str) -> None:
    client = connect(docker_url)
    assert client.ping()
    client.close()
