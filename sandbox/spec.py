"""What a sandbox may do, as a record, and the pure translation of that record into Docker's options.

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

from typing import Any

from docker.types import LogConfig, Ulimit

from models.plan import JobSpec
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

# What PID 1 does after it has set gVisor's own limit of processes, as its owner: it collects orphans. `sleep` alone
# would leave each of them behind as a zombie.
WAIT = "sleep infinity & wait"
PIDS_LIMIT = "/sys/fs/cgroup/pids/pids.max"

MIB = 1024 * 1024
# gVisor needs about three host threads for each process inside, and some forty for itself. The host's limit is the
# second fence: a sandbox that reaches it dies as a whole, so the first one, inside gVisor, must bite before.
HOST_TASKS_PER_PROCESS = 4
HOST_TASKS_OF_GVISOR = 256


class SandboxSpec(Record):
    """One sandbox: which image and runtime, and how much of the node. Sizes are in MiB."""

    image: str
    installation: str
    runtime: str = GVISOR
    cpus: float = 1.0
    memory_mb: int = 2048
    workspace_mb: int = 1024
    pids: int = 1024

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
    )


def container_options(spec: SandboxSpec) -> dict[str, Any]:
    """The keyword arguments of docker-py's `containers.create`
    (https://docker-py.readthedocs.io/en/stable/containers.html#docker.models.containers.ContainerCollection.run).
    """
    memory = spec.memory_mb * MIB
    return {
        "image": spec.image,
        "runtime": spec.runtime,
        "entrypoint": ["/bin/sh", "-c", WAIT if spec.unsafe else f"echo {spec.pids} > {PIDS_LIMIT}; {WAIT}"],
        "command": [],
        "user": NOBODY if spec.unsafe else ROOT_USER,
        "working_dir": WORKSPACE,
        "hostname": "sandbox",
        "labels": {LABEL_INSTALLATION: spec.installation},
        # nothing shared with the host or with other sandboxes
        "network_mode": "none",
        "ipc_mode": "private",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "log_config": LogConfig(type=LogConfig.types.NONE),
        "healthcheck": {"test": ["NONE"]},  # an image's own would run beside the job
        # nothing on disk can be written
        "read_only": True,
        "tmpfs": {
            WORKSPACE: _tmpfs(spec.workspace_mb, f"mode=0755,uid={JOB_UID},gid={JOB_UID}"),
            HOME: _tmpfs(spec.scratch_mb, f"mode=0700,uid={JOB_UID},gid={JOB_UID}"),
            "/tmp": _tmpfs(spec.scratch_mb, "mode=1777"),  # noqa: S108 - the sandbox's own, not the host's
        },
        "shm_size": 64 * MIB,
        # no more than its share
        "mem_limit": memory,
        "memswap_limit": memory,  # memory and swap together: no swap
        "nano_cpus": round(spec.cpus * 1e9),
        "pids_limit": _host_pids(spec),
        "ulimits": [Ulimit(name="nofile", soft=16_384, hard=16_384), Ulimit(name="core", soft=0, hard=0)],
        "oom_score_adj": 500,  # a node out of memory takes a job before it takes Delta
    }


def _tmpfs(size_mb: int, options: str) -> str:
    return f"size={size_mb}m,{options},exec,nosuid,nodev"


def _host_pids(spec: SandboxSpec) -> int:
    return spec.pids if spec.unsafe else spec.pids * HOST_TASKS_PER_PROCESS + HOST_TASKS_OF_GVISOR
