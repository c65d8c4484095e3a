import subprocess
import sys
from pathlib import Path

import pytest

from actors.planner.tree import JUNIT, Ecosystem, Grain, TreeJob, TreeJobs, from_tree
from actors.planner.tree.found import APART

PIP = ".venv/bin/python -m pip install --quiet"
PYTEST = f"python3 -m pytest --junitxml={JUNIT} $DELTA_TESTS"
TESTS = ("x/__init__.py", "tests/test_x.py")


def tree(*files: str, **manifests: str) -> TreeJobs:
    """Files, and manifests by name with `__` for `.` (and `_` for itself)."""
    read = {name.replace("__", "."): text.encode() for name, text in manifests.items()}
    return from_tree(sorted({*files, *read}), read)


def only(found: TreeJobs) -> TreeJob:
    (job,) = found.found
    assert job.ecosystem is Ecosystem.PYTHON
    return job


def test_nothing_to_install_needs_neither_venv_nor_network() -> None:
    job = only(tree(*TESTS, pyproject__toml="[project]\nname='x'\n[build-system]\nrequires=['flit_core']"))
    assert job.spec.run == (PYTEST,)
    assert (job.spec.egress, job.cache, job.spec.env) == ((), (), {})
    assert job.tests is Grain.FILES
    assert job.spec.junit == (JUNIT,)


def test_a_src_layout_without_dependencies_is_put_on_the_path() -> None:
    job = only(tree("src/x/__init__.py", "tests/test_x.py"))
    assert job.spec.run == (f'PYTHONPATH="$PWD/src" {PYTEST}',)


def test_dependencies_make_a_venv_that_is_a_cache() -> None:
    text = """
        [build-system]
        requires = ["hatchling"]
        [project]
        name = "x"
        dependencies = ["rich>=10"]
        optional-dependencies = {test = ["hypothesis"], docs = ["sphinx"]}
    """
    job = only(tree("src/x/__init__.py", "tests/test_x.py", pyproject__toml=text))
    assert job.spec.run == (
        f"test -x .venv/bin/python || {{ python3 -m venv .venv && {PIP} -e '.[test]' pytest; }}",
        f"{APART}. .venv/bin/activate && {PYTEST}",
    )
    assert job.spec.egress == ("pypi.org", "files.pythonhosted.org")
    (cache,) = job.cache
    assert cache.paths == (".venv",)
    assert "pyproject.toml" in cache.key
    assert any("`hypothesis`, `rich`" in reason.evidence for reason in job.evidence)


def test_the_caches_key_follows_the_manifests_and_the_commands() -> None:
    def key(blob: str, dependency: str) -> str:
        text = f"[build-system]\nrequires=[]\n[project]\nname='x'\ndependencies=['{dependency}']"
        (cache,) = only(tree(*TESTS, pyproject__toml=text)).keyed({"pyproject.toml": blob}).caches
        return cache.key

    assert key("1", "a") == key("1", "a")
    assert key("1", "a") != key("2", "a")
    job = only(tree(*TESTS, pyproject__toml="[build-system]\nrequires=[]\n[project]\nname='x'\ndependencies=['a']"))
    other = job._replace(spec=job.spec.having(run=("other",)))
    assert job.keyed({"pyproject.toml": "1"}).caches != other.keyed({"pyproject.toml": "1"}).caches


def test_groups_are_written_out_with_those_they_include() -> None:
    text = """
        [project]
        name = "x"
        [build-system]
        requires = []
        [dependency-groups]
        tests = ["pytest>8", {include-group = "extra"}, {include-group = "tests"}, 7]
        extra = ["trio; python_version > '3'"]
        docs = ["sphinx"]
    """
    job = only(tree(*TESTS, pyproject__toml=text))
    assert "pip install --quiet -e . 'pytest>8'" in job.spec.run[0]
    assert """'trio; python_version > '"'"'3'"'"''""" in job.spec.run[0]
    assert "sphinx" not in job.spec.run[0]


def test_a_lock_file_gives_the_versions(tmp_path: Path) -> None:
    text = "[dependency-groups]\ntest = ['trio']"
    job = only(tree(*TESTS, "uv.lock", pyproject__toml=text))
    assert f"{PIP} --constraint .venv/locked.txt trio pytest" in job.spec.run[0]
    assert "uv.lock" in job.cache[0].key
    lock = """
        [[package]]
        name = "a"
        version = "1.2"
        source = { registry = "https://pypi.org/simple" }
        [[package]]
        name = "b"
        version = "1"
        [[package]]
        name = "b"
        version = "2"
        [[package]]
        name = "itself"
        version = "3"
        source = { editable = "." }
    """
    (tmp_path / "uv.lock").write_text(lock)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    command = job.spec.run[0].partition(f" && {PIP}")[0].partition("python3 -m venv .venv && ")[2]
    subprocess.run(["bash", "-ec", command], cwd=tmp_path, check=True)
    assert (tmp_path / ".venv/locked.txt").read_text() == "a==1.2\n"


