import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.planner.decide import PlanInputs, plan
from actors.planner.packages import PackageSources
from models.change import Change, ChangeKind, Forge, Trust
from models.errors import ChangeError
from models.ids import CommitId, JobId
from models.plan import ChangedFile, Plan
from models.policy import Approval, ForkPolicy, Policy, ServerRules

BASE, HEAD = CommitId("b" * 40), CommitId("a" * 40)
FILES = (".delta.yml", "README.md", "docs/guide.md", "pyproject.toml", "src/calc/ops.py", "tests/test_ops.py")
CONFIG = """\
version: 1
jobs:
  lint: {run: lint, paths: [tools/**]}
  test: {run: pytest, paths: [src/**, tests/**], needs: lint}
  docs: {run: docs, paths: docs/**}
  always: {run: "true"}
"""


def change(trust: Trust = Trust.TRUSTED) -> Change:
    return Change(
        forge=Forge.LOCAL, kind=ChangeKind.MANUAL, trust=trust, repository="r", clone_url="/r", head=HEAD, base=BASE
    )


def files(*paths: str) -> tuple[ChangedFile, ...]:
    return tuple(ChangedFile(path=path, status="M") for path in paths)


def inputs(*paths: str, config: str | None = CONFIG, trust: Trust = Trust.TRUSTED, **more: object) -> PlanInputs:
    plain = PlanInputs(change=change(trust), merge_base=BASE, changed=files(*paths), files=FILES, config_text=config)
    return plain.having(**more)


def running(made: Plan) -> list[str]:
    return [job.spec.id for job in made.jobs]


def why(made: Plan, job: str) -> list[tuple[str, str]]:
    both = [(planned.spec.id, planned.reasons) for planned in made.jobs]
    both += [(skipped.id, skipped.reasons) for skipped in made.skipped]
    return [(reason.rule, reason.evidence) for reason in dict(both)[JobId(job)]]


def test_paths_choose_and_needs_pull_in() -> None:
    made = plan(inputs("src/calc/ops.py"))
    assert running(made) == ["lint", "test", "always"]
    assert why(made, "test") == [("paths", "`src/calc/ops.py` matches `src/**`")]
    assert why(made, "lint") == [("needs", "`test` runs and needs it")]
    assert why(made, "docs") == [("paths", "none of the changed files (`src/calc/ops.py`) matches `docs/**`")]
    assert why(made, "always")[0][0] == "always"
    assert (made.source, made.policy, made.head, made.merge_base) == (".delta.yml", Policy().digest, HEAD, BASE)


def test_many_matches_are_counted() -> None:
    made = plan(inputs(*(f"src/m{n}.py" for n in range(7))))
    assert why(made, "test")[3] == ("paths", "and 4 more changed files match")


def test_a_renamed_file_counts_under_both_names() -> None:
    moved = (ChangedFile(path="attic/guide.md", status="R", old_path="docs/guide.md"),)
    assert "docs" in running(plan(inputs(changed=moved)))


ALL = ["lint", "test", "docs", "always"]


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (inputs("docs/guide.md", merge_base=None), "no merge base"),
        (inputs("docs/guide.md", shallow=True), "shallow history"),
        (inputs(), "empty diff"),
        (inputs("docs/guide.md", ".delta.yml"), "configuration file"),
        (inputs("docs/guide.md", ".github/workflows/ci.yml"), "ci file"),
        (inputs("docs/guide.md", "uv.lock"), "build file"),
        (inputs("docs/guide.md", "pyproject.toml"), "build file"),
        (inputs("docs/guide.md", "weights.bin"), "unknown file"),
        (inputs(*(f"docs/{n}.md" for n in range(70_000))), "huge change"),
        (inputs(changed=(ChangedFile(path="docs/x.md", status="R", old_path="setup.py"),)), "build file"),
    ],
)
def test_unsure_means_everything_runs_and_says_why(given: PlanInputs, rule: str) -> None:
    made = plan(given)
    assert running(made) == ALL
    assert made.skipped == ()
    assert {why(made, job)[0][0] for job in ALL} == {rule}


def test_an_unknown_kind_that_a_job_names_is_known() -> None:
    made = plan(inputs("docs/model.bin", "src/table.bin"))
    assert "docs" in running(made)
    assert plan(inputs("src/table.bin")).skipped[0].id == "docs"


def test_a_change_no_job_looks_at_is_told() -> None:
    narrow = "version: 1\njobs: {a: {run: x, paths: src}}\n"
    made = plan(inputs("scripts/deploy.py", config=narrow))
    assert running(made) == []
    assert made.notes == ("no job's `paths` name `scripts/deploy.py`, so no job looks at that change",)
    assert plan(inputs("README.md", config=narrow)).notes == ()


def test_without_configuration_documentation_alone_runs_nothing() -> None:
    made = plan(inputs("README.md", "docs/guide.md", config=None))
    assert running(made) == []
    assert why(made, "test") == [("documentation", "only documentation changed: `README.md`, `docs/guide.md`")]
    made = plan(inputs("README.md", "src/calc/ops.py", config=None))
    assert running(made) == ["test"]
    assert why(made, "test")[0] == ("change", "`src/calc/ops.py` changed")


