"""A sandbox's door: one private folder of the node, which the sandbox sees read-only at `/run/delta`.

It is the only thing that a sandbox and the node share, and only jobs that need one get it. In it the runner's process
makes Unix sockets, which processes inside may connect to (`--host-uds=open` of gVisor) and nothing else: that is how a
job without a network card reaches the egress proxy. Beside them lie the CA certificates that the node trusts, and the
forwarder for images without `socat` (`forward.py`).

Its name is the random part of its container's, which stays when a waiting container is given away. So whoever knows the
container finds the door, and a door without a container is nobody's.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import ssl
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from models.errors import InfrastructureError
from sandbox.names import token_of
from sandbox.unavailable import SandboxUnavailableError

INSIDE = "/run/delta"
CA_FILE = "ca.pem"
FORWARDER_FILE = "forwarder.py"
BACKLOG = 128

# A door is made before its container: a younger one may still get it.
ORPHAN_S = 120.0


@dataclass(frozen=True)
class Door:
    """The door of one container."""

    path: Path

    def listen(self, name: str) -> socket.socket:
        """A socket that processes inside reach as `/run/delta/NAME.sock`."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        folder = os.open(self.path, os.O_PATH | os.O_DIRECTORY)
        try:
            # A socket's path may have 107 characters; by way of the open folder it is short wherever that lies.
            address = f"/proc/self/fd/{folder}/{name}.sock"
            listener.bind(address)
            Path(address).chmod(0o666)  # the job's user is another one; nobody else gets as far as the folder
            listener.listen(BACKLOG)
        except OSError as error:
            listener.close()
            raise InfrastructureError(f"no socket could be made in {self.path}: {error}") from error
        finally:
            os.close(folder)
        return listener

    @property
    def has_certificates(self) -> bool:
        """Whether the node has CA certificates to give."""
        return (self.path / CA_FILE).exists()

    def remove(self) -> None:
        """Remove it with all that is in it. Harmless when it is gone."""
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(frozen=True)
class Doors:
    """Where the doors of an installation lie. `ca_bundle` None: the certificates that the node's OpenSSL trusts.

    The folder is the node's own, also where nodes share what is above it.
    """

    root: Path
    ca_bundle: Path | None = None

    def of(self, container_name: str) -> Door:
        """The door of this container, whether it has one or not."""
        return Door(self._node / token_of(container_name))

    def make(self, container_name: str) -> Door:
        """A new door. `SandboxUnavailableError` when the certificates cannot be read."""
        door = self.of(container_name)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._node.mkdir(mode=0o700, exist_ok=True)
            door.path.mkdir(mode=0o755)
            door.path.chmod(0o755)  # whatever the umask is
            _give(Path(__file__).with_name(FORWARDER_FILE), door.path / FORWARDER_FILE)
        except OSError as error:
            raise InfrastructureError(f"no folder for a sandbox's sockets could be made: {error}") from error
        self._give_certificates(door)
        return door

    def sweep(self, containers: Collection[str]) -> None:
        """Remove the doors of none of these containers, unless they are very new. `containers` are all there are."""
        tokens = {token_of(name) for name in containers}
        for path in self._node.iterdir() if self._node.is_dir() else ():
            if path.name not in tokens and _age_s(path) > ORPHAN_S:
                Door(path).remove()

    @property
    def _node(self) -> Path:
        return self.root / platform.node()

    def _give_certificates(self, door: Door) -> None:
        bundle = self.ca_bundle or _system_bundle()
        if bundle is None:
            return
        try:
            _give(bundle, door.path / CA_FILE)
        except OSError as error:
            door.remove()
            raise SandboxUnavailableError(
                f"the CA certificates in {bundle} cannot be read: {error.strerror}",
                remedy="check the setting sandbox.ca_bundle, or SSL_CERT_FILE in the server's environment",
            ) from error


def _system_bundle() -> Path | None:
    found: str | None = ssl.get_default_verify_paths().cafile  # typed as if it always were
    return Path(found) if found else None


def _give(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o444)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # its owner was faster
        return 0.0
