"""Proposals from diffs that the job printed itself: a formatter's, or `git diff` after code was generated. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from actors.analyzer.proposals.diffs import Diff, Tool, diffs
from actors.analyzer.proposals.files import Files, changed, text_of
from actors.analyzer.proposals.layout import language, layout_only
from models.errors import ChangeError
from models.job import JobSpec
from models.patch import FilePatch, Hunk, lines_of, render
from models.proposal import Proposal, ProposalKind

_GIT_DIFF: Final = re.compile(r"\bgit\s(?:[^|;&\n]*\s)?diff\b")
_LANGUAGES: Final = {Tool.PYTHON: "python", Tool.GOFMT: "go", Tool.RUSTFMT: "rust"}


def of_formatter(lines: Sequence[str], spec: JobSpec, files: Files) -> Proposal | None:
    """The formatter's own diff, if all of it fits the files and changes nothing but their layout.

    `ChangeError` where there is one that must not be proposed.
    """
    found = [diff for diff in diffs(lines) if diff.tool is not Tool.GIT]
    if not found:
        return None
    patches = _by_file(found, files)
    for patch in patches:
        old, new = changed(files, patch)
        if not layout_only(patch.path, old, new):
            raise ChangeError(f"the diff changes more in {patch.path} than its layout")
    return _proposal(ProposalKind.FORMATTER, patches, found, f"the formatter of job {spec.id} printed it")


def of_generated(lines: Sequence[str], spec: JobSpec, files: Files) -> Proposal | None:
    """What the job's own `git diff` showed: files that it generates, and that were committed differently."""
    if not any(_GIT_DIFF.search(command) for command in spec.run):
        return None
    found = [diff for diff in diffs(lines) if diff.tool is Tool.GIT]
    if not found:
        return None
    patches = _by_file(found, files)
    for patch in patches:
        changed(files, patch)
    return _proposal(ProposalKind.GENERATED, patches, found, f"the `git diff` of job {spec.id} printed it")


def _by_file(found: Iterable[Diff], files: Files) -> tuple[FilePatch, ...]:
    """One patch for each file. A diff that was printed twice counts once."""
    hunks: dict[str, dict[Hunk, None]] = {}
    for diff in found:
        wanted = _LANGUAGES.get(diff.tool)
        if wanted is not None and language(diff.file.path) != wanted:
            raise ChangeError(f"{diff.file.path} is no file of that formatter")
        for hunk in diff.file.hunks:
            placed = _placed(hunk, diff.file.path, files) if diff.tool is Tool.RUSTFMT else hunk
            hunks.setdefault(diff.file.path, {})[placed] = None
    return tuple(
        FilePatch(path=path, hunks=tuple(sorted(each, key=lambda hunk: hunk.start))) for path, each in hunks.items()
    )


def _placed(hunk: Hunk, path: str, files: Files) -> Hunk:
    """Versions of rustfmt count differently: the lines must stand in the file once, and there they are meant."""
    lines, wanted = lines_of(text_of(files, path)), list(hunk.old)
    first = wanted[0] if wanted else ""
    places = [at for at, line in enumerate(lines) if line == first and lines[at : at + len(wanted)] == wanted]
    if len(places) != 1:
        raise ChangeError(f"it is not clear where in {path} the lines of the diff stand")
    return hunk.having(start=places[0] + 1)


def _proposal(kind: ProposalKind, patches: tuple[FilePatch, ...], found: Sequence[Diff], why: str) -> Proposal:
    return Proposal(kind=kind, patch=render(patches), why=why, first=found[0].first, last=found[-1].last)
