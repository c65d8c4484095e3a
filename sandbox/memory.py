"""The kernel's own count of processes that it killed in a container for want of memory.

Docker tells of it in its events too, but sometimes half a second after the command has ended; the kernel counts before
the process dies. Where the container's cgroup lies is the engine's choice; where it is at none of the usual places, or
gone with its container, the events remain.
"""

from __future__ import annotations

from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
# By version of cgroups (https://docs.kernel.org/admin-guide/cgroup-v1/memory.html and …/admin-guide/cgroup-v2.html) and
# by Docker's cgroup driver (`cgroupfs`, `systemd`).
_PLACES = (
    "memory/docker/{id}/memory.oom_control",
    "memory/system.slice/docker-{id}.scope/memory.oom_control",
    "docker/{id}/memory.events",
    "system.slice/docker-{id}.scope/memory.events",
)


def killed_for_memory(container_id: str, root: Path = _ROOT) -> bool:
    """Whether the kernel has killed any process of this container. False where it cannot be read."""
    for place in _PLACES:
        try:
            text = (root / place.format(id=container_id)).read_text()
        except OSError:
            continue
        counts = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
        return counts.get("oom_kill", "0").strip() != "0"
    return False
