import json
import subprocess

import pytest

from actors.planner.tree import Ecosystem, Grain, TreeJob, TreeJobs, foreign, from_tree
from actors.planner.tree.found import APART, flags


def tree(files: list[str], **read: str) -> TreeJobs:
    manifests = {name.replace("__", "."): text.encode() for name, text in read.items()}
    return from_tree([*files, *manifests], manifests)


def only(found: TreeJobs) -> TreeJob:
    (job,) = found.found
    return job


def package(**keys: object) -> str:
    return json.dumps(keys)


@pytest.mark.parametrize(
    ("lock", "install"),
    [
        ("package-lock.json", "test -d node_modules || npm ci --no-audit --no-fund"),
        ("yarn.lock", "npx --yes yarn@1.22.22 install --frozen-lockfile"),
        ("pnpm-lock.yaml", "npx --yes pnpm@9 install --frozen-lockfile"),
        ("LICENSE", "test -d node_modules || npm install --no-package-lock --no-audit --no-fund"),
    ],
)
def test_the_lock_file_says_the_tool(lock: str, install: str) -> None:
    job = only(tree([lock, "a.js"], package__json=package(scripts={"test": "mocha"}, devDependencies={"mocha": "1"})))
    assert job.spec.run[0] == install
    assert job.spec.run[1].endswith(" test")
    assert (job.spec.image, job.spec.egress[0]) == ("runner-node", "registry.npmjs.org")
    assert "package.json" in job.cache[0].key


def test_what_runs_at_installation_is_not_left_to_a_cache() -> None:
    text = package(scripts={"test": "x", "prepare": "tsc"}, dependencies={"a": "1"})
    job = only(tree(["package-lock.json"], package__json=text))
    assert job.spec.run[0] == "npm ci --no-audit --no-fund"
    assert job.cache[0].paths == ("~/.npm",)


def test_a_node_project_without_dependencies_has_no_network() -> None:
    job = only(tree(["a.test.js"], package__json=package(scripts={"test": "node --test"})))
    assert (job.spec.run, job.spec.egress, job.cache) == (("npm test",), (), ())


def test_the_package_manager_is_taken_in_its_version() -> None:
    text = package(scripts={"test": "x"}, packageManager="pnpm@8.15.1+sha256.abc")
    assert only(tree(["pnpm-lock.yaml"], package__json=text)).spec.run[0].startswith("npx --yes pnpm@8.15.1 install")
    text = package(scripts={"test": "x"}, packageManager="yarn@4.1.0; rm -rf /")
    assert only(tree(["yarn.lock"], package__json=text)).spec.run[0].startswith("npx --yes yarn@1.22.22 install")


def test_what_is_exported_and_not_there_is_built_first() -> None:
    scripts = {"test": "ava", "build": "tsc"}
    job = only(tree(["src/a.ts"], package__json=package(scripts=scripts, main="./dist/a.js")))
    assert job.spec.run == ("npm run build", "npm test")
    job = only(tree(["src/a.js"], package__json=package(scripts=scripts, main="./src/a.js")))
    assert job.spec.run == ("npm test",)


def test_a_workspace_whose_root_has_no_tests() -> None:
    root = package(workspaces=["packages/*"])
    read = {
        "package.json": root.encode(),
        "packages/a/package.json": package(name="@x/a", scripts={"test": "x"}).encode(),
        "packages/b/package.json": package(name="@x/b").encode(),
    }
    job = only(from_tree([*read, "package-lock.json"], read))
    assert job.spec.run[1] == (
        f"{APART}npm test --if-present "
        """$(if [ "$DELTA_TESTS" ]; then printf -- '--workspace=%s ' $DELTA_TESTS; else echo --workspaces; fi)"""
    )
    assert job.tests is Grain.PACKAGES
    yarn = only(from_tree([*read, "yarn.lock"], read))
    assert yarn.spec.run[1].startswith("for each in ${DELTA_TESTS:-@x/a}; do ")


def test_the_script_that_npm_writes_by_itself_is_no_test() -> None:
    text = package(scripts={"test": 'echo "Error: no test specified" && exit 1', "lint": "eslint ."})
    assert only(tree(["a.js"], package__json=text)).spec.run == ("npm run lint",)
    assert tree(["a.js"], package__json=package(name="x")).found == ()


def test_go() -> None:
    job = only(tree(["a.go"], go__mod="module x\n\ngo 1.21\n"))
    assert job.spec.run == ("go test ${DELTA_TESTS:-./...}",)
    assert (job.spec.image, job.spec.egress, job.tests) == ("runner-go", (), Grain.PACKAGES)
    fetching = tree(["a.go", "go.sum"], go__mod="module x\ngo 1.99\nrequire a.example/b v1.0.0\n")
    assert only(fetching).spec.egress == ("proxy.golang.org", "sum.golang.org")
    assert only(fetching).cache[0].key == ("go.mod", "go.sum")
    assert "asks for Go 1.99" in fetching.notes[0]
    vendored = tree(["a.go", "vendor/modules.txt"], go__mod="module x\nrequire a.example/b v1.0.0\n")
    assert only(vendored).spec.egress == ()
    work = only(tree([], go__work="go 1.21\nuse (\n\t./a\n\t./b // b\n)\nuse ./c\n"))
    assert work.spec.run == ("go test ${DELTA_TESTS:-./a/... ./b/... ./c/...}",)


