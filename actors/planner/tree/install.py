"""How the environment of a Python project's tests is made: a venv filled from PyPI and kept as a cache, or none at all.

A project that needs nothing but what the image has gets no venv and no network. Everything else is installed by one pip
command, keyed by the manifests that decide what it does.
"""

from __future__ import annotations

import re
import shlex
from typing import Any, Final, NamedTuple

from actors.planner.schema import CacheConfig
from actors.planner.tree.declared import Declared
from actors.planner.tree.found import APART
from actors.planner.tree.hints import Hints
from actors.planner.tree.manifests import Project, shown, strings, table
from actors.planner.tree.requirements import canonical, extras, groups, lines_of, runtime, setup_py, third_party, usable

REGISTRY: Final = ("pypi.org", "files.pythonhosted.org")
VENV: Final = ".venv"
PIP: Final = f"{VENV}/bin/python -m pip install --quiet"
IMAGE_PYTEST: Final = 7

_IN_IMAGE: Final = frozenset(
    {"pytest", "pip", "setuptools", "wheel", "python", "iniconfig", "pluggy", "packaging", "tomli"}
)
# Tools that stand beside tests in lists of requirements and that no test imports: alone, they are no reason for a venv.
_TOOLS: Final = frozenset({
    "black", "build", "check-manifest", "codecov", "coverage", "coveralls", "docutils", "flake8", "isort", "mypy",
    "nox", "pre-commit", "prek", "pyrefly", "pyright", "readme-renderer", "ruff", "towncrier", "tox", "tox-uv",
    "tox-uv-bare", "twine", "ty",
})  # fmt: skip
_TEST_NAMES: Final = ("test", "tests", "testing", "unittest", "unittests", "unit-test", "pytest")
_DEV_NAMES: Final = ("dev", "develop", "development")
_TEST_FILES: Final = (
    r"(?:requirements[/_.-])?(?:requirements[_.-])?tests?(?:ing)?(?:[_.-]requirements)?\.(?:txt|in)",
    r"(?:requirements[/_.-])?(?:requirements[_.-])?dev(?:elop(?:ment)?)?(?:[_.-]requirements)?\.(?:txt|in)",
    r"requirements(?:/requirements|/base|/main)?\.(?:txt|in)",
)
# Without git's history there is no version; a high one passes the checks for a minimum.
_VERSIONS: Final = (
    (re.compile(r"setuptools[-_]scm|hatch-vcs|flit[-_]scm|versioningit"), ("SETUPTOOLS_SCM_PRETEND_VERSION", "99.0.0")),
    (re.compile(r"pdm-backend|pdm-pep517"), ("PDM_BUILD_SCM_VERSION", "99.0.0")),
    (re.compile(r"poetry-dynamic-versioning"), ("POETRY_DYNAMIC_VERSIONING_BYPASS", "99.0.0")),
    (re.compile(r"uv-dynamic-versioning"), ("UV_DYNAMIC_VERSIONING_BYPASS", "99.0.0")),
    (re.compile(r"\bpbr\b"), ("PBR_VERSION", "99.0.0")),
)
_COMPILES: Final = re.compile(
    r"ext_modules|Extension\(|cythonize|cffi_modules|rust_extensions|maturin|scikit-build|scikit_build|meson-python"
    r"|ext-modules|hatch-mypyc|hatch-cython|setuptools-rust"
)
# Plugins that pytest's configuration cannot do without.
_PLUGINS: Final = (
    (re.compile(r"--(?:no-)?cov\b"), "pytest-cov"),
    (re.compile(r"asyncio_mode|asyncio_default"), "pytest-asyncio"),
    (re.compile(r"DJANGO_SETTINGS_MODULE|--ds[= ]"), "pytest-django"),
    (re.compile(r"--numprocesses|-n[ =]?(?:auto|\d)|--dist[= ]"), "pytest-xdist"),
    (re.compile(r"--benchmark"), "pytest-benchmark"),
    (re.compile(r"^\s*timeout\s*=|--timeout", re.MULTILINE), "pytest-timeout"),
    (re.compile(r"--mypy\b"), "pytest-mypy"),
    (re.compile(r"--flake8\b"), "pytest-flake8"),
)
_DECIDES: Final = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "noxfile.py")
_KEY_PATH: Final = re.compile(r"[\w-][\w./-]{0,199}")


