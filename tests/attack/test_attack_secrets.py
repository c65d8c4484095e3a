"""Jobs that want secrets that are not theirs, or want theirs shown. The step with the secret is `victim`."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from models.job import SecretUse, Step
from models.result import Outcome
from tests.attack.node import unharmed
from tests.integration.sandbox.conftest import Laboratory

TOKEN = "tok-4f6a9c2e7b18d035"
PROOF = TOKEN[4:]

VICTIM = Step(secrets=(SecretUse(name="TOKEN"), SecretUse(name="FILE", as_file=True)))
OTHER = Step()
USE = 'test -n "$TOKEN" -a -r "$FILE"'

# Reads whatever it is allowed to of every process, and of the places where files wait, for ever.
SPY = b"""
import glob, os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/dev/shm/*/*"):
        try:
            with open(path, "rb") as file, open("/workspace/seen", "ab") as seen:
                seen.write(file.read().replace(b"\\0", b"\\n"))
        except OSError:
            pass
"""
# Makes another process of itself all the time, so that whoever ends processes one by one comes late.
HYDRA = b"import os, sys\nwhile True:\n    if os.fork():\n        os._exit(0)\n    os.setsid()\n"
# Kills, or holds up, whatever of its own user appears.
KILLER = b"""
import os, signal, time
time.sleep(1)  # its own step has ended
while True:
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) not in (1, os.getpid()):
            try:
                os.kill(int(name), signal.SIGSTOP)
            except OSError:
                pass
"""


@pytest.fixture
def lab(lab: Laboratory) -> Laboratory:
    lab.secrets = {"TOKEN": SecretStr(TOKEN), "FILE": SecretStr(f"{TOKEN}-of-the-file")}
    return lab


def started(script: str) -> str:
    """It is running when the step ends, outside the step's session."""
    return f"setsid python3 {script} > /dev/null 2>&1 < /dev/null & sleep 0.3"


def test_neither_before_nor_after_it_is_a_secret_found(lab: Laboratory) -> None:
    """In variables, processes, files, git's configuration, the mounts, the kernel's own files."""
    everything = (
        "set +e; env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/mounts 2>&1 | tr '\\0' '\\n'; "
        "cat /proc/self/mountinfo; git config --list --show-origin 2>&1; ls -laR /dev/shm /tmp ~ /run 2>&1; "
        "grep -rls tok- /workspace /tmp /dev/shm ~ /run /var /etc 2>/dev/null; true"
    )
    with unharmed(lab):
        result = lab.run(everything, USE, everything, steps=(OTHER, VICTIM, OTHER))
        assert result.outcome is Outcome.PASSED, lab.told
        assert PROOF not in lab.output
        assert "***" not in lab.output
        assert "TOKEN" not in lab.output


def test_a_spy_that_is_left_behind_sees_nothing(lab: Laboratory) -> None:
    with unharmed(lab):
        lab.tree = {"spy.py": SPY}
        result = lab.run(
            f"touch seen; {started('spy.py')}", f"{USE}; sleep 1", "cat seen", steps=(OTHER, VICTIM, OTHER)
        )
        assert result.outcome is Outcome.PASSED, lab.told
        assert "HOME=/home/runner" in lab.output  # it did look
        assert "***" not in lab.output
        assert PROOF not in lab.output


def test_one_that_forks_all_the_time_is_ended_too_or_the_job_is(lab: Laboratory) -> None:
    with unharmed(lab):
        lab.tree = {"hydra.py": HYDRA, "spy.py": SPY}
        first = f"touch seen; {started('hydra.py')}; {started('spy.py')}"
        result = lab.run(first, f"{USE}; sleep 1", "cat seen", steps=(OTHER, VICTIM, OTHER), timeout_s=60)
        assert "***" not in lab.output
        assert PROOF not in lab.output
        assert result.outcome is Outcome.PASSED or "could not be ended" in result.detail


def test_one_that_stops_every_process_does_not_stop_what_ends_it(lab: Laboratory) -> None:
    with unharmed(lab):
        lab.tree = {"killer.py": KILLER}
        result = lab.run(started("killer.py"), "echo went on", steps=(OTHER, VICTIM), timeout_s=60)
        assert (result.outcome, lab.output) == (Outcome.PASSED, "went on\n"), lab.told


def test_what_had_the_secret_does_not_live_on_beside_a_step_without(lab: Laboratory) -> None:
    with unharmed(lab):
        keep = f"{USE}; setsid sleep 300 > /dev/null 2>&1 < /dev/null &"
        look = "(cat /proc/[0-9]*/environ 2>/dev/null || true) | tr '\\0' '\\n' | (grep -c TOKEN || true)"
        lab.run(keep, look, steps=(VICTIM, OTHER))
        assert lab.output == "0\n"


def test_a_link_in_the_way_of_its_file_leads_nowhere(lab: Laboratory) -> None:
    """The folder's name cannot be guessed, and one that is there already is not used."""
    with unharmed(lab):
        trap = "mkdir leak; for name in secrets delta TOKEN FILE; do ln -s /workspace/leak /dev/shm/$name; done"
        result = lab.run(trap, USE, "ls -A leak", steps=(OTHER, VICTIM, OTHER))
        assert result.outcome is Outcome.PASSED, lab.told
        assert lab.output == ""


TRICKS = {
    "twice": 'echo "$TOKEN$TOKEN"',
    "in pieces": 'printf %s "${TOKEN:0:7}"; sleep 0.3; printf %s "${TOKEN:7}"',
    "character by character": 'for ((i = 0; i < ${#TOKEN}; i++)); do printf %s "${TOKEN:i:1}"; sleep 0.02; done',
    "base64": 'printf %s "$TOKEN" | base64; printf %s "a$TOKEN" | base64; printf %s "ab$TOKEN" | base64',
    "hex": 'printf %s "$TOKEN" | od -An -v -tx1 | tr -d " \\n"',
    "json": "python3 -c 'import json, os; print(json.dumps(dict(os.environ)))'",
    "traced": 'set -x; : "$TOKEN"',
    "an error": '"$TOKEN"',
    "dumped": "export -p; env -0; cat /proc/self/environ",
    "a curl": 'echo "https://user:$TOKEN@example.org/"',
    "into Delta's own line": "exit 3 # $TOKEN",
    "not text": 'printf "\\xff\\xfe%s\\xff" "$TOKEN"',
    "in colours": 'printf "\\033[31m%s\\033[0m\\r" "$TOKEN"',
    "in a long line": 'head -c 300000 /dev/zero | tr "\\0" x; printf %s "$TOKEN"; head -c 300000 /dev/zero',
}


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_a_log_shows_no_secret(lab: Laboratory, trick: str) -> None:
    result = lab.run(f"({trick}) 2>&1", steps=(Step(secrets=VICTIM.secrets[:1]),))
    everything = "".join(chunk.text for chunk in lab.chunks) + result.model_dump_json()
    assert PROOF not in everything
    assert PROOF.encode().hex() not in everything
    assert TOKEN not in lab.told


def test_what_is_turned_round_is_out_of_reach(lab: Laboratory) -> None:
    """Masking is for accidents: who may use a secret can always tell it. Stated, so that nobody believes otherwise."""
    lab.run("rev <<< $TOKEN", steps=(Step(secrets=VICTIM.secrets[:1]),))
    assert lab.output == f"{TOKEN[::-1]}\n"
