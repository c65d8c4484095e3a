"""What the control plane takes of memory when it has nothing to do: each process, and all together.

PSS counts a page that n processes share as an n-th in each (`man 5 proc_pid_smaps`), so that it can be added up; RSS
counts it whole in every one.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import psutil

from tests.bench.figures import show
from tests.bench.pushes import SETTINGS
from tests.e2e.server import delta

REST_S = 15.0
MIB = 1024 * 1024


def main() -> None:
    """Measures and prints."""
    with delta(SETTINGS) as server:
        server.up()
        time.sleep(REST_S)
        processes = {process.pid: process for process in server.processes()}
        found = defaultdict(list)
        for process in processes.values():
            found[_name(process)].append((_pss(process.pid), process.memory_info().rss))
    rows = {
        name: {"processes": len(sizes), "pss_mb": _mb(pss for pss, _ in sizes), "rss_mb": _mb(rss for _, rss in sizes)}
        for name, sizes in sorted(found.items(), key=lambda item: -sum(pss for pss, _ in item[1]))
    }
    show("memory_at_rest", processes=len(processes), pss_mb=sum(row["pss_mb"] for row in rows.values()), each=rows)


def _name(process: psutil.Process) -> str:
    line = process.cmdline()
    title = " ".join(line)
    if title.startswith(("ray::", "ray-dashboard")):
        return line[0]
    if "-m" in line:
        return line[line.index("-m") + 1]
    scripts = [Path(word).name for word in line if word.endswith(".py")]
    return scripts[0] if scripts else process.name()


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _mb(sizes: Iterable[int]) -> int:
    return round(sum(sizes) / MIB)


if __name__ == "__main__":
    main()