_LOCKS: Final = ("uv.lock", "poetry.lock", "pdm.lock")
# What a lock file says as constraints for pip. A package that it has in several versions is left to pip.
_LOCKED: Final = (
    "import sys, tomllib; found = {}; "
    '[found.setdefault(p["name"], []).append(p.get("version")) for p in tomllib.load(sys.stdin.buffer)["package"] '
    'if not {"editable", "virtual", "directory", "git"} & p.get("source", {}).keys()]; '
    'print(*(f"{name}=={v[0]}" for name, v in found.items() if len(v) == 1 and v[0]), sep="\\n")'
)


class Environment(NamedTuple):
    """`steps` make it; `enter` comes before the command that runs the tests."""

    steps: tuple[str, ...] = ()
    enter: str = ""
    env: tuple[tuple[str, str], ...] = ()
    egress: tuple[str, ...] = ()
    cache: tuple[CacheConfig, ...] = ()
    said: str = ""


class _Wanted(NamedTuple):
    """What is to be installed: `project` is pip's word for the project itself, empty where it is not a package."""

    project: str
    extras: tuple[str, ...]
    requirements: tuple[str, ...]
    files: tuple[str, ...]


def environment(
    project: Project, pyproject: dict[str, Any], declared: Declared, hints: Hints, *, pytest: bool
) -> Environment:
    """The environment for the tests. Empty where the image has all that is needed."""
    wanted = _wanted(project, pyproject, declared, hints, pytest=pytest)
    asked = [*wanted.requirements, *runtime(project, pyproject)]
    asked += [item for name in wanted.extras for item in extras(project, pyproject).get(name, ())]
    asked += [line for file in wanted.files for line in lines_of(project.text(file))]
    own = canonical(str(table(pyproject, "project").get("name", "")))
    missing = third_party(asked, own, _IN_IMAGE | _TOOLS)
    if not missing and not _must_install(project, pyproject):
        return Environment()
    return _made(project, pyproject, wanted, missing)


def _made(project: Project, pyproject: dict[str, Any], wanted: _Wanted, missing: list[str]) -> Environment:
    words = [word for file in wanted.files for word in ("-r", file)]
    words += [*dict.fromkeys(wanted.requirements)]
    itself = [] if not wanted.project else ["-e", wanted.project]
    version = _version(pyproject, project)
    # With an invented version the project comes last and alone: else pip refuses where a tool of the tests needs it.
    commands = [words, itself] if version and words and itself else [[*itself, *words]]
    lock = next((name for name in _LOCKS if name in project.there), "")
    locked = f"{VENV}/bin/python -c {shlex.quote(_LOCKED)} < {lock} > {VENV}/locked.txt && " if lock else ""
    constrained = f"--constraint {VENV}/locked.txt " if lock else ""
    pip = locked + " && ".join(f"{PIP} {constrained}{shlex.join(command)}" for command in commands if command)
    compiled = any(_COMPILES.search(project.text(name)) for name in ("pyproject.toml", "setup.py"))
    kept = (VENV, *_generated(pyproject)) if not compiled else ("~/.cache/pip",)
    named = dict.fromkeys([*_key_files(project, pyproject), *wanted.files, *([lock] if lock else [])])
    key = tuple(name for name in named if _KEY_PATH.fullmatch(name))
    guard = f"test -x {VENV}/bin/python || {{ python3 -m venv {VENV} && {pip}; }}"
    _note_unreachable(project, wanted)
    what = ", ".join(f"`{shown(name)}`" for name in missing[:5]) + (" and others" if len(missing) > 5 else "")
    return Environment(
        steps=(guard,),
        enter=f"{APART}. {VENV}/bin/activate && ",
        env=(*version, *(() if compiled else (("PIP_NO_CACHE_DIR", "1"),))),
        egress=REGISTRY,
        cache=(CacheConfig(key=key, paths=kept),) if key else (),
        said=f"the tests need {what or 'the project installed'}: PyPI is asked for what the image does not have",
    )


