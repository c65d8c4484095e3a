"""What a Python project needs, as far as it is written down as data: names and specifiers, never resolved here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from actors.planner.tree.manifests import Project, strings, table

MAX_REQUIREMENTS: Final = 200

# A requirement of PEP 508 that a registry can answer: no URL, no path, no option of pip's.
_REQUIREMENT: Final = re.compile(
    r"[A-Za-z0-9][\w.-]{0,99} ?(?:\[[\w., -]{0,99}\])? ?(?:\(?[<>=!~][^;@\"'\n]{0,99}\)?)? ?(?:;[^\n]{1,199})?"
)
_NAME: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_VERSION: Final = re.compile(r"([\^~]?)(\d+(?:\.\d+){0,3})")


def canonical(requirement: str) -> str:
    """The name in a requirement, as PEP 503 compares names; empty where there is none."""
    found = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else ""


def usable(requirement: str) -> bool:
    """Tell whether pip can get it from a registry."""
    return _REQUIREMENT.fullmatch(requirement.strip()) is not None


def lines_of(text: str) -> Iterator[str]:
    """The entries of a requirements file, options and comments left out."""
    for raw in text.splitlines()[: 10 * MAX_REQUIREMENTS]:
        line = re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].strip().rstrip("\\").strip()
        if line and not line.startswith("-"):
            yield line


def runtime(project: Project, pyproject: dict[str, Any]) -> list[str]:
    """What the project itself needs: PEP 621, Poetry, `setup.cfg`, `setup.py`."""
    found = strings(table(pyproject, "project").get("dependencies"))
    found += poetry(table(pyproject, "tool", "poetry", "dependencies"))
    if "setup.cfg" in project.texts:
        options = project.ini("setup.cfg")
        found += _words(options.get("options", "install_requires", fallback=""))
    found += setup_py(project).get("install_requires", [])
    return found[:MAX_REQUIREMENTS]


def extras(project: Project, pyproject: dict[str, Any]) -> dict[str, list[str]]:
    """The optional dependencies, by the name of the extra."""
    found = {name: strings(items) for name, items in table(pyproject, "project", "optional-dependencies").items()}
    found |= {name: strings(items) for name, items in table(pyproject, "tool", "poetry", "extras").items()}
    if "setup.cfg" in project.texts:
        options = project.ini("setup.cfg")
        if options.has_section("options.extras_require"):
            found |= {name: _words(value or "") for name, value in options.items("options.extras_require")}
    written = setup_py(project)
    return found | {name.removeprefix("extra:"): written[name] for name in written if name.startswith("extra:")}


def groups(pyproject: dict[str, Any]) -> dict[str, list[str]]:
    """The dependency groups of PEP 735, Poetry, PDM and uv, by name, with the groups they include written out."""
    raw = table(pyproject, "dependency-groups")
    found = {name: _group(raw, name, depth=0)[:MAX_REQUIREMENTS] for name in raw}
    for name, body in table(pyproject, "tool", "poetry", "group").items():
        found.setdefault(name, poetry(table(body, "dependencies")))
    for name, body in table(pyproject, "tool", "pdm", "dev-dependencies").items():
        found.setdefault(name, strings(body))
    older = poetry(table(pyproject, "tool", "poetry", "dev-dependencies"))
    older += strings(table(pyproject, "tool", "uv").get("dev-dependencies"))
    if older:
        found.setdefault("dev", older)
    return found


def _group(raw: dict[str, Any], name: str, depth: int) -> list[str]:
    items = raw.get(name)
    found: list[str] = []
    for item in items[:MAX_REQUIREMENTS] if isinstance(items, list) and depth < 5 else ():
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict) and isinstance(item.get("include-group"), str):
            found += _group(raw, item["include-group"], depth + 1)[:MAX_REQUIREMENTS]
        if len(found) > MAX_REQUIREMENTS:
            break
    return found


def poetry(body: dict[str, Any]) -> list[str]:
    """Poetry's own way to write requirements, as PEP 508; what has no such form is only named."""
    found = []
    for name, wanted in body.items():
        if name.lower() == "python" or not _NAME.fullmatch(name):
            continue
        more = table({"": wanted}, "")
        if more.get("optional") or {"git", "path", "url"} & more.keys():
            continue
        listed = strings(more.get("extras"))
        written = wanted if isinstance(wanted, str) else str(more.get("version", "*"))
        found.append(name + (f"[{','.join(listed)}]" if listed else "") + _specifier(written))
    return found


def _specifier(written: str) -> str:
    caret = _VERSION.fullmatch(written.strip())
    if caret is None:
        return written.replace(" ", "") if re.fullmatch(r"[<>=!~][<>=!~,.*\w ]*", written.strip()) else ""
    kind, version = caret[1], caret[2]
    parts = [int(part) for part in version.split(".")]
    if not kind:
        return f"=={version}"
    # `^0.2.3` keeps 0.2, `^1.2` keeps 1, `~1.2.3` keeps 1.2.
    fixed = next((index for index, part in enumerate(parts) if part), len(parts) - 1) if kind == "^" else 1
    fixed = min(fixed, len(parts) - 1)
    above = ".".join(str(part) for part in [*parts[:fixed], parts[fixed] + 1])
    return f">={version},<{above}"


def setup_py(project: Project) -> dict[str, list[str]]:
    """`install_requires`, `tests_require` and, as `extra:NAME`, extras that `setup.py` gives as plain literals."""
    text = project.text("setup.py")
    if "setup" not in text:
        return {}
    try:
        module = ast.parse(text)
        return _from_setup(module)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        project.unusable("setup.py", error)
        return {}


def _from_setup(module: ast.Module) -> dict[str, list[str]]:
    named = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    calls = [call for call in calls if "setup" in {getattr(call.func, "attr", ""), getattr(call.func, "id", "")}]
    found: dict[str, list[str]] = {}
    for keyword in (keyword for call in calls for keyword in call.keywords):
        value = _looked_up(keyword.value, named)
        if keyword.arg in {"install_requires", "tests_require"}:
            found[keyword.arg] = _literals(value)
        elif keyword.arg == "extras_require" and isinstance(value, ast.Dict):
            for key, items in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    found[f"extra:{key.value}"] = _literals(_looked_up(items, named))
    return found


def _looked_up(node: ast.expr, named: dict[str, ast.expr]) -> ast.expr:
    return named.get(node.id, node) if isinstance(node, ast.Name) else node


def _literals(node: ast.AST | None) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return list(lines_of(node.value))
    elements = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else []
    return [item.value for item in elements if isinstance(item, ast.Constant) and isinstance(item.value, str)]


def _words(text: str) -> list[str]:
    return list(lines_of(text))


def third_party(requirements: Iterable[str], own: str, known: frozenset[str]) -> list[str]:
    """Those that the image does not have, names in canonical form."""
    names = {canonical(requirement) for requirement in requirements}
    return sorted(names - known - {"", own})
