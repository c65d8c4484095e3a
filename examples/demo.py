"""The main job, shown: a change breaks a test, Delta says why; the change is fixed, Delta lets it pass.

Works on a copy of `examples/kitchen` in a temporary folder, with a git history of its own. Exit code 0 when Delta's
verdicts were the right ones, 1 when not, 2 when Delta could not run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.panel import Panel

EXAMPLE = Path(__file__).resolve().parent / "kitchen"
DELTA = Path(sys.executable).parent / "delta"
BRANCH = "faster-ovens"

CHANGED_FILE = "src/kitchen/units.py"
RIGHT = "exact = Fraction(fahrenheit - 32) * 5 / 9"
WRONG = "exact = Fraction(fahrenheit) * 5 / 9 - 32"
MENDED = "exact = 5 * Fraction(fahrenheit - 32) / 9  # the offset first, then the scale"
BROKEN_TEST = "tests/test_units.py::test_an_oven_at_350_fahrenheit_is_set_to_180_celsius"

PASSED, FAILED, COULD_NOT_RUN = 0, 1, 2


def git(repository: Path, *arguments: str) -> None:
    """Runs git as a person who has no configuration yet."""
    who = ("-c", "user.name=Demo", "-c", "user.email=demo@example.invalid", "-c", "commit.gpgsign=false")
    subprocess.run(("git", "-C", str(repository), *who, *arguments), check=True, stdout=subprocess.DEVNULL)


def start(repository: Path) -> None:
    """The example as a repository with one commit on `main`."""
    shutil.copytree(EXAMPLE, repository, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache", "reports"))
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=Scale recipes")


def replace(repository: Path, old: str, new: str) -> None:
    """Changes the one place where `old` stands. Raises ValueError when that place is not there, or not the only one."""
    file = repository / CHANGED_FILE
    text = file.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ValueError(f"{CHANGED_FILE} does not hold {old!r} exactly once")
    file.write_text(text.replace(old, new), encoding="utf-8")


def break_it(repository: Path) -> None:
    """A branch with an innocent-looking change: the brackets of the conversion are gone."""
    git(repository, "checkout", "--quiet", "-b", BRANCH)
    replace(repository, RIGHT, WRONG)
    git(repository, "commit", "--quiet", "--all", "--message=Simplify the oven's conversion")


def fix_it(repository: Path) -> None:
    """The brackets are back. What it does is what `main` does, but not in the same words, or no test would have to run."""
    replace(repository, WRONG, MENDED)
    git(repository, "commit", "--quiet", "--all", "--message=Put the brackets back")


def delta_run(repository: Path) -> int:
    """`delta run` on the branch, in this terminal. Its exit code: 0 passed, 1 failed, 2 could not run."""
    command = [str(DELTA), "run", str(repository), "--base", "main", "--head", BRANCH]
    return subprocess.run(command, check=False).returncode


def act(console: Console, repository: Path, number: int, title: str, expected: int) -> None:
    """One run of Delta under its heading. Leaves with an exit code when its verdict is not the expected one."""
    console.rule(f"[bold]{number}. {title}")
    subprocess.run(("git", "-C", str(repository), "--no-pager", "log", "-1", "--patch", "--format=%h %s"), check=True)
    console.print(f"\n[dim]$ delta run {repository} --base main --head {BRANCH}[/]\n")
    code = delta_run(repository)
    console.print()
    if code == expected:
        return
    if code in {PASSED, FAILED}:
        console.print(
            f"[red]Delta's verdict is exit code {code}, and {expected} was expected.[/] That is a bug in Delta."
        )
        sys.exit(1)
    console.print("[red]Delta could not run.[/] `.venv/bin/delta doctor` says what is missing and what to do about it.")
    sys.exit(COULD_NOT_RUN)


def main() -> None:
    """The two acts, and what to try next."""
    console = Console(highlight=False)
    if not DELTA.exists():
        console.print(f"[red]There is no {DELTA.name} beside this Python.[/] Run `make demo`, which sets it up.")
        sys.exit(COULD_NOT_RUN)
    with tempfile.TemporaryDirectory(prefix="delta-demo-") as folder:
        repository = Path(folder) / "kitchen"
        start(repository)
        break_it(repository)
        act(console, repository, 1, "A change that breaks a test", FAILED)
        fix_it(repository)
        act(console, repository, 2, "The fix", PASSED)
    next_steps = (
        "[bold].venv/bin/delta run PATH[/]  your own repository, from the branch you are on\n"
        "[bold].venv/bin/delta up[/]        the server: webhooks, REST, live logs\n"
        "[bold].venv/bin/delta doctor[/]    each part Delta stands on, proved by using it\n"
        "[bold]make test[/]                 all tests, those on real Ray and gVisor, too"
    )
    console.print(Panel(next_steps, title="What to try next", expand=False))


if __name__ == "__main__":
    main()