def _wanted(project: Project, pyproject: dict[str, Any], declared: Declared, hints: Hints, *, pytest: bool) -> _Wanted:
    optional, grouped = extras(project, pyproject), groups(pyproject)
    chosen_extras = _named(optional, _TEST_NAMES)
    chosen_groups = _wider(grouped, _named(grouped, _TEST_NAMES))
    files = _declared_files(project, declared)
    if not chosen_extras and not chosen_groups:
        files += [file for file in hints.files if file in project.texts and file not in files]
        files = files or _test_file(project)
        if not files:
            chosen_groups = _named(grouped, declared.groups) or _named(grouped, _DEV_NAMES)
            chosen_extras = _named(optional, _DEV_NAMES)
    more = [name for name in (*declared.extras, *hints.extras) if name in optional and name not in chosen_extras]
    chosen_extras += more
    grouped_items = [item for name in chosen_groups for item in grouped[name]]
    requirements = [item for item in grouped_items if canonical(item) not in _TOOLS - {"coverage"}]
    requirements += [line for line in declared.deps if not line.startswith("-")]
    requirements += setup_py(project).get("tests_require", [])
    requirements += _plugins(project, pyproject)
    itself = _package(project, pyproject)
    if not itself:
        requirements += runtime(project, pyproject)
        requirements += [item for name in chosen_extras for item in optional[name]]
        files += [name for name in ("requirements.txt",) if name in project.texts and name not in files]
    odd = [item for item in requirements if not usable(item)]
    if odd:
        project.notes.append(f"`{shown(odd[0])}` is nothing that PyPI has, so it is not installed")
    named = f".[{','.join(chosen_extras)}]" if chosen_extras else "."
    good = [item.strip() for item in requirements if usable(item)]
    return _Wanted(
        project=named if itself else "",
        extras=tuple(chosen_extras),
        requirements=(*good, *(("pytest",) if pytest else ())),
        files=tuple(files),
    )


def _named(there: dict[str, list[str]], names: tuple[str, ...]) -> list[str]:
    return [name for name in there if canonical(name) in names and re.fullmatch(r"[\w.-]{1,80}", name)]


def _wider(grouped: dict[str, list[str]], chosen: list[str]) -> list[str]:
    """A group for development that has all that the tests' group has is what the developers run the tests with."""
    asked = {item for name in chosen for item in grouped[name]}
    return [name for name in _named(grouped, _DEV_NAMES) if asked and asked <= {*grouped[name]}] or chosen


def _declared_files(project: Project, declared: Declared) -> list[str]:
    asked = [
        line.removeprefix("--requirement").removeprefix("-r").strip() for line in declared.deps if line.startswith("-")
    ]
    return [name for name in dict.fromkeys(asked) if name in project.texts]


def _test_file(project: Project) -> list[str]:
    """The one requirements file that is named for tests, else for development, else for anything."""
    for pattern in _TEST_FILES:
        found = sorted(name for name in project.texts if re.fullmatch(pattern, name))
        if found:
            return [next((name for name in found if name.endswith(".txt")), found[0])]
    return []


def _package(project: Project, pyproject: dict[str, Any]) -> bool:
    """Whether pip can install the project itself. Without a build system, tools take a `[project]` for a script."""
    if table(pyproject, "tool", "poetry").get("package-mode") is False:
        return False
    declared = "build-system" in pyproject and ("project" in pyproject or bool(table(pyproject, "tool", "poetry")))
    written = "setup(" in project.text("setup.py")
    listed = "[metadata]" in project.text("setup.cfg") and "build-system" in pyproject
    return declared or written or listed


