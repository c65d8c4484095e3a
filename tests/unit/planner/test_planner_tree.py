import pytest

from actors.planner.kinds import Kind, code_folders, kind_of
from actors.planner.tree import JUNIT, from_tree, manifest_paths


def test_a_src_layout_with_pytest() -> None:
    read = {"pyproject.toml": b"[project]\nname='x'\ndependencies=['requests>2', 'rich']\n[tool.pytest.ini_options]\n"}
    found = from_tree(["pyproject.toml", "src/x/__init__.py", "tests/test_x.py"], read)
    (job,) = found.jobs
    assert found.source == "tree: pytest"
    assert job.id == "test"
    assert job.run == (f'PYTHONPATH="$PWD/src" python3 -m pytest --junitxml={JUNIT} $DELTA_TESTS',)
    assert job.junit == (JUNIT,)
    assert found.evidence[0].evidence == "`pyproject.toml` configures pytest"
    assert any("`requests`, `rich`" in note for note in found.notes)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("pytest.ini", b"[pytest]\n", "`pytest.ini` is there"),
        ("setup.cfg", b"[tool:pytest]\naddopts=-q\n", "`setup.cfg` configures pytest"),
        ("tox.ini", b"[pytest]\n", "`tox.ini` configures pytest"),
        ("tox.ini", b"[tox]\nenvlist=py\n", "1 test files, such as `tests/test_x.py`"),
        ("setup.py", b"\xff\xfe", "1 test files, such as `tests/test_x.py`"),
    ],
)
def test_the_strongest_sign_comes_first(name: str, content: bytes, says: str) -> None:
    found = from_tree([name, "x.py", "tests/test_x.py"], {name: content})
    assert found.source == "tree: pytest"
    assert found.evidence[0].evidence == says
    assert "PYTHONPATH" not in found.jobs[0].run[0]


def test_names_only_unittest_finds() -> None:
    found = from_tree(["app.py", "checks/tests.py"], {})
    assert found.source == "tree: unittest"
    assert found.jobs[0].run == ("python3 -m unittest ${DELTA_TESTS:-discover -v -s 'checks'}",)
    packaged = from_tree(["app/__init__.py", "app/tests.py"], {})
    assert packaged.jobs[0].run == ("python3 -m unittest ${DELTA_TESTS:-discover -v}",)


def test_python_without_tests_gets_its_syntax_checked_and_a_note() -> None:
    found = from_tree(["app.py", "pytest.ini"], {"pytest.ini": b"[pytest]\n"})
    assert [job.id for job in found.jobs] == ["syntax"]
    assert "no tests were found" in found.notes[0]


@pytest.mark.parametrize("files", [[], ["README.md", "main.go"]])
def test_nothing_recognised_has_no_jobs_and_says_what_to_add(files: list[str]) -> None:
    found = from_tree(files, {})
    assert found.jobs == ()
    assert "`.delta.yml`" in found.notes[0]


def test_a_broken_manifest_is_told_and_does_not_stop() -> None:
    found = from_tree(["pyproject.toml", "test_a.py"], {"pyproject.toml": b"[tool"})
    assert found.source == "tree: pytest"
    assert "does not parse" in found.notes[0]


def test_a_newer_python_is_told() -> None:
    found = from_tree(["test_a.py"], {"pyproject.toml": b"[project]\nrequires-python='>=3.13'"})
    assert found.notes == ("the project asks for Python 3.13; the image has 3.11",)


def test_only_small_manifests_at_the_root_are_read() -> None:
    files = [
        "a/pyproject.toml",
        "pyproject.toml",
        "requirements-dev.txt",
        "requirements/test.txt",
        "src/x.py",
        "tox.ini",
    ]
    assert manifest_paths(files) == ("pyproject.toml", "tox.ini", "requirements-dev.txt", "requirements/test.txt")
    assert len(manifest_paths([f"requirements{n}.txt" for n in range(100)])) == 24


FILES = ("setup.py", "src/pkg/a.py", "docs/conf.py", "tests/test_a.py", "tools/x.sh")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (".delta.yml", Kind.CONFIGURATION),
        ("sub/.delta.yml", Kind.CODE),
        (".github/workflows/ci.yml", Kind.CI),
        (".gitlab-ci.yml", Kind.CI),
        ("pyproject.toml", Kind.BUILD),
        ("sub/uv.lock", Kind.BUILD),
        ("requirements-dev.txt", Kind.BUILD),
        ("requirements/base.txt", Kind.BUILD),
        ("Makefile", Kind.BUILD),
        ("conftest.py", Kind.BUILD),
        ("tests/conftest.py", Kind.CODE),
        ("README.md", Kind.DOCUMENTATION),
        ("LICENSE", Kind.DOCUMENTATION),
        ("LICENSE-MIT", Kind.DOCUMENTATION),
        ("logo.svg", Kind.DOCUMENTATION),
        ("docs/guide/intro.rst", Kind.DOCUMENTATION),
        ("docs/conf.py", Kind.DOCUMENTATION),
        ("docs/requirements.txt", Kind.DOCUMENTATION),
        ("docs/test_examples.py", Kind.CODE),
        ("notes/plan.md", Kind.DOCUMENTATION),
        ("src/pkg/template.md", Kind.UNKNOWN),
        ("src/pkg/data/template.md", Kind.UNKNOWN),
        ("tests/data/sample.md", Kind.UNKNOWN),
        ("history.py", Kind.CODE),
        ("security.yaml", Kind.CODE),
        ("src/pkg/a.py", Kind.CODE),
        ("data/model.bin", Kind.UNKNOWN),
        ("bin/tool", Kind.UNKNOWN),
        ("x" * 2000 + ".py", Kind.UNKNOWN),
    ],
)
def test_kinds_of_files(path: str, kind: Kind) -> None:
    assert kind_of(path, code_folders(FILES)) is kind
