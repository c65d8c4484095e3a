"""How long a plan of a large Python repository takes, and how much memory: when nothing is known of it yet, again, and
after another commit of three files.

`made` is from the call to the plan, within a process that has planned before, as in the planner's actor but with the
base of facts opened anew; `process` is `delta plan … --json` from its start to its end. Milliseconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from api.cli.plan import make
from models.settings import Settings
from tests.bench.figures import show, spread
from tests.bench.python_repository import CENTRAL, commit, edited, repository
from tests.e2e.repositories import git

SIZES = (1_000, 10_000)
ROUNDS = 3
DELTA = (sys.executable, "-m", "api.cli.main")


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory(prefix="delta-bench-") as folder:
        make_and_drop(Path(folder))
        for size in SIZES:
            _measure(Path(folder), size)


def make_and_drop(folder: Path) -> None:
    """What is imported late is imported by this."""
    path, leaf = repository(folder, 100)
    head = commit(path, "change", {leaf: edited(path, "main", leaf)}, onto="main")
    make(Settings(state_dir=folder / "first"), path, base="main", head=head)


def _measure(folder: Path, size: int) -> None:
    path, leaf = repository(folder, size)
    others = sorted(name for name in git(path, "ls-tree", "-r", "--name-only", "main").split() if "/m1" in name)[:3]
    for kind, changed in (("leaf", leaf), ("central", CENTRAL)):
        head = commit(path, kind, {changed: edited(path, "main", changed)}, onto="main")
        for way, plan in (("made", _made), ("process", _process)):
            state = folder / f"{kind}-{way}-{size}"
            cold = plan(path, head, state)
            warm = [plan(path, head, state) for _ in range(ROUNDS)]
            after = []
            for number in range(2):  # a commit that nothing is known of, each time
                texts = {file: f"{edited(path, 'main', file)}N = {number}\n" for file in others}
                base = commit(path, f"{kind}-{way}-{number}", texts, onto="main")
                texts = {changed: edited(path, base, changed)}
                after.append(plan(path, commit(path, "next", texts, onto=base), state, base))
            show(
                f"plan_{way}_ms",
                files=size,
                change=kind,
                selected=warm[-1].selected,
                total=warm[-1].total,
                cold=round(cold.spent_ms),
                warm=spread([each.spent_ms for each in warm]),
                after_three=spread([each.spent_ms for each in after]),
                **({"cold_mb": cold.peak_mb, "warm_mb": warm[-1].peak_mb} if way == "process" else {}),
            )


class _Planned:
    def __init__(self, spent_s: float, selected: int, total: int, peak_kb: int = 0) -> None:
        self.spent_ms = spent_s * 1000
        self.selected, self.total = selected, total
        self.peak_mb = round(peak_kb / 1000)


def _made(path: Path, head: str, state: Path, base: str = "main") -> _Planned:
    settings = Settings(state_dir=state)
    began = time.perf_counter()
    plan = make(settings, path, base=base, head=head)
    spent = time.perf_counter() - began
    found = [*(job.tests for job in plan.jobs), *(job.tests for job in plan.skipped)]
    tests = [each for each in found if each is not None]
    return _Planned(spent, sum(len(each.selected) for each in tests), sum(each.total for each in tests))


def _process(path: Path, head: str, state: Path, base: str = "main") -> _Planned:
    """The peak is that of the largest process: reading for the first time takes several."""
    command = [*DELTA, "plan", str(path), "--base", base, "--head", head, "--json"]
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, env={**os.environ, "DELTA_STATE_DIR": str(state)})
        _, status, used = os.wait4(process.pid, 0)
        spent = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, command
        said.seek(0)
        plan = json.load(said)
    tests = [each["tests"] for each in (*plan["jobs"], *plan["skipped"]) if each["tests"] is not None]
    selected, total = sum(len(each["selected"]) for each in tests), sum(each["total"] for each in tests)
    return _Planned(spent, selected, total, used.ru_maxrss)


if __name__ == "__main__":
    main()
