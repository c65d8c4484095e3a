"""Which changes count, and of what: comments, versions, renames, deletions, data, documents and packages."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.unit.planner.selecting import selected, selection

TREE = {
    "pkg/__init__.py": "from .mod import f\n__version__ = '1'\n",
    "pkg/mod.py": '"""What it is."""\nimport os\n\ndef f():\n    return 1\n\ndef g():\n    return 1\n',
    "tests/test_f.py": "from pkg import f\ndef test_it():\n    assert f()\n",
    "tests/test_g.py": "from pkg.mod import g\ndef test_it():\n    assert g()\n",
    "tests/test_version.py": "import pkg\ndef test_it():\n    assert pkg.__version__\n",
}
F, G, V = "tests/test_f.py", "tests/test_g.py", "tests/test_version.py"
MOD = TREE["pkg/mod.py"]

CHANGES: dict[str, tuple[Mapping[str, str | None], set[str]]] = {
    "a comment": ({"pkg/mod.py": f"# new\n{MOD}"}, set()),
    "layout": ({"pkg/mod.py": MOD.replace("return 1", "return (\n        1)")}, set()),
    "order": ({"pkg/mod.py": "def g():\n    return 1\ndef f():\n    return 1\nimport os\n"}, set()),
    "a new function": ({"pkg/mod.py": f"{MOD}\ndef h():\n    return 1\n"}, set()),
    "a version": ({"pkg/__init__.py": TREE["pkg/__init__.py"].replace("'1'", "'2'")}, {V}),
    "the body": ({"pkg/mod.py": f"{MOD}print(1)\n"}, {F, G, V}),
    "a syntax error": ({"pkg/mod.py": f"{MOD}print 1\n"}, {F, G, V}),
    "an unknown package is imported": ({"pkg/mod.py": f"import requests\n{MOD}"}, {F, G, V}),
    "a deleted name": ({"pkg/mod.py": MOD[: MOD.index("def g")]}, {G}),
    "a deleted name that is passed on": ({"pkg/mod.py": MOD.replace("def f", "def other")}, {F, G, V}),
    "a deleted module": ({"pkg/mod.py": None}, {F, G, V}),
    "a renamed module": ({"pkg/mod.py": None, "pkg/new.py": MOD}, {F, G, V}),
    "a new module that nobody knows": ({"pkg/new.py": MOD}, set()),
    "a new module that hides another": ({"pkg/mod/__init__.py": MOD}, {F, G, V}),
    "a changed test": ({G: TREE[G] + "# comment\n"}, {G}),
    "a new test": ({"tests/test_h.py": "def test_it():\n    pass\n"}, {"tests/test_h.py"}),
    "a deleted test": ({G: None}, set()),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_reaches(case: str) -> None:
    change, wanted = CHANGES[case]
    found = selection(TREE, change)
    assert (set(found.tests), found.unsure) == (wanted, ())


READERS = {
    "by its path": "open('tests/data/one.json')",
    "by its name": "open(os.path.join(HERE, 'data', 'one.json'))",
    "by its folder": "os.listdir(os.path.join(HERE, 'data'))",
    "by its stem": "load('one' )",
    "by a pattern of its folder": "glob('tests/data/*.json')",
}


@pytest.mark.parametrize("case", READERS)
def test_data_reaches_who_reads_it(case: str) -> None:
    stem = case == "by its stem"
    data = "tests/data/first.json" if stem else "tests/data/one.json"
    text = READERS[case].replace("'one'", "'first'") if stem else READERS[case]
    tree = {**TREE, "tests/test_data.py": f"def test_it():\n    {text}\n", data: "{}"}
    found = selection(tree, {data: "[]"})
    assert (set(found.tests), found.unsure) == ({"tests/test_data.py"}, ())


def test_data_that_nobody_names_leaves_nothing_out() -> None:
    assert selected({**TREE, "pkg/table.csv": "1"}, {"pkg/table.csv": "2"}) == {F, G, V}


def test_a_document_reaches_only_who_reads_it() -> None:
    reader = {"tests/test_readme.py": "def test_it():\n    assert open('README.md').read()\n"}
    assert set(selection(TREE, {"README.md": "x"}, documents=["README.md"]).tests) == set()
    assert set(selection({**TREE, **reader}, {"README.md": "x"}, documents=["README.md"]).tests) == {*reader}


def test_a_package_reaches_whoever_uses_it_and_an_unknown_one_all() -> None:
    tree = {**TREE, "tests/test_yaml.py": "import yaml\ndef test_it():\n    yaml.safe_load('')\n"}
    found = selection(tree, {}, packages=["PyYAML"])
    assert (set(found.tests), found.unsure) == ({"tests/test_yaml.py"}, ())
    assert selection(tree, {}, packages=["pytest-xdist"]).unsure


def test_a_namesake_is_selected_though_nothing_leads_to_it() -> None:
    tree = {"pkg/hooks.py": "x = 1\n", "tests/test_hooks.py": "def test_it():\n    pass\n"}
    found = selection(tree, {"pkg/hooks.py": "x = 2\n"})
    assert found.tests["tests/test_hooks.py"][0].rule == "name"
    assert selection(tree, {"pkg/hooks.py": "x = 1  # one\n"}).tests == {}


@pytest.mark.parametrize("layout", ["src/pkg", "lib/pkg", "python/pkg", "space/pkg", "components/one/pkg"])
def test_layouts_and_packages_without_init(layout: str) -> None:
    tree = {
        f"{layout}/part/mod.py": "def f():\n    return 1\n",
        F: "from pkg.part.mod import f\ndef test_it():\n    assert f()\n",
    }
    assert selected(tree, {f"{layout}/part/mod.py": "def f():\n    return 2\n"}) == {F}


@pytest.mark.parametrize("name", ["new\nline", "a'b\"c", "{{ x }}", "$(reboot)", "ünï", "-rf", "a b"])
def test_names_of_any_kind(name: str) -> None:
    test = f"tests/{name}/test_x.py"
    tree = {**TREE, test: TREE[F]}
    found = selection(tree, {"pkg/mod.py": MOD.replace("return 1", "return 2", 1)})
    assert set(found.tests) == {F, test}
    assert "\n" not in found.tests[test][0].evidence


def test_a_file_with_very_many_words_still_imports() -> None:
    words = "\n".join(f"x{number} = 'some/file{number}.txt'" for number in range(15_000))
    tree = {**TREE, F: f"{TREE[F]}{words}\n"}
    assert F in selected(tree, {"pkg/mod.py": MOD.replace("return 1", "return 2", 1)})


@pytest.mark.parametrize("text", [b"\xff\xfe" + b"import pkg", "# coding: latin-1\nx = 'é'\n".encode("latin-1"), b"\0"])
def test_what_is_not_utf_8_is_read_all_the_same(text: bytes) -> None:
    assert F in selected(TREE, {"pkg/mod.py": text}) or F in selection(TREE, {"pkg/mod.py": text}).tests
