"""What kind of file a changed path is, as far as a plan must know: may it be ignored, or does it touch everything?

Unsure is never "documentation": a Markdown file beside code may be package data, and one below `tests/` a fixture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

CONFIG_PATH: Final = ".delta.yml"
MAX_PATH_CHARS: Final = 1024


class Kind(StrEnum):
    """What a path can mean to a job that it does not name."""

    CONFIGURATION = "configuration"
    CI = "ci"
    BUILD = "build"
    DOCUMENTATION = "documentation"
    CODE = "code"
    UNKNOWN = "unknown"


_CI_FILES: Final = frozenset({
    ".gitlab-ci.yml", ".travis.yml", "appveyor.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml", ".drone.yml",
    ".woodpecker.yml", "jenkinsfile", ".pre-commit-config.yaml",
})  # fmt: skip
_CI_FOLDERS: Final = (
    ".github/workflows/",
    ".github/actions/",
    ".circleci/",
    ".ci/",
    ".gitea/",
    ".forgejo/",
    ".woodpecker/",
)

_BUILD_FILES: Final = frozenset({
    "pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", ".pytest.ini", "tox.ini", "noxfile.py", "manifest.in",
    "pipfile", "pipfile.lock", "poetry.lock", "uv.lock", "pdm.lock", "pixi.lock", "environment.yml",
    ".python-version", "runtime.txt", ".tool-versions", "mypy.ini", "ruff.toml", ".flake8", ".coveragerc",
    "package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lockb",
    "pnpm-workspace.yaml", ".npmrc", ".nvmrc", ".node-version", ".yarnrc", ".yarnrc.yml", "rust-toolchain",
    "rust-toolchain.toml", "go.work", "go.work.sum",
    "tsconfig.json", "cargo.toml", "cargo.lock", "go.mod", "go.sum", "gemfile", "gemfile.lock", "composer.json",
    "composer.lock", "pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "gradle.properties",
    "gradle.lockfile", "makefile", "gnumakefile", "cmakelists.txt", "meson.build", "build.bazel", "workspace",
    "justfile", "dockerfile", ".dockerignore", "docker-compose.yml", "compose.yaml", ".gitmodules",
    ".gitattributes", "flake.nix", "flake.lock",
})  # fmt: skip
_BUILD_PATTERN: Final = re.compile(r"[\w.-]*(?:requirements|constraints)[\w.-]*\.(?:txt|in)|.*\.(?:lock|dockerfile)")
_REQUIREMENTS_FOLDER: Final = "requirements"

_DOC_SUFFIXES: Final = frozenset({".md", ".mdx", ".markdown", ".rst", ".adoc"})
_IMAGE_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ico"})
_DOC_NAMES: Final = re.compile(
    r"(?:licen[cs]e|copying|notice|authors|contributors|changelog|changes|readme|codeowners|security|history|news)"
    r"(?:[.-][\w.-]*)?|\.gitignore|\.editorconfig|\.mailmap"
)
_DOC_FOLDERS: Final = frozenset({"docs", "doc", "documentation"})
_TEST_FOLDERS: Final = frozenset({"test", "tests", "testing", "testdata", "fixtures", "__tests__", "spec"})
_TEST_FILE: Final = re.compile(r"test_.*|.*_test\.\w+|conftest\.py")

_CODE_SUFFIXES: Final = frozenset({
    ".py", ".pyi", ".pyx", ".pxd", ".ipynb", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".vue", ".svelte",
    ".css", ".scss", ".html", ".htm", ".go", ".rs", ".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".java", ".kt",
    ".kts", ".scala", ".groovy", ".rb", ".php", ".cs", ".fs", ".swift", ".m", ".ex", ".exs", ".erl", ".hs", ".ml",
    ".lua", ".pl", ".r", ".jl", ".sh", ".bash", ".zsh", ".ps1", ".bat", ".sql", ".proto", ".graphql", ".json",
    ".yaml", ".yml", ".toml", ".ini", ".cfg", ".xml", ".csv", ".tsv", ".txt", ".jinja", ".j2", ".tmpl", ".typed",
})  # fmt: skip


def code_folders(files: Iterable[str]) -> frozenset[str]:
    """The folders, other than the root, that directly hold Python files: what lies in them may be package data."""
    return frozenset(file.rpartition("/")[0] for file in files if file.endswith((".py", ".pyi"))) - {""}


def kind_of(path: str, code: frozenset[str]) -> Kind:
    """The kind of one path. `code` are the tree's `code_folders`."""
    if len(path) > MAX_PATH_CHARS:
        return Kind.UNKNOWN
    pure = PurePosixPath(path)
    name, suffix = pure.name.lower(), pure.suffix.lower()
    documented = _is_documentation(pure, name, suffix, code)
    in_docs = bool(pure.parts) and pure.parts[0].lower() in _DOC_FOLDERS
    answers = (
        (path == CONFIG_PATH, Kind.CONFIGURATION),
        (path.lower().startswith(_CI_FOLDERS) or name in _CI_FILES, Kind.CI),
        (in_docs and documented, Kind.DOCUMENTATION),
        (_is_build(pure, name), Kind.BUILD),
        (documented, Kind.DOCUMENTATION),
        (suffix in _CODE_SUFFIXES, Kind.CODE),
    )
    return next((kind for yes, kind in answers if yes), Kind.UNKNOWN)


def _is_build(pure: PurePosixPath, name: str) -> bool:
    in_requirements = _REQUIREMENTS_FOLDER in pure.parts[:-1] and pure.suffix in {".txt", ".in"}
    # The root's conftest.py acts on every test; one further down only on what lies beside it.
    if str(pure) == "conftest.py":
        return True
    return name in _BUILD_FILES or _BUILD_PATTERN.fullmatch(name) is not None or in_requirements


def _is_documentation(pure: PurePosixPath, name: str, suffix: str, code: frozenset[str]) -> bool:
    folders = [part.lower() for part in pure.parts[:-1]]
    if _TEST_FOLDERS & set(folders) or _TEST_FILE.fullmatch(name):
        return False
    if folders and folders[0] in _DOC_FOLDERS:
        return True
    if any(str(parent) in code for parent in pure.parents):
        return False
    named = _DOC_NAMES.fullmatch(name) is not None and suffix not in _CODE_SUFFIXES - {".txt"}
    return named or suffix in _DOC_SUFFIXES | _IMAGE_SUFFIXES
