"""Ends the shim of a container that Docker cannot kill: the process that stands between it and the runtime.

Seen with containerd 1.6 and a fork bomb that ran out of memory: the sandbox is dead, its shim waits for itself, and
Docker for the shim. Meanwhile Docker holds the container's lock, and whatever looks at all containers waits too, such
as removing an image. With the shim gone, containerd notices and cleans up.
"""

from __future__ import annotations

import psutil

_PROGRAM = "containerd-shim"


def end_shim(container_id: str) -> bool:
    """Kill it. False where it is not to be found here, or not ours to kill (an engine of another user or machine)."""
    ended = False
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or [""]
        if container_id in words and _PROGRAM in words[0]:
            try:
                process.kill()
            except psutil.Error:
                continue
            ended = True
    return ended
