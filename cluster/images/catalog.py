"""The images Delta makes itself, by short name. A job that names none gets `runner-python`."""

from __future__ import annotations

from cluster.images.recipe import Recipe
from cluster.images.services import SERVICE_POSTGRES, SERVICE_REDIS

RUNNER_PYTHON = Recipe(
    name="runner-python",
    suite="bookworm",
    packages=(
        "build-essential",
        "ca-certificates",
        "git",
        "python-is-python3",
        "python3",
        "python3-dev",
        "python3-pip",
        "python3-pytest",
        "python3-venv",
        "socat",  # the way from a job's loopback to its door: sandbox/forward.py
    ),
    commands=(
        # One image, one purpose: Debian's guard against `pip install` outside a venv only gets in a job's way here.
        "rm -f /usr/lib/python3*/EXTERNALLY-MANAGED",
        "groupadd --gid 1000 runner",
        "useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash runner",
        "install -d -o runner -g runner /workspace /delta",
    ),
    environment=(
        ("PATH", "/home/runner/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/home/runner"),
        ("LANG", "C.UTF-8"),
        ("PYTHONUNBUFFERED", "1"),  # a job's log is watched live
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
        ("PIP_NO_INPUT", "1"),
    ),
    user="runner",
    workdir="/workspace",
)

CATALOG = {recipe.name: recipe for recipe in (RUNNER_PYTHON, SERVICE_REDIS, SERVICE_POSTGRES)}
# What set-up makes without being asked.
USUAL = (RUNNER_PYTHON.name,)


def resolve(image: str) -> str:
    """Return the image that a name stands for: Delta's own by their digest tag, every other name as it is.

    `runner-python` and `delta/runner-python` both mean the current recipe.
    """
    recipe = CATALOG.get(image.removeprefix("delta/"))
    return recipe.tag if recipe else image
