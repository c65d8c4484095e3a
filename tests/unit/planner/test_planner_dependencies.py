"""What changed manifests and lock files mean: nothing, some packages, or anything."""

from __future__ import annotations

import pytest

from actors.planner.dependencies import imported_as, meaning

PROJECT = """
[project]
name = "x"
version = "1"
dependencies = ["rich>=10", "attrs"]
optional-dependencies = {test = ["hypothesis"]}
[tool.ruff]
line-length = 1
[tool.pytest.ini_options]
addopts = "-q"
"""
POETRY = """
[tool.poetry]
name = "x"
[tool.poetry.dependencies]
python = "^3.8"
rich = "^10"
[tool.poetry.group.dev.dependencies]
attrs = {version = "1", optional = true}
"""
SETUP = """
from setuptools import setup
setup(name="x", version="1", packages=["x"], install_requires=["rich>=10"], entry_points={"console_scripts": ["x=x:m"]})
"""
CFG = """
[metadata]
version = 1
[options]
packages = x
install_requires =
    rich>=10
[options.extras_require]
test = attrs
[flake8]
max-line-length = 1
[tool:pytest]
addopts = -q
"""
LOCK = '[[package]]\nname = "rich"\nversion = "10"\n[[package]]\nname = "attrs"\nversion = "1"\n'
PIPFILE = '{"_meta": {"requires": {"python_version": "3.8"}}, "default": {"rich": {"version": "==10"}}, "develop": {}}'

NOTHING = (
    ("pyproject.toml", PROJECT, 'version = "1"', 'version = "2"'),
    ("pyproject.toml", PROJECT, "line-length = 1", "line-length = 2"),
    ("pyproject.toml", POETRY, 'name = "x"', 'name = "x"\ndescription = "y"'),
    ("setup.py", SETUP, 'version="1"', 'version="2"'),
    ("setup.cfg", CFG, "version = 1", "version = 2"),
    ("setup.cfg", CFG, "max-line-length = 1", "max-line-length = 2"),
    ("requirements.txt", "rich==1\n", "rich", "# why\nrich"),
    ("uv.lock", LOCK, "[[package]]", "# why\n[[package]]"),
)
PACKAGES = (
    ("pyproject.toml", PROJECT, "rich>=10", "rich>=11", {"rich"}),
    ("pyproject.toml", PROJECT, ', "attrs"', "", {"attrs"}),
    ("pyproject.toml", PROJECT, '"hypothesis"', '"hypothesis", "psutil"', {"psutil"}),
    ("pyproject.toml", POETRY, '"^10"', '"^11"', {"rich"}),
    ("pyproject.toml", POETRY, 'version = "1"', 'version = "2"', {"attrs"}),
    ("setup.py", SETUP, "rich>=10", "rich>=11", {"rich"}),
    ("setup.cfg", CFG, "rich>=10", "rich>=11", {"rich"}),
    ("setup.cfg", CFG, "test = attrs", "test = attrs>2", {"attrs"}),
    ("requirements-dev.txt", "rich==1\nattrs==1\n", "rich==1", "rich==2", {"rich"}),
    ("requirements.txt", "rich==1 \\\n  --hash=sha256:a\n", "rich==1", "rich==2", {"rich"}),
    ("poetry.lock", LOCK, '"10"', '"11"', {"rich"}),
    ("uv.lock", LOCK, '"10"', '"10"\nsource = {git = "https://example.org/x?rev=2"}', {"rich"}),
    ("Pipfile.lock", PIPFILE, "==10", "==11", {"rich"}),
)
ANYTHING = (
    ("pyproject.toml", PROJECT, "-q", "-x"),
    ("pyproject.toml", POETRY, "^3.8", "^3.9"),
    ("pyproject.toml", PROJECT, "[project]", "[project"),
    ("pyproject.toml", PROJECT, "[tool.ruff]", "[build-system]\nrequires = []\n[tool.ruff]"),
    ("setup.py", SETUP, 'packages=["x"]', 'packages=["y"]'),
    ("setup.py", SETUP, "setup(", "setup(("),
    ("setup.py", SETUP, "x=x:m", "x=x:n"),
    ("setup.py", SETUP, 'version="1"', "version=compute()"),
    ("setup.py", SETUP, 'name="x"', 'name=print("x")'),
    ("setup.cfg", CFG, "packages = x", "packages = y"),
    ("setup.cfg", CFG, "-q", "-x"),
    ("setup.cfg", CFG, "[metadata]", "metadata"),
    ("requirements.txt", "rich\n", "rich", "--index-url https://example.org\nrich"),
    ("requirements.txt", "rich\n-r other.txt\n", "-r other.txt", "-r third.txt"),
    ("poetry.lock", LOCK, 'name = "rich"', "name = ["),
    ("poetry.lock", LOCK, 'name = "rich"\n', ""),
    ("poetry.lock", LOCK, LOCK, 'package = "x"'),
    ("uv.lock", f'requires-python = ">=3.8"\n{LOCK}', "3.8", "3.9"),
    ("Pipfile.lock", PIPFILE, "3.8", "3.9"),
    ("Pipfile.lock", PIPFILE, '"default": {', '"default": ['),
    ("Pipfile.lock", PIPFILE, PIPFILE, "[]"),
    ("pyproject.toml", PROJECT, "[project]\n", "project = 1\n[other]\n"),
    ("pyproject.toml", POETRY, POETRY, "tool = 1\n"),
    ("pyproject.toml", POETRY, POETRY, "[tool]\npoetry = 1\n"),
    ("tox.ini", "[tox]\n", "[tox]", "[tox]\nx=1"),
    ("pixi.lock", "a", "a", "b"),
)


def changed(name: str, text: str, old: str, new: str) -> tuple[bool, set[str]]:
    assert old in text
    found = meaning(name, text.encode(), text.replace(old, new, 1).encode())
    return found.anything, set(found.packages)


@pytest.mark.parametrize(("name", "text", "old", "new"), NOTHING)
def test_metadata_means_nothing(name: str, text: str, old: str, new: str) -> None:
    assert changed(name, text, old, new) == (False, set())


@pytest.mark.parametrize(("name", "text", "old", "new", "packages"), PACKAGES)
def test_another_version_means_that_package(name: str, text: str, old: str, new: str, packages: set[str]) -> None:
    assert changed(name, text, old, new) == (False, packages)


@pytest.mark.parametrize(("name", "text", "old", "new"), ANYTHING)
def test_all_else_means_anything(name: str, text: str, old: str, new: str) -> None:
    assert changed(name, text, old, new) == (True, set())


@pytest.mark.parametrize("sides", [(None, b""), (b"", None), (None, None), (b"\xff", b"a"), (b"[" * 9_999, b"")])
def test_half_or_broken_files_mean_anything(sides: tuple[bytes | None, bytes | None]) -> None:
    assert meaning("pyproject.toml", *sides).anything


def test_what_a_package_is_imported_as() -> None:
    assert "yaml" in imported_as("PyYAML")
    assert "dateutil" in imported_as("python_dateutil")
    assert imported_as("zope.interface")[0] == "zope_interface"
