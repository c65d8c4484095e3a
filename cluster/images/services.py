"""Images for a job's `services`: programs from Debian that run as an ordinary user and write to their home folder only.

Nothing that they hold outlives the job, so nothing is made safe on disk. `socat` carries connections out of their
sandboxes (`sandbox/services/`).
"""

from __future__ import annotations

from cluster.images.recipe import Recipe

_USER = (
    "groupadd --gid 1000 runner",
    "useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash runner",
    "install -d -o runner -g runner /workspace",
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SERVICE_REDIS = Recipe(
    name="service-redis",
    suite="bookworm",
    packages=("redis-server", "socat"),
    commands=_USER,
    environment=(("PATH", _PATH), ("HOME", "/home/runner"), ("LANG", "C.UTF-8")),
    user="runner",
    workdir="/workspace",
    command=("redis-server", "--bind", "127.0.0.1", "--port", "6379", "--save", "", "--dir", "/tmp"),  # noqa: S108 - the sandbox's own
    port=6379,
    ready="redis-cli ping",
)

_POSTGRES = "/usr/lib/postgresql/15/bin"
# As in the usual images: who there is, and which database. Whoever gets as far as the port is let in.
_START_POSTGRES = r"""#!/bin/sh
set -e
data=$HOME/postgres; user=${POSTGRES_USER:-postgres}; database=${POSTGRES_DB:-$user}
cp -r /var/lib/postgres-empty $data; chmod -R go= $data
sql() { echo $1 | postgres --single -D $data postgres > /dev/null; }
[ $user = postgres ] || sql CREATE\ ROLE\ $user\ SUPERUSER\ LOGIN
[ $database = postgres ] || sql CREATE\ DATABASE\ $database\ OWNER\ $user
set -- -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp
exec postgres -D $data $@ -c fsync=off -c synchronous_commit=off -c full_page_writes=off"""
# An empty cluster, ready to be copied: to make one under gVisor takes four seconds.
_MAKE_EMPTY = (
    f"{_POSTGRES}/initdb --pgdata=/var/lib/postgres-empty --username=postgres --auth=trust"
    " --encoding=UTF8 --locale=C.UTF-8 --wal-segsize=4"
)


def _written(line: str, path: str) -> str:
    """The command that adds a line to a file. A recipe's commands have no single quotes, so that they can be quoted."""
    quoted = line.replace("\\", "\\\\").replace("$", "\\$")
    return f'echo "{quoted}" >> {path}'


SERVICE_POSTGRES = Recipe(
    name="service-postgres",
    suite="bookworm",
    packages=("postgresql-15", "socat"),
    commands=(
        *_USER,
        *(_written(line, "/usr/local/bin/start-postgres") for line in _START_POSTGRES.splitlines()),
        "chmod 755 /usr/local/bin/start-postgres",
        "install -d -o runner -g runner /var/lib/postgres-empty",
        f'su -s /bin/sh runner -c "{_MAKE_EMPTY}"',
    ),
    environment=(("PATH", f"{_POSTGRES}:{_PATH}"), ("HOME", "/home/runner"), ("LANG", "C.UTF-8")),
    user="runner",
    workdir="/workspace",
    command=("start-postgres",),
    port=5432,
    ready="pg_isready --host=127.0.0.1 --quiet",
)
