"""The published JSON Schema: of today's models, and of one mind with the reader on what is right and what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from actors.planner.config import parse
from actors.planner.document import read_document
from actors.planner.json_schema import FILE, json_schema
from models.errors import ChangeError

SCHEMA = json.loads(json_schema())
PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
EXAMPLES = [block for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if "jobs:\n" in block]


def accepted(text: str) -> bool:
    data: Any = read_document(text, "x").data
    return bool(Draft202012Validator(SCHEMA).is_valid(data))


def understood(text: str) -> bool:
    try:
        parse(text)
    except ChangeError:
        return False
    return True


def test_the_file_in_the_repository_is_up_to_date() -> None:
    assert FILE.read_text() == json_schema(), "python -m actors.planner.json_schema writes it"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_documentation_is_accepted(example: str) -> None:
    assert accepted(example)
    assert understood(example)


def job(line: str) -> str:
    return f"version: 1\njobs:\n  test:\n    run: x\n    matrix: {{a: [1]}}\n    {line}\n"


RIGHT = [
    "timeout: 90",
    "timeout: 1h 30m",
    "timeout: 10 min",
    "timeout: ${{ matrix.a }}m",
    "needs: []",
    "paths: src",
    "junit: [a.xml, b.xml]",
    "env: {A: 3.10, B: yes, C: , D: true, _e: x}",
    "image: runner-${{ matrix.a }}",
    "tests: true",
    "tests: {files: x/**}",
    "secrets: A",
    "secrets: [A, {name: B, file: true}]",
    "cache: [{key: a, paths: [b]}]",
    "services: {db: {image: x}}",
    "resources: {labels: gpu}",
    "resources: {labels: [gpu, a-1], cpus: 0.5}",
    "concurrency: {group: a}",
    "egress: pypi.org",
]
WRONG = [
    "tineout: 90",
    "timeout: soon",
    "timeout: ''",
    "timeout: 0",
    "timeout: 100000",
    "timeout: []",
    "env: {1A: x}",
    "env: {A: [x]}",
    "env: {A-B: x}",
    "image: A B",
    "tests: {file: x}",
    "tests: x",
    "secrets: [{file: true}]",
    "cache: {key: a}",
    "cache: [{key: a}]",
    "services: {DB: {image: x}}",
    "services: {db: {imag: x}}",
    "resources: {labels: [GPU]}",
    "resources: {cpu: 1}",
    "retries: 11",
    "retries: 1.5",
    "always: maybe",
    "paths: []",
    "steps: [{run: x}]",
]


@pytest.mark.parametrize("line", RIGHT)
def test_what_the_reader_understands_is_accepted(line: str) -> None:
    assert understood(job(line))
    assert accepted(job(line))


@pytest.mark.parametrize("line", WRONG)
def test_what_the_reader_does_not_understand_is_refused(line: str) -> None:
    assert not understood(job(line))
    assert not accepted(job(line))


@pytest.mark.parametrize(
    "text",
    [
        "version: 2\njobs: {a: {run: x}}\n",
        "jobs: {a: {run: x}}\n",
        "version: 1\njobs: {}\n",
        "version: 1\njobs: {A: {run: x}}\n",
        "version: 1\njobs: {a: {}}\n",
        "version: 1\njobs: {a: {run: }}\n",
        "version: 1\njob: {}\njobs: {a: {run: x}}\n",
        "version: 1\npolicy: {imges: x}\njobs: {a: {run: x}}\n",
        "version: 1\npolicy: {version: 1}\njobs: {a: {run: x}}\n",
        "version: 1\npolicy: {forks: {approval: some}}\njobs: {a: {run: x}}\n",
    ],
)
def test_so_is_a_whole_file_that_is_wrong(text: str) -> None:
    assert not understood(text)
    assert not accepted(text)
