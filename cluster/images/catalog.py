"""The images Delta makes itself, by short name. A job that names none gets `runner-python`."""

from __future__ import annotations

from cluster.images.runners import RUNNER_PYTHON, RUNNERS
from cluster.images.services import SERVICE_POSTGRES, SERVICE_REDIS

CATALOG = {recipe.name: recipe for recipe in (*RUNNERS, SERVICE_REDIS, SERVICE_POSTGRES)}
# What set-up makes without being asked.
USUAL = (RUNNER_PYTHON.name,)


def resolve(image: str) -> str:
    """Return the image that a name stands for: Delta's own by their digest tag, every other name as it is.

    `runner-python` and `delta/runner-python` both mean the current recipe.
    """
    recipe = CATALOG.get(image.removeprefix("delta/"))
    return recipe.tag if recipe else image
