"""Host packages from Debian: what is missing, the commands that install it, and running them.

Run as `python -m cluster.host.debian` by `setup.sh`, before `.venv` exists: standard library only.

The commands are data (`installs`), and the same text is printed or executed, so what an ordinary user is told to type
is what root would run. The rules:
- what is there is left alone: with nothing missing, no package tool is called;
- only root installs, and not beside a running Docker engine that does not know `delta-runsc`, because packages may
  replace parts of that engine. Then the commands are printed and the exit code is 1;
- a broken foreign package source fails `apt-get update` but not the set-up; a package that cannot be installed does;
- no service is started: Delta starts its own Redis and its own Docker engine.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import platform
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.host.programs import find
from cluster.host.runtime import RUNTIME, RUNTIME_ARGS, is_recent, runtimes

POLICY = Path("/usr/sbin/policy-rc.d")
DAEMON_JSON = Path("/etc/docker/daemon.json")
BACKPORTS_LIST = "/etc/apt/sources.list.d/delta-backports.list"
BACKPORTS_SOURCE = (
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    " http://deb.debian.org/debian bookworm-backports main"
)
INSTALL = (
    "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends"
    " -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300"
)
UPDATE = "apt-get update -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300"

# command that proves the package -> package
FOR_TESTS = "--for-tests"
TEST_COMMANDS = {"npm": "npm"}  # tests hold Delta against what GitHub publishes as npm packages
COMMANDS = {"dockerd": "docker.io", "redis-server": "redis-server", "mmdebstrap": "mmdebstrap", "git": "git"}


@dataclass(frozen=True)
class Host:
    """What this machine has, as far as the plan depends on it."""

    missing: tuple[str, ...]
    codename: str  # Debian's release name; empty elsewhere
    has_apt: bool
    has_daemon_json: bool
    has_systemctl: bool
    is_root: bool
    user: str
    engine_runtimes: tuple[str, ...] | None  # of the engine at the default socket; None: none answers

    @property
    def foreign_engine(self) -> bool:
        """An engine answers that is not set up for Delta: the owner's business, not ours."""
        return self.engine_runtimes is not None and RUNTIME not in self.engine_runtimes


def installs(host: Host) -> list[str]:
    """Return the shell commands, for root, that install what is missing; none when nothing is."""
    if not host.missing:
        return []
    steps = []
    plain = [name for name in host.missing if name != "runsc" or host.codename != "bookworm"]
    from_backports = "runsc" in host.missing and host.codename == "bookworm"
    if from_backports:
        steps.append(f"echo {shlex.quote(BACKPORTS_SOURCE)} > {BACKPORTS_LIST}")
    if "docker.io" in host.missing and not host.has_daemon_json:
        content = json.dumps({"runtimes": runtimes()})
        steps.append(f"mkdir -p {DAEMON_JSON.parent} && echo {shlex.quote(content)} > {DAEMON_JSON}")
    steps.append(UPDATE)
    if plain:
        steps.append(f"{INSTALL} {' '.join(plain)}")
    if from_backports:
        steps.append(f"{INSTALL} -t bookworm-backports runsc")
    if "redis-server" in host.missing and host.has_systemctl:
        steps.append("systemctl disable redis-server")
    return steps


def registrations(host: Host) -> list[str]:
    """Return the commands, for root, that let an ordinary user use the system's engine with gVisor."""
    steps = []
    if host.engine_runtimes is None or host.foreign_engine:
        steps.append(f"runsc install --runtime={RUNTIME} -- {' '.join(RUNTIME_ARGS)}")
        steps.append("systemctl restart docker")
    if host.engine_runtimes is None:
        steps.append(f"usermod -aG docker {shlex.quote(host.user)}")
    return steps


def refusal(host: Host) -> list[str]:
    """Return the lines that say why nothing was touched and what to type; empty when set-up may go on."""
    if host.missing and not host.has_apt:
        names = ", ".join(host.missing)
        return [f"Not a Debian system (no apt-get). Install what these Debian packages hold, then run again: {names}"]
    if host.is_root and not host.foreign_engine:
        return []
    steps = installs(host) + ([] if host.is_root else registrations(host))
    if not steps:
        return []
    why = (
        f"a Docker engine already runs here and does not know the runtime {RUNTIME}"
        if host.foreign_engine
        else "you are not root"
    )
    end = [] if host.is_root or host.engine_runtimes is not None else ["Then log in again, so that the group counts."]
    return [
        f"The system was not touched, because {why}. Missing: {', '.join(host.missing) or RUNTIME}.",
        "Run these, then set-up again:",
        *(f"  {as_typed(step, host)}" for step in steps),
        *end,
    ]


