"""Inside a sandbox, the way from a port on loopback to a socket in its door: shell text for `unpack.py`.

Programs speak to `127.0.0.1:PORT`; `socat`, or else Delta's own `forwarder.py`, carries that to `/run/delta/NAME.sock`.
It is begun by the shell that brings the source in, before that, and is listening when the first step begins. It runs as
the job's user and is of no trust: a job may end it or go to the socket itself, and gains nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from models.errors import InfrastructureError
from sandbox.door import FORWARDER_FILE, INSIDE
from sandbox.unavailable import SandboxUnavailableError

_NO_PROGRAM = 93
_NOT_LISTENING = 94

# In the background of a subshell, so that it is PID 1's child and not the step's, which the shell becomes; with no
# stream of the exec's, which it would hold open; in a session of its own where `setsid` is there, so that no signal to
# a step's group meets it. `-t`: when one direction has ended, `socat` would give the other one half a second.
_FUNCTIONS = f"""
forward() (
  export PATH=/usr/local/bin:/usr/bin:/bin; unset LD_PRELOAD LD_LIBRARY_PATH
  socket={INSIDE}/$2.sock
  if command -v socat; then
    set -- socat -t 300 "TCP4-LISTEN:$1,bind=127.0.0.1,reuseaddr,fork,backlog=128,max-children=128" \
      "UNIX-CONNECT:$socket"
  elif command -v python3; then set -- python3 -I -S {INSIDE}/{FORWARDER_FILE} "$1" "$socket"
  else exit {_NO_PROGRAM}; fi
  if command -v setsid; then set -- setsid "$@"; fi
  "$@" < /dev/null 2> /dev/null &
) > /dev/null
"""
# A shell function: whether a port, in four hexadecimal digits, is listened on.
LISTENS = """
listens() {
  while read -r _ local _ state _; do case "$local $state" in *:"$1 0A") return 0 ;; esac; done < /proc/net/tcp
  return 1
}
"""
_BEGIN = "forward {port} {name} || exit;"
_WAIT = """
_delta_n=0; until listens {port:04X}; do
  _delta_n=$((_delta_n + 1)); [ $_delta_n -lt 500 ] || exit {code}; sleep 0.02
done
"""


class Forward(NamedTuple):
    """`127.0.0.1:port` inside is the socket `name` in the door."""

    port: int
    name: str


def begin(forwards: Sequence[Forward]) -> str:
    """Shell text that begins them. It does not wait for them."""
    if not forwards:
        return ""
    return _FUNCTIONS + LISTENS + " ".join(_BEGIN.format(port=forward.port, name=forward.name) for forward in forwards)


def wait(forwards: Sequence[Forward]) -> str:
    """Shell text that waits until all of them listen, at most ten seconds each."""
    return "".join(_WAIT.format(port=forward.port, code=_NOT_LISTENING) for forward in forwards)


def not_forwarded(exit_code: int | None) -> Exception | None:
    """The error that an exit code of this text stands for; None for another one."""
    if exit_code == _NO_PROGRAM:
        return SandboxUnavailableError(
            "the image has neither socat nor python3, and a job with egress or services needs one of them",
            remedy="install one of them in the job's image",
        )
    if exit_code == _NOT_LISTENING:
        return InfrastructureError("the forwarder in the sandbox did not begin to listen within 10 s")
    return None
