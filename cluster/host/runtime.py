"""The gVisor runtime, as Docker is told about it. Standard library only: set-up reads it before `.venv` exists.

`--network=none`: gVisor's own network stack is off, so a sandbox has a loopback interface and nothing else.
`--host-uds=open`: a Unix socket that is bind-mounted into a sandbox can be connected to; it is the only way out, and
only where policy mounts one. (gVisor's flags: https://gvisor.dev/docs/user_guide/filesystem/ and `runsc flags`.)
"""

from __future__ import annotations

import re

RUNTIME = "delta-runsc"
RUNTIME_ARGS = ("--network=none", "--host-uds=open")

# The release in Debian 12 itself is of 2022 and rejects `statx`, so that `ls` fails in it; backports have one of 2024.
OLDEST_RELEASE = 20240000


def runtimes(runsc: str = "/usr/bin/runsc") -> dict[str, dict[str, object]]:
    """Return the `runtimes` entry of a Docker `daemon.json` that registers gVisor as `delta-runsc`."""
    return {RUNTIME: {"path": runsc, "runtimeArgs": list(RUNTIME_ARGS)}}


def is_recent(version: str) -> bool:
    """Tell from the text of `runsc --version` whether the release is new enough.

    Releases are named by their day (`release-20240729.0`, Debian: `0.0~20240729.0`). A text without a day counts as too
    old, because what cannot be told apart must not be trusted with hostile code.
    """
    day = re.search(r"\b(20\d{6})\b", version)
    return day is not None and int(day[1]) >= OLDEST_RELEASE
