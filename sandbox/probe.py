"""Looks at a sandbox from the inside, as a job would: what `delta doctor` reports about the boundary is seen, not read
from a configuration.
"""

from __future__ import annotations

import secrets

from models.errors import InfrastructureError
from models.ids import AttemptId
from models.record import Record
from sandbox.container import Sandbox
from sandbox.names import attempt_name
from sandbox.spec import GVISOR, ROOT_USER, SandboxSpec

INSTALLATION = "delta-probe"  # of its own: no installation's sweep takes a probe for something left behind

_LOOK = r"""
interfaces=$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' | tr '\n' ' ')
writable=$(for f in / /bin /etc /usr /var /root; do touch "$f/probe" 2> /dev/null && echo "$f"; done | tr '\n' ' ')
printf 'kernel %s\ninterfaces %s\nuid %s\nwritable %s\n' \
    "$(dmesg 2> /dev/null | head -n 1)" "$interfaces" "$(id -u)" "$writable"
"""
_WRITE_AS_ROOT = "touch /probe && echo written"


class SandboxProbe(Record):
    """What a job sees. `kernel_banner` is the kernel's first message; gVisor's says so. `uid` is the job's user.

    `root_read_only`: not even root, inside, can write to the image's files.
    """

    runtime: str
    kernel_banner: str
    interfaces: tuple[str, ...]
    root_read_only: bool
    uid: int

    @property
    def gvisor(self) -> bool:
        """True where the kernel that answers is gVisor's."""
        return "gVisor" in self.kernel_banner

    @property
    def sealed(self) -> bool:
        """True where everything is as `docs/security.md` promises."""
        return self.gvisor and self.interfaces == ("lo",) and self.root_read_only and self.uid != 0


def probe(docker_url: str, image: str, runtime: str = GVISOR) -> SandboxProbe:
    """Start a sandbox, look around in it, destroy it (about a second).

    Errors: `SandboxUnavailableError` and `InfrastructureError`, as for a job's sandbox.
    """
    attempt = AttemptId(f"probe-{secrets.token_hex(8)}")
    spec = SandboxSpec(image=image, installation=INSTALLATION, runtime=runtime, memory_mb=256, workspace_mb=16)
    sandbox = Sandbox.start(docker_url, spec, attempt_name(INSTALLATION, attempt))
    try:
        _, said = sandbox.call(["/bin/sh", "-c", _LOOK], guard=_wait)
        _, written = sandbox.call(["/bin/sh", "-c", _WRITE_AS_ROOT], user=ROOT_USER, guard=_wait)
    finally:
        sandbox.destroy()
    seen = {name: value.strip() for name, _, value in (line.partition(" ") for line in said.split("\n"))}
    if set(seen) != {"kernel", "interfaces", "uid", "writable"}:
        raise InfrastructureError(f"the probe's answer makes no sense: {said[:500]!r}")
    return SandboxProbe(
        runtime=runtime,
        kernel_banner=seen["kernel"],
        interfaces=tuple(seen["interfaces"].split()),
        root_read_only="written" not in written and "Read-only" in written and not seen["writable"],
        uid=int(seen["uid"]),
    )


def _wait() -> None:
    """Nobody cancels a probe."""
