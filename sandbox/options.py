"""What a sandbox may do, in Docker's words: pure, and one promise an option."""

from __future__ import annotations

from typing import Any

from docker.types import LogConfig, Mount, Ulimit

from sandbox.door import INSIDE, Door
from sandbox.spec import (
    HOME,
    JOB_UID,
    LABEL_INSTALLATION,
    MIB,
    NOBODY,
    PIDS_LIMIT,
    ROOT_USER,
    WORKSPACE,
    SandboxSpec,
)

# What PID 1 does after it has set gVisor's own limit of processes, as its owner: it collects orphans. `sleep` alone
# would leave each of them behind as a zombie.
WAIT = "sleep infinity & wait"

# gVisor needs about three host threads for each process inside, and hundreds while many begin at once: 830 were seen
# under a fork bomb, whether 64 or 256 processes were allowed. The host's limit is the second fence: a sandbox that
# reaches it dies as a whole, so the first one, inside gVisor, must bite before.
HOST_TASKS_PER_PROCESS = 4
HOST_TASKS_OF_GVISOR = 1024


def container_options(spec: SandboxSpec, door: Door | None = None) -> dict[str, Any]:
    """The keyword arguments of docker-py's `containers.create`
    (https://docker-py.readthedocs.io/en/stable/containers.html#docker.models.containers.ContainerCollection.run).

    `door` is the only folder of the node's in it; without one there is none.
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
        **({"mounts": [Mount(INSIDE, str(door.path), type="bind", read_only=True)]} if door else {}),
    }


def _tmpfs(size_mb: int, options: str) -> str:
    return f"size={size_mb}m,{options},exec,nosuid,nodev"


def _host_pids(spec: SandboxSpec) -> int:
    return spec.pids if spec.unsafe else spec.pids * HOST_TASKS_PER_PROCESS + HOST_TASKS_OF_GVISOR
