"""A step's secrets: brought in before it, taken away after it, out of reach of every other step's processes.

They come on the standard input of an exec of Delta's own, as files in a folder of `/dev/shm` that nobody can guess, and
not with the step's own exec: what Docker and its runtime are told of an exec, its environment included, they write to
files and debug logs. The shell that becomes the step reads the ones that are to be variables and removes their files.
The others stay until the step has ended.

All steps of a job are one user, who can read the environment of all its processes. So every process of the job is ended
between two steps whose secrets differ: what an earlier step left running cannot read a later one's, and what ran with
secrets does not run on beside a step that has none. This is done as root with all capabilities inside the sandbox,
whom the job can neither kill nor trace, and it looks again until nothing is left. Nothing of the job is run by it.
"""

from __future__ import annotations

import io
import secrets as random
import tarfile
from collections.abc import Mapping, Sequence

from pydantic import SecretStr

from models.errors import InfrastructureError, InternalError
from models.job import JobSpec, SecretUse
from sandbox import forward
from sandbox.container import Sandbox
from sandbox.guard import Guard, within
from sandbox.seal import check, refused
from sandbox.spec import JOB_UID, JOB_USER, ROOT_USER

TIMEOUT_S = 30.0

_NOT_ENDED = 94
_ROUNDS = 200
_CLEAN = "LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin LD_PRELOAD= LD_LIBRARY_PATH="

_BRING = '{check} umask 077; mkdir "$1" && exec tar --extract --file=- --no-same-owner --directory="$1"'

# Its variables have names that no job has: one that is exported already would stay so.
_TAKE = f"""
_delta_folder=$1; shift
while [ "$1" != -- ]; do
  _delta_name=${{1#*:}}
  case $1 in
    file:*) _delta_value=$_delta_folder/$_delta_name ;;
    *)
      _delta_value=$({_CLEAN} cat "$_delta_folder/$_delta_name" && echo x) || exit
      _delta_value=${{_delta_value%x}}
      {_CLEAN} rm "$_delta_folder/$_delta_name" || exit ;;
  esac
  export "$_delta_name=$_delta_value"; shift
done
shift; exec "$@"
"""

# A process that is forking may slip through a round, so the last round must find none. A zombie is none.
_END = f"""
round=0; found=1
while [ $found = 1 ]; do
  found=0; round=$((round + 1)); [ $round -le {_ROUNDS} ] || exit {_NOT_ENDED}
  for folder in /proc/[0-9]*; do
    state=; uid=
    while read -r key value rest; do
      case $key in State:) state=$value ;; Uid:) uid=$value; break ;; esac
    done 2> /dev/null < "$folder/status" || continue
    [ "$uid" = {JOB_UID} ] && [ "$state" != Z ] && [ "${{folder#/proc/}}" != $$ ] || continue
    kill -KILL "${{folder#/proc/}}" 2> /dev/null; found=1
  done
done
"""


class Handover:
    """One attempt's. `values` are all that the job was given; `forwards` are begun again where they were ended."""

    def __init__(
        self, sandbox: Sandbox, job: JobSpec, values: Mapping[str, SecretStr], forwards: Sequence[forward.Forward] = ()
    ) -> None:
        self._sandbox = sandbox
        self._job = job
        self._values = values
        self._forwards = forwards
        self._folder = ""
        self._before: frozenset[SecretUse] = frozenset()
        self._began = False

    def before(self, index: int, guard: Guard) -> list[str]:
        """Make everything ready for a step; gives what its command is to be preceded by.

        `guard` is called at least every 0.1 s and stops the work by raising. Errors: `InfrastructureError`, and what
        `refused` says when the sandbox is not what it must be.
        """
        uses = self._job.step(index).secrets
        changed = self._began and frozenset(uses) != self._before
        if changed or self._folder:
            self._tidy(within(TIMEOUT_S, "handing over secrets", guard), everybody=changed)
        self._before, self._began = frozenset(uses), True
        return self._bring(uses, within(TIMEOUT_S, "handing over secrets", guard)) if uses else []

    def _bring(self, uses: Sequence[SecretUse], guard: Guard) -> list[str]:
        self._folder = f"/dev/shm/delta-{random.token_hex(16)}"  # noqa: S108 - the sandbox's own, and made by mkdir
        argv = ["/bin/sh", "-c", _BRING.replace("{check}", check(self._sandbox.spec)), "sh", self._folder]
        code, said = self._sandbox.call(argv, stdin=self._files(uses), guard=guard)
        if code != 0:
            why = f"the step's secrets could not be brought into the sandbox (exit code {code}): {said}"
            raise refused(self._sandbox.spec, code, said) or InfrastructureError(why)
        marks = [f"{'file' if use.as_file else 'env'}:{use.name}" for use in uses]
        return ["/bin/sh", "-c", _TAKE, "sh", self._folder, *marks, "--"]

    def _files(self, uses: Sequence[SecretUse]) -> io.BytesIO:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for use in uses:
                value = self._values.get(use.name)
                if value is None:
                    raise InternalError(f"the job was not given its secret {use.name}")
                content = value.get_secret_value().encode()
                member = tarfile.TarInfo(use.name)
                member.size, member.mode = len(content), 0o600
                tar.addfile(member, io.BytesIO(content))
        stream.seek(0)
        return stream

    def _tidy(self, guard: Guard, *, everybody: bool) -> None:
        """Remove the folder of the step before; with `everybody`, end every process of the job first."""
        script = f'{_END if everybody else ""}\n[ -z "$1" ] || exec rm -rf "$1"'
        unsafe = self._sandbox.spec.unsafe  # there, capabilities would be the host's
        code, said = self._sandbox.call(
            ["/bin/sh", "-c", script, "sh", self._folder],
            user=JOB_USER if unsafe else ROOT_USER,
            privileged=not unsafe,
            guard=guard,
        )
        self._folder = ""
        if code != 0:
            what = "processes of earlier steps could not be ended" if code == _NOT_ENDED else f"{said} ({code})"
            raise InfrastructureError(
                f"between two steps with different secrets: {what}",
                remedy="a step must not leave processes behind that go on making others",
            )
        if everybody and self._forwards:  # they were the job's own user's
            again = forward.begin(self._forwards) + forward.wait(self._forwards)
            code, said = self._sandbox.call(["/bin/sh", "-c", again], guard=guard)
            if code != 0:
                raise forward.not_forwarded(code) or InfrastructureError(f"the forwarders did not begin again: {said}")
