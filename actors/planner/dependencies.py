"""What a change of a Python project's manifests and lock files means: nothing, some packages, or anything. Pure.

Only what is plainly metadata (a version, a description, the settings of a linter) counts as nothing, and only a
requirement that was added, removed or moved to another version as a package. All else may change everything.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_METADATA: Final = frozenset({
    "name", "version", "description", "long_description", "long_description_content_type", "author", "author_email",
    "maintainer", "maintainer_email", "authors", "maintainers", "license", "license_file", "license_files",
    "license-files", "keywords", "classifiers", "url", "urls", "project_urls", "download_url", "homepage",
    "documentation", "repository", "readme", "platforms", "zip_safe",
})  # fmt: skip
_REQUIREMENTS: Final = frozenset({
    "install_requires", "tests_require", "setup_requires", "extras_require", "requirements", "requires",
    "test_requirements", "dependencies", "optional-dependencies", "dev-dependencies",
})  # fmt: skip
# Tools that look at code and never run it with the tests.
_TOOLS: Final = frozenset({
    "ruff", "black", "isort", "mypy", "flake8", "pylint", "pyright", "bandit", "towncrier", "bumpversion", "bumpver",
    "commitizen", "semantic_release", "codespell", "interrogate", "pydocstyle", "pycodestyle", "wheel", "bdist_wheel",
    "sdist", "upload", "aliases", "zest.releaser", "upload_docs", "build_sphinx", "check-manifest", "djlint", "vulture",
})  # fmt: skip
_VERSION_NAMES: Final = frozenset({"version", "__version__", "VERSION"})
# What a package is imported as, where that is not its name.
_IMPORTED_AS: Final[Mapping[str, tuple[str, ...]]] = {
    "attrs": ("attr", "attrs"), "beautifulsoup4": ("bs4",), "msgpack-python": ("msgpack",), "opencv-python": ("cv2",),
    "pillow": ("PIL",), "protobuf": ("google",), "pycryptodome": ("Crypto",), "pyjwt": ("jwt",),
    "pyopenssl": ("OpenSSL",),
    "pyserial": ("serial",), "python-dateutil": ("dateutil",), "python-dotenv": ("dotenv",), "pyyaml": ("yaml",),
    "pyzmq": ("zmq",), "scikit-learn": ("sklearn",), "setuptools": ("setuptools", "pkg_resources"),
}  # fmt: skip


class Meaning(NamedTuple):
    """Of one changed file. `anything`: it may matter to every test. `packages` are named as the manifest does."""

    anything: bool
    packages: frozenset[str] = frozenset()


_ANYTHING: Final = Meaning(anything=True)


def meaning(path: str, old: bytes | None, new: bytes | None) -> Meaning:
    """What the change of this file means. A file that was not there before, or is no more, may mean anything."""
    read = _reader(path.rpartition("/")[2].lower())
    if read is None or old is None or new is None:
        return _ANYTHING
    try:
        before, after = read(old.decode()), read(new.decode())
    except (ValueError, RecursionError, MemoryError, SyntaxError, configparser.Error):
        return _ANYTHING
    except (KeyError, TypeError, AttributeError):  # a text where a table should be, and the like
        return _ANYTHING
    if before.rest != after.rest:
        return _ANYTHING
    return Meaning(anything=False, packages=frozenset(_name(each) for each in before.requirements ^ after.requirements))


def imported_as(package: str) -> tuple[str, ...]:
    """The names that a package may be imported by."""
    plain = re.sub(r"[-.]+", "_", package)
    known = _IMPORTED_AS.get(package.lower().replace("_", "-"), ())
    return tuple(dict.fromkeys((*known, plain, plain.lower())))


class _Manifest(NamedTuple):
    """A file's requirements, as text, and all else that counts."""

    requirements: frozenset[str]
    rest: str


def _reader(name: str) -> Callable[[str], _Manifest] | None:
    exact: Mapping[str, Callable[[str], _Manifest]] = {
        "setup.py": _setup_py,
        "setup.cfg": _setup_cfg,
        "pyproject.toml": _pyproject,
        "poetry.lock": _toml_lock,
        "uv.lock": _toml_lock,
        "pdm.lock": _toml_lock,
        "pipfile.lock": _pipfile_lock,
    }
    if name in exact:
        return exact[name]
    is_list = name.endswith((".txt", ".in")) and ("requirements" in name or "constraints" in name)
    return _requirements if is_list else None


def _name(requirement: str) -> str:
    found = _REQUIREMENT.match(requirement)
    return found[1] if found else requirement


