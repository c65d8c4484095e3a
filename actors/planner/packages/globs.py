"""Members of a workspace: the folders with a manifest that the workspace's patterns name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from actors.planner.glob import Glob, compile_glob, match

MAX_PATTERNS: Final = 100
_LISTED: Final = re.compile(r"^\s*-\s*['\"]?([^'\"#\n]{1,200}?)['\"]?\s*(?:#.*)?$", re.MULTILINE)


def members(texts: Mapping[str, str], package: Mapping[str, Any]) -> list[str]:
    """Folders of an npm, yarn or pnpm workspace, by the root's `package.json` and `pnpm-workspace.yaml`."""
    listed = package.get("workspaces")
    if isinstance(listed, dict):
        listed = listed.get("packages")
    patterns = [item for item in listed if isinstance(item, str)] if isinstance(listed, list) else []
    _, _, after = texts.get("pnpm-workspace.yaml", "").partition("packages:")
    patterns += _LISTED.findall(after)
    return chosen(patterns, (name for name in texts if name.endswith("/package.json")))


def chosen(patterns: Iterable[str], manifests: Iterable[str]) -> list[str]:
    """The folders of the manifests that match, the last pattern deciding. Patterns that are none are left out."""
    manifests = sorted(manifests)
    name = manifests[0].rpartition("/")[2] if manifests else ""
    globs: list[Glob] = []
    for pattern in list(patterns)[:MAX_PATTERNS]:
        try:
            globs.append(compile_glob(f"{pattern.rstrip('/')}/{name}"))
        except ValueError:
            continue
    return [path.rpartition("/")[0] for path in manifests if globs and match(globs, path) is not None]
