"""One service: its sandbox, the program in it, and the agent that connects to the program when it is asked to.

One shell does all of that, in one exec: it begins the program, waits until that is ready, and then begins a `socat` for
each line on its standard input. What it says of itself begins with a word that nobody inside can guess.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

from models.errors import InfrastructureError
from models.ids import AttemptId
from models.job import ServiceSpec
from sandbox.container import Sandbox
from sandbox.door import INSIDE, Doors
from sandbox.forward import LISTENS
from sandbox.names import attempt_name
from sandbox.printable import printable
from sandbox.process import STDERR, STDOUT, Process
from sandbox.seal import check, refused
from sandbox.services.image import Program, program
from sandbox.spec import SandboxSpec
from sandbox.unavailable import SandboxUnavailableError

READY_S = 60.0
TAIL_BYTES = 2_000
TICK_S = 0.1
_SOCKET = "back"
_NO_SOCAT = 95

_SHELL = f"""
word=$1 port=$2 ready=$3; shift 3; {{check}}
command -v socat > /dev/null || exit {_NO_SOCAT}
{{listens}}
{{{{ "$@" < /dev/null 2>&1; echo "$word ended $?" >&2; }}}} &
if [ -n "$ready" ]; then until sh -c "$ready" > /dev/null 2>&1; do sleep 0.1; done
else until listens "$(printf %04X $port)"; do sleep 0.1; done; fi
echo "$word ready" >&2
while read -r _; do
  socat -t 300 "UNIX-CONNECT:{INSIDE}/{_SOCKET}.sock" "TCP4:127.0.0.1:$port" < /dev/null > /dev/null 2>&1 &
done
"""


class Service:
    """Begins to be made when this is; `wait` until it is ready, and `close` it in the end, whatever happens.

    `ended` is called, from another thread, when it ends by itself after it was ready.
    """

    def __init__(
        self,
        service: ServiceSpec,
        spec: SandboxSpec,
        docker_url: str,
        attempt: AttemptId,
        doors: Doors,
        ended: Callable[[str], None],
    ) -> None:
        self.name = service.name
        self.program: Program | None = None
        self.listener: socket.socket | None = None
        self._service = service
        self._spec = spec
        self._docker_url = docker_url
        self._attempt = attempt
        self._doors = doors
        self._ended = ended
        self._word = secrets.token_hex(16)
        self._sandbox: Sandbox | None = None
        self._process: Process | None = None
        self._settled = Event()  # ready, or it will never be
        self._closing = Event()
        self._error: Exception | None = None
        self._tail = bytearray()
        self._said = bytearray()
        self._begun = time.monotonic()
        self.ready_after_s = 0.0
        self._thread = Thread(target=self._live, name=f"service-{service.name}", daemon=True)
        self._thread.start()

    def wait(self, guard: Callable[[], None]) -> None:
        """Wait until it is ready. Raises what kept it from that; `guard` is called every 0.1 s."""
        while not self._settled.wait(TICK_S):
            guard()
            if time.monotonic() - self._begun > READY_S:
                raise SandboxUnavailableError(
                    f"the service {self.name!r} was not ready within {READY_S:g} s{self._last_words()}",
                    remedy="check its `command`, `port` and `ready`",
                )
        if self._error is not None:
            raise self._error

    def ask(self) -> None:
        """Have it make one connection to its door."""
        if self._process is not None:
            with suppress(OSError):  # it has ended: nobody will connect
                self._process.send(b"\n")

    def close(self) -> None:
        """Remove its sandbox. Errors: `InfrastructureError`."""
        self._closing.set()
        if self._sandbox is not None:
            self._sandbox.kill()
        self._thread.join()
        if self.listener is not None:
            self.listener.close()
        if self._sandbox is not None:
            self._sandbox.destroy()

    def _live(self) -> None:
        try:
            self._make()
            self._serve()
        except (InfrastructureError, SandboxUnavailableError) as error:
            self._error = error
        except OSError as error:
            self._error = InfrastructureError(f"the service {self.name!r} was lost: {error}")
        finally:
            self._settled.set()

    def _make(self) -> None:
        name = attempt_name(self._spec.installation, self._attempt)
        sandbox = Sandbox.start(self._docker_url, self._spec, name, self._doors)
        self._sandbox = sandbox
        if sandbox.door is None:
            raise InfrastructureError(f"the sandbox of the service {self.name!r} has no door")
        self.program = program(self._service, sandbox.image_config())
        self.listener = sandbox.door.listen(_SOCKET)

    def _serve(self) -> None:
        if self._sandbox is None or self.program is None or self._closing.is_set():
            return
        shell = _SHELL.format(check=check(self._spec), listens=LISTENS)
        argv, port, ready = self.program
        command = ["/bin/sh", "-c", shell, "sh", self._word, str(port), ready, *argv]
        with self._sandbox.exec(command, environment=self._service.env, stdin=True) as process:
            self._process = process
            for piece in process.pieces():
                if piece.stream == STDOUT:
                    self._tail += piece.data
                    del self._tail[:-TAIL_BYTES]
                elif piece.stream == STDERR:
                    self._hear(piece.data)
            self._process = None
            if not self._settled.is_set() and not self._closing.is_set():
                self._error = self._never_ready(process.exit_code())

    def _hear(self, data: bytes) -> None:
        self._said += data
        *lines, rest = bytes(self._said).split(b"\n")
        self._said = bytearray(rest[-TAIL_BYTES:])
        for line in lines:
            word, _, said = line.decode(errors="replace").partition(" ")
            if word != self._word:
                self._tail += line + b"\n"
                del self._tail[:-TAIL_BYTES]
            elif said == "ready" and not self._settled.is_set():
                self.ready_after_s = time.monotonic() - self._begun
                self._settled.set()
            elif said.startswith("ended"):
                self._over(said.removeprefix("ended").strip())

    def _over(self, code: str) -> None:
        told = f"the service {self.name!r} has ended by itself, exit code {code}{self._last_words()}"
        if not self._settled.is_set():
            self._error = SandboxUnavailableError(told, remedy="check its `command` and `env`")
            self._settled.set()
        elif not self._closing.is_set():
            self._ended(told)

    def _never_ready(self, code: int | None) -> Exception:
        if code == _NO_SOCAT:
            return SandboxUnavailableError(
                f"the image {self._service.image!r} of the service {self.name!r} has no socat",
                remedy="install it there: connections to a service are carried by it",
            )
        said = self._tail.decode(errors="replace").strip()
        return refused(self._spec, code, said) or InfrastructureError(
            f"the sandbox of the service {self.name!r} ended before it was ready (exit code {code}){self._last_words()}"
        )

    def _last_words(self) -> str:
        lines = [printable(line) for line in self._tail.decode(errors="replace").splitlines() if line.strip()]
        return "; its last output:\n    " + "\n    ".join(lines[-10:]) if lines else ""
