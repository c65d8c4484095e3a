"""A child process that outlives who started it, is found again, and is never mistaken for another."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cluster.embedded.child import Child
from models.errors import InfrastructureError

SLEEPER = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)",
]
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; subprocess.Popen(['sleep', '600']); print('ready', flush=True); time.sleep(600)",
]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child("child", tmp_path / "run")
    yield child
    child.stop(timeout_s=5.0)


def begin(child: Child, command: list[str]) -> psutil.Process:
    process = child.start(command)
    child.wait_until(lambda: "ready" in child.log_tail(), timeout_s=30.0)
    return process


def test_it_is_found_by_another_with_the_same_name_and_folder(child: Child, tmp_path: Path) -> None:
    assert child.process() is None
    started = begin(child, SLEEPER)
    assert Child("child", tmp_path / "run").process() == started
    assert Child("other", tmp_path / "run").process() is None
    assert Child("child", tmp_path / "elsewhere").process() is None


def test_it_outlives_its_parent_and_the_next_one_adopts_and_stops_it(child: Child, tmp_path: Path) -> None:
    parent = f"""
        from pathlib import Path
        from cluster.embedded.child import Child
        child = Child("child", Path({str(tmp_path / "run")!r}))
        child.start({SLEEPER!r})
        child.wait_until(lambda: "ready" in child.log_tail(), timeout_s=30.0)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(parent)], check=True, timeout=60)
    adopted = child.process()
    assert adopted is not None
    assert adopted.is_running()
    assert adopted.cmdline() == SLEEPER
    child.stop(timeout_s=10.0)
    assert not adopted.is_running() or adopted.status() == psutil.STATUS_ZOMBIE
    assert child.process() is None


def test_it_is_in_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(child: Child) -> None:
    started = begin(child, SLEEPER)
    session = subprocess.run(["ps", "-o", "sid=", "-p", str(started.pid)], capture_output=True, text=True, check=True)
    assert int(session.stdout) == started.pid


def test_a_pid_that_belongs_to_somebody_else_by_now_is_neither_taken_for_it_nor_signalled(
    child: Child, tmp_path: Path
) -> None:
    begin(child, SLEEPER)
    record = tmp_path / "run" / "child.json"
    facts = json.loads(record.read_text())
    child.stop(timeout_s=10.0)
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            record.write_text(json.dumps({**facts, "pid": stranger.pid}))
            assert child.process() is None
            child.stop(timeout_s=1.0)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_pid_of_an_earlier_boot_is_not_taken_for_it(child: Child, tmp_path: Path) -> None:
    begin(child, SLEEPER)
    record = tmp_path / "run" / "child.json"
    kept = record.read_text()
    facts = json.loads(kept)
    boot, ticks = facts["birth"].split()
    record.write_text(json.dumps({**facts, "birth": f"{boot[::-1]} {ticks}"}))
    assert child.process() is None
    record.write_text(kept)
    assert child.process() is not None


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"pid": "x"}', '{"pid": 1}', '{"pid": -5, "birth": ""}'])
def test_a_record_that_says_nothing_is_no_process(child: Child, tmp_path: Path, content: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "child.json").write_text(content)
    assert child.process() is None
    child.stop(timeout_s=1.0)


def test_one_that_does_not_listen_to_sigterm_is_killed(child: Child) -> None:
    started = begin(child, STUBBORN)
    child.stop(timeout_s=0.1)
    assert not started.is_running()


def test_one_that_was_started_to_start_another_hands_its_name_on(child: Child) -> None:
    started = begin(child, PARENT)
    [grandchild] = started.children(recursive=True)
    child.adopt(grandchild)
    started.kill()
    assert child.process() == grandchild
    child.stop(timeout_s=10.0)
    psutil.wait_procs([grandchild], timeout=10)
    assert not grandchild.is_running()


def test_one_that_ends_as_soon_as_it_is_ready_was_ready(child: Child) -> None:
    child.start(["echo", "ready"])
    child.wait_until(lambda: "ready" in child.log_tail(), timeout_s=30.0)


def test_stopping_what_does_not_run_is_harmless_also_twice(child: Child) -> None:
    child.stop(timeout_s=1.0)
    begin(child, SLEEPER).kill()
    child.stop(timeout_s=1.0)
    child.stop(timeout_s=1.0)


def test_one_that_ends_at_once_is_an_error_that_shows_what_it_said(child: Child) -> None:
    child.start([sys.executable, "-c", "raise SystemExit('no such device')"])
    with pytest.raises(InfrastructureError, match="child ended at once:\nno such device"):
        child.wait_until(lambda: False, timeout_s=30.0)


def test_one_that_is_late_is_an_error(child: Child) -> None:
    begin(child, SLEEPER)
    with pytest.raises(InfrastructureError, match="child was not ready within 0 s:\nready"):
        child.wait_until(lambda: False, timeout_s=0.05)


def test_what_an_earlier_start_said_is_not_taken_for_the_present_one_s(child: Child, tmp_path: Path) -> None:
    begin(child, SLEEPER)
    child.stop(timeout_s=10.0)
    child.start(["sleep", "600"])
    assert child.log_tail() == ""
    assert (tmp_path / "run" / "child.log.previous").read_text() == "ready\n"