def _requirements(text: str) -> _Manifest:
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    options = [line for line in lines if line.startswith("-") and not line.startswith("--hash")]
    hashed = (line.partition(" --hash")[0].rstrip("\\ ") for line in lines if line and not line.startswith("-"))
    return _Manifest(frozenset(hashed), json.dumps(options))


def _toml_lock(text: str) -> _Manifest:
    data = tomllib.loads(text)
    rest = [data.get("requires-python"), data.get("metadata", {}).get("python-versions")]
    return _Manifest(frozenset(map(_locked, data.get("package", []))), json.dumps(rest))


def _locked(package: dict[str, Any]) -> str:
    source = package.get("source", {})
    # The project itself has its own version, which is metadata.
    version = "" if source.keys() & {"editable", "virtual"} else package.get("version")
    return f"{package['name']} {version} {json.dumps(source, sort_keys=True, default=str)}"


def _pipfile_lock(text: str) -> _Manifest:
    data = json.loads(text)
    sections = [data.get(section, {}) for section in ("default", "develop")]
    found = (f"{name} {body.get('version')}" for section in sections for name, body in section.items())
    return _Manifest(frozenset(found), json.dumps(data.get("_meta", {}).get("requires")))


def _pyproject(text: str) -> _Manifest:
    data = tomllib.loads(text)
    requirements: set[str] = set()
    tool = data.get("tool", {})
    for unused in _TOOLS & tool.keys():
        del tool[unused]
    for table in (data.get("project", {}), tool.get("poetry", {})):
        _take(table, requirements)
    for group in tool.get("poetry", {}).get("group", {}).values():
        _take(group, requirements)
    requirements.update(_texts(data.pop("dependency-groups", {})))
    return _Manifest(frozenset(requirements), json.dumps(data, sort_keys=True, default=str))


def _take(table: dict[str, Any], requirements: set[str]) -> None:
    """Takes the metadata and the requirements out of a table; what is left counts."""
    for key in [*table]:
        if key in _METADATA:
            del table[key]
        elif key in _REQUIREMENTS:
            body = table.pop(key)
            if isinstance(body, dict) and all(not isinstance(each, list) for each in body.values()):
                requirements.update(f"{name} {version}" for name, version in body.items())  # Poetry's tables
                table["python"] = body.get("python")
            else:
                requirements.update(_texts(body))


def _texts(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from _texts(each)


def _setup_cfg(text: str) -> _Manifest:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    requirements: set[str] = set()
    rest: dict[str, dict[str, str | None]] = {}
    for section in parser.sections():
        if section == "metadata" or re.split(r"[:.\-]", section)[0] in _TOOLS or section in _TOOLS:
            continue
        body: dict[str, str | None] = dict(parser.items(section))
        if section == "options.extras_require":
            requirements.update(line for value in body.values() for line in (value or "").split("\n") if line.strip())
            continue
        for key in _REQUIREMENTS & body.keys() if section == "options" else ():
            requirements.update(line.strip() for line in re.split(r"[\n;]", body.pop(key) or "") if line.strip())
        for key in _METADATA & body.keys() if section == "options" else ():
            del body[key]
        rest[section] = body
    return _Manifest(frozenset(requirements), json.dumps(rest, sort_keys=True))


def _setup_py(text: str) -> _Manifest:
    requirements: set[str] = set()
    rest = []
    for statement in ast.parse(text).body:
        names = {each.id for each in getattr(statement, "targets", ()) if isinstance(each, ast.Name)}
        if isinstance(statement, ast.Assign) and names and names <= _VERSION_NAMES | _METADATA:
            continue
        if isinstance(statement, ast.Assign) and names & _REQUIREMENTS:
            requirements.update(_constants([statement.value]))
            continue
        for call in ast.walk(statement):
            if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) == "setup":
                for keyword in call.keywords:
                    if keyword.arg in _REQUIREMENTS:
                        requirements.update(_constants([keyword.value]))
                call.keywords = [each for each in call.keywords if not _is_told(each)]
        rest.append(ast.dump(statement))
    return _Manifest(frozenset(requirements), "\n".join(rest))


def _is_told(keyword: ast.keyword) -> bool:
    """Whether an argument of `setup` is a requirement, which is looked at apart, or metadata that runs no code."""
    computed = any(isinstance(each, ast.Call) for each in ast.walk(keyword.value))
    return keyword.arg in _REQUIREMENTS or (keyword.arg in _METADATA and not computed)


def _constants(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for root in nodes:
        for node in ast.walk(root):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
