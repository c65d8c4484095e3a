"""Of any tree of modules: no test that runs a changed module is left out, and more imports never leave more out."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.planner.selecting import selection

MODULES: Final = [f"pkg/m{number}.py" for number in range(6)]
TESTS: Final = [f"tests/test_t{number}.py" for number in range(3)]
FORMS: Final = ("import pkg.{0}", "from pkg import {0}", "from pkg.{0} import f", "from pkg.{0} import *")
INSIDE: Final = ("from . import {0}", "from .{0} import f as g", "import pkg.{0} as other", *FORMS)

Edges = dict[str, list[tuple[int, int]]]
modules = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), max_size=3)
trees = st.fixed_dictionaries(dict.fromkeys((*MODULES, *TESTS), modules))


def text(path: str, edges: Edges) -> str:
    forms = FORMS if path in TESTS else INSIDE
    lines = [forms[form % len(forms)].format(f"m{target}") for target, form in edges[path]]
    return "\n".join([*lines, "def f():\n    return 1", "def test_it():\n    pass" if path in TESTS else "", ""])


def built(edges: Edges) -> dict[str, str]:
    return {"pkg/__init__.py": "", **{path: text(path, edges) for path in edges}}


def running(edges: Edges, changed: str) -> set[str]:
    """The tests whose imports, followed one by one, come to the changed module."""
    found = set()
    for test in TESTS:
        seen, waiting = set[str](), [test]
        while waiting:
            path = waiting.pop()
            if path not in seen:
                seen.add(path)
                waiting += [MODULES[target] for target, _ in edges[path]]
        if changed in seen:
            found.add(test)
    return found


def reached(tree: dict[str, str], changed: str) -> set[str]:
    return set(selection(tree, {changed: tree[changed] + "print('changed')\n"}).tests)


@given(trees, st.sampled_from(MODULES))
def test_whoever_runs_a_changed_body_is_selected(edges: Edges, changed: str) -> None:
    assert reached(built(edges), changed) >= running(edges, changed)


@given(trees, st.sampled_from(MODULES), st.sampled_from([*MODULES, *TESTS]), st.integers(0, 5), st.integers(0, 6))
def test_one_more_import_leaves_no_more_out(edges: Edges, changed: str, at: str, target: int, form: int) -> None:
    before = reached(built(edges), changed)
    more = {**edges, at: [*edges[at], (target, form)]}
    assert reached(built(more), changed) >= before


@given(trees, st.sampled_from(MODULES), st.randoms(use_true_random=False))
def test_the_order_of_files_changes_nothing(edges: Edges, changed: str, random: object) -> None:
    tree = built(edges)
    paths = sorted(tree)
    random.shuffle(paths)  # type: ignore[attr-defined]  # hypothesis gives a `random.Random`
    shuffled = {path: tree[path] for path in paths}
    change = {changed: tree[changed] + "print('changed')\n"}
    assert selection(shuffled, change) == selection(tree, change)
