"""The job of a repository where nothing better was recognised than a Makefile with a target for tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from actors.planner.tree.found import Ecosystem, TreeJob, reason
from actors.planner.tree.hints import hints_of
from actors.planner.tree.manifests import Project
from models.ids import JobId
from models.job import JobSpec

_TARGET: Final = re.compile(r"^([\w.-]{1,80})\s*:(?!=)", re.MULTILINE)
_NAMES: Final = ("GNUmakefile", "makefile", "Makefile")  # as make itself looks for them


def propose(project: Project, *, hints: Sequence[str]) -> tuple[str, TreeJob] | None:
    """The job, and what it was recognised by: `test`, `check`, or a target of that kind that another CI calls."""
    name = next((name for name in _NAMES if name in project.texts), None)
    if name is None:
        return None
    targets = set(_TARGET.findall(project.text(name)))
    hinted = [target for target in hints_of(hints, (), ()).targets if "test" in target or "check" in target]
    target = next((target for target in ("test", "check", "tests", *hinted) if target in targets), None)
    if target is None:
        return None
    spec = JobSpec(id=JobId("test"), run=(f"make {target}",))
    evidence = (reason(f"`{name}` has a target `{target}`", 0.6),)
    return "make", TreeJob(spec, Ecosystem.MAKE, "make", evidence)
