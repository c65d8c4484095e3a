"""Snapshots: what a log must say for them to be written anew, and what may come of what was written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.analyzer.proposals.files import MAX_FILE_BYTES
from actors.analyzer.proposals.find import proposed
from actors.analyzer.proposals.rewritten import rewritten
from actors.analyzer.proposals.snapshots import MOST_PATHS
from models.errors import ChangeError
from models.ids import BlobId
from models.patch import MAX_CHARS, applied, parse
from models.proposal import Proposal, ProposalKind
from models.result import Artifact
from models.snapshots import Snapshots, SnapshotTool
from tests.unit.analyzer.test_analyzer_proposals import Tree
from tests.unit.core.samples import spec

# What the tools print, of two tests each (jest 30, vitest 4, syrupy 5, insta 1); colours and code frames left out.
JEST = """\
FAIL src/button.test.js
  ● button \u203a renders

    expect(received).toMatchSnapshot()

    Snapshot name: `button renders 1`

    - Snapshot  - 1
    + Received  + 1

    -   "label": "x",
    +   "label": "xm",

      at Object.toMatchSnapshot (src/button.test.js:3:61)

  ● button \u203a other

    expect(received).toMatchSnapshot(hint)

    Snapshot name: `button other: named 1`

    Snapshot: "second"
    Received: "secondm"

 \u203a 2 snapshots failed.
Snapshot Summary
 \u203a 2 snapshots failed from 1 test suite. Inspect your code changes or run `npm test -- -u` to update them.

Test Suites: 1 failed, 1 total
Tests:       2 failed, 2 passed, 4 total
Snapshots:   2 failed, 2 total
"""
VITEST = """\
⎯⎯⎯⎯⎯⎯⎯ Failed Tests 2 ⎯⎯⎯⎯⎯⎯⎯

 FAIL  src/button.test.js > button > renders
Error: Snapshot `button > renders 1` mismatched

- Expected
+ Received

 FAIL  |web| src/button.test.js > button > other
Error: Snapshot `button > other 1` mismatched

Expected: "a"
Received: "b"

  Snapshots  2 failed
 Test Files  1 failed (1)
      Tests  2 failed | 1 passed (3)
"""
SYRUPY = """\
E   AssertionError: assert [+ received] == [- snapshot]
--------------------------- snapshot report summary ----------------------------
2 snapshots failed.
=========================== short test summary info ============================
FAILED tests/test_x.py::test_a - AssertionError: assert [+ received] == [- snapshot]
  - 'x2'
  + 'x2m'
