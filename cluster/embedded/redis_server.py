"""The private Redis: on a Unix socket only, each write on disk before it is answered.

Two users: Delta itself, and `runner`, who may append to logs and do nothing else: a runner's node is not trusted.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from pathlib import Path
from urllib.parse import quote

import redis
from redis.exceptions import RedisError

from cluster.embedded.child import Child
from cluster.store.keys import LOG_PATTERN
from models.errors import InfrastructureError

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0

# sockaddr_un has 108 bytes, one of them for the end.
_LONGEST_SOCKET_PATH = 107


class RedisServer:
    """The embedded Redis of one state directory."""

    def __init__(self, state_dir: Path, run_dir: Path) -> None:
        self._data = state_dir / "redis"
        self._socket = run_dir / "redis.sock"
        self._password = state_dir / "redis" / "runner.password"
        self._config = run_dir / "redis.conf"
        self._child = Child("redis", run_dir)

    @property
    def url(self) -> str:
        """Delta's own address."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def runner_url(self) -> str:
        """The address a runner is given."""
        return f"unix://runner@{quote(str(self._socket))}?password={self._password.read_text()}"

    def ensure(self) -> bool:
        """Starts it unless it runs. True when it was started.

        One that runs and does not answer (yet: it may be reading a long file) is waited for: a second one would write
        to the same files.
        """
        if self._child.process() is not None:
            self._child.wait_until(self._answers, START_TIMEOUT_S)
            return False
        if len(str(self._socket)) > _LONGEST_SOCKET_PATH:
            raise InfrastructureError(
                f"the path {self._socket} is too long for a Unix socket", remedy="set DELTA_STATE_DIR to a shorter one"
            )
        program = shutil.which("redis-server")
        if program is None:
            raise InfrastructureError("redis-server is not installed", remedy="run `make setup` as root")
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._password.exists():
            self._password.touch(mode=0o600)
            self._password.write_text(secrets.token_hex(16))
        self._config.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._config.write_text(configuration(self._socket, self._data, self._password.read_text()))
        self._child.start([program, str(self._config)])
        self._child.wait_until(self._answers, START_TIMEOUT_S)
        return True

    def running(self) -> bool:
        """Whether it answers."""
        return self._child.process() is not None and self._answers()

    def stop(self) -> None:
        """Ends it; what it holds is on disk."""
        self._child.stop(STOP_TIMEOUT_S)

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=5.0)
        try:
            return bool(client.ping())
        except (RedisError, OSError):
            return False
        finally:
            client.close()


def configuration(socket: Path, data: Path, runner_password: str) -> str:
    """The text of redis.conf. The password is there as a digest only."""
    digest = hashlib.sha256(runner_password.encode()).hexdigest()
    lines = [
        "port 0",
        f'unixsocket "{socket}"',
        "unixsocketperm 700",
        f'dir "{data}"',
        "appendonly yes",
        "appendfsync always",
        'save ""',
        "maxmemory-policy noeviction",
        "daemonize no",
        "protected-mode yes",
        # `hello`, `auth` and `ping` are what a client library says when it connects.
        f"user runner on #{digest} resetkeys ~{LOG_PATTERN} resetchannels -@all +xadd +hello +auth +ping",
    ]
    return "\n".join(lines) + "\n"