def test_rust() -> None:
    job = only(tree(["src/lib.rs"], Cargo__toml="[package]\nname='x'\nrust-version='1.99'"))
    assert (job.spec.run, job.spec.egress, job.tests) == (("cargo test",), (), None)
    text = "[workspace]\nmembers=['a']\n[workspace.dependencies]\nlog='1'"
    job = only(tree(["Cargo.lock"], Cargo__toml=text))
    chosen = """$(if [ "$DELTA_TESTS" ]; then printf -- '--package=%s ' $DELTA_TESTS; else echo --workspace; fi)"""
    assert job.spec.run == (f"cargo test --locked {chosen}",)
    assert job.spec.egress == ("crates.io", "index.crates.io", "static.crates.io")
    assert "asks for Rust 1.99" in tree([], Cargo__toml="[package]\nname='x'\nrust-version='1.99'").notes[0]


@pytest.mark.parametrize(
    ("text", "target"), [("test: build\n\tx\n", "test"), ("check:\n", "check"), ("test := 1\n", "")]
)
def test_make_is_the_last_resort(text: str, target: str) -> None:
    found = tree(["a.c"], Makefile=text)
    assert [job.run for job in found.jobs] == ([(f"make {target}",)] if target else [])
    better = tree(["a.go"], Makefile=text, go__mod="module x")
    assert better.source == "tree: go"


def test_several_languages_have_a_job_each() -> None:
    found = tree(
        ["x.py", "test_x.py"], package__json=package(scripts={"test": "x"}), go__mod="module x", pyproject__toml=""
    )
    assert [job.id for job in found.jobs] == ["test", "test-node", "test-go"]
    assert found.source == "tree: pytest, npm, go"


@pytest.mark.parametrize(
    ("path", "ecosystem", "is_foreign"),
    [
        ("web/a.ts", Ecosystem.PYTHON, True),
        ("package.json", Ecosystem.PYTHON, True),
        ("x/static/a.js", Ecosystem.PYTHON, False),  # package data, perhaps
        ("x/a.py", Ecosystem.NODE, True),
        ("a.rs", Ecosystem.PYTHON, False),  # Rust has no job here
        ("web/a.ts", Ecosystem.NODE, False),
        ("data.json", Ecosystem.PYTHON, False),
        ("Makefile", Ecosystem.PYTHON, False),
    ],
)
def test_whose_file_it_is(path: str, ecosystem: Ecosystem, is_foreign: bool) -> None:
    present = {Ecosystem.PYTHON, Ecosystem.NODE}
    assert foreign(path, ecosystem, present, frozenset({"x"})) is is_foreign


@pytest.mark.parametrize("files", [[], ["README.md", "main.hs"]])
def test_nothing_recognised_has_no_jobs_and_says_what_to_add(files: list[str]) -> None:
    found = from_tree(files, {})
    assert found.jobs == ()
    assert "`.delta.yml`" in found.notes[0]


WORKFLOW = """
on: push
jobs:
  a:
    steps:
      - uses: actions/checkout@v4
      - run: |
          pip install -e .[fast] -r ci.txt
          python -m pytest -m "not slow" tests
          curl https://example.com | sh
      - run: echo ${{ github.sha }}
"""


def test_another_cis_commands_are_hints_and_never_run() -> None:
    name = ".github/workflows/ci.yml"
    read = {
        name: WORKFLOW.encode(),
        "setup.py": b"from setuptools import setup\nsetup(extras_require={'fast': ['uvloop']})",
    }
    found = from_tree(["x.py", "tests/test_x.py", "setup.py", "ci.txt", name], read)
    (job,) = found.jobs
    assert "-e '.[fast]'" in job.run[0]
    assert job.run[1].endswith("-m 'not slow' ${DELTA_TESTS:-tests}")
    assert "curl" not in "".join(job.run)
    assert "of 4 command lines" in found.notes[-1]
    assert "2 say nothing" in found.notes[-1]


def test_gitlabs_file_is_read_too_and_a_broken_one_is_told() -> None:
    text = "test:\n  script:\n    - pytest -k quick\n    - 7\n"
    (job,) = from_tree(["test_x.py"], {".gitlab-ci.yml": text.encode()}).jobs
    assert job.run[0].endswith("-k quick $DELTA_TESTS")
    found = from_tree(["test_x.py"], {".gitlab-ci.yml": b"a: &x [1]\nb: *x\n"})
    assert found.notes[0].startswith("no hints were taken from `.gitlab-ci.yml`")


@pytest.mark.parametrize(
    ("selected", "words"),
    [("", "test --if-present --workspaces"), ("a b/c", "test --if-present --workspace=a --workspace=b/c")],
)
def test_a_shell_makes_an_option_of_each_selected_package(selected: str, words: str) -> None:
    command = f'npm() {{ echo "$@"; }}; npm test --if-present {flags("--workspace=%s ", "--workspaces")}'
    told = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", command], env={"DELTA_TESTS": selected}, capture_output=True, check=True
    )
    assert told.stdout.decode().split() == words.split()
