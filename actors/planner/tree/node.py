"""The job of a Node repository: install with the tool whose lock file is there, build if the tests need it, test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from actors.planner.packages.globs import members
from actors.planner.schema import CacheConfig
from actors.planner.tree.found import APART, TESTS, Ecosystem, Grain, TreeJob, flags, reason
from actors.planner.tree.hints import hints_of
from actors.planner.tree.manifests import Project, shown, strings, table
from models.ids import JobId
from models.job import JobSpec, Resources

IMAGE: Final = "runner-node"
IMAGE_NODE: Final = 20
REGISTRY: Final = ("registry.npmjs.org",)
# What it takes to hold `node_modules` and to run a bundler beside it.
RESOURCES: Final = Resources(memory_mb=4096, workspace_mb=2048)

_NO_TESTS: Final = re.compile(r"no tests? specified")
_AT_INSTALL: Final = ("preinstall", "install", "postinstall", "prepare", "prepublish")
_VERSION: Final = re.compile(r"(npm|yarn|pnpm)@(\d{1,3}(?:\.\d{1,4}){0,2})(?:[+-].{1,200})?")
_MINIMUM: Final = re.compile(r"\s*(?:>=|\^|~)?\s*v?(\d{1,3})")
_SCRIPT: Final = re.compile(r"[\w:.-]{1,80}")


class _Tool(NamedTuple):
    """`call` runs it; `install` are its words; `store` is where it keeps what it has fetched."""

    name: str
    call: str
    install: str
    store: str


def propose(project: Project, *, hints: Sequence[str]) -> tuple[str, TreeJob] | None:
    """The job, and what it was recognised by; None where the root has no `package.json` that says what to run."""
    if "package.json" not in project.texts:
        return None
    package = project.json("package.json")
    scripts = table(package, "scripts")
    tool = _tool(project, package)
    commands, evidence, grain = _commands(project, package, tool, hints)
    if not commands:
        return None
    _note_engine(project, package)
    fetches = any(table(package, kind) for kind in ("dependencies", "devDependencies")) or grain is not None
    fetches = fetches or not tool.call.startswith("npm") or bool(package.get("workspaces"))
    at_install = any(name in scripts for name in _AT_INSTALL)
    install = f"{tool.call} {tool.install}"
    cache: tuple[CacheConfig, ...] = ()
    if fetches:
        whole = tool.name == "npm" and not at_install and grain is None and not package.get("workspaces")
        install = f"test -d node_modules || {install}" if whole else install
        key = tuple(name for name in ("package.json", *_LOCKS) if name in project.there)
        cache = (CacheConfig(key=key, paths=("node_modules",) if whole else (tool.store,)),)
    apart = APART if fetches and tool.name == "npm" else ""  # the others are fetched anew for each command
    spec = JobSpec(
        id=JobId("test"),
        run=(*((install,) if fetches else ()), *(f"{apart}{command}" for command in commands)),
        image=IMAGE,
        egress=(*REGISTRY, *(("registry.yarnpkg.com",) if tool.name == "yarn" else ())) if fetches else (),
        resources=RESOURCES if fetches else Resources(),
    )
    return tool.name, TreeJob(spec, Ecosystem.NODE, tool.name, evidence, cache, grain)


_LOCKS: Final = ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "pnpm-workspace.yaml")


def _tool(project: Project, package: dict[str, Any]) -> _Tool:
    """The tool whose lock file is there, in the version that `packageManager` names."""
    asked = _VERSION.fullmatch(str(package.get("packageManager", "")))
    version = asked[2] if asked else ""
    if "pnpm-lock.yaml" in project.there or (asked and asked[1] == "pnpm"):
        frozen = " --frozen-lockfile" if "pnpm-lock.yaml" in project.there else " --no-frozen-lockfile"
        return _Tool("pnpm", f"npx --yes pnpm@{version or '9'}", f"install{frozen}", "~/.local/share/pnpm/store")
    if "yarn.lock" in project.there or (asked and asked[1] == "yarn"):
        if version and not version.startswith("1"):
            call = f"npx --yes --package=@yarnpkg/cli-dist@{version} yarn"
            return _Tool("yarn", call, "install --immutable", "~/.yarn/berry/cache")
        frozen = " --frozen-lockfile" if "yarn.lock" in project.there else " --no-lockfile"
        return _Tool("yarn", f"npx --yes yarn@{version or '1.22.22'}", f"install{frozen}", "~/.cache/yarn")
    locked = {"package-lock.json", "npm-shrinkwrap.json"} & project.there
    words = "ci" if locked else "install --no-package-lock"
    return _Tool("npm", "npm", f"{words} --no-audit --no-fund", "~/.npm")


def _commands(
    project: Project, package: dict[str, Any], tool: _Tool, hints: Sequence[str]
) -> tuple[tuple[str, ...], tuple[Any, ...], Grain | None]:
    scripts = table(package, "scripts")
    test = scripts.get("test")
    if isinstance(test, str) and not _NO_TESTS.search(test):
        build = (f"{tool.call} run build",) if _needs_build(project, package, test) else ()
        said = reason(f"`package.json` has a script `test`: `{shown(test)}`", 0.9)
        return (*build, f"{tool.call} test"), (said,), None
    if everywhere := _workspaces(project, package, tool):
        return (everywhere,), (reason("packages of the workspace have a script `test`", 0.8),), Grain.PACKAGES
    known = [name for name in hints_of(hints, (), ()).scripts if name in scripts and _SCRIPT.fullmatch(name)]
    wanted = next((name for name in known if "test" in name), None) or next(
        (name for name in ("test:unit", "tests", "check", "build", "lint") if name in scripts), None
    )
    if wanted:
        return (f"{tool.call} run {wanted}",), (reason(f"`package.json` has a script `{wanted}`", 0.6),), None
    return (), (), None


def _workspaces(project: Project, package: dict[str, Any], tool: _Tool) -> str:
    """The command for workspaces whose root has no tests of its own; empty where no member has any."""
    folders = [folder for folder in members(project.texts, package) if _has_test(project, f"{folder}/package.json")]
    if not folders:
        return ""
    if tool.name == "pnpm":
        return f"{tool.call} {flags('--filter=./%s ', '--recursive')} run test"
    if tool.name == "yarn":
        names = [str(project.json(f"{folder}/package.json").get("name", "")) for folder in folders]
        if not all(re.fullmatch(r"[\w@/.-]+", name) for name in names):
            return ""
        return f"for each in ${{{TESTS}:-{' '.join(names)}}}; do {tool.call} workspace $each run test; done"
    return f"npm test --if-present {flags('--workspace=%s ', '--workspaces')}"


def _has_test(project: Project, name: str) -> bool:
    test = table(project.json(name), "scripts").get("test")
    return isinstance(test, str) and not _NO_TESTS.search(test)


def _needs_build(project: Project, package: dict[str, Any], test: str) -> bool:
    """Whether what the package exports is not in the tree, so that a build must write it first."""
    scripts = table(package, "scripts")
    made_before = {"pretest", "prepare", "prepublish", "postinstall"} & scripts.keys()
    if "build" not in scripts or "build" in test or any("build" in str(scripts[name]) for name in made_before):
        return False
    main = package.get("main", package.get("module"))
    exported = [main] if isinstance(main, str) else []
    exported += strings([*table(package, "exports").values()]) if isinstance(package.get("exports"), dict) else []
    paths = [path.removeprefix("./") for path in exported]
    tops = {file.split("/", 1)[0] for file in project.files}
    return any("*" not in path and path.split("/", 1)[0] not in tops for path in paths)


def _note_engine(project: Project, package: dict[str, Any]) -> None:
    asked = str(table(package, "engines").get("node", ""))
    choices = [int(found[1]) for part in asked.split("||") if (found := _MINIMUM.match(part))]
    if choices and min(choices) > IMAGE_NODE:
        project.notes.append(f"the project asks for Node {shown(asked)}; the image `{IMAGE}` has Node {IMAGE_NODE}")
