"""How far a diff can be trusted: what kinds of files changed, and why nothing may be left out because of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from actors.planner.glob import Glob, match
from actors.planner.inputs import PlanInputs
from actors.planner.kinds import Kind, code_folders, kind_of
from models.plan import ChangedFile, Reason
from models.printable import SHOWN, code, listed

MAX_MATCHES: Final = 250_000  # of paths with patterns: about half a second
_WIDENS: Final[Mapping[Kind, str]] = {
    Kind.CONFIGURATION: "changed: it decides what the jobs are",
    Kind.CI: "changed: it belongs to the CI itself",
    Kind.BUILD: "changed: it can affect everything",
    Kind.UNKNOWN: "is of a kind that no rule knows and no job's `paths` name",
}


class Doubts(NamedTuple):
    """`everywhere` is why every job runs, whole. `without_tests` is why every job does whose tests are not chosen.

    `kinds` are those of all paths that the diff speaks of, old names of renamed files included.
    """

    kinds: Mapping[str, Kind]
    everywhere: tuple[Reason, ...]
    without_tests: tuple[Reason, ...]


def doubts(inputs: PlanInputs, changed: Sequence[ChangedFile], globs: Sequence[Sequence[Glob]]) -> Doubts:
    """What is to be doubted. `globs` are the `paths` of all jobs."""
    kinds = _kinds(changed, inputs.files)
    reasons = _of_history(inputs, kinds)
    if len(kinds) * sum(map(len, globs)) > MAX_MATCHES:
        reasons.append(Reason(rule="huge change", evidence=f"{len(kinds)} paths changed, too many to match each"))
    requirements: set[str] = set()
    for path, kind in kinds.items():
        if len(reasons) >= SHOWN:
            break  # enough to show, and with one of them no path needs to be matched any more
        meaning = inputs.meanings.get(path) if kind is Kind.BUILD else None
        if meaning is not None and not meaning.anything:
            requirements |= meaning.packages
        elif kind in _WIDENS and not (kind is Kind.UNKNOWN and any(match(paths, path) for paths in globs)):
            reasons.append(Reason(rule=f"{kind} file", evidence=f"{code(path)} {_WIDENS[kind]}"))
    told = Reason(rule="requirements", evidence=f"another version of {listed(sorted(requirements))} is required")
    return Doubts(kinds, tuple(reasons), (told,) if requirements else ())


def _of_history(inputs: PlanInputs, kinds: Mapping[str, Kind]) -> list[Reason]:
    if inputs.merge_base is None:
        return [Reason(rule="no merge base", evidence="there is no common commit with a base to compare with")]
    if inputs.shallow:
        return [Reason(rule="shallow history", evidence="the history is cut off, so the diff may be incomplete")]
    if not kinds:
        return [Reason(rule="empty diff", evidence="no file differs from the base, so nothing can be narrowed")]
    return []


def _kinds(changed: Iterable[ChangedFile], files: Iterable[str]) -> dict[str, Kind]:
    folders = code_folders(files)
    paths = [path for file in changed for path in (file.path, file.old_path) if path is not None]
    return {path: kind_of(path, folders) for path in paths}
