"""Reads all that a plan is made from out of a repository. Bounded: in time, and in what is held in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from actors.planner.config import NAME
from actors.planner.dependencies import Meaning, meaning
from actors.planner.inputs import PlanInputs
from actors.planner.kinds import Kind, code_folders, kind_of
from actors.planner.packages.sources import MAX_FILE_BYTES as PACKAGE_FILE_BYTES
from actors.planner.packages.sources import PackageSources
from actors.planner.python.modules import is_python
from actors.planner.python.project import MAX_FILE_BYTES, PythonProject, learn, sides
from actors.planner.tree import manifest_paths
from cluster.factbase import FactBase
from models.change import Change
from models.history import Recollection
from models.policy import Policy
from sandbox.source.repository import Differing, Repository
from sandbox.source.tree import Tree

# A change of more Python files is read no closer: it reaches everything anyway, or is not a person's.
MAX_PYTHON_CHANGES: Final = 2_000
_DATA_KINDS: Final = frozenset({Kind.CODE, Kind.UNKNOWN})


def gather(
    repository: Repository,
    change: Change,
    policy: Policy,
    base: FactBase,
    history: Recollection = Recollection(),  # noqa: B008 - a frozen record
    audit_share: float = 0.0,
) -> PlanInputs:
    """The inputs of the plan of a change whose commits are there. Errors: those of `Repository`."""
    merge_base = None if change.base is None else repository.merge_base(change.base, change.head)
    tree = repository.tree(change.head)
    manifests = manifest_paths(tree.files)
    read = tree.read([NAME]) | tree.read(manifests, skip_larger=True)
    differing = () if merge_base is None else repository.differing(merge_base, change.head)
    shallow = repository.is_shallow()
    return PlanInputs(
        change=change,
        merge_base=merge_base,
        shallow=shallow,
        changed=tuple(each.file for each in differing),
        files=tree.files,
        config_text=_text(read.get(NAME)),
        base_config_text=_base_config(repository, change),
        read={path: read[path] for path in manifests if path in read},
        blobs={entry.path: entry.blob for entry in tree.entries},
        meanings=_meanings(repository, differing),
        policy=policy,
        history=history,
        audit_share=audit_share,
        python=None if shallow else _python(repository, tree, differing, base),
        packages=None if shallow else _packages(repository, tree, differing),
    )


def _base_config(repository: Repository, change: Change) -> str | None:
    """The base branch's present one, not the merge base's: a fork could choose a merge base whose policy is lax."""
    if change.base is None:
        return None
    return _text(repository.root(change.base).read([NAME]).get(NAME))


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")


def _meanings(repository: Repository, differing: Sequence[Differing]) -> dict[str, Meaning]:
    """Of changed build files, what their change means."""
    both = [each for each in differing if each.old and each.new and kind_of(each.file.path, frozenset()) is Kind.BUILD]
    contents = repository.contents([blob for each in both for blob in (each.old, each.new) if blob], MAX_FILE_BYTES)
    return {
        each.file.path: meaning(each.file.path, contents.get(each.old or ""), contents.get(each.new or ""))
        for each in both
    }


def _python(repository: Repository, tree: Tree, differing: Sequence[Differing], base: FactBase) -> PythonProject | None:
    files = {entry.path: entry.blob for entry in tree.entries if entry.regular and is_python(entry.path)}
    versions = {path: blobs for path, blobs in _versions(differing) if is_python(path)}
    if not files or len(versions) > MAX_PYTHON_CHANGES:
        return None

    def contents(blobs: Sequence[str]) -> Mapping[str, bytes]:
        return repository.contents(blobs, MAX_FILE_BYTES)

    learn(base, files, contents)
    asked = [blob for pair in versions.values() for blob in pair if blob]
    # What is too large to be read has another text all the same: its id stands for it, as a body that differs.
    found = {blob: blob.encode() for blob in asked} | dict(contents(asked))
    folders = code_folders(tree.files)
    kinds = {path: kind_of(path, folders) for path, _ in _versions(differing)}
    requirements = _meanings(repository, differing)
    return PythonProject(
        files=files,
        base=base,
        changed={
            path: sides(found.get(old or ""), found.get(new or ""))
            for path, (old, new) in versions.items()
            if kinds[path] is not Kind.BUILD or path not in requirements
        },
        data=[path for path, kind in kinds.items() if kind in _DATA_KINDS and not is_python(path)],
        documents=[
            path
            for path, kind in kinds.items()
            if (kind is Kind.DOCUMENTATION and not is_python(path)) or path in requirements
        ],
        packages=sorted({package for each in requirements.values() for package in each.packages}),
    )


def _packages(repository: Repository, tree: Tree, differing: Sequence[Differing]) -> PackageSources:
    folders = code_folders(tree.files)
    return PackageSources(
        files={entry.path: entry.blob for entry in tree.entries if entry.regular},
        changed=[path for path, _ in _versions(differing) if kind_of(path, folders) is not Kind.DOCUMENTATION],
        contents=lambda blobs: repository.contents(blobs, PACKAGE_FILE_BYTES),
    )


def _versions(differing: Sequence[Differing]) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    """The contents of every path that the change touches, before and after: a rename touches two."""
    for each in differing:
        if each.file.old_path is not None:
            if each.file.status == "R":
                yield each.file.old_path, (each.old, None)
            yield each.file.path, (None, each.new)
        else:
            yield each.file.path, (each.old, each.new)
