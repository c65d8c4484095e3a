"""Images for jobs: an ordinary user, the tools of one ecosystem as Debian has them, and a way to the job's door.

`runner-python` is made of Debian 12, the others of Debian 13, whose Node, Go and Rust are the newer ones.
"""

from __future__ import annotations

from cluster.images.recipe import Recipe

# `socat` is the way from a job's loopback to its door (sandbox/forward.py).
_ALWAYS = ("build-essential", "ca-certificates", "git", "socat")
_PYTHON = ("less", "python-is-python3", "python3", "python3-dev", "python3-pip", "python3-pytest", "python3-venv")
_USER = (
    "groupadd --gid 1000 runner",
    "useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash runner",
    "install -d -o runner -g runner /workspace /delta",
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# One image, one purpose: Debian's guard against `pip install` outside a venv only gets in a job's way here.
_PIP = ("rm -f /usr/lib/python3*/EXTERNALLY-MANAGED",)
_PIP_ENVIRONMENT = (
    ("PYTHONUNBUFFERED", "1"),  # a job's log is watched live
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PIP_NO_INPUT", "1"),
)


def _runner(
    name: str,
    suite: str,
    packages: tuple[str, ...],
    first: tuple[str, ...] = (),
    environment: tuple[tuple[str, str], ...] = (),
) -> Recipe:
    return Recipe(
        name=name,
        suite=suite,
        packages=tuple(sorted((*_ALWAYS, *packages))),
        commands=(*first, *_USER),
        environment=(
            ("PATH", f"/home/runner/.local/bin:{_PATH}"),
            ("HOME", "/home/runner"),
            ("LANG", "C.UTF-8"),
            *environment,
        ),
        user="runner",
        workdir="/workspace",
    )


# Python 3.11, and 3.13 for projects that ask for more than 3.11.
RUNNER_PYTHON = _runner("runner-python", "bookworm", _PYTHON, _PIP, _PIP_ENVIRONMENT)
RUNNER_PYTHON_313 = _runner("runner-python3.13", "trixie", _PYTHON, _PIP, _PIP_ENVIRONMENT)
# Node 20 with npm 9. Packages that compile want Python as well.
RUNNER_NODE = _runner("runner-node", "trixie", ("nodejs", "npm", "python3"))
# Go 1.24, which fetches a newer one itself where `go.mod` asks for it and the job reaches `proxy.golang.org`.
RUNNER_GO = _runner("runner-go", "trixie", ("golang-go",), environment=(("GOTOOLCHAIN", "auto"),))
# Rust 1.85.
RUNNER_RUST = _runner("runner-rust", "trixie", ("cargo", "pkg-config", "rustc"))

RUNNERS = (RUNNER_PYTHON, RUNNER_PYTHON_313, RUNNER_NODE, RUNNER_GO, RUNNER_RUST)
