"""A child process that outlives the command that started it, and is found again by the next one.

Each child has a small record in the run directory: its pid and when the kernel started it. Both must match, so a pid
that was given to somebody else in the meantime is never signalled. "When" counts from the machine's boot and names the
boot: the time of day would change with the clock, and a live child would look like a stranger.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from models.errors import InfrastructureError

POLL_S = 0.02


class Child:
    """One named process of one run directory."""

    def __init__(self, name: str, run_dir: Path) -> None:
        self.name = name
        self.log = run_dir / f"{name}.log"
        self._record = run_dir / f"{name}.json"

    def process(self) -> psutil.Process | None:
        """The process, or None when it does not run."""
        try:
            record = json.loads(self._record.read_text())
            process = psutil.Process(record["pid"])
            same = _birth(process.pid) == record["birth"]
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return None

    def start(
        self, command: Sequence[str], env: Mapping[str, str] | None = None, stdin: bytes | None = None
    ) -> psutil.Process:
        """Starts it in a session of its own, so that Ctrl-C in a terminal does not reach it. Its log begins anew.

        It reads `stdin`, as much as fits into a pipe at once (64 KiB), from its standard input.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.previous"))
        with self.log.open("wb") as log, _readable(stdin) as source:
            started = subprocess.Popen(
                list(command),
                stdin=source,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        process = psutil.Process(started.pid)
        self.adopt(process)
        return process

    def adopt(self, process: psutil.Process) -> None:
        """From now on this is the child: one that was started to start another has."""
        self._record.write_text(json.dumps({"pid": process.pid, "birth": _birth(process.pid)}))

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Waits until `ready` says so. Raises `InfrastructureError` with the end of its log when it ends or is late."""
        deadline = time.monotonic() + timeout_s
        while True:
            lives = self.process() is not None  # looked at first: it may end when it is ready
            if ready():
                return
            if not lives:
                raise InfrastructureError(f"{self.name} ended at once:\n{self.log_tail()}", remedy="`delta doctor`")
            if time.monotonic() > deadline:
                raise InfrastructureError(
                    f"{self.name} was not ready within {timeout_s:.0f} s:\n{self.log_tail()}", remedy="`delta doctor`"
                )
            time.sleep(POLL_S)

    def stop(self, timeout_s: float) -> None:
        """Asks it to end, waits, and kills it when it does not. Harmless when it does not run."""
        process = self.process()
        if process is not None:
            with suppress(psutil.NoSuchProcess):  # it may end at any moment
                process.terminate()
            _, alive = psutil.wait_procs([process], timeout=timeout_s)
            for left in alive:
                with suppress(psutil.NoSuchProcess):
                    left.kill()
            psutil.wait_procs(alive, timeout=timeout_s)
        self._record.unlink(missing_ok=True)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines it printed since it was started."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(it printed nothing)"


@contextmanager
def _readable(content: bytes | None) -> Iterator[int]:
    """A descriptor to read it from, without a file on disk: it may be secret."""
    if content is None:
        yield subprocess.DEVNULL
        return
    source, sink = os.pipe()
    try:
        try:
            os.write(sink, content)
        finally:
            os.close(sink)
        yield source
    finally:
        os.close(source)


def _birth(pid: int) -> str:
    """What no other process ever shares with `pid`: the boot, and the clock ticks since then. See proc_pid_stat(5)."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    # The second field is the program's name in parentheses, which may hold anything; the 22nd is the start time.
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return f"{boot} {after_name[19]}"
