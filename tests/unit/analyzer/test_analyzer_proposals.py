"""What is proposed, and above all what is not: logs are written by the code under test."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from actors.analyzer.proposals.find import proposed
from actors.analyzer.proposals.layout import layout_only
from actors.analyzer.proposals.packages import PACKAGES
from actors.analyzer.proposals.show import folded
from models.ids import RunId
from models.job import JobSpec
from models.patch import applied, parse
from models.probe import Probed
from models.proposal import Proposal, ProposalKind
from tests.unit.core.samples import spec

OLD = "import os\n\n\ndef area(width,height):\n    '''Of a tin.'''\n    return width*height\n"
NEW = 'import os\n\n\ndef area(width, height):\n    """Of a tin."""\n    return width * height\n'
HUNK = (
    "@@ -1,6 +1,6 @@\n import os\n \n \n-def area(width,height):\n-    '''Of a tin.'''\n-    return width*height\n"
    '+def area(width, height):\n+    """Of a tin."""\n+    return width * height\n'
)
BLACK = (
    "--- src/tin.py\t2024-05-01 10:00:00.000000+00:00\n+++ src/tin.py\t2024-05-01 10:00:01.000000+00:00\n"
    f"{HUNK}would reformat src/tin.py\n\nOh no!\n1 file would be reformatted.\n"
)
GO_OLD, GO_NEW = "package a\n\nfunc F( ) {\n  x:=1\n}\n", "package a\n\nfunc F() {\n\tx := 1\n}\n"
GO_HUNK = "@@ -1,5 +1,5 @@\n package a\n \n-func F( ) {\n-  x:=1\n+func F() {\n+\tx := 1\n }\n"
RUST_OLD, RUST_NEW = "fn main() {\n    let  x = 1;\n}\n", "fn main() {\n    let x = 1;\n}\n"
RUST = " fn main() {\n-    let  x = 1;\n+    let x = 1;\n }\n \n"


class Tree:
    """Files by path; `links` are in the tree and are no regular files."""

    def __init__(self, files: Mapping[str, str | bytes], links: Iterable[str] = ()) -> None:
        self._files = {path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()}
        self.paths = (*self._files, *links)

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        return {path: self._files[path] for path in paths if path in self._files}


def of(
    log: str, files: Mapping[str, str | bytes], job: JobSpec | None = None, links: Iterable[str] = ()
) -> Proposal | None:
    return proposed(log.split("\n"), job or spec("lint"), Tree(files, links))


def after(proposal: Proposal | None, files: Mapping[str, str]) -> dict[str, str]:
    assert proposal is not None
    return {file.path: applied(file, files[file.path]) for file in parse(proposal.patch)}


@pytest.mark.parametrize(
    "log",
    [
        BLACK,
        f"$ ruff format --diff .\n--- src/tin.py\n+++ src/tin.py\n{HUNK}\n1 file would be reformatted\n",
        BLACK.replace("src/tin.py", "/workspace/src/tin.py"),
        BLACK.replace("src/tin.py", "./src/tin.py"),
        BLACK.replace("\n \n", "\n\n"),  # the space of an empty line got lost
        BLACK.replace("\n", "\r\n"),
        "\n".join(f"\x1b[1m{line}\x1b[0m" for line in BLACK.split("\n")),
        BLACK + BLACK,
    ],
    ids=["black", "ruff", "absolute", "dotted", "stripped", "crlf", "coloured", "twice"],
)
def test_a_formatters_own_diff_is_proposed(log: str) -> None:
    found = of(log, {"src/tin.py": OLD})
    assert after(found, {"src/tin.py": OLD}) == {"src/tin.py": NEW}
    assert found is not None
    assert (found.kind, found.tried) == (ProposalKind.FORMATTER, False)


def test_where_it_stands_in_the_log_is_said() -> None:
    found = of(f"collecting\n{BLACK}", {"src/tin.py": OLD})
    assert found is not None
    assert (found.first, found.last) == (2, 13)


@pytest.mark.parametrize(
    ("log", "path", "old", "new"),
    [
        (f"diff a/f.go.orig a/f.go\n--- a/f.go.orig\n+++ a/f.go\n{GO_HUNK}", "a/f.go", GO_OLD, GO_NEW),
        (f"diff -u f.go.orig f.go\n--- f.go.orig\t2024\n+++ f.go\t2024\n{GO_HUNK}", "f.go", GO_OLD, GO_NEW),
        (f"Diff in /workspace/src/main.rs:1:\n{RUST}", "src/main.rs", RUST_OLD + "\n", RUST_NEW + "\n"),
        (f"Diff in src/main.rs at line 7:\n{RUST}", "src/main.rs", RUST_OLD + "\n", RUST_NEW + "\n"),
    ],
)
def test_other_formatters(log: str, path: str, old: str, new: str) -> None:
    assert after(of(log, {path: old}), {path: old}) == {path: new}


EVIL = BLACK.replace("+    return width * height", "+    return os.system(width)")


@pytest.mark.parametrize(
    ("log", "files"),
    [
        (EVIL, {"src/tin.py": OLD}),
        (BLACK.replace("+    return", "+    return 1 or"), {"src/tin.py": OLD}),
        (BLACK, {"src/tin.py": NEW}),
        (BLACK, {"src/tin.py": OLD.replace("import os", "import sys")}),
        (BLACK, {"src/tin.py": OLD.replace("\n", "\r\n")}),
        (BLACK, {"src/tin.py": b"\xff\xfe" + OLD.encode()}),
        (BLACK, {}),
        (BLACK.replace("+def area", "would reformat\n+def area"), {"src/tin.py": OLD}),
        (BLACK[: len(BLACK) // 2], {"src/tin.py": OLD}),
        (BLACK + BLACK.replace("src/tin.py", "src/gone.py"), {"src/tin.py": OLD}),
        (BLACK + "--- x.py\n+++ x.py\nnothing\n", {"src/tin.py": OLD}),
        (BLACK.replace("src/tin.py", "../tin.py"), {"../tin.py": OLD}),
        (BLACK.replace("src/tin.py", "/etc/tin.py"), {"/etc/tin.py": OLD}),
        (BLACK.replace("src/tin.py", ".github/tin.py"), {".github/tin.py": OLD}),
        (BLACK.replace("src/tin.py", ".delta.yml"), {".delta.yml": OLD}),
        (BLACK.replace("src/tin.py", "src/conftest.py"), {"src/conftest.py": OLD}),
        (BLACK.replace("src/tin.py", "tin.sh"), {"tin.sh": OLD}),
        (f"diff x.go.orig x.go\n--- x.sh.orig\n+++ x.sh\n{GO_HUNK}", {"x.sh": GO_OLD}),
        (f"--- f.go.orig\n+++ f.go\n{GO_HUNK.replace('x := 1', 'x := evil')}", {"f.go": GO_OLD}),
        (f"Diff in build.sh:1:\n{RUST}", {"build.sh": RUST_OLD + "\n"}),
        (f"Diff in src/main.rs:1:\n{RUST}", {"src/main.rs": 2 * (RUST_OLD + "\n")}),
        (f"Diff in src/main.rs:1:\n{RUST.replace('x = 1;', 'x = evil();', 2)}", {"src/main.rs": RUST_OLD + "\n"}),
        ("GIT binary patch\nliteral 10\n" + BLACK.replace("@@ -1,6", "@@ -1,7"), {"src/tin.py": OLD}),
        ("".join(BLACK.replace("tin", f"tin{number}") for number in range(20)), {}),
        ("--- a.py\n+++ a.py\n@@ -1,99999 +1,99999 @@\n" + "+x\n" * 200_000, {"a.py": "y\n"}),
        ("--- a.py\n+++ a.py\n@@ -1,1 +1,1 @@\n-y\n+" + "x" * 10_000_000, {"a.py": "y\n"}),
    ],
)
def test_what_imitates_a_formatter_or_does_not_fit_whole_is_not_proposed(
    log: str, files: Mapping[str, str | bytes]
) -> None:
    assert of(log, files) is None


def test_a_symbolic_link_is_not_changed() -> None:
    assert of(BLACK, {}, links=["src/tin.py"]) is None


GIT = (
    "diff --git a/api/stubs.txt b/api/stubs.txt\nindex 1..2 100644\n--- a/api/stubs.txt\n+++ b/api/stubs.txt\n"
    "@@ -1 +1 @@\n-one\n+two\n"
)
CHECKS = spec("lint").having(run=("make stubs", "git diff --exit-code"))


def test_what_was_generated_anew_is_proposed_where_the_job_itself_asks_git() -> None:
    found = of(GIT, {"api/stubs.txt": "one\n"}, CHECKS)
    assert after(found, {"api/stubs.txt": "one\n"}) == {"api/stubs.txt": "two\n"}
    assert found is not None
    assert found.kind is ProposalKind.GENERATED
    assert of(GIT, {"api/stubs.txt": "one\n"}) is None, "a job that asks for no diff"


@pytest.mark.parametrize(
    "path", [".delta.yml", ".github/workflows/ci.yml", "Makefile", "sub/Dockerfile", "package.json", ".gitlab-ci.yml"]
)
def test_what_decides_what_runs_is_never_changed_by_a_log(path: str) -> None:
    assert of(GIT.replace("api/stubs.txt", path), {path: "one\n"}, CHECKS) is None


def test_a_git_diff_that_makes_links_removes_or_renames_is_none() -> None:
    for log in (
        GIT.replace("--- a/api/stubs.txt", "--- /dev/null"),
        GIT.replace("+++ b/api/stubs.txt", "+++ /dev/null"),
        GIT.replace("+++ b/api/stubs.txt", "+++ b/api/other.txt"),
        GIT.replace("-one\n+two\n", "-one\n+two\u202e\n"),
    ):
        assert of(log, {"api/stubs.txt": "one\n"}, CHECKS) is None


MISSING = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'yaml'\n"
PROJECT = '[project]\nname = "kitchen"\ndependencies = [\n    "httpx>=0.2",\n]\n\n[tool.x]\n'


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("requirements.txt", "httpx>=0.2\n# tests\npytest\n", "httpx>=0.2\n# tests\npytest\nPyYAML\n"),
        ("pyproject.toml", PROJECT, PROJECT.replace("]\n\n", '    "PyYAML",\n]\n\n')),
    ],
)
def test_a_missing_dependency_goes_where_the_project_lists_them(path: str, old: str, new: str) -> None:
    files = {path: old, "src/kitchen/oven.py": ""}
    found = of(MISSING, files)
    assert after(found, files) == {path: new}
    assert found is not None
    assert (found.kind, found.first, found.last) == (ProposalKind.DEPENDENCY, 2, 2)
    assert after(of(f"E   {MISSING.splitlines()[1]}\n" * 3, files), files) == {path: new}


@pytest.mark.parametrize(
    ("log", "files"),
    [
        (MISSING.replace("yaml", "yamll"), {"requirements.txt": "httpx\n"}),  # nobody knows it: somebody may own it
        (MISSING.replace("yaml", "kitchen"), {"requirements.txt": "httpx\n", "src/kitchen/__init__.py": ""}),
        (MISSING.replace("yaml", "requests"), {"requirements.txt": "httpx\n", "src/request.py": ""}),
        (MISSING.replace("yaml", "tomllib"), {"requirements.txt": "httpx\n"}),
        (MISSING + MISSING.replace("yaml", "requests"), {"requirements.txt": "httpx\n"}),
        (MISSING, {"requirements.txt": "pyyaml==6\n"}),
        (MISSING, {"requirements.txt": "-r base.txt\n"}),
        (MISSING, {"requirements.txt": "httpx\r\n"}),
        (MISSING, {"requirements.txt": "httpx==1 \\\n    --hash=sha256:00\n"}),
        (MISSING, {"requirements.txt": "httpx"}),
        (MISSING, {"requirements.txt": ""}),
        (MISSING, {"requirements.txt": "httpx\n", "pyproject.toml": PROJECT}),
        (MISSING, {"requirements.txt": "httpx\n", "uv.lock": ""}),
        (MISSING, {"pyproject.toml": PROJECT.replace('"httpx>=0.2",', '"httpx>=0.2", "x",')}),
        (MISSING, {"pyproject.toml": PROJECT.replace("[project]", "[tool.other]")}),
        (MISSING, {"pyproject.toml": "[project]\ndependencies = []\n"}),
        (MISSING, {"pyproject.toml": PROJECT.replace("httpx>=0.2", "PyYaml")}),
        (MISSING, {"setup.py": ""}),
        (MISSING, {}),
        ("x = \"ModuleNotFoundError: No module named 'yaml'\"\n", {"requirements.txt": "httpx\n"}),
        (MISSING.replace("yaml", "yaml; rm -rf /"), {"requirements.txt": "httpx\n"}),
    ],
)
def test_what_is_not_plain_is_not_added(log: str, files: Mapping[str, str]) -> None:
    assert of(log, files) is None


@pytest.mark.parametrize(
    ("path", "old", "new", "same"),
    [
        ("a.py", "x = {1:2}\n", "x = {1: 2}\n", True),
        ("a.py", "def f():\n    '''\n  Say.\n    '''\n", 'def f():\n    """\n    Say.\n    """\n', True),
        ("a.py", "def f():\n    '''Say.'''\n", "def f():\n    '''Sing.'''\n", False),
        ("a.py", "x = '''\n  a'''\n", "x = '''\n a'''\n", False),
        ("a.py", "x = 1  # a\n", "x = 1  # b\n", True),  # comments do nothing
        ("a.py", "x = (\n", "x = ((\n", False),
        ("a.py", "(" * 5_000, "(" * 5_000, False),
        ("a.py", "-" * 100_000 + "1", "-" * 100_000 + "1", False),
        ("a.go", "a := b+c", "a := c+b", True),  # as when imports are sorted
        ("a.go", "a := b+c", "a := b-c", False),
        ("a.txt", "a", "a", False),
    ],
)
def test_layout_alone(path: str, old: str, new: str, same: bool) -> None:
    assert layout_only(path, old, new) is same


@given(
    st.text(max_size=300),
    st.sampled_from([BLACK, GIT, MISSING, f"Diff in src/main.rs:1:\n{RUST}"]),
    st.integers(0, 400),
)
def test_whatever_stands_in_a_log_is_survived(noise: str, log: str, at: int) -> None:
    files = {"src/tin.py": OLD, "api/stubs.txt": "one\n", "requirements.txt": "httpx\n", "src/main.rs": RUST_OLD}
    found = of(log[:at] + noise + log[at:], files, CHECKS)
    if found is not None:
        assert {file.path for file in parse(found.patch)} <= files.keys()


IMAGES = "jobs:\n  lint:\n    image: runner-pyhton  # ours\n    run: x\n  b:\n    image: 'runner-pyhton'\n    run: y\n"


def refused(image: str, config: str) -> Proposal | None:
    return proposed([], spec("lint").having(image=image), Tree({".delta.yml": config}), refused=True)


def test_an_image_that_is_one_of_ours_but_for_a_typo_is_corrected_and_tried() -> None:
    found = refused("runner-pyhton", IMAGES)
    files = {".delta.yml": IMAGES}
    assert after(found, files) == {".delta.yml": IMAGES.replace("pyhton", "python")}
    assert found is not None
    assert (found.kind, found.image, found.first, found.last) == (ProposalKind.IMAGE, "runner-python", 3, 6)


@pytest.mark.parametrize(
    ("image", "config"),
    [
        ("runner-python", IMAGES.replace("pyhton", "python")),  # it is refused for another reason
        ("runner-xyz", IMAGES.replace("pyhton", "xyz")),
        ("runner-gode", IMAGES.replace("pyhton", "gode")),  # runner-go, or runner-node
        ("evil/runner-pyhton", IMAGES.replace("runner", "evil/runner")),
        ("runner-pyhton", IMAGES.replace("run: x", "run: docker pull runner-pyhton")),
        ("runner-pyhton", IMAGES.replace("runner-pyhton", "{{ image }}")),
    ],
)
def test_an_image_that_is_not_plainly_meant_is_left(image: str, config: str) -> None:
    assert refused(image, config) is None


def test_no_module_of_the_language_itself_and_no_odd_name_is_in_the_table() -> None:
    assert not PACKAGES.keys() & sys.stdlib_module_names
    assert all(re.fullmatch(r"[A-Za-z0-9]+(?:[-.][A-Za-z0-9]+)*", package) for package in PACKAGES.values())


def tried(outcome: Probed | None, patch: str = "--- a/a.md\n+++ b/a.md\n@@ -1,1 +1,1 @@\n-x\n+y\n") -> Proposal:
    return Proposal(
        kind=ProposalKind.GENERATED, patch=patch, why="job `x` @all", first=3, last=9, run=RunId("r1"), outcome=outcome
    )


def test_it_is_shown_once_it_was_tried_and_says_what_came_of_it() -> None:
    for outcome in (None, Probed.NOT_RUN):
        assert folded(tried(outcome)) == ""
    assert folded(None) == ""
    assert "tried in a sandbox, the job then passed" in folded(tried(Probed.PASSED))
    for outcome in (Probed.FAILED, Probed.OTHERWISE):
        assert "tried in a sandbox, the job still failed" in folded(tried(outcome))


@given(st.text("`~<>/@#![]()abdetils \n", max_size=80))
def test_nothing_in_a_patch_comes_alive_or_ends_its_block(text: str) -> None:
    body = "".join(f"+{line}\n" for line in text.split("\n"))
    shown = folded(tried(Probed.PASSED, f"--- a/a.md\n+++ b/a.md\n@@ -0,0 +1,1 @@\n{body}"))
    tokens = MarkdownIt("commonmark").parse(shown)
    assert [token.type for token in tokens] == [
        "html_block",
        "paragraph_open",
        "inline",
        "paragraph_close",
        "fence",
        "html_block",
    ]
    assert "@all" not in shown
