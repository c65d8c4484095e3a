"""The commands in another CI system's files, as hints. They are never run: `hints.py` takes from them what it knows.

GitHub's workflows (also Gitea's and Forgejo's) and GitLab's file. What could not be read, or understood, is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from actors.planner.document import read_document
from actors.planner.tree.manifests import Project, shown, strings
from models.errors import ChangeError

MAX_BYTES: Final = 16 * 1024  # 10 ms a kB
MAX_LINES: Final = 200
MAX_LINE_CHARS: Final = 500


def command_lines(project: Project) -> tuple[str, ...]:
    """All lines of `run:` and `script:`, continued lines put together; files that cannot be read get a note."""
    lines: list[str] = []
    for name in project.texts:
        if name.endswith((".yml", ".yaml")) and name != "pnpm-workspace.yaml":
            lines += _of_file(project, name)
    return tuple(lines[:MAX_LINES])


def _of_file(project: Project, name: str) -> list[str]:
    text = project.text(name)
    if len(text) > MAX_BYTES:
        project.notes.append(f"`{shown(name)}` is larger than {MAX_BYTES // 1024} kB and was not read for hints")
        return []
    try:
        data = read_document(text, shown(name)).data
    except (ChangeError, RecursionError) as error:
        project.notes.append(f"no hints were taken from `{shown(name)}`: {shown(str(error))}")
        return []
    scripts = _gitlab(data) if name == ".gitlab-ci.yml" else _github(data)
    joined = [line.strip() for script in scripts for line in script.replace("\\\n", " ").splitlines()]
    return [line[:MAX_LINE_CHARS] for line in joined if line and not line.startswith("#")]


def _github(data: object) -> Iterator[str]:
    jobs = data.get("jobs") if isinstance(data, dict) else None
    for job in jobs.values() if isinstance(jobs, dict) else ():
        steps = job.get("steps") if isinstance(job, dict) else None
        for step in steps if isinstance(steps, list) else ():
            if isinstance(step, dict) and isinstance(step.get("run"), str):
                yield step["run"]


def _gitlab(data: object) -> Iterator[str]:
    for job in data.values() if isinstance(data, dict) else ():
        for key in ("before_script", "script"):
            lines = job.get(key) if isinstance(job, dict) else None
            yield from [lines] if isinstance(lines, str) else strings(lines)
