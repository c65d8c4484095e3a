"""An image as data, and the two ways to make it: `mmdebstrap | docker import`, and a Dockerfile.

The first needs no image registry, only a Debian mirror. Both are rendered from the same `Recipe`, so they cannot
drift; a test compares the rendered Dockerfile with the one that is checked in. An image's tag is the digest of all that
decides its content, so changing a recipe makes a new image and never changes one that is in use.
"""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel, ConfigDict

from models.job import READY_LABEL

# As Debian's own slim images: what nobody reads inside a sandbox, but the copyright texts stay.
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
KEPT = ("/usr/share/doc/*/copyright",)


class Recipe(BaseModel):
    """What is in an image. `packages` are Debian's; `commands` are shell lines that root runs in it, in order.

    A service's has a `command` that it is run by, the `port` that it then listens on, and perhaps a shell command
    `ready` that succeeds once it may be used.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    suite: str
    packages: tuple[str, ...]
    commands: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    user: str
    workdir: str
    command: tuple[str, ...] = ("/bin/bash",)
    port: int | None = None
    ready: str = ""

    @property
    def repository(self) -> str:
        """The image's name without its tag."""
        return f"delta/{self.name}"

    @property
    def tag(self) -> str:
        """The image's name with the digest of its recipe: 12 hexadecimal digits of a SHA-256."""
        content = json.dumps([bootstrap_command(self), changes(self)])
        return f"{self.repository}:{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def bootstrap_command(recipe: Recipe) -> list[str]:
    """Return the command that writes the image's root file system to standard output as a tar stream.

    Without a mirror named, mmdebstrap takes Debian's own with updates and security updates (`man 1 mmdebstrap`).
    """
    options = [f"--dpkgopt=path-exclude={path}" for path in EXCLUDED]
    options += [f"--dpkgopt=path-include={path}" for path in KEPT]
    hooks = [f"--customize-hook=chroot \"$1\" sh -ec '{command}'" for command in recipe.commands]
    # mmdebstrap copies these two from the host for its own use; Docker mounts others over them.
    hooks.append('--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"')
    return [
        "mmdebstrap",
        "--variant=minbase",
        "--format=tar",
        '--aptopt=Acquire::Retries "3"',
        f"--include={','.join(recipe.packages)}",
        *options,
        *hooks,
        recipe.suite,
        "-",
    ]


def changes(recipe: Recipe) -> list[str]:
    """Return the Dockerfile instructions that `docker import --change` takes."""
    environment = [f"ENV {name}={value}" for name, value in recipe.environment]
    lines = [*environment, f"USER {recipe.user}", f"WORKDIR {recipe.workdir}", f"CMD {json.dumps([*recipe.command])}"]
    if recipe.port is not None:
        lines.append(f"EXPOSE {recipe.port}")
    if recipe.ready:
        lines.append(f"LABEL {READY_LABEL}={json.dumps(recipe.ready)}")
    return lines


def dockerfile(recipe: Recipe) -> str:
    """Return the Dockerfile that makes the same image from Debian's image in a registry."""
    packages = " \\\n        ".join(recipe.packages)
    commands = "\n".join(f"RUN {command}" for command in recipe.commands)
    settings = "\n".join(changes(recipe))
    return f"""\
# Made from cluster/images/catalog.py by `python -m cluster.images {recipe.name}`: change it there.
# docker build -t {recipe.repository} - < {recipe.name}.Dockerfile
FROM debian:{recipe.suite}-slim
RUN apt-get update \\
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \\
        {packages} \\
    && rm -rf /var/lib/apt/lists/*
{commands}
{settings}
"""
