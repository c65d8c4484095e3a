"""What a dead runner left is removed; what a live one has, and what is another installation's, is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.ids import AttemptId
from sandbox.container import Sandbox
from sandbox.names import attempt_name
from sandbox.spec import SandboxSpec
from sandbox.sweep import sweep

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Laboratory


def started(lab: Laboratory, attempt: str, installation: str) -> Sandbox:
    spec = SandboxSpec(image=lab.image, installation=installation, memory_mb=128, workspace_mb=16, pids=32)
    return Sandbox.start(lab.docker_url, spec, attempt_name(installation, AttemptId(attempt)))


def test_only_what_is_not_kept_and_only_ones_own(lab: Laboratory) -> None:
    other = f"{lab.installation}-other"
    dead, live = started(lab, "r1.a.1", lab.installation), started(lab, "r1.b.1", lab.installation)
    foreign = started(lab, "r1.a.1", other)
    try:
        assert sweep(lab.docker_url, lab.installation, lambda attempt: attempt == "r1.b.1") == ["r1.a.1"]
        assert dead.watch.ended.wait(5)
        assert not live.watch.ended.is_set()
        assert not foreign.watch.ended.is_set()
        assert sweep(lab.docker_url, lab.installation, lambda _: True) == []
    finally:
        for sandbox in (dead, live, foreign):
            sandbox.destroy()
