"""What a sandbox may do, as a record. `options.py` tells Docker.

Everything a job may write lies in memory: `/workspace`, `/tmp` and the home folder are tmpfs, and gVisor keeps their
content inside the sandbox's own memory limit. So `memory_mb` is all that a job takes from its node, processes and files
together, and `workspace_mb` is the part of it that files in `/workspace` may have (`/tmp` and the home folder: half of
that each). A full folder gives "no space left on device"; a job that reaches `memory_mb` by whatever mix is killed.

Two users share a sandbox. PID 1 is another one than the job (`JOB_USER`), which can neither signal nor trace it, so a
job cannot end its own sandbox to hide how it ended: `root`, without any capability, or `nobody` where it is the host's.

Everything here is fixed when a container is made, and none of it belongs to an attempt: containers of equal specs are
equal, which is what lets one wait for a job (`pool.py`). Whose a container is, its name says (`names.py`).
"""

from __future__ import annotations

from models.job import JobSpec
from models.record import Record
from models.settings import SandboxSettings
from sandbox.unavailable import SandboxUnavailableError

GVISOR = "delta-runsc"  # registered with Docker by `make setup`, always with --network=none
UNSAFE_RUNTIMES = ("runc",)

LABEL_INSTALLATION = "delta.installation"

WORKSPACE = "/workspace"
HOME = "/home/runner"
JOB_UID = 1000
JOB_USER = f"{JOB_UID}:{JOB_UID}"
ROOT_USER = "0:0"
NOBODY = "65534:65534"
PIDS_LIMIT = "/sys/fs/cgroup/pids/pids.max"

MIB = 1024 * 1024


class SandboxSpec(Record):
    """One sandbox: which image and runtime, and how much of the node. Sizes are in MiB.

    `door`: it shares a folder of sockets with the node (`door.py`).
    """

    image: str
    installation: str
    runtime: str = GVISOR
    cpus: float = 1.0
    memory_mb: int = 2048
    workspace_mb: int = 1024
    pids: int = 1024
    door: bool = False

    @property
    def unsafe(self) -> bool:
        """True where the job's system calls reach the host's kernel."""
        return self.runtime != GVISOR

    @property
    def scratch_mb(self) -> int:
        """The size of `/tmp` and of the home folder, each."""
        return max(self.workspace_mb // 2, 1)


def sandbox_spec(job: JobSpec, *, image: str, installation: str, settings: SandboxSettings) -> SandboxSpec:
    """The sandbox that a job needs. `SandboxUnavailableError` when the settings name a runtime unknown to Delta."""
    runtime = settings.unsafe_runtime or GVISOR
    if runtime not in {GVISOR, *UNSAFE_RUNTIMES}:
        raise SandboxUnavailableError(
            f"the setting sandbox.unsafe_runtime names {runtime!r}",
            remedy=f"leave it empty for gVisor, or set one of: {', '.join(UNSAFE_RUNTIMES)}",
        )
    return SandboxSpec(
        image=image,
        installation=installation,
        runtime=runtime,
        cpus=job.resources.cpus,
        memory_mb=job.resources.memory_mb,
        workspace_mb=job.resources.workspace_mb,
        pids=job.resources.pids,
        door=bool(job.egress or job.services),
    )
