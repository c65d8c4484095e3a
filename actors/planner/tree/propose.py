"""Which ecosystems a tree has at its root, and a job for each: the first is called `test`, others `test-ECOSYSTEM`.

Another CI's files are asked for hints only where the tree leaves something open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actors.planner.tree import go, make, node, python, rust
from actors.planner.tree.found import TreeJob, TreeJobs
from actors.planner.tree.hints import hints_of
from actors.planner.tree.manifests import Project, manifest_paths, shown
from actors.planner.tree.workflows import command_lines
from models.ids import JobId


def from_tree(files: Sequence[str], read: Mapping[str, bytes]) -> TreeJobs:
    """The jobs of a repository with these files. Manifests that do not parse count as text and get a note."""
    project = Project(files, read)
    project.notes += [f"`{shown(name)}` is too large, or no file, and was not used" for name in _unread(files, read)]
    lines = command_lines(project) if _open_questions(project) else ()
    each = (node.propose(project, hints=lines), go.propose(project), rust.propose(project))
    others = [found for found in each if found]
    ours = python.propose(project, alone=not others, hints=lines)
    found = [*([ours] if ours else []), *others]
    if not found or found[0][0] == "python":  # nothing but syntax
        made = make.propose(project, hints=lines)
        found = [made] if made else found
    if not found:
        return _nothing(project)
    jobs = [_named(job, index) for index, (_, job) in enumerate(found)]
    source = "tree: " + ", ".join(what for what, _ in found)
    return TreeJobs(source, tuple(jobs), tuple(_with_hints(project, lines)))


def _unread(files: Sequence[str], read: Mapping[str, bytes]) -> list[str]:
    return [name for name in manifest_paths(files) if name not in read and not name.endswith(".py")][:3]


def _open_questions(project: Project) -> bool:
    """Whether the manifests alone leave open how the tests are run: then another CI's files are worth reading."""
    if any(name in project.texts for name in ("tox.ini", "noxfile.py", "go.mod", "go.work", "Cargo.toml")):
        return False
    if "package.json" in project.texts:
        return '"test"' not in project.text("package.json")
    settled = ("tool.tox", "dependency-groups", "optional-dependencies", "tool.poetry")
    return not any(word in project.text("pyproject.toml") for word in settled)


def _named(job: TreeJob, index: int) -> TreeJob:
    if index == 0:
        return job
    return job._replace(spec=job.spec.having(id=JobId(f"test-{job.ecosystem}")))


def _with_hints(project: Project, lines: Sequence[str]) -> list[str]:
    """The notes, with what was taken from another CI's files."""
    if not lines:
        return project.notes
    hints = hints_of(lines, project.there, ())
    taken = [f"`{shown(word)}`" for words in hints[:-1] for word in words][:8]
    what = f"hints were taken: {', '.join(taken)}; " if taken else ""
    said = f"of {len(lines)} command lines in another CI's files {what}{hints.other} say nothing that Delta knows"
    return [*project.notes, said]


def _nothing(project: Project) -> TreeJobs:
    count = len(project.files)
    what = f"none of the {count} files says how it is tested" if count else "the repository has no files"
    note = f"{what}, so nothing was recognised; say what to run in `.delta.yml`: `version: 1` and `jobs:` with `run:`"
    return TreeJobs("tree: nothing recognised", (), (*project.notes, note))