FAILED tests/test_x.py::TestB::test_b[1] - assert [+ received] == [- snapshot]
========================= 2 failed, 1 passed in 0.03s ==========================
"""
INSTA = """\
━━━━━━━━━━━━━━━━ Snapshot Summary ━━━━━━━━━━━━━━━━
Snapshot file: src/snapshots/demo__one.snap
Snapshot: one
Source: src/lib.rs:10
thread 'tests::one' (77) panicked at /root/insta/src/runtime.rs:719:13:
snapshot assertion for 'one' failed in line 10
thread 'tests::two' panicked at 'snapshot assertion for 'two' failed in line 20', src/lib.rs:20:9
Snapshot file: src/snapshots/demo__two.snap
test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out
"""
SNAP = "src/__snapshots__/button.test.js.snap"
LOGS = {
    SnapshotTool.JEST: (JEST, (SNAP,)),
    SnapshotTool.VITEST: (VITEST, (SNAP,)),
    SnapshotTool.SYRUPY: (SYRUPY, ("tests/__snapshots__/test_x.ambr", "tests/__snapshots__/test_x/test_raw.json")),
    SnapshotTool.INSTA: (INSTA, ("src/snapshots/demo__one.snap", "src/snapshots/demo__two.snap")),
}
JOB = spec("test").having(run=("npm ci", "npx jest"))


def of(log: str, paths: Iterable[str], links: Iterable[str] = (), step: int | None = 1) -> Proposal | None:
    return proposed(log.split("\n"), JOB, Tree(dict.fromkeys(paths, "x\n"), links), step=step)


@pytest.mark.parametrize("tool", LOGS)
def test_where_only_snapshots_differ_they_are_to_be_written_anew(tool: SnapshotTool) -> None:
    log, paths = LOGS[tool]
    beside = ("src/__snapshots__/other.test.js.snap", "tests/__snapshots__/test_y.ambr", "src/snapshots/three.snap")
    for text in (log, "\n".join(f"\x1b[31m{line}\x1b[39m" for line in log.split("\n")), log.replace("\n", "\r\n")):
        found = of(text, (*paths, *beside, "src/button.test.js"))
        assert found is not None
        assert found.snapshots == Snapshots(tool=tool, paths=paths)
        assert (found.kind, found.patch, found.tried) == (ProposalKind.SNAPSHOT, "", False)
        assert 1 <= found.first < found.last <= log.count("\n")


@pytest.mark.parametrize("tool", LOGS)
def test_a_tool_that_runs_in_a_folder_names_its_files_from_there(tool: SnapshotTool) -> None:
    log, paths = LOGS[tool]
    inner = tuple(f"packages/web/{path}" for path in paths)
    found = of(log, (*inner, "packages/web/x" + paths[0]))
    assert found is not None
    assert found.snapshots is not None
    assert found.snapshots.paths == inner


# One more failure that is no snapshot's, or a count that says so.
@pytest.mark.parametrize(
    "log",
    [
        JEST.replace(
            "  ● button \u203a other",
            "  ● button \u203a adds\n\n    expect(received).toBe(expected)\n  ● button \u203a other",
        ),
        JEST.replace("FAIL", "FAIL src/b.test.js\n  ● Test suite failed to run\n\n    Cannot find module 'x'\nFAIL"),
        JEST.replace("toMatchSnapshot", "toMatchInlineSnapshot"),
        JEST.replace("Snapshots:   2 failed, 2 total", "Snapshots:   2 passed, 2 total"),
        JEST + JEST,
        VITEST.replace("⎯⎯\n\n", "⎯⎯\n\n FAIL  src/button.test.js > adds\nAssertionError: expected 1 to be 2\n\n", 1),
        VITEST.replace("⎯⎯\n\n", "⎯⎯\n\n FAIL  src/b.test.js [ src/b.test.js ]\nError: no such file\n\n", 1),
        VITEST + "    4| expect(1).toMatchInlineSnapshot()\n",
        SYRUPY.replace("2 failed", "3 failed"),
        SYRUPY.replace("2 failed, 1 passed", "2 failed, 1 passed, 1 error"),
        SYRUPY.replace("2 snapshots failed.", "2 snapshots passed."),
        SYRUPY.replace("test_b[1] - assert [+ received] == [- snapshot]", "test_b[1] - assert 1 == 2"),
        INSTA.replace("2 failed", "3 failed"),
        INSTA + "thread 'tests::three' panicked at src/lib.rs:1:1:\nassertion failed\n",
        INSTA.replace("Snapshot file: ", "Snapshot files: "),
        JEST + VITEST,
        "",
    ],
)
def test_where_something_else_fails_too_nothing_is_written(log: str) -> None:
    assert of(log, [path for _, paths in LOGS.values() for path in paths]) is None


@pytest.mark.parametrize(
    ("log", "paths"),
    [
        (JEST, ()),
        (JEST, ("src/button.test.js.snap",)),
        (JEST.replace("src/button", "../src/button"), (SNAP,)),
        (JEST.replace("src/button", "/etc/button"), (SNAP, "etc/__snapshots__/other.test.js.snap")),
        (JEST.replace("src/button", ".github/button"), (".github/__snapshots__/button.test.js.snap",)),
        (JEST.replace("FAIL src/button", "FAIL src/b;rm -rf x;"), (SNAP,)),
        (JEST, tuple(f"p{number}/{SNAP}" for number in range(MOST_PATHS + 1))),
        (
            "".join(f"FAIL src/{n}.test.js\n" for n in range(10)) + JEST,
            (SNAP, *(f"src/__snapshots__/{n}.test.js.snap" for n in range(10))),
        ),
        (SYRUPY, tuple(f"tests/__snapshots__/test_x/{number}.json" for number in range(MOST_PATHS + 1))),
        (SYRUPY, ("tests/__snapshots__/test_x/a[*].json",)),
        (INSTA.replace("src/snapshots", "src/../snapshots"), ("snapshots/demo__one.snap", "snapshots/demo__two.snap")),
        (INSTA.replace("src/snapshots", "src"), ("src/demo__one.snap", "src/demo__two.snap")),
    ],
)
def test_what_is_no_snapshot_in_the_tree_is_not_asked_for(log: str, paths: tuple[str, ...]) -> None:
    assert of(log, paths) is None


def test_it_must_be_known_which_step_is_told_and_how() -> None:
    assert of(JEST, [SNAP], step=None) is None
    assert of(JEST, [SNAP], step=0) is None, "that is not where jest ran"
    assert proposed(JEST.split("\n"), spec("test").having(run=("make",)), Tree({SNAP: "x"}), step=0) is None


@given(st.text(max_size=300), st.sampled_from([*LOGS.values()]), st.integers(0, 900))
def test_whatever_stands_in_a_log_only_snapshots_of_the_tree_are_asked_for(
    noise: str, of_tool: tuple[str, tuple[str, ...]], at: int
) -> None:
    log, paths = of_tool
    found = of(log[:at] + noise + log[at:], (*paths, "src/main.py"))
    if found is not None and found.snapshots is not None:
        assert set(found.snapshots.paths) <= set(paths)
        assert found.patch == ""


HEAD = "// Jest Snapshot v1, https://goo.gl/fbAQLP\n"
OLD = (
    f'{HEAD}\nexports[`button other 1`] = `"second"`;\n\nexports[`button renders 1`] = `\n{{\n  "label": "x",\n}}\n`;\n'
)
NEW = OLD.replace('"x"', r'"xm \` \${y} $ \\ "')


def patch(
    written: Mapping[str, str | bytes],
    *,
    head: Mapping[str, str | bytes] | None = None,
    tool: SnapshotTool = SnapshotTool.JEST,
    paths: tuple[str, ...] = (SNAP,),
    more: Iterable[Artifact] = (),
    links: Iterable[str] = (),
) -> str:
    contents = {path: text.encode() if isinstance(text, str) else text for path, text in written.items()}
    blobs = {BlobId(hashlib.sha256(raw).hexdigest()): raw for raw in contents.values()}
    artifacts = [
        # A size that is a lie: it is never believed.
        Artifact(path=path, size_bytes=1, blob=BlobId(hashlib.sha256(raw).hexdigest()))
        for path, raw in contents.items()
    ]
    tree = Tree({SNAP: OLD} if head is None else head, links)
    wanted = Snapshots(tool=tool, paths=paths)
    return rewritten(wanted, [*artifacts, *more], lambda blob, most: blobs[blob][:most], tree)


def test_what_was_written_is_a_patch_to_the_head() -> None:
    text = patch({SNAP: NEW, "src/other.js": "x", "../../etc/passwd": "x", ".delta.yml": "x"})
    (file,) = parse(text)
    assert file.path == SNAP
    assert applied(file, OLD) == NEW


def test_what_did_not_change_or_is_gone_is_not_in_it() -> None:
    assert patch({SNAP: OLD}) == ""
    assert patch({}) == ""
    assert patch({f"{SNAP}/x": NEW, f"./{SNAP}": NEW}) == "", "only the very path"


@pytest.mark.parametrize(
    "text",
    [
        NEW + "require('child_process').exec('id')\n",
        NEW + "\nexports[`x`] = `${require('child_process').exec('id')}`;\n",
        NEW + "\nexports[`x`] = `$${evil()}`;\n",
        NEW + "\nexports[`x`] = `\\\\${evil()}`;\n",
        NEW + "\nexports[`${evil()}`] = `x`;\n",
        NEW + "\nexports[`x`] = `y`; evil();\n",
        NEW + "\nexports[evil()] = `y`;\n",
        NEW + "\nexports[`x`] = `y",
        NEW.removeprefix(HEAD),
        f"evil()\n{NEW}",
        "",
        NEW.replace("\n", "\r\n"),
        NEW.replace("xm", "\0"),
        NEW.replace("xm", "\x1b[2K"),
        NEW.replace("xm", "\u202e"),
        NEW.replace("xm", "x" * MAX_CHARS),
        NEW.replace("xm", "\n" * 20_001),
        NEW.replace("xm", "x" * MAX_FILE_BYTES),
        NEW.encode().replace(b"xm", b"\xff\xfe"),
        NEW + "\nexports[`" * 50_000,
        NEW + "\nexports[`x`] = `" + "\\`" * 200_000,
    ],
)
def test_what_no_tool_writes_or_nobody_could_read_is_not_proposed(text: str | bytes) -> None:
    with pytest.raises(ChangeError):
        patch({SNAP: text})


@pytest.mark.parametrize(
    "path",
    [
        "../x/__snapshots__/a.snap",
        "/etc/__snapshots__/a.snap",
        ".git/__snapshots__/a.snap",
        ".ci/__snapshots__/a.snap",
        "src/button.js",
        "__snapshots__/conftest.py",
        "__snapshots__//a.snap",
        "src/__snapshots__/a\n.snap",
    ],
)
def test_a_path_that_leads_elsewhere_or_names_no_snapshot_is_refused(path: str) -> None:
    with pytest.raises(ChangeError):
        patch({path: NEW}, head={path: OLD}, paths=(path,))


def test_only_regular_files_of_the_head_are_changed() -> None:
    with pytest.raises(ChangeError, match="no file of the tree"):
        patch({SNAP: NEW}, head={}, links=[SNAP])
    with pytest.raises(ChangeError, match="no file of the tree"):
        patch({SNAP: NEW}, head={})


def test_a_file_that_came_twice_and_too_many_that_changed_are_refused() -> None:
    again = Artifact(path=SNAP, size_bytes=3, blob=BlobId("0" * 64))
    with pytest.raises(ChangeError, match="2 times"):
        patch({SNAP: NEW}, more=[again])
    paths = tuple(f"p{number}/__snapshots__/a.snap" for number in range(11))
    with pytest.raises(ChangeError, match="more than 10"):
        patch(dict.fromkeys(paths, NEW), head=dict.fromkeys(paths, OLD), paths=paths)


def test_a_file_that_grew_too_large_is_refused_however_little_changed() -> None:
    path = "tests/__snapshots__/test_x.ambr"
    old = f"{'x' * 99}\n" * (MAX_FILE_BYTES // 100)
    new = f"{old}{'x' * 99}\n"
    with pytest.raises(ChangeError, match="larger than"):
        patch({path: new}, head={path: old}, paths=(path,), tool=SnapshotTool.SYRUPY)
    assert patch({path: old}, head={path: new[100:-100]}, paths=(path,), tool=SnapshotTool.SYRUPY)


def test_snapshots_that_are_no_programs_may_hold_any_text() -> None:
    path = "tests/__snapshots__/test_x.ambr"
    text = patch(
        {path: "# name: a\n  'y'\n"}, head={path: "# name: a\n  'x'\n"}, paths=(path,), tool=SnapshotTool.SYRUPY
    )
    assert "-  'x'\n+  'y'\n" in text


@given(st.text(max_size=200), st.text("`\\${}a\n", max_size=60))
def test_whatever_was_written_is_refused_or_a_patch_that_makes_it(noise: str, template: str) -> None:
    for written in (noise, OLD + noise, f"{HEAD}\nexports[`x`] = `{template}`;\n"):
        try:
            text = patch({SNAP: written})
        except ChangeError:
            continue
        if text:
            assert applied(parse(text)[0], OLD) == written
            body = written.split("`;\n")[0].rpartition("`")[2]
            assert "${" not in body.replace("\\\\", "").replace("\\$", "")
