"""The documentation against the code: what can be checked cheaply is checked here, and all of it stays true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from actors.planner.choice import VARIABLE as TESTS
from actors.planner.config import parse
from actors.planner.policy import read_policy
from actors.planner.schema import JobConfig
from cluster.host.paths import VARIABLE
from models.job import Resources
from models.policy import Policy, Rules
from models.settings import Settings

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()

_FOLDERS = "actors|api|cluster|docs|examples|models|sandbox|tests"
_PATH = re.compile(rf"`((?:{_FOLDERS})/[\w./-]*|[\w-]+\.(?:toml|lock)|ray-cluster\.yaml)`")
_CALL = re.compile(r"`(?:\w+\.)?(\w+)\(\)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
_VARIABLE = re.compile(r"DELTA_[A-Z_]*[A-Z]")
_ROW = re.compile(r"^\| `(DELTA_\w+)` \|([^|]*)\|", re.MULTILINE)
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def leaves(model: type[BaseModel], prefix: str = "DELTA_") -> Iterator[tuple[str, object]]:
    """Every setting's variable and default."""
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(default, BaseModel):
            yield from leaves(type(default), f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}", default


def shown(default: object) -> str:
    """A default as the table has it."""
    if isinstance(default, Path):
        return f"`{str(default).removeprefix('/')}`"
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, str):
        return f"`{default}`" if default else ""
    return f"{default:g}" if isinstance(default, int | float) else str(default)


def paragraphs(text: str) -> list[str]:
    """Text cut at blank lines, and before each item of a list and row of a table."""
    return re.split(r"\n\n|\n(?=\s*(?:- |\d+\. |\|))", text)


@pages
def test_paths_in_code_spans_exist(page: Path) -> None:
    missing = [path for path in _PATH.findall(page.read_text()) if not (ROOT / path).exists()]
    assert missing == []


@pages
def test_functions_are_in_a_file_that_is_named_beside_them(page: Path) -> None:
    wrong = []
    for paragraph in paragraphs(page.read_text()):
        files = [ROOT / path for path in _PATH.findall(paragraph) if path.endswith(".py")]
        code = "\n".join(file.read_text() for file in files if file.exists())
        wrong += [name for name in _CALL.findall(paragraph) if files and not re.search(rf"\bdef {name}\(", code)]
    assert wrong == []


@pages
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for target, anchor in _LINK.findall(page.read_text()):
        file = (page.parent / target).resolve() if target else page
        headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE) if file.is_file() else []
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        if not file.exists() or (anchor and anchor not in anchors):
            wrong.append(f"{target}#{anchor}")
    assert wrong == []


@pages
def test_variables_are_settings(page: Path) -> None:
    known = {VARIABLE, TESTS, *(name for name, _ in leaves(Settings))}
    sections = {name.rpartition("__")[0] for name in known if "__" in name}  # `DELTA_API__` stands for all below it
    assert set(_VARIABLE.findall(page.read_text())) - known - sections == set()


def test_every_setting_is_documented_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/~")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    documented = {name: default.strip() for name, default in _ROW.findall(CONFIGURATION)}
    assert documented == {name: shown(default) for name, default in leaves(Settings)}


@pytest.mark.parametrize("model", [JobConfig, Resources, Rules])
def test_every_key_of_a_job_is_documented(model: type[BaseModel]) -> None:
    rows = set(re.findall(r"^\| `(\w+)(?:\.\w+)?` \|", CONFIGURATION, re.MULTILINE))
    assert set(model.model_fields) <= rows


@pages
def test_examples_of_a_configuration_are_valid(page: Path, tmp_path: Path) -> None:
    for block in _BLOCK.findall(page.read_text()):
        if block.startswith("# policy.yml"):
            (tmp_path / "policy.yml").write_text(block)
            assert read_policy(tmp_path / "policy.yml") != Policy()
        else:
            assert parse(block).jobs


def test_the_readme_fits_on_a_screen() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 60


@pages
def test_lines_of_text_are_not_too_long(page: Path) -> None:
    # A row of a table cannot be broken.
    lines = [line for line in page.read_text().splitlines() if not line.startswith("|")]
    assert [line for line in lines if len(line) > 120] == []


@pages
def test_no_page_speaks_of_the_machine_it_was_written_on(page: Path) -> None:
    assert re.findall(r"/work/|/root/|/tmp/(?!delta-ray-\*)\w+|/home/(?!delta/)\w+", page.read_text()) == []