def test_a_group_for_development_that_includes_the_tests_is_taken_instead() -> None:
    text = """
        [dependency-groups]
        test = ["trio"]
        dev = [{include-group = "test"}, "trustme"]
    """
    assert "install --quiet trio trustme pytest" in only(tree(*TESTS, pyproject__toml=text)).spec.run[0]
    apart = text.replace('{include-group = "test"}, ', "")
    assert "install --quiet trio pytest" in only(tree(*TESTS, pyproject__toml=apart)).spec.run[0]


def test_poetrys_own_words_become_requirements() -> None:
    text = """
        [build-system]
        requires = ["poetry-core"]
        [tool.poetry]
        name = "x"
        [tool.poetry.dependencies]
        python = "^3.9"
        [tool.poetry.group.test.dependencies]
        a = "^1.2"
        b = {version = "~2.3.4", extras = ["c"]}
        d = "^0.3.1"
        e = {git = "https://example.com/e"}
        f = ">=1, <3"
        g = "*"
    """
    run = only(tree(*TESTS, pyproject__toml=text)).spec.run[0]
    assert "-e . 'a>=1.2,<2' 'b[c]>=2.3.4,<2.4' 'd>=0.3.1,<0.4' 'f>=1,<3' g pytest" in run


def test_a_version_from_git_is_stood_in_for_and_the_project_comes_last() -> None:
    text = """
        [build-system]
        requires = ["hatchling", "hatch-vcs"]
        [project]
        name = "x"
        dynamic = ["version"]
        [dependency-groups]
        test = ["trio"]
        [tool.hatch.build.hooks.vcs]
        version-file = "src/x/_version.py"
    """
    job = only(tree("src/x/__init__.py", "tests/test_x.py", pyproject__toml=text))
    assert job.spec.env["SETUPTOOLS_SCM_PRETEND_VERSION"] == "99.0.0"
    assert job.spec.run[0].endswith("install --quiet trio pytest && .venv/bin/python -m pip install --quiet -e .; }")
    assert job.cache[0].paths == (".venv", "src/x/_version.py")


def test_what_compiles_is_installed_each_time() -> None:
    job = only(
        tree(*TESTS, setup__py="from setuptools import setup, Extension\nsetup(ext_modules=[Extension('a', [])])")
    )
    assert job.cache[0].paths == ("~/.cache/pip",)
    assert "PIP_NO_CACHE_DIR" not in job.spec.env


def test_setup_py_is_read_and_never_run() -> None:
    text = """
raise SystemExit
from setuptools import setup
needs = ["six"]
setup(name="x", install_requires=needs, extras_require={"test": ["mock"], "x": open("/etc/passwd")}, tests_require=f())
"""
    assert "-e '.[test]' pytest" in only(tree(*TESTS, setup__py=text)).spec.run[0]


@pytest.mark.parametrize(
    ("name", "content", "args"),
    [
        ("requirements.txt", "flask==3\n# x\n-r other.txt\n", "-r requirements.txt"),
        ("requirements-dev.txt", "trio", "-r requirements-dev.txt"),
        ("requirements/test.txt", "trio", "-r requirements/test.txt"),
        ("test-requirements.txt", "trio", "-r test-requirements.txt"),
    ],
)
def test_a_requirements_file(name: str, content: str, args: str) -> None:
    found = from_tree([*TESTS, name], {name: content.encode()})
    assert f"pip install --quiet {args} pytest; }}" in only(found).spec.run[0]


def test_tools_that_no_test_imports_are_no_reason_to_install() -> None:
    found = from_tree([*TESTS, "requirements/test.txt"], {"requirements/test.txt": b"coverage\nruff==1\n"})
    assert only(found).spec.run == (PYTEST,)


def test_tox_says_what_the_tests_need() -> None:
    ini = """[testenv]
deps =
    -r{toxinidir}/ci.txt
    trio
    py38: old
extras = fast
setenv =
    MODE = strict
    HERE = {toxinidir}
commands = pytest {posargs:tests} -m "not slow"
"""
    pyproject = "[build-system]\nrequires=[]\n[project]\nname='x'\noptional-dependencies={fast=['uvloop']}"
    job = only(tree(*TESTS, tox__ini=ini, pyproject__toml=pyproject))
    assert "-e '.[fast]' trio pytest" in job.spec.run[0]
    assert job.spec.run[1].endswith("-m 'not slow' ${DELTA_TESTS:-tests}")
    assert job.spec.env["MODE"] == "strict"
    assert "HERE" not in job.spec.env


NOX = """
import nox
DEPS = ["trio", "idna"]

@nox.session
def lint(session):
    session.install("ruff")

@nox.session(name="unit-tests", python=["3.9", "3.12"])
def unit(session: nox.Session) -> None:
    session.install("-r", "ci.txt", *DEPS, "-c", "pins.txt")
    session.install("-e", ".[fast]", f"x-{session.python}")
    session.run("pytest", "-m", "not slow", "tests", *session.posargs, env={"MODE": "strict", "HERE": "a b"})
"""


