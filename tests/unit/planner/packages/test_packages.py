import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.planner.packages import Package, PackageGraph, PackageSources, affected, package_paths, packages, word
from actors.planner.packages.golang import imports

GO = {
    "go.mod": b"module example.com/x\n\ngo 1.21\nreplace example.com/y => ./sub/y\n",
    "main.go": b'package main\nimport "example.com/x/api"\n',
    "api/api.go": b'// doc\npackage api\n\nimport (\n\t"fmt" // a\n\tc "example.com/x/core"\n)\n/* import "no" */\n',
    "core/core.go": b'package core; import "example.com/y/z"\nvar s = `import "example.com/x/lonely"`\n',
    "core/core_test.go": b'package core\nimport _ "example.com/x/fake"\n',
    "fake/fake.go": b"package fake\n",
    "lonely/lonely.go": b'package lonely\n//go:embed static\nvar f embed.FS\nconst n = "names.txt"\n',
    "sub/y/go.mod": b"module example.com/y\n",
    "sub/y/z/z.go": b"package z\n",
    "testdata/t.go": b"package t\n",
}


def go(**more: bytes) -> PackageGraph:
    read = {**GO, **more}
    graph = packages("go", [*read], read)
    assert graph is not None
    return graph


def selected(graph: PackageGraph, *changed: str, read: dict[str, bytes] | None = None) -> list[str]:
    return sorted(affected(graph, changed, read).selected)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (b'package a\nimport "x"\nimport y "z"\nimport . "w"', ("x", "z", "w")),
        (b'//go:build linux\n\n/* a\nb */ package a /*c*/ import ( "x"; _ "y" )', ("x", "y")),
        (b'package a\nimport (\n)\nimport "x"', ("x",)),
        (b'package a\nfunc f() { import "x" }', ()),
        (b'package a\nimport ( "x"', ("x",)),
        (b"package a\nimport (" * 9, ()),
        (b"\xff\x00", ()),
        (b"", ()),
    ],
)
def test_the_imports_of_a_go_file(source: bytes, found: tuple[str, ...]) -> None:
    assert imports(source) == found


@given(st.binary(max_size=200))
def test_any_bytes_have_imports_or_none(tail: bytes) -> None:
    assert imports(b'package a\nimport "x"\n' + tail)[:1] == ("x",)


def test_a_go_change_reaches_those_that_import_it() -> None:
    found = affected(go(), ["core/core.go"])
    assert [*found.selected] == ["core", "api", ""]  # the nearest first
    assert [reason.evidence for reason in found.selected[""]] == [
        "`core/core.go` changed",
        "`api` needs `core`",
        "`.` needs `api`",
    ]
    assert found.skipped == ("fake", "lonely")
    assert found.whole is None
    assert found.selection().total == 5


def test_what_only_tests_need_goes_no_further() -> None:
    assert selected(go(), "fake/fake.go") == ["core", "fake"]
    assert selected(go(), "core/core_test.go") == ["core"]


def test_a_module_beside_the_root_is_followed_and_not_chosen() -> None:
    assert selected(go(), "sub/y/z/z.go") == ["", "api", "core"]
    work = go(**{"go.work": b"go 1.21\nuse (\n\t.\n\t./sub/y\n)\n"})
    assert "sub/y/z" in affected(work, ["sub/y/z/z.go"]).selected


def test_a_package_that_is_gone_reaches_those_that_still_import_it() -> None:
    graph = go(**{"main.go": b'package main\nimport "example.com/x/gone"\n'})
    assert selected(graph, "gone/gone.go") == [""]


def test_data_belongs_to_the_package_above_it_and_to_who_names_it() -> None:
    assert selected(go(), "core/testdata/a.json") == ["", "api", "core"]
    assert selected(go(), "lonely/static/a/b.css") == ["lonely"]
    inner = go(**{"lonely/static/p/p.go": b"package p"})
    assert selected(inner, "lonely/static/p/b.css") == ["lonely", "lonely/static/p"]
    assert selected(inner, "core/a/b.css") == ["", "api", "core"]
    assert selected(go(), "core/names.txt", read=GO) == ["", "api", "core", "lonely"]