def test_doctests_make_documentation_count() -> None:
    read = {"pyproject.toml": b"[tool.pytest.ini_options]\naddopts = '--doctest-glob=*.md'"}
    assert running(plan(inputs("README.md", config=None, read=read))) == ["test"]


BOTH = ("pkg/a.py", "test_a.py", "pyproject.toml", "web/a.js", "package.json", "go.mod", "x/x.go", "y/y.go")
BOTH_READ = {
    "pyproject.toml": b"",
    "package.json": b'{"scripts": {"test": "x"}}',
    "go.mod": b"module m",
}


@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        (["web/a.js"], ["test-node"]),
        (["package.json"], ["test-node"]),
        (["pkg/a.py", "README.md"], ["test"]),
        (["pkg/a.js"], ["test", "test-node"]),  # it may be the Python package's data
        (["data.json"], ["test", "test-node", "test-go"]),
        (["Makefile"], ["test", "test-node", "test-go"]),
        (["web/a.js", "go.mod"], ["test-node", "test-go"]),
    ],
)
def test_a_job_of_one_language_is_skipped_for_another(changed: list[str], runs: list[str]) -> None:
    made = plan(inputs(*changed, config=None, files=BOTH, read=BOTH_READ))
    assert running(made) == runs
    assert {job.reasons[0].rule for job in made.skipped} <= {"other language", "documentation"}


def test_packages_that_the_change_reaches_are_told_to_the_job() -> None:
    sources = {
        "go.mod": b"module m",
        "x/x.go": b'package x; import "m/y"',
        "y/y.go": b"package y",
        "z/z.go": b"package z",
    }
    blobs = {path: path for path in sources}
    known = PackageSources(blobs, ["y/y.go"], lambda _: sources)
    made = plan(inputs("y/y.go", config=None, files=(*sources,), read={"go.mod": b"module m"}, packages=known))
    (job,) = made.jobs
    assert job.spec.env["DELTA_TESTS"] == "./y ./x"
    assert job.tests is not None
    assert job.tests.skipped == ("./z",)
    assert job.reasons[0].evidence == "the change reaches 2 of 3 packages"


POLICY_CONFIG = "version: 1\njobs: {test: {run: x, image: own, timeout: 5h, retries: 9, resources: {cpus: 32}}}\n"


def test_a_fork_does_not_choose_its_own_limits() -> None:
    base = "version: 1\njobs: {test: {run: y, image: ours, timeout: 60}}\n"
    made = plan(inputs("src/a.py", config=POLICY_CONFIG, base_config_text=base, trust=Trust.FORK))
    spec = made.jobs[0].spec
    assert (spec.run, spec.image, spec.timeout_s, spec.retries, spec.resources.cpus) == (("x",), "ours", 60, 0, 1)
    assert made.notes == ("`test`: for a fork, image, resources, timeout and retries come from the base branch",)


@pytest.mark.parametrize("base", [None, "version: 1\njobs: {other: {run: x}}\n", "broken: ["])
def test_a_job_that_only_the_fork_has_gets_the_defaults(base: str | None) -> None:
    made = plan(inputs("src/a.py", config=POLICY_CONFIG, base_config_text=base, trust=Trust.FORK))
    spec = made.jobs[0].spec
    assert (spec.image, spec.timeout_s, spec.retries, spec.resources.cpus) == ("runner-python", 600, 0, 1)
    assert any("defaults" in note for note in made.notes)


def test_a_trusted_change_chooses_itself() -> None:
    made = plan(inputs("src/a.py", config=POLICY_CONFIG, base_config_text=CONFIG))
    assert made.jobs[0].spec.image == "own"
    assert made.notes == ()


def test_a_broken_configuration_is_the_changes_fault() -> None:
    with pytest.raises(ChangeError, match=r"\.delta\.yml:1:1"):
        plan(inputs("src/a.py", config="nonsense"))


def test_a_path_cannot_break_out_of_its_code_span() -> None:
    made = plan(inputs("src/`@everyone`\n# big.py"))
    assert why(made, "test")[0][1] == "`src/?@everyone??# big.py` matches `src/**`"


paths = st.sampled_from([*FILES, "docs/x.md", "new.bin", "tools/t.py", ".github/workflows/x.yml", "é/ü.py"])