def test_nox_says_what_the_tests_need() -> None:
    pyproject = "[build-system]\nrequires=[]\n[project]\nname='x'\noptional-dependencies={fast=['uvloop']}"
    job = only(tree(*TESTS, "pins.txt", noxfile__py=NOX, ci__txt="sniffio", pyproject__toml=pyproject))
    assert "-e '.[fast]' -r ci.txt trio idna pytest" in job.spec.run[0]
    assert job.spec.run[1].endswith("-m 'not slow' ${DELTA_TESTS:-tests}")
    assert job.spec.env["MODE"] == "strict"
    assert "HERE" not in job.spec.env
    assert "noxfile.py" in job.cache[0].key


@pytest.mark.parametrize(
    "line",
    [
        'session.install(*nox.project.dependency_groups(PYPROJECT, "ci"))',
        'session.run_install("uv", "sync", "--group=ci", env={})',
        'session.install("--group", "ci", ".")',
        'session.run_always("poetry", "install", "--with", "ci,", external=True)',
    ],
)
def test_nox_names_dependency_groups(line: str) -> None:
    noxfile = f"from nox import session\n@session\ndef check(s):\n    {line.replace('session.', 's.')}\n"
    job = only(tree(*TESTS, noxfile__py=noxfile, pyproject__toml="[dependency-groups]\nci=['trio']\nweb=['flask']"))
    assert "install --quiet trio pytest" in job.spec.run[0]


def test_tox_comes_before_nox_that_calls_it() -> None:
    job = only(tree(*TESTS, noxfile__py=NOX, tox__ini="[testenv]\ndeps = anyio\n"))
    assert "anyio" in job.spec.run[0]
    assert "trio" not in job.spec.run[0]


@pytest.mark.parametrize("text", ["def", "x = " + "(" * 5000, "@nox" + ".a" * 5000 + "\ndef t(s): s.run(*[" + "*" * 99])
def test_a_noxfile_that_does_not_parse_is_told(text: str) -> None:
    found = tree(*TESTS, noxfile__py=text)
    assert only(found).spec.run == (PYTEST,)
    assert any("`noxfile.py` does not parse" in note for note in found.notes)


def test_a_noxfile_without_sessions_says_nothing() -> None:
    deep = "@nox" + ".a" * 500 + "\ndef tests(session):\n    session.install('trio')\n"
    assert only(tree(*TESTS, noxfile__py=deep)).spec.run == (PYTEST,)


def test_plugins_that_pytests_configuration_asks_for_are_added() -> None:
    job = only(tree(*TESTS, pytest__ini="[pytest]\naddopts = --cov=x -n auto\nasyncio_mode = auto\n"))
    assert "install --quiet pytest-cov pytest-asyncio pytest-xdist pytest" in job.spec.run[0]


def test_what_pypi_does_not_have_is_told() -> None:
    text = "[project]\nname='x'\ndependencies=['a @ git+https://example.com/a', 'b']\n[tool.pytest.ini_options]"
    found = tree(*TESTS, pyproject__toml=text)
    assert "b pytest" in only(found).spec.run[0]
    assert any("git+https" in note for note in found.notes)


@pytest.mark.parametrize(
    ("asks", "image"),
    [(">=3.9", "runner-python"), (">=3.11,<4", "runner-python"), (">=3.12", "runner-python3.13")],
)
def test_the_image_has_the_python_that_is_asked_for(asks: str, image: str) -> None:
    assert only(tree(*TESTS, pyproject__toml=f"[project]\nrequires-python='{asks}'")).spec.image == image


def test_a_python_that_no_image_has_is_told() -> None:
    found = tree(*TESTS, pyproject__toml="[project]\nrequires-python='>=3.14'")
    assert found.notes == ("the project asks for Python 3.14; the newest image of Delta's has 3.13",)


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


def test_names_only_unittest_finds() -> None:
    job = only(from_tree(["app.py", "checks/tests.py"], {}))
    assert job.spec.run == ("python3 -m unittest ${DELTA_TESTS:-discover -v -s checks}",)
    packaged = only(from_tree(["app/__init__.py", "app/tests.py"], {}))
    assert packaged.spec.run == ("python3 -m unittest ${DELTA_TESTS:-discover -v}",)
    odd = only(from_tree(["a b/tests.py"], {}))
    assert odd.spec.run == ("python3 -m unittest discover -v -s 'a b'",)
    assert odd.tests is None
    django = only(from_tree(["manage.py", "app/tests.py"], {}))
    assert django.spec.run == ("python3 manage.py test",)


def test_python_without_tests_gets_its_syntax_checked_and_a_note() -> None:
    found = from_tree(["app.py", "pytest.ini"], {"pytest.ini": b"[pytest]\n"})
    assert [job.id for job in found.jobs] == ["syntax"]
    assert "no tests were found" in found.notes[0]


def test_a_broken_manifest_is_told_and_does_not_stop() -> None:
    found = from_tree(["pyproject.toml", "test_a.py"], {"pyproject.toml": b"[tool"})
    assert found.source == "tree: pytest"
    assert "does not parse" in found.notes[0]
