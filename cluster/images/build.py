"""Make an image that is not there yet, by streaming `mmdebstrap` into `docker import`.

Takes about a minute and needs a Debian mirror. The image gets its name only after mmdebstrap said that all went well:
an import that was cut off, or a process that was killed, leaves nothing that looks like the image.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from typing import IO, cast

import docker
import requests
from docker.errors import DockerException, ImageNotFound

from cluster.host.locks import alone
from cluster.host.paths import HostPaths
from cluster.images.recipe import Recipe, bootstrap_command, changes
from models.errors import InfrastructureError

Say = Callable[[str], None]
IMPORT_TIMEOUT_S = 1800  # of silence: Docker answers only when the last byte of the root file system is there


def present(client: docker.DockerClient, recipe: Recipe) -> bool:
    """Tell whether the engine has the image of exactly this recipe."""
    try:
        client.images.get(recipe.tag)
    except ImageNotFound:
        return False
    return True


def prepare(client: docker.DockerClient, recipe: Recipe, say: Say, paths: HostPaths | None = None) -> bool:
    """Make the image unless it is there; of several that ask at once, one makes it. Returns whether it was made.

    Errors: InfrastructureError when mmdebstrap is missing or fails, or Docker refuses the import.
    """
    if present(client, recipe):
        return False
    paths = paths or HostPaths.read()
    with alone(paths.image_lock):
        if present(client, recipe):
            return False
        say(f"Making {recipe.tag} from Debian {recipe.suite}")
        _make(client, recipe, say)
        say(f"Made {recipe.tag}")
        return True


def _make(client: docker.DockerClient, recipe: Recipe, say: Say) -> None:
    if shutil.which("mmdebstrap") is None:
        raise InfrastructureError("mmdebstrap is not installed", remedy="run `make setup`")
    said: deque[str] = deque(maxlen=15)
    with subprocess.Popen(
        bootstrap_command(recipe), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/"
    ) as bootstrap:
        output, complaints = cast("IO[bytes]", bootstrap.stdout), cast("IO[bytes]", bootstrap.stderr)  # both are pipes
        reader = threading.Thread(target=_relay, args=(complaints, said, say), daemon=True)
        reader.start()
        try:
            image = _import(client, recipe, output)
        except BaseException as error:  # Ctrl-C too: mmdebstrap would wait for ever for someone to read its stream
            bootstrap.terminate()
            reader.join()
            if isinstance(error, InfrastructureError):
                raise InfrastructureError("\n".join((str(error), "mmdebstrap said last:", *said))) from error
            raise
        status = bootstrap.wait()
        reader.join()
    if status != 0:
        client.images.remove(image, force=True)
        raise InfrastructureError(
            f"mmdebstrap failed ({status}) on {recipe.name}:\n" + "\n".join(said),
            remedy="check that the Debian mirror answers and that the disk has 2 GB free, then run `make setup` again",
        )
    repository, tag = recipe.tag.split(":")
    client.images.get(image).tag(repository, tag)


def _import(client: docker.DockerClient, recipe: Recipe, stream: IO[bytes]) -> str:
    """Send the stream to Docker as an image without a name; return its id.

    https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageCreate
    """
    text, usual = "", client.api.timeout
    client.api.timeout = IMPORT_TIMEOUT_S
    try:
        text = str(client.api.import_image_from_stream(stream, changes=changes(recipe)))
        answer = json.loads(text.strip().splitlines()[-1])
        return str(answer["status"])
    except (DockerException, requests.RequestException, OSError) as error:
        raise InfrastructureError(f"Docker did not import {recipe.tag}: {error}") from error
    except (IndexError, KeyError, ValueError) as error:
        raise InfrastructureError(f"Docker did not import {recipe.tag}; it answered {text!r}") from error
    finally:
        client.api.timeout = usual


def _relay(stream: IO[bytes], said: deque[str], say: Say) -> None:
    for raw in stream:
        # mmdebstrap draws progress bars with carriage returns; only the last state of a line is worth showing.
        line = raw.decode(errors="replace").rstrip().rsplit("\r", 1)[-1]
        if line:
            said.append(line)
            say(line)
