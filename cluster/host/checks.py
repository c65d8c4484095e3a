"""What `delta doctor` looks at: each part of the machine, proven by using it. One failing check never hides another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from cluster.host import probes
from models.errors import DeltaError

SETUP = "run `make setup`"


class Check(BaseModel):
    """One part, the probe that uses it, and what to do when the probe fails without saying so itself."""

    model_config = ConfigDict(frozen=True)

    part: str
    probe: Callable[[], str]  # returns what it saw; raises when the part does not work
    remedy: str = SETUP


class Finding(BaseModel):
    """What came of one check. `remedy` is empty where the part works."""

    model_config = ConfigDict(frozen=True)

    part: str
    ok: bool
    detail: str
    remedy: str
    took_s: float


CHECKS = (
    Check(part="git", probe=probes.git),
    Check(part="Docker engine", probe=probes.docker_engine),
    Check(part="gVisor sandbox", probe=probes.gvisor),
    Check(part="Redis", probe=probes.redis_server),
    Check(part="Ray", probe=probes.ray_task, remedy="read the newest session under /tmp/ray/session_latest/logs"),
    Check(part="Embedding model", probe=probes.embedding, remedy="run `rm -r .venv && make setup`"),
)


def run(checks: Sequence[Check] = CHECKS, started: Callable[[str], None] = lambda _part: None) -> Iterator[Finding]:
    """Run the checks in order and yield what came of each; `started` hears the name of each part before its probe."""
    for check in checks:
        started(check.part)
        yield _look(check)


def _look(check: Check) -> Finding:
    begun = time.monotonic()
    try:
        detail, remedy, ok = check.probe(), "", True
    except DeltaError as error:
        detail, remedy, ok = str(error.args[0]), error.remedy or check.remedy, False
    except Exception as error:  # noqa: BLE001 - a probe may fail in ways its library never names; the rest must still run
        detail, remedy, ok = f"{type(error).__name__}: {error}", check.remedy, False
    return Finding(part=check.part, ok=ok, detail=detail, remedy=remedy, took_s=round(time.monotonic() - begun, 3))
