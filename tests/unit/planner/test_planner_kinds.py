import pytest

from actors.planner.kinds import Kind, code_folders, kind_of

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
        ("pnpm-workspace.yaml", Kind.BUILD),
        ("go.work", Kind.BUILD),
        (".nvmrc", Kind.BUILD),
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