def _must_install(project: Project, pyproject: dict[str, Any]) -> bool:
    """Whether a package without any dependency must be installed all the same."""
    if _native_pytest(pyproject):
        return True
    if not _package(project, pyproject):
        return False
    manifests = "\n".join(project.text(name) for name in ("pyproject.toml", "setup.cfg", "setup.py"))
    heads = "\n".join(text for name, text in project.texts.items() if name.endswith("/__init__.py"))
    asks_itself = re.search(r"importlib[._]metadata|pkg_resources", heads) is not None or bool(_generated(pyproject))
    return "pytest11" in manifests or asks_itself or _COMPILES.search(manifests) is not None


def _native_pytest(pyproject: dict[str, Any]) -> bool:
    """Whether the configuration is for a newer pytest than the image's: `[tool.pytest]` itself, or `minversion`."""
    body = table(pyproject, "tool", "pytest")
    newest = re.match(r"\d+", str(table(body, "ini_options").get("minversion", "")))
    return bool(body.keys() - {"ini_options"}) or (newest is not None and int(newest[0][:4]) > IMAGE_PYTEST)


def _version(pyproject: dict[str, Any], project: Project) -> tuple[tuple[str, str], ...]:
    """The variables that stand in for git's history where the version comes from it."""
    build = " ".join(strings(table(pyproject, "build-system").get("requires"))) + project.text("setup.py")
    if "setuptools_scm" in table(pyproject, "tool"):
        build += " setuptools_scm"
    dynamic = "pdm" not in build or "scm" in str(table(pyproject, "tool", "pdm", "version"))
    return tuple(variable for pattern, variable in _VERSIONS if dynamic and pattern.search(build))


def _generated(pyproject: dict[str, Any]) -> tuple[str, ...]:
    """Files that the installation writes into the tree: they belong to what is kept."""
    scm = table(pyproject, "tool", "setuptools_scm")
    hook = table(pyproject, "tool", "hatch", "build", "hooks", "vcs")
    named = (scm.get("write_to"), scm.get("version_file"), hook.get("version-file"))
    return tuple(path for path in named if isinstance(path, str) and _KEY_PATH.fullmatch(path) and ".." not in path)


def _key_files(project: Project, pyproject: dict[str, Any]) -> tuple[str, ...]:
    """All that decides what pip installs, the file with the project's version among it."""
    names: list[str] = [name for name in _DECIDES if name in project.texts]
    names += [name for name in project.texts if name.endswith((".txt", ".in"))]
    version = table(pyproject, "tool", "hatch", "version").get("path")
    names += [name for name in project.texts if name.endswith("/__init__.py")]
    return tuple(dict.fromkeys([*names, *([version] if isinstance(version, str) else [])]))


def _plugins(project: Project, pyproject: dict[str, Any]) -> list[str]:
    texts = [str(table(pyproject, "tool", "pytest"))] if table(pyproject, "tool", "pytest") else []
    texts += [project.text(name) for name in ("pytest.ini", ".pytest.ini")]
    for name, section in (("setup.cfg", "tool:pytest"), ("tox.ini", "pytest")):
        if f"[{section}]" in project.text(name):
            parser = project.ini(name)
            texts += [f"{key} = {value}" for key, value in parser.items(section)] if parser.has_section(section) else []
    return [plugin for pattern, plugin in _PLUGINS if any(pattern.search(text) for text in texts)]


def _note_unreachable(project: Project, wanted: _Wanted) -> None:
    for file in wanted.files:
        odd = next((line for line in lines_of(project.text(file)) if "://" in line), None)
        if odd is not None:
            project.notes.append(f"`{shown(file)}` asks for `{shown(odd)}`, which a job without that host cannot reach")