@pytest.mark.parametrize("path", ["go.mod", "go.sum", "sub/y/go.mod", "vendor/a/b.go"])
def test_build_files_mean_every_package(path: str) -> None:
    found = affected(go(), [path])
    assert found.whole is not None
    assert f"`{path}` changed" in found.whole.evidence
    assert len(found.selected) == 5


def test_what_belongs_to_no_package_means_every_package() -> None:
    read = {path: source for path, source in GO.items() if path != "main.go"}
    graph = packages("go", [*read], read)
    assert graph is not None
    assert affected(graph, ["data/x.json"]).whole is not None
    assert affected(go(), [f"core/{n}.bin" for n in range(50)]).whole is not None


def test_a_file_that_was_not_read_means_every_package() -> None:
    graph = packages("go", [*GO, "big/big.go"], GO)
    assert graph is not None
    assert affected(graph, ["fake/fake.go"]).whole is not None


ROOT = {"workspaces": {"packages": ["packages/*", "!packages/old", "apps/**"]}}
NODE = {
    "package.json": ROOT,
    "packages/a/package.json": {"name": "@x/a"},
    "packages/b/package.json": {"name": "@x/b", "devDependencies": {"@x/a": "*", "left-pad": "1"}},
    "packages/c/package.json": {"name": "@x/c", "peerDependencies": {"@x/b": "*"}},
    "packages/old/package.json": {"name": "@x/old"},
    "apps/web/one/package.json": {"name": "one"},
    "node_modules/z/package.json": {"name": "z"},
}


def node(tool: str = "npm", more: dict[str, object] | None = None) -> PackageGraph:
    read = {path: json.dumps(body).encode() for path, body in {**NODE, **(more or {})}.items()}
    graph = packages(tool, [*read], {path: read[path] for path in package_paths(tool, [*read])})
    assert graph is not None
    return graph


def test_the_members_of_a_node_workspace() -> None:
    assert sorted(node().packages) == ["apps/web/one", "packages/a", "packages/b", "packages/c"]
    assert selected(node(), "packages/a/src/x.js") == ["packages/a", "packages/b", "packages/c"]
    assert selected(node(), "packages/c/README.txt") == ["packages/c"]
    assert affected(node(), ["packages/old/x.js"]).whole is not None
    assert affected(node(), ["tsconfig.json"]).whole is not None
    assert affected(node(), ["yarn.lock"]).whole is not None


def test_a_pnpm_workspace() -> None:
    read = {
        "package.json": b"{}",
        "pnpm-workspace.yaml": b"packages:\n  - 'libs/*'  # all\n  - \"!libs/x\"\n",
        "libs/a/package.json": b'{"name": "a"}',
        "libs/x/package.json": b'{"name": "x"}',
    }
    graph = packages("pnpm", [*read], read)
    assert graph is not None
    assert [*graph.packages] == ["libs/a"]


CARGO = {
    "Cargo.toml": b"""
        workspace.members = ['crates/*']
        workspace.exclude = ['crates/x']
        workspace.dependencies.a.path = 'crates/a'
    """,
    "crates/a/Cargo.toml": b"[package]\nname='a'\n[dependencies]\nlog='1'",
    "crates/b/Cargo.toml": b"[package]\nname='b'\n[dependencies]\na={workspace=true}",
    "crates/c/Cargo.toml": b"[package]\nname='c'\n[target.'cfg(unix)'.build-dependencies]\nother={path='../b'}",
    "crates/d/Cargo.toml": b"[package]\nname='d'\n[dev-dependencies]\na={path='../a'}",
    "crates/e/Cargo.toml": b"[package]\nname='e'\n[dependencies]\nd={path='../d'}",
    "crates/x/Cargo.toml": b"[package]\nname='x'",
}


def cargo(**more: bytes) -> PackageGraph:
    read = {**CARGO, **more}
    graph = packages("cargo", [*read], read)
    assert graph is not None
    return graph


