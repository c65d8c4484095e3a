"""Running git on repositories that nobody has vouched for.

The repository, its configuration and its remote may be hostile, so git is called with an environment made from nothing
(neither the user's nor the system's configuration counts), with hooks, external programs, file-system monitors and
submodules off, with a short list of transports, and never asks anybody anything. A credential travels in the
environment: not on a command line that other users can read, and not into a mirror's configuration.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from models.errors import CallerError, InfrastructureError
from models.ids import CommitId

LOCAL_TIMEOUT_S = 120.0
SAID_CHARS = 1000

# Taken over from the environment: where programs, certificates, proxies and the SSH agent are.
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})
_CERTIFICATES = frozenset({"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"})
_PASSED = (
    frozenset({"PATH", "TMPDIR", "SSH_AUTH_SOCK"}) | _CERTIFICATES | _PROXIES | {name.lower() for name in _PROXIES}
)
_SET = {
    "LC_ALL": "C",
    "HOME": "/nonexistent",  # no ~/.netrc, no ~/.config/git
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",  # not ext, which runs any program
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # a replaced object is not what was committed
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_LITERAL_PATHSPECS": "1",
}
HARDENING = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "credential.helper=",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "gc.autoDetach=false",
    "tar.umask=0022",
    "advice.detachedHead=false",
)

# Added to the environment to read a repository of another user's: reading runs nothing that its configuration names.
OF_ANY_OWNER = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*(?=@)")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a git process."""
    passed = {name: value for name, value in os.environ.items() if name in _PASSED}
    return {**passed, **_SET, **(extra or {})}


def command(arguments: Sequence[str], *, git_dir: Path | None = None) -> list[str]:
    """The command line for these arguments."""
    hardening = [part for setting in HARDENING for part in ("-c", setting)]
    where = [f"--git-dir={git_dir}"] if git_dir else []
    return ["git", *hardening, *where, "--no-pager", *arguments]


def run(
    arguments: Sequence[str],
    *,
    git_dir: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout_s: float = LOCAL_TIMEOUT_S,
) -> subprocess.CompletedProcess[bytes]:
    """Run git to its end and return what it said, whatever its exit code.

    `InfrastructureError` when there is no git, or it takes longer than `timeout_s`.
    """
    try:
        return subprocess.run(
            command(arguments, git_dir=git_dir),
            env=environment(env),
            cwd="/",
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise InfrastructureError("git is not installed", remedy="run `make setup`") from error
    except subprocess.TimeoutExpired as error:
        raise InfrastructureError(f"git {arguments[0]} took longer than {timeout_s:g} s") from error


def output(arguments: Sequence[str], *, git_dir: Path, env: Mapping[str, str] | None = None) -> bytes:
    """What git printed. `InfrastructureError` when it failed."""
    done = run(arguments, git_dir=git_dir, env=env)
    if done.returncode:
        raise InfrastructureError(f"git {arguments[0]} failed in {git_dir}: {complaint(done)}")
    return done.stdout


@contextmanager
def streamed(arguments: Sequence[str], *, git_dir: Path) -> Iterator[BinaryIO]:
    """What git prints, as it prints it. A reader that stops early ends git.

    `InfrastructureError` when git failed and the reader had come to the end, thinking that this was all.
    """
    try:
        process = subprocess.Popen(
            command(arguments, git_dir=git_dir),
            env=environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise InfrastructureError("git is not installed", remedy="run `make setup`") from error
    stdout = cast("BinaryIO", process.stdout)  # there is one, because a pipe was asked for
    try:
        yield stdout
        whole = not stdout.read(1)
    except BaseException:
        process.kill()
        raise
    finally:
        stdout.close()
        status = process.wait()
    if status and whole:
        raise InfrastructureError(f"git {arguments[0]} failed in {git_dir} with exit code {status}")


def complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    """The end of what git said to standard error, without a password that a URL in it may carry."""
    return _PASSWORD.sub("…", done.stderr.decode(errors="replace").strip()[-SAID_CHARS:])


def checked_commit(commit: str) -> CommitId:
    """The id, if it is a full object id in hexadecimal; git would take other text as a revision or as an option.

    Errors: `CallerError`.
    """
    if not _COMMIT.fullmatch(commit):
        raise CallerError(f"{commit[:100]!r} is not a commit id", remedy="give all its hexadecimal digits")
    return CommitId(commit)


def shown_path(raw: bytes) -> str:
    r"""A path as text. Bytes that are not UTF-8 become `\xNN`, so that every path can be stored and told apart."""
    return raw.decode(errors="backslashreplace")


def resolve(repo: Path, revision: str) -> CommitId:
    """The commit that a revision (`HEAD`, `main~2`, an abbreviated id) names in a user's repository.

    Errors: `CallerError` naming repository and revision when there is none.
    """
    arguments = ["-C", str(repo), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    done = run(arguments, env=OF_ANY_OWNER)
    if done.returncode:
        said = complaint(done)
        raise CallerError(
            f"{revision!r} names no commit in {repo}" + (f": {said}" if said else ""),
            remedy="give a branch, a tag or a commit of that repository",
        )
    return checked_commit(done.stdout.decode().strip())
