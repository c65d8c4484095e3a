"""The managed `dockerd`: its configuration, its start and its end. Root only.

It runs beside whatever else is on the machine: own data root, own socket, own containerd namespace, no bridge and no
firewall rule. It is started in a session of its own, so that Ctrl-C in a terminal does not reach it. It is identified
by the configuration file on its command line, never by its pid alone, because pids are reused.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import psutil

from cluster.host.paths import HostPaths
from cluster.host.programs import find
from cluster.host.runtime import runtimes
from models.errors import InfrastructureError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.05


def configuration(paths: HostPaths, runsc: str) -> dict[str, object]:
    """Return the daemon's configuration (https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file).

    Sandboxes have no network card, so the engine needs neither bridge nor firewall nor forwarding, and touches none.
    """
    return {
        "hosts": [paths.url],
        "group": "root",
        "data-root": str(paths.data_root),
        "exec-root": str(paths.exec_root),
        "pidfile": str(paths.pidfile),
        "containerd-namespace": "delta",
        "containerd-plugins-namespace": "delta-plugins",
        "bridge": "none",
        "iptables": False,
        "ip6tables": False,
        "ip-forward": False,
        "ip-masq": False,
        "userland-proxy": False,
        "log-driver": "json-file",
        "log-opts": {"max-size": "10m", "max-file": "1"},
        "shutdown-timeout": 5,
        "runtimes": runtimes(runsc),
    }


def start(paths: HostPaths) -> subprocess.Popen[bytes]:
    """Start the daemon and return it without waiting for it to answer.

    Errors: InfrastructureError where `dockerd` or `runsc` is not installed.
    """
    dockerd, runsc = _program("dockerd"), _program("runsc")
    for directory in (paths.run, paths.state, paths.data_root):
        directory.mkdir(parents=True, exist_ok=True, mode=0o711)
    paths.config.write_text(json.dumps(configuration(paths, runsc), indent=2))
    if paths.log.exists():
        paths.log.replace(paths.log.with_suffix(".log.previous"))
    with paths.log.open("wb") as log:
        return subprocess.Popen(
            [dockerd, "--config-file", str(paths.config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )


def stop(paths: HostPaths) -> None:
    """End the daemon and the containerd it started; harmless when neither runs.

    Errors: InfrastructureError when they are still there after `STOP_TIMEOUT_S`.
    """
    daemon = running(paths)
    containerd = _identify(paths.containerd_pidfile, "containerd", paths.exec_root)
    for process in (daemon, containerd):  # the daemon ends its containerd; one whose daemon was killed is ended here
        if process is not None:
            _end(process)
    # Of one that was killed, or of another program by now: the next daemon would take it for a live one and wait.
    for pidfile in (paths.pidfile, paths.containerd_pidfile):
        pidfile.unlink(missing_ok=True)


def running(paths: HostPaths) -> psutil.Process | None:
    """Return the managed daemon's process, or None when there is none."""
    return _identify(paths.pidfile, "dockerd", paths.config)


def log_tail(paths: HostPaths, lines: int = 15) -> str:
    """Return the last lines of what the daemon said."""
    try:
        return "\n".join(paths.log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(it wrote no log)"


def _program(name: str) -> str:
    """Return the path of an installed program. Errors: InfrastructureError where it is not installed."""
    found = find(name)
    if found is None:
        raise InfrastructureError(f"{name} is not installed", remedy="run `make setup` as root")
    return found


def _identify(pidfile: Path, name: str, marker: Path) -> psutil.Process | None:
    """Return the process that `pidfile` names, if it is the program `name` with `marker` on its command line."""
    try:
        process = psutil.Process(int(pidfile.read_text()))
        command = process.cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    ours = bool(command) and Path(command[0]).name == name and any(str(marker) in part for part in command)
    return process if ours else None


def _end(process: psutil.Process) -> None:
    """Ask a process to end and wait for it."""
    try:
        process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        # A zombie has ended: its parent, another user of the engine, has not looked yet.
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise InfrastructureError(
                    f"process {process.pid} did not end within {STOP_TIMEOUT_S:.0f} s of SIGTERM",
                    remedy=f"look at it, then `kill -9 {process.pid}`",
                )
            time.sleep(POLL_S)
    except psutil.NoSuchProcess:
        return
