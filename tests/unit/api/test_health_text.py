from actors.planner.health import health
from api.cli.health import lines
from models.history import Audit, Found, Miss
from models.ids import JobId, RunId

MISS = Miss(
    repository="ada/kitchen",
    run=RunId("r1"),
    job=JobId("test"),
    test="tests/test_a.py",
    changed=("src/a.py", "src/b.py", "src/c.py", "src/d.py"),
    found=Found.SAMPLE,
    at=86_400.0,
)
WHOLE = Audit(run=RunId("r1"), repository="ada/kitchen", at=1.0, whole=True, caught=28, missed=1)


def text(audits: list[Audit], misses: list[Miss], repository: str = "") -> list[str]:
    return [str(line) for line in lines(health(audits, misses, repository))]


def test_it_says_how_sure_it_is_and_what_was_missed() -> None:
    part = WHOLE.having(run=RunId("r2"), whole=False, caught=0, missed=1, sampled=40)
    line = "  1970-01-02 ada/kitchen: src/a.py, src/b.py, src/c.py … → tests/test_a.py, sample"
    assert text([WHOLE, part], [MISS], "ada/kitchen") == [
        "plans of ada/kitchen",
        "recall 96.6%: 28 of 29 failures chosen, between 82.8% and 99.4% with 95 % confidence",
        "of 40 tests that plans left out and audits ran, 1 failed",
        "1 open misses, 0 closed",
        f"{line}\n    to dismiss it: delta plan --dismiss r1.test.tests/test_a.py",
    ]


def test_the_command_to_dismiss_one_can_be_copied_whatever_the_test_is_called() -> None:
    odd = MISS.having(test="tests/'$(id).py")
    (line,) = text([], [odd])[3:]
    assert line.endswith("""--dismiss 'r1.test.tests/'"'"'$(id).py'""")


def test_nothing_known_is_said_as_that() -> None:
    assert text([], [])[:2] == [
        "plans of all repositories",
        "no run of everything has shown yet what selection chooses or misses",
    ]


def test_what_is_closed_says_by_what_and_no_text_of_a_change_reaches_the_terminal() -> None:
    fixed = MISS.having(closed_at=9.0, fixed_by=RunId("r9"), changed=("a\x1b[2J.py",), test="")
    (line,) = text([], [fixed])[3:]
    assert line == "  1970-01-02 ada/kitchen: a.py → the job test, sample; fixed, run r9 selected it"
    assert text([], [MISS.having(closed_at=9.0, dismissed_by="ada")])[-1].endswith("; dismissed by ada")
