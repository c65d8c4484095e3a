"""Jobs that take what they can get: processes, memory, disk, output, time. Each ends in a state of its own."""

from __future__ import annotations

import psutil
import pytest

from models.logs import LogChunk
from models.result import Cause, Outcome
from models.settings import SandboxSettings
from tests.attack.node import MIB, unharmed
from tests.integration.sandbox.conftest import Laboratory

BOMB = b"import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
HOG = b"held = []\nwhile True:\n    held.append(b'x' * (16 << 20))\n"
MANY_FILES = b"""
import itertools, os
os.makedirs("many")
try:
    for number in itertools.count():
        with open(f"many/{number}", "w"):
            pass
except OSError as error:
    print("stopped by", error.strerror, "after", number)
"""


def test_a_fork_bomb_ends_with_its_time(lab: Laboratory) -> None:
    with unharmed(lab):
        lab.tree = {"bomb.py": BOMB}
        result = lab.run("python3 bomb.py", timeout_s=5, resources={"pids": 64, "memory_mb": 1024})
        # Where memory ends the sandbox in a moment that Docker loses track of it, it counts as an error of Docker's.
        assert result.cause in {Cause.WALL_TIME, Cause.OUT_OF_MEMORY, Cause.SANDBOX}


@pytest.mark.parametrize("where", ["memory", "/workspace", "/tmp", "/home/runner", "/dev/shm"])
def test_a_memory_hog_ends_at_its_own_limit(lab: Laboratory, where: str) -> None:
    with unharmed(lab):
        lab.tree = {"hog.py": HOG}
        fill = f"head -c 10G /dev/zero > {where}/full || (echo no room; false)"
        command = "python3 hog.py" if where == "memory" else fill
        result = lab.run(command, resources={"memory_mb": 256, "workspace_mb": 2048})
        assert result.outcome is Outcome.FAILED
        assert result.cause in {Cause.OUT_OF_MEMORY, Cause.EXIT}
        assert (result.cause is Cause.EXIT) == ("no room" in lab.output)


def test_files_without_content_end_at_the_memory_limit(lab: Laboratory) -> None:
    with unharmed(lab):
        lab.tree = {"many.py": MANY_FILES}
        result = lab.run("python3 many.py", timeout_s=30, resources={"memory_mb": 192, "workspace_mb": 128})
        assert result.cause in {Cause.OUT_OF_MEMORY, Cause.WALL_TIME} or "stopped by" in lab.output


def test_ten_gigabytes_of_log_leave_a_head_and_a_tail(lab: Laboratory) -> None:
    with unharmed(lab):
        lab.settings = SandboxSettings(log_limit_mb=2)
        kept = lab.chunks

        def count(chunk: LogChunk) -> None:
            assert sum(len(each.text) for each in kept[-50:]) < 64 * MIB
            del chunk

        lab.seen = count
        lab.run("echo head; head -c 10G /dev/zero | tr '\\0' x | fold -w 200; echo tail", timeout_s=20)
        size = sum(len(chunk.text) for chunk in kept)
        assert size < 3 * MIB
        assert lab.output.startswith("head\n")
        assert "left out here" in lab.told


def test_one_line_of_ten_megabytes_is_a_log_too(lab: Laboratory) -> None:
    with unharmed(lab):
        assert lab.run("head -c 10M /dev/zero | tr '\\0' x").outcome is Outcome.PASSED
        assert len(lab.output) == 10 * MIB


def test_a_job_that_ignores_sigterm_and_leaves_daemons_is_gone_with_its_sandbox(lab: Laboratory) -> None:
    with unharmed(lab):
        result = lab.run(
            "trap '' TERM HUP INT; for n in 1 2 3; do (setsid nohup sh -c 'trap \"\" TERM; sleep 6000' &) ; done; "
            "sleep 6000 & wait; sleep 6000",
            timeout_s=2,
        )
        assert (result.outcome, result.cause) == (Outcome.TIMED_OUT, Cause.WALL_TIME)
        running = psutil.process_iter(["cmdline"])
        assert not any(lab.installation in word for process in running for word in process.info["cmdline"] or ())


def test_a_job_that_detaches_and_passes_leaves_nothing_that_runs(lab: Laboratory) -> None:
    with unharmed(lab):
        lab.run("(setsid nohup sh -c 'while :; do :; done' > /dev/null 2>&1 &); echo passed")
        assert lab.output == "passed\n"
