from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from cluster.host.locks import SharedLock

HOLD = """
import sys
from pathlib import Path
from cluster.host.locks import SharedLock
lock = SharedLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_only_the_last_to_leave_is_told_so(tmp_path: Path) -> None:
    first, second = SharedLock(tmp_path / "lock"), SharedLock(tmp_path / "lock")
    with first.leave() as last:
        assert not last
    with second.leave() as last:
        assert last


def test_leaving_twice_is_harmless(tmp_path: Path) -> None:
    lock = SharedLock(tmp_path / "lock")
    with lock.leave():
        pass
    with lock.leave() as last:
        assert not last


def test_a_killed_user_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    mine, check = SharedLock(path), SharedLock(path)
    with check.leave() as last:
        assert not last
    os.kill(other.pid, signal.SIGKILL)
    other.communicate()
    with mine.leave() as last:
        assert last