def test_a_cargo_workspace() -> None:
    assert selected(cargo(), "crates/a/src/lib.rs") == ["crates/a", "crates/b", "crates/c", "crates/d"]
    assert selected(cargo(), "crates/d/src/lib.rs") == ["crates/d", "crates/e"]
    assert affected(cargo(), ["Cargo.lock"]).whole is not None
    assert affected(cargo(), ["Cargo.toml"]).whole is not None
    assert affected(cargo(**{"crates/b/Cargo.toml": b"["}), ["crates/a/src/lib.rs"]).whole is not None
    rooted = cargo(**{"Cargo.toml": CARGO["Cargo.toml"] + b"\n[package]\nname='r'"})
    assert "" in rooted.selectable
    assert affected(rooted, ["Cargo.toml"]).whole is not None
    assert selected(rooted, "src/lib.rs") == [""]


@pytest.mark.parametrize(
    ("graph", "folder", "written"),
    [
        (go(), "", "."),
        (go(), "core", "./core"),
        (node("npm"), "packages/a", "packages/a"),
        (node("pnpm"), "packages/a", "packages/a"),
        (node("yarn"), "packages/a", "@x/a"),
        (cargo(), "crates/a", "a"),
    ],
)
def test_a_word_for_each_tool(graph: PackageGraph, folder: str, written: str) -> None:
    assert word(graph, folder) == written


def test_a_name_that_a_shell_would_take_apart_is_no_word() -> None:
    graph = node(more={"packages/a b/package.json": {"name": "$(reboot)"}, "packages/-w/package.json": {"name": "-w"}})
    assert word(graph, "packages/a b") is None
    assert word(graph._replace(tool="yarn"), "packages/a b") is None
    assert word(graph._replace(tool="yarn"), "packages/-w") is None


def test_a_change_of_a_tree_is_followed_from_blobs() -> None:
    blobs = {path: f"blob {path}" for path in GO}
    asked: list[str] = []

    def contents(wanted: Sequence[str]) -> dict[str, bytes]:
        asked.extend(wanted)
        return {f"blob {path}": source for path, source in GO.items()}

    sources = PackageSources(blobs, ["fake/fake.go"], contents)
    graph = sources.graph("go")
    assert graph is not None
    assert sorted(sources.affected(graph).selected) == ["core", "fake"]
    assert len(asked) == len(set(asked)) == len(GO)
    assert sources.graph("make") is None


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b"\xff", b"7", b"[]", b'{"workspaces": 7}', b"workspace=1", b"[workspace]\nmembers=1"]
)
@pytest.mark.parametrize("tool", ["go", "npm", "cargo"])
def test_a_hostile_manifest_means_every_package(tool: str, text: bytes) -> None:
    name = {"go": "go.mod", "npm": "package.json", "cargo": "Cargo.toml"}[tool]
    read = {name: text}
    graph = packages(tool, [name], read)
    assert graph is not None
    assert affected(graph, ["x/y.z"]).whole is not None


def test_what_is_read_is_bounded_and_then_nothing_is_left_out() -> None:
    files = {"go.mod": "mod", **{f"p{n}/{n}.go": "huge" for n in range(3000)}}
    huge = b"package p\n" + b"/" * (200_000_000 // 2)
    asked = []

    def contents(wanted: Sequence[str]) -> dict[str, bytes]:
        asked.append(len(wanted))
        return {"mod": b"module m", "huge": huge}

    sources = PackageSources(files, ["p1/1.go"], contents)
    graph = sources.graph("go")
    assert graph is not None
    assert "was not read" in graph.whole
    assert sources.affected(graph).whole is not None
    assert asked == [500, 500]


def test_other_tools_have_no_graph() -> None:
    assert packages("make", ["Makefile"], {}) is None
    assert package_paths("make", ["Makefile"]) == ()


def test_a_long_chain_is_followed_without_recursion() -> None:
    chain = {f"p{n}": Package(f"p{n}", f"p{n}", frozenset({f"p{n + 1}"})) for n in range(20_000)}
    graph = PackageGraph("go", chain, frozenset(chain), frozenset(), (".go",))
    found = affected(graph, ["p19999/a.go"])
    assert len(found.selected) == 20_000
    assert [reason.evidence for reason in found.selected["p0"]][2:4] == [
        "`p19997` needs `p19998`",
        "and 19995 more steps",
    ]
