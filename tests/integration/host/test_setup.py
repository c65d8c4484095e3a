"""Set-up and doctor as a newcomer runs them, on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_a_second_set_up_does_nothing() -> None:
    done = subprocess.run([ROOT / "cluster/host/setup.sh"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_doctor_finds_every_part_working(docker_url: str) -> None:
    program = Path(sys.executable).with_name("delta")
    done = subprocess.run([program, "doctor", "--json"], capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)
    assert told["ok"], told
    assert done.returncode == 0
    details = {part["part"]: part["detail"] for part in told["parts"]}
    assert docker_url in details["Docker engine"]
    assert "gVisor's kernel" in details["gVisor sandbox"]
    assert "appendonly yes" in details["Redis"]