@settings(deadline=None)
@given(
    st.lists(paths, unique=True, max_size=6),
    st.sampled_from([CONFIG, None, POLICY_CONFIG]),
    st.booleans(),
    st.sampled_from(Trust),
    st.randoms(use_true_random=False),
)
def test_a_replay_gives_the_same_plan_and_every_job_has_a_reason(
    changed: list[str], config: str | None, shallow: bool, trust: Trust, rng: random.Random
) -> None:
    given = inputs(*changed, config=config, trust=trust, shallow=shallow, read={"setup.cfg": b"\xff\x00"})
    made = plan(given)
    assert plan(PlanInputs.model_validate_json(given.model_dump_json())) == made
    shuffled = given.having(changed=tuple(rng.sample(given.changed, len(given.changed))))
    assert plan(shuffled).digest == made.digest != ""
    assert all(job.reasons for job in made.jobs)
    assert all(job.reasons for job in made.skipped)
    chosen = set(running(made))
    assert all(set(job.spec.needs) <= chosen for job in made.jobs)
    assert not chosen & {job.id for job in made.skipped}


def refused(made: Plan) -> dict[str, str]:
    return {job.id: "; ".join(reason.evidence for reason in job.reasons) for job in made.refused}


ALWAYS_CONFIG = """\
version: 1
jobs:
  test: {run: pytest, paths: src/**}
  tidy: {run: tidy, paths: tools/**, needs: test, always: true}
"""


def test_a_job_that_always_runs_does_so_and_brings_nothing_in() -> None:
    made = plan(inputs("docs/guide.md", config=ALWAYS_CONFIG))
    assert running(made) == ["tidy"]
    assert why(made, "tidy") == [("always", "it has `always`, so it runs for every change")]
    assert running(plan(inputs("src/calc/ops.py", config=ALWAYS_CONFIG))) == ["test", "tidy"]


def policy_of(text: str, config: str = CONFIG) -> str:
    return config.replace("jobs:\n", f"policy: {text}\njobs:\n", 1)


STRICT = policy_of("{images: [own-*], required: [lint, audit], max_jobs: 3}")


@pytest.mark.parametrize("trust", Trust)
def test_the_policy_is_the_base_branchs_for_everybody(trust: Trust) -> None:
    for config in (CONFIG, policy_of("{images: '*'}")):  # the change takes it out, or loosens it
        made = plan(inputs("src/calc/ops.py", config=config, base_config_text=STRICT, trust=trust))
        assert "not in the repository's policy's `images`" in refused(made)["test"]
        assert "requires a job `audit`" in refused(made)["audit"]
        assert running(made) == []
        assert made.required == ("lint",)


def test_what_a_change_says_of_the_policy_counts_once_it_is_merged() -> None:
    made = plan(inputs("src/calc/ops.py", config=STRICT, base_config_text=CONFIG))
    assert refused(made) == {}
    assert made.policy == Policy().digest


def test_without_a_base_a_trusted_change_says_itself_what_its_policy_is() -> None:
    for trust, count in ((Trust.TRUSTED, 5), (Trust.FORK, 0)):
        own = change(trust).having(base=None)
        made = plan(inputs("src/calc/ops.py", config=STRICT, change=own, merge_base=None))
        assert len(made.refused) == count


def test_a_policy_of_the_base_that_is_not_understood_is_told_and_does_not_keep_it_from_being_corrected() -> None:
    made = plan(inputs("src/calc/ops.py", base_config_text=policy_of("{imags: x}")))
    assert refused(made) == {}
    assert any('no key "imags"; did you mean "images"?' in note for note in made.notes)


def test_only_the_policy_of_the_base_has_to_be_right() -> None:
    broken = policy_of("{images: own-*}").replace("run: lint", "rum: lint")
    assert "test" in refused(plan(inputs("src/calc/ops.py", base_config_text=broken)))


@pytest.mark.parametrize(("trust", "waits"), [(Trust.FORK, True), (Trust.TRUSTED, False)])
def test_a_forks_change_waits_where_the_policy_says_so(trust: Trust, waits: bool) -> None:
    made = plan(inputs("src/calc/ops.py", base_config_text=policy_of("{forks: {approval: all}}"), trust=trust))
    assert bool(made.held) is waits


@pytest.mark.parametrize("server", [None, "none", "first_time", "all"])
@pytest.mark.parametrize("newcomer", [True, False])
def test_by_default_a_forks_change_waits_where_its_author_is_new(server: Approval, newcomer: bool) -> None:
    policy = Policy(server=ServerRules(forks=ForkPolicy(approval=server)))
    asked = inputs("src/calc/ops.py", base_config_text=CONFIG, trust=Trust.FORK, policy=policy)
    made = plan(asked.having(change=asked.change.having(newcomer=newcomer)))
    assert bool(made.held) is (server == "all" or (newcomer and server in {None, "first_time"}))


MATRIX = "version: 1\njobs:\n  test: {run: pytest, image: 'py${{ matrix.v }}', matrix: {v: %s}}\n"


def test_a_fork_gets_the_base_branchs_image_for_the_same_combination_and_the_defaults_for_its_own() -> None:
    forged = MATRIX.replace("py$", "evil$") % "[1, 2, 3]"
    made = plan(inputs("a.py", config=forged, base_config_text=MATRIX % "[1, 2]", trust=Trust.FORK))
    assert {job.spec.id: job.spec.image for job in made.jobs} == {
        "test-1": "py1",
        "test-2": "py2",
        "test-3": "runner-python",
    }
