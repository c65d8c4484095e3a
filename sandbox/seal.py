"""What is made sure of before anything hostile runs in a sandbox: its kernel is gVisor's, and it limits processes.

gVisor does not take the limit of processes from Docker: PID 1 sets it (`spec.py`). The shell that brings the source in
checks both (`unpack.py`), in builtins alone: neither costs a process or an exec. Whatever program the runtime's name
stands for on this node, nothing of a job has run when its kernel turns out not to be gVisor's.
"""

from __future__ import annotations

from models.errors import InfrastructureError
from sandbox.spec import PIDS_LIMIT, SandboxSpec
from sandbox.unavailable import SandboxUnavailableError

_NOT_GVISOR = 91
_NO_LIMIT = 92
# The limit may come a moment after the container has started.
_CHECK = f"""
read -r _delta_text < /proc/cmdline
case "$_delta_text" in *gvisor*) ;; *) echo "kernel: $_delta_text" >&2; exit {_NOT_GVISOR} ;; esac
_delta_n=0; until read -r _delta_max < {PIDS_LIMIT} && [ "$_delta_max" = {{pids}} ]; do
  _delta_n=$((_delta_n + 1)); [ $_delta_n -lt 100 ] || {{{{ echo "limit: $_delta_max" >&2; exit {_NO_LIMIT}; }}}}
  sleep 0.1
done
"""


def check(spec: SandboxSpec) -> str:
    """Shell text that ends with an exit code of its own where a sandbox is not what it must be."""
    return "" if spec.unsafe else _CHECK.format(pids=spec.pids)


def refused(spec: SandboxSpec, exit_code: int | None, said: str) -> Exception | None:
    """The error that the check's exit code stands for; None for another one."""
    if exit_code == _NOT_GVISOR:
        return SandboxUnavailableError(
            f"the Docker runtime {spec.runtime!r} is not gVisor ({said})",
            remedy="run `make setup`, then `delta doctor`",
        )
    if exit_code == _NO_LIMIT:
        return InfrastructureError(f"the sandbox's limit of processes could not be set: {said}")
    return None
