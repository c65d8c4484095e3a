import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.planner.config import find_cycle, parse
from models.errors import ChangeError

WHOLE = """\
version: 1
jobs:
  test:
    run:
      - pip check
      - pytest --junitxml=out/report.xml
    image: runner-python
    needs: [lint]
    paths: [src/**, tests/**, "!src/vendored/**"]
    env: {PYTHON: 3.10, ON: yes, OCTAL: 0777, EMPTY: , TILDE: "~"}
    timeout: 1h 30m
    retries: 2
    artifacts: out/*.html
    junit: [out/*.xml]
    resources: {cpus: 0.5, memory_mb: 512, workspace_mb: 64, pids: 100}
  lint:
    run: ruff check .
"""


def test_every_key_arrives() -> None:
    spec = parse(WHOLE).jobs["test"].spec("test")
    assert spec.run == ("pip check", "pytest --junitxml=out/report.xml")
    assert (spec.image, spec.needs, spec.timeout_s, spec.retries) == ("runner-python", ("lint",), 5400, 2)
    assert (spec.artifacts, spec.junit) == (("out/*.html",), ("out/*.xml",))
    assert spec.resources.shape == "cpu0.5-mem512"
    assert (spec.resources.workspace_mb, spec.resources.pids) == (64, 100)
    assert parse(WHOLE).jobs["test"].paths == ("src/**", "tests/**", "!src/vendored/**")


def test_steps_services_caches_egress_and_secrets_arrive() -> None:
    job = parse(
        """\
version: 1
jobs:
  test:
    secrets: [TOKEN]
    egress: [PyPI.org, "*.example.com"]
    cache:
      - key: requirements*.txt
        paths: [.venv, ~/.cache/pip/]
    services:
      db: {image: service-postgres, env: {VERSION: 1.0}}
      queue: {image: redis, port: 6379, command: redis-server, ready: redis-cli ping, memory_mb: 128}
    steps:
      - run: pip install .
        name: install
        env: {ON: yes}
      - run: twine upload
        secrets: [{name: KEY, file: true}]
"""
    ).jobs["test"]
    spec = job.spec("test")
    assert spec.run == ("pip install .", "twine upload")
    first, second = spec.steps
    assert (first.name, first.env) == ("install", {"ON": "yes"})
    assert [(use.name, use.as_file) for use in first.secrets] == [("TOKEN", False)]
    assert [(use.name, use.as_file) for use in second.secrets] == [("TOKEN", False), ("KEY", True)]
    assert spec.secrets == {"TOKEN", "KEY"}
    assert spec.egress == ("pypi.org", "*.example.com")
    db, queue = spec.services
    assert (db.name, db.image, db.port, db.env) == ("db", "service-postgres", None, {"VERSION": "1.0"})
    assert (queue.port, queue.command, queue.ready, queue.memory_mb) == (6379, "redis-server", "redis-cli ping", 128)
    assert (job.cache[0].key, job.cache[0].paths) == (("requirements*.txt",), (".venv", "~/.cache/pip"))


def test_a_job_with_nothing_particular_about_its_steps_says_nothing_of_them() -> None:
    assert parse(WHOLE).jobs["test"].spec("test").steps == ()


def test_variables_are_text_as_written() -> None:
    env = parse(WHOLE).jobs["test"].env
    assert env == {"PYTHON": "3.10", "ON": "yes", "OCTAL": "0777", "EMPTY": "", "TILDE": "~"}


