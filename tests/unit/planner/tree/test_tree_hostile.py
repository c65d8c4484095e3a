"""Whatever a tree says, there is an answer, and it is bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.planner.tree import from_tree, manifest_paths

DEEP = 100_000
NASTY = {
    "pyproject.toml": [
        b"a=" + b"[" * DEEP,
        b"\x00\xff",
        b"[project]\ndependencies=7\n[dependency-groups]\ntest=[{include-group='test'}]\n[tool]\npytest=1",
        b"[project]\ndependencies=['$(reboot)', \"a'; reboot\"]\noptional-dependencies=3\n[tool.poetry]\ngroup=1",
        b"project=1\ntool=2\nbuild-system=3\ndependency-groups=4",
        b"[tool.tox]\nenv_run_base=1\nlegacy_tox_ini='[x'",
    ],
    "package.json": [
        b"[" * DEEP,
        b"7",
        b'{"scripts": 7, "workspaces": [["a"]]}',
        b'{"scripts": {"test": ["a"]}, "engines": 7, "exports": {".": {".": 1}}}',
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"scripts":{"test":"x"}}' + b" " * 300_000,
    ],
    "Cargo.toml": [b"[package]\nname=1\nrust-version=[]\n[workspace]\nmembers=7\nexclude=1", b"workspace=1"],
    "go.mod": [b"\xff", b"go 9999999999.1", b"module " + b"x" * DEEP],
    "go.work": [b"use ../../..\nuse (" + b"./a\n" * DEEP],
    "setup.py": [
        b"(" * DEEP,
        b"setup(" * 500,
        b"setup(install_requires=setup, extras_require={**x, 'a': setup})",
        b"setup\x00",
        b"setup" + b"-" * DEEP + b"1",
        b"setup+1" + b"+1" * 50_000,
    ],
    "setup.cfg": [b"[options]\ninstall_requires = %(x)s\n[options.extras_require]\ntest", b"x" * DEEP, b"[a\n[b]\nc"],
    "tox.ini": [b"[testenv]\ndeps\ncommands = pytest {posargs:{posargs}}", b"[testenv\n[pytest]"],
    "requirements.txt": [b"-r requirements.txt\n" * 1000, b"\\\n" * 1000, b"a" * DEEP],
    ".github/workflows/ci.yml": [b"[" * DEEP, b"jobs: [1]", b"jobs: {a: {steps: {run: 1}}}", b"a: !!python/object x"],
    ".gitlab-ci.yml": [b"script: 1", b"a: {script: {b: 1}}", b"a: {script: 1}"],
    "Makefile": [b"test" * DEEP, b"\x00test:"],
    "pnpm-workspace.yaml": [b"packages:\n" + b"- '" * 10_000, b"packages:\n  - ../..\n  - '**'"],
}


@pytest.mark.parametrize(("name", "content"), [(name, text) for name, texts in NASTY.items() for text in texts])
@pytest.mark.parametrize("beside", [["x.py", "tests/test_x.py"], []])
def test_a_hostile_manifest_is_told_at_most(name: str, content: bytes, beside: list[str]) -> None:
    found = from_tree([*beside, name], {name: content})
    assert len(found.notes) < 10
    assert all(len(note) < 500 and "\n" not in note for note in found.notes)
    assert all("reboot;" not in " ".join(job.run) for job in found.jobs)


@given(st.dictionaries(st.sampled_from(sorted(NASTY)), st.binary(max_size=300), max_size=4))
def test_any_bytes_have_an_answer(read: dict[str, bytes]) -> None:
    from_tree(["x.py", "test_x.py", *read], read)


def test_what_is_too_large_is_told() -> None:
    found = from_tree(["package.json", "a.js"], {"package.json": b" " * 300_000})
    assert found.notes[0] == "`package.json` is larger than 256 kB and was not used"
    unread = from_tree(["package.json", "a.js"], {})
    assert unread.notes[0] == "`package.json` is too large, or no file, and was not used"


def test_a_hundred_thousand_files_are_looked_at_once() -> None:
    files = [f"d{n % 977}/test_{n}.py" for n in range(100_000)] + ["x" * 4000 + "requirements" * 500 + ".txt"]
    assert len(from_tree(files, {}).found) == 1
    assert len(manifest_paths(files)) == 0


def test_a_path_cannot_break_out_of_a_command_or_a_note() -> None:
    found = from_tree(["$(reboot)`x`\n/tests.py"], {})
    (job,) = found.jobs
    assert job.run == ("python3 -m unittest discover -v -s '$(reboot)`x`\n'",)
    assert "\n" not in found.evidence[0].evidence


def test_only_small_manifests_are_asked_for() -> None:
    files = ["a/pyproject.toml", "pyproject.toml", "requirements-dev.txt", "requirements/test.txt", "x.py", "tox.ini"]
    assert manifest_paths(files) == ("pyproject.toml", "tox.ini", "requirements-dev.txt", "requirements/test.txt")
    assert len(manifest_paths([f"requirements{n}.txt" for n in range(100)])) == 24
    flows = [f".github/workflows/{name}.yml" for name in ("a", "b", "c", "zz-test")]
    assert manifest_paths(flows)[0] == ".github/workflows/zz-test.yml"
    assert len(manifest_paths(flows)) == 3
    many = ["package.json", *(f"packages/p{n}/package.json" for n in range(500)), "node_modules/a/package.json"]
    assert len(manifest_paths(many)) == 101
