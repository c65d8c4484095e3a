from __future__ import annotations

import re
from pathlib import Path

import pytest

import cluster.images
from cluster.images.catalog import CATALOG, resolve
from cluster.images.recipe import Recipe, bootstrap_command, changes, dockerfile
from cluster.images.runners import RUNNER_PYTHON

FOLDER = Path(cluster.images.__file__).parent


@pytest.mark.parametrize("recipe", CATALOG.values(), ids=lambda recipe: recipe.name)
def test_the_dockerfile_is_the_recipe(recipe: Recipe) -> None:
    written = (FOLDER / f"{recipe.name}.Dockerfile").read_text()
    assert written == dockerfile(recipe), f"run `.venv/bin/python -m cluster.images {recipe.name}`"


def test_both_ways_to_make_it_hold_the_same_things() -> None:
    command, text = "\n".join(bootstrap_command(RUNNER_PYTHON)), dockerfile(RUNNER_PYTHON)
    for part in (*RUNNER_PYTHON.packages, *RUNNER_PYTHON.commands):
        assert part in command
        assert part in text
    assert all(line in text.splitlines() for line in changes(RUNNER_PYTHON))


def test_a_tag_is_the_digest_of_the_recipe() -> None:
    assert re.fullmatch(r"delta/runner-python:[0-9a-f]{12}", RUNNER_PYTHON.tag)
    assert RUNNER_PYTHON.model_copy().tag == RUNNER_PYTHON.tag


@pytest.mark.parametrize(
    "changed",
    [
        {"packages": (*RUNNER_PYTHON.packages, "zip")},
        {"commands": RUNNER_PYTHON.commands[1:]},
        {"environment": ()},
        {"suite": "trixie"},
        {"user": "root"},
    ],
)
def test_every_change_of_a_recipe_is_another_image(changed: dict[str, object]) -> None:
    assert RUNNER_PYTHON.model_copy(update=changed).tag != RUNNER_PYTHON.tag


@pytest.mark.parametrize("name", ["runner-python", "delta/runner-python"])
def test_a_short_name_stands_for_the_current_image(name: str) -> None:
    assert resolve(name) == RUNNER_PYTHON.tag


@pytest.mark.parametrize("name", ["python:3.12", "delta/runner-python:0123456789ab", "registry.test/a/b@sha256:00"])
def test_every_other_name_stays(name: str) -> None:
    assert resolve(name) == name


def test_no_command_breaks_out_of_its_quotes() -> None:
    for recipe in CATALOG.values():
        assert not any("'" in command for command in recipe.commands)