def as_typed(step: str, host: Host) -> str:
    """Return `step` as one line for the user's shell: `sudo sh -c '…'` where it needs a shell, plain for root."""
    if host.is_root:
        return step
    needs_shell = any(mark in step for mark in (">", "&&", "DEBIAN_FRONTEND="))
    return f"sudo sh -c {shlex.quote(step)}" if needs_shell else f"sudo {step}"


def look(commands: Mapping[str, str] = COMMANDS) -> Host:
    """Read from this machine what the plan depends on: `commands` says what must be there. Changes nothing."""
    missing = [package for command, package in commands.items() if find(command) is None]
    if not has_recent_runsc():
        missing.append("runsc")
    is_root = os.geteuid() == 0
    if not is_root and find("newuidmap") is None:  # mmdebstrap without root works in a user namespace
        missing.append("uidmap")
    if importlib.util.find_spec("ensurepip") is None:  # Debian splits it off into python3-venv
        missing.append("python3-venv")
    return Host(
        missing=tuple(missing),
        codename=codename(),
        has_apt=find("apt-get") is not None,
        has_daemon_json=DAEMON_JSON.exists(),
        has_systemctl=find("systemctl") is not None,
        is_root=is_root,
        user=os.environ.get("USER") or str(os.geteuid()),
        engine_runtimes=engine_runtimes(engine_socket()),
    )


def codename() -> str:
    """Return Debian's release name (`bookworm`), or an empty text where the system has none."""
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


def has_recent_runsc() -> bool:
    """Tell whether a gVisor that is new enough is installed."""
    runsc = find("runsc")
    if runsc is None:
        return False
    return is_recent(subprocess.run([runsc, "--version"], capture_output=True, text=True, check=False).stdout)


def engine_socket() -> str:
    """Return where this user's engine listens: what `DOCKER_HOST` says, if it is on this machine, or the default."""
    url = os.environ.get("DOCKER_HOST", "")
    return url.removeprefix("unix://") if url.startswith("unix://") else "/var/run/docker.sock"


def engine_runtimes(address: str) -> tuple[str, ...] | None:
    """Return the runtimes that the engine at this Unix socket knows; None when none answers this user.

    One GET of https://docs.docker.com/reference/api/engine/ by hand, because the Docker library comes with `.venv`.
    """
    connection = http.client.HTTPConnection("docker", timeout=5)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(5)
    try:
        connection.sock.connect(address)
        connection.request("GET", "/info")
        return tuple(json.loads(connection.getresponse().read())["Runtimes"])
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None
    finally:
        connection.close()


@contextmanager
def no_service_starts(policy: Path = POLICY) -> Iterator[None]:
    """Keep package scripts from starting services, by Debian's own switch (`man 8 invoke-rc.d`).

    A policy that is there already belongs to the administrator, and stays as it is.
    """
    try:
        handle = os.open(policy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
    except FileExistsError:
        yield
        return
    with os.fdopen(handle, "w") as file:
        file.write("#!/bin/sh\nexit 101\n")
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


def install(steps: list[str]) -> bool:
    """Run the commands as root, showing each; tell whether all that matter succeeded."""
    with no_service_starts():
        for step in steps:
            print(f"+ {step}", flush=True)
            status = subprocess.run(["sh", "-c", step], check=False).returncode
            if status and step == UPDATE:
                print("Some package source did not answer; going on, since it may not be needed.", flush=True)
            elif status:
                print(f"This command failed ({status}): {step}", file=sys.stderr)
                return False
    return True


def main(arguments: Sequence[str] = ()) -> int:
    """Install what is missing or say why not. Returns the exit code: 0 when every host part is there."""
    commands = COMMANDS | (TEST_COMMANDS if FOR_TESTS in arguments else {})
    host = look(commands)
    told = refusal(host)
    if told:
        print("\n".join(told), file=sys.stderr)
        return 1
    if not install(installs(host)):
        return 1
    left = look(commands).missing
    if left:
        print(f"Installed, but still missing or too old: {', '.join(left)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
