"""Repositories by what they are made of, so that one of which nothing is known can be offered what works in another.

Pure, and without a model: kinds of files and manifests say what a repository is built with better than its words do.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from models.history import Profile, RecipeStep, SimilarRepository
from models.printable import code

# Above this, two repositories are built with the same tools.
MIN_ALIKE: Final = 0.8

_MANIFESTS: Final = frozenset({
    "pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "noxfile.py", "pytest.ini", "requirements.txt",
    "package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "tsconfig.json", "go.mod", "cargo.toml",
    "makefile", "gemfile", "composer.json", "pom.xml", "build.gradle", "build.gradle.kts", "cmakelists.txt",
    "meson.build", "mix.exs", "rebar.config", "stack.yaml", "dune-project", "build.zig", "justfile", "deno.json",
    "pubspec.yaml", "rakefile",
})  # fmt: skip
_MANIFEST_WEIGHT: Final = 4.0


def features(files: Iterable[str]) -> dict[str, float]:
    """What a repository is made of: how many files of each suffix, by order of magnitude, and its root's manifests."""
    found: Counter[str] = Counter()
    manifests = set()
    for file in files:
        name = file.rpartition("/")[2].lower()
        suffix = PurePosixPath(name).suffix
        if 1 < len(suffix) <= 12:
            found[suffix] += 1
        if file.lower() in _MANIFESTS:
            manifests.add(name)
    weights = {suffix: round(math.log1p(count), 3) for suffix, count in found.most_common(50)}
    return weights | dict.fromkeys(sorted(manifests), _MANIFEST_WEIGHT)


def alike(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """The cosine of two repositories' features: 1 is made of the same, 0 has nothing in common."""
    lengths = math.hypot(*one.values()) * math.hypot(*other.values())
    return sum(weight * other.get(name, 0.0) for name, weight in one.items()) / lengths if lengths else 0.0


def similar(
    repository: str, made_of: Mapping[str, float], profiles: Iterable[Profile]
) -> tuple[SimilarRepository, ...]:
    """Up to three repositories of the same owner that look like this one, the most similar first.

    Of the same owner, because a command can name what is nobody else's business.
    """
    owner = _owner(repository)
    found = [
        SimilarRepository(profile=profile, similarity=round(alike(made_of, profile.features), 4))
        for profile in profiles
        if profile.repository != repository and _owner(profile.repository) == owner and profile.recipe
    ]
    near = [each for each in found if each.similarity >= MIN_ALIKE]
    return tuple(sorted(near, key=lambda each: (-each.similarity, each.profile.repository))[:3])


def _owner(repository: str) -> str:
    """`ada` of `ada/kitchen`. Local repositories, named by their absolute path, are all of this machine's user."""
    return "/" if repository.startswith("/") else repository.partition("/")[0]


def propose(likes: Sequence[SimilarRepository]) -> tuple[str, ...]:
    """For a repository of which nothing is known: a note with what works in the most similar one. Nothing is run."""
    if not likes:
        return ()
    best = likes[0]
    jobs = "; ".join(_shown(step) for step in best.profile.recipe[:3])
    where = f"{code(best.profile.repository)}, which looks like this repository (similarity {best.similarity:.2f})"
    return (f"a proposal for `.delta.yml`, from {where}: {jobs}",)


def _shown(step: RecipeStep) -> str:
    return f"job {code(step.job)} in {code(step.image)}: " + ", ".join(code(command) for command in step.run[:3])