def job(*lines: str) -> str:
    return "\n".join(["version: 1", "jobs:", "  test:", "    run: pytest", *(f"    {line}" for line in lines), ""])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (job("nedds: [a]"), '.delta.yml:5:5: job "test" has no key "nedds"; did you mean "needs"?'),
        (job("resources: {memory: 5}"), '.delta.yml:5:17: job "test" (resources) has no key "memory"'),
        (job("zzz: 1"), "its keys are run, steps, image, needs"),
        ("version: 1\njob: {}\n", '.delta.yml:2:1: the file has no key "job"; did you mean "jobs"?'),
        ("version: 1\njobs: {a: {rnu: x}}\n", 'lacks the key "run"; is it meant by "rnu"?'),
        ("version: 2\njobs: {a: {run: x}}\n", '.delta.yml:1:1: "version" in the file: this Delta reads version 1'),
        ("jobs: {a: {run: x}}\n", 'the file lacks the key "version"'),
        ("version: 1\njobs: {}\n", '"jobs" in the file: it is empty'),
        ("version: 1\njobs: {Test: {run: x}}\n", '.delta.yml:2:8: "Test" in "jobs": a job\'s name is'),
        ("version: 1\njobs: {a: {run: []}}\n", "it is empty"),
        ("version: 1\njobs: {a: {run: '  '}}\n", "a command is empty"),
        (job("timeout: soon"), '.delta.yml:5:5: "timeout" in job "test": a time is a number of seconds'),
        (job("timeout: 0"), "greater than 0"),
        (job("timeout: 90000"), "less than or equal to 86400"),
        (job("retries: 11"), "less than or equal to 10"),
        (job("paths: [src, '/etc']"), '.delta.yml:5:18: number 2 in job "test" (paths)'),
        (job("paths: ['*.{a,b}']"), "braces are not supported"),
        (job("artifacts: ['!x']"), "only `paths`"),
        (job("env: {1X: y}"), "a variable's name"),
        (job("image: 'a b'"), "not an image name"),
        (job("needs: [tets]"), '.delta.yml:5:13: job "test" needs "tets", no such job; did you mean "test"?'),
        (job("needs: test"), "the jobs need each other in a circle: test -> test"),
        (job("run: again"), '.delta.yml:5:5: the key "run" is there twice'),
        (job("steps: [{run: x}]"), "there are `run` and `steps`, which say the same"),
        ("version: 1\njobs: {a: {steps: [{rum: x}]}}\n", 'has no key "rum"; did you mean "run"?'),
        (job("egress: [10.0.0.1]"), "not a host name"),
        (job("egress: ['*']"), "not a host name"),
        (job("secrets: [npm-token]"), "a secret's name is A-Z"),
        (job("cache: [{key: x, paths: [../x]}]"), "names no `..`"),
        (job("cache: [{key: x, paths: [/etc]}]"), "a path to keep lies in the workspace"),
        (job("services: {db: {imag: x}}"), 'job "test" (services.db) has no key "imag"; did you mean "image"?'),
        (job("services: {db: {image: x, port: 0}}"), "greater than or equal to 1"),
        ("version: 1\njobs: {a: &x {run: x}, b: *x}\n", ".delta.yml:2:11: anchors and aliases are not allowed"),
        ("a: " + "[" * 50 + "]" * 50, "nested deeper"),
        ("- x\n" * 20_000, "more than 10000 values"),
        ("a: " + "x" * 300_000, "are too many"),
        ("a: b: c", ".delta.yml:1:5: not valid YAML"),
        ("a: !!python/object:os.system x", "is not allowed"),
        ("a: " + "1" * 5000, "not a usable number"),
        ("a: \0", "not valid YAML"),
        ("", "not a configuration"),
        ("just words", "not a configuration"),
        ("? [a]\n: b\n", "a key must be a plain word"),
    ],
)
def test_an_error_says_where_what_and_the_nearest_word(text: str, says: str) -> None:
    with pytest.raises(ChangeError) as caught:
        parse(text)
    assert says in str(caught.value)


def test_a_circle_is_shown_as_it_goes() -> None:
    text = "version: 1\njobs:\n  a: {run: x, needs: b}\n  b: {run: x, needs: [c]}\n  c: {run: x, needs: [b]}\n"
    with pytest.raises(ChangeError, match="b -> c -> b"):
        parse(text)


def test_many_problems_are_told_in_the_order_of_the_file_and_bounded() -> None:
    with pytest.raises(ChangeError) as caught:
        parse(job(*(f"wrong{n}: 1" for n in range(9))))
    lines = str(caught.value).splitlines()
    assert [line.split(":")[1] for line in lines[:5]] == ["5", "6", "7", "8", "9"]
    assert lines[5] == "and 4 more"


def test_a_long_chain_of_needs_is_no_circle() -> None:
    chain = {f"j{n}": [f"j{n + 1}"] for n in range(5000)} | {"j5000": []}
    assert find_cycle(chain) == []
    assert find_cycle(chain | {"j5000": ["j4998"]}) == ["j4998", "j4999", "j5000", "j4998"]


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_a_change_error(text: str) -> None:
    for candidate in (text, f"version: 1\njobs:\n  a:\n    run: {text}\n"):
        with contextlib.suppress(ChangeError):
            parse(candidate)
