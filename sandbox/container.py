"""The life of one sandbox: made and started, used through execs, killed, destroyed. It knows no job.

`Sandbox.start` gives one that is ready for an exec and belongs to nobody's result yet, so that it can be kept waiting.
Nothing goes in or out by Docker's copy calls: those work on the image's layers and cannot see a tmpfs inside gVisor.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import docker
from docker.errors import APIError, ImageNotFound

from models.errors import InternalError
from models.ids import AttemptId
from sandbox.door import Door, Doors
from sandbox.engine import connect, docker_errors, insist, remove
from sandbox.hijack import start_exec
from sandbox.memory import killed_for_memory
from sandbox.names import given_name
from sandbox.options import container_options
from sandbox.process import Input, Process
from sandbox.spec import JOB_USER, WORKSPACE, SandboxSpec
from sandbox.unavailable import SandboxUnavailableError
from sandbox.watch import Watch

CONTROL_ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"}
SAID_BYTES = 4096

# How Docker says that a runtime is not registered, and that its program is not installed.
_NO_RUNTIME = re.compile(
    r"unknown (or invalid )?runtime|fork/exec \S+: no such file|executable file not found", re.IGNORECASE
)


class SandboxEnd(NamedTuple):
    """How a container ended by itself: PID 1's exit code, and whether Docker says that memory was the cause."""

    exit_code: int
    out_of_memory: bool


class Terminal(NamedTuple):
    """A command with a terminal: its connection both ways, what it has printed already, and its size in characters."""

    connection: socket.socket
    first: bytes
    resize: Callable[[int, int], None]


class Sandbox:
    """A running container, with its door where its spec has one. Whoever has one must call `destroy`."""

    def __init__(
        self,
        client: docker.DockerClient,
        docker_url: str,
        container_id: str,
        spec: SandboxSpec,
        image_id: str = "",
        door: Door | None = None,
    ) -> None:
        self.id = container_id
        self.spec = spec
        self.door = door
        self.watch = Watch(docker_url, container_id)
        self._docker_url = docker_url
        self._image_id = image_id
        self._client = client
        self._api = client.api

    @classmethod
    def start(cls, docker_url: str, spec: SandboxSpec, name: str, doors: Doors | None = None) -> Sandbox:
        """Make and start a sandbox (about half a second) under a name that no other container has.

        `doors` is needed for a spec with a door. `SandboxUnavailableError` when this installation cannot make it,
        `InfrastructureError` when Docker fails. Nothing is left behind in either case, nor when the caller is
        interrupted.
        """
        door = _needed(doors).make(name) if spec.door else None
        with docker_errors("start a sandbox"):
            client = connect(docker_url)
            try:
                return cls._start(client, docker_url, spec, name, door)
            except BaseException:
                remove(client, name)
                client.close()
                if door is not None:
                    door.remove()
                raise

    @classmethod
    def take_over(cls, docker_url: str, spec: SandboxSpec, container_id: str, doors: Doors | None = None) -> Sandbox:
        """A sandbox that another process has started and given away. It is removed when this fails.

        Its door stays then, for the sweeper.
        """
        with docker_errors("take over a sandbox"):
            client = connect(docker_url)
            try:
                door = None
                if spec.door:
                    door = _needed(doors).of(str(client.api.inspect_container(container_id)["Name"]))
                return cls(client, docker_url, container_id, spec, door=door)
            except BaseException:
                remove(client, container_id)
                client.close()
                raise

    @classmethod
    def _start(
        cls, client: docker.DockerClient, docker_url: str, spec: SandboxSpec, name: str, door: Door | None
    ) -> Sandbox:
        image_id = _check_image(client, spec)
        try:
            container = client.containers.create(name=name, **container_options(spec, door))
            container_id = str(container.id)
            sandbox = cls(client, docker_url, container_id, spec, image_id, door)
            client.api.start(container_id)
        except APIError as error:
            raise _explained(error, spec) from error
        return sandbox

    def fit(self) -> bool:
        """Whether it lives, and its image's name still stands for the image that it was made from."""
        if self.watch.ended.is_set():
            return False
        with docker_errors("look at an image"):
            return str(self._client.images.get(self.spec.image).id) == self._image_id

    def image_config(self) -> Mapping[str, Any]:
        """What its image says of how it is to be run."""
        with docker_errors("look at an image"):
            return dict(self._client.images.get(self.spec.image).attrs["Config"] or {})

    def give_to(self, name: str, attempt: AttemptId) -> None:
        """Put it under the attempt's name; `name` is the one that it waits under.

        Docker finds no container of the old name the second time, so it is given away at most once, whatever a caller
        believes. `InfrastructureError` then, and when Docker fails.
        """
        with docker_errors("give a sandbox away"):
            self._api.rename(name, given_name(self.spec.installation, name, attempt))

    def release(self) -> None:
        """Let go of it: it lives on, and somebody else has it or removes it."""
        self.watch.close()
        self._client.close()

    def exec(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: bool = False,
        user: str = JOB_USER,
        privileged: bool = False,
    ) -> Process:
        """Start a command in `/workspace`. Delta's own commands run without the job's environment.

        `privileged`, with every capability inside the sandbox, is for what must be out of the job's reach.
        """
        with docker_errors("start a command in the sandbox"):
            given = CONTROL_ENV if environment is None else environment
            made = self._exec_create(argv, given, stdin=stdin, user=user, privileged=privileged)
            return Process(self._docker_url, self._api, made, self.watch.ended)

    def terminal(self, argv: Sequence[str], environment: Mapping[str, str]) -> Terminal:
        """Start a command of the job's user in `/workspace`, with a terminal."""
        with docker_errors("open a terminal in the sandbox"):
            exec_id = self._exec_create(argv, environment, stdin=True, tty=True, user=JOB_USER)
            connection, first = start_exec(self._docker_url, self._api.api_version, exec_id, terminal=True)
            connection.settimeout(None)

            def resize(rows: int, columns: int) -> None:
                self._api.exec_resize(exec_id, height=rows, width=columns)

            return Terminal(connection, first, resize)

    def _exec_create(self, argv: Sequence[str], environment: Mapping[str, str], **options: Any) -> str:  # noqa: ANN401 - docker-py's own
        """Docker's id of a command that is ready to be started in `/workspace`."""
        made = self._api.exec_create(self.id, list(argv), workdir=WORKSPACE, environment=dict(environment), **options)
        return str(made["Id"])

    def call(
        self,
        argv: Sequence[str],
        *,
        stdin: Input | None = None,
        user: str = JOB_USER,
        privileged: bool = False,
        guard: Callable[[], None],
    ) -> tuple[int | None, str]:
        """Run one of Delta's own commands to its end: exit code and the beginning of what it said.

        `guard` is called at least every 0.1 s and stops the waiting by raising.
        """
        said = bytearray()
        with (
            docker_errors("run a command in the sandbox"),
            self.exec(argv, stdin=stdin is not None, user=user, privileged=privileged) as process,
        ):
            for piece in process.pieces(stdin):
                guard()
                said += piece.data[: max(0, SAID_BYTES - len(said))]
            return process.exit_code(), said.decode(errors="replace").strip()

    def terminate(self) -> None:
        """Send SIGTERM to every process of the job. It cannot be seen whether they obey."""
        with docker_errors("signal the job"):
            made = self._api.exec_create(self.id, ["/bin/sh", "-c", "kill -TERM -1"], user=JOB_USER)
            self._api.exec_start(made["Id"], detach=True)

    def kill(self) -> None:
        """End every process in the sandbox at once. Harmless when it has ended."""
        with docker_errors("kill a sandbox"):
            insist(self._client, self.id, lambda: self._api.kill(self.id))
        self.watch.wait_for_end()

    def ran_out_of_memory(self) -> bool:
        """Whether a process in it was killed for that. The sandbox may live on."""
        return self.watch.out_of_memory.is_set() or killed_for_memory(self.id)

    def end(self) -> SandboxEnd:
        """How it ended; meaningful once `watch.ended` is set. `InfrastructureError` when Docker does not know it."""
        with docker_errors("look at a sandbox"):
            state = self._api.inspect_container(self.id)["State"]
        memory = bool(state["OOMKilled"]) or self.ran_out_of_memory()
        return SandboxEnd(exit_code=int(state["ExitCode"]), out_of_memory=memory)

    def destroy(self) -> None:
        """Remove the container, running or not. Harmless the second time."""
        with docker_errors("remove a sandbox"):
            try:
                remove(self._client, self.id)
            finally:
                self._client.close()
                if self.door is not None:
                    self.door.remove()


def _needed(doors: Doors | None) -> Doors:
    if doors is None:
        raise InternalError("a sandbox with a door is asked for where nobody has said where doors lie")
    return doors


def _check_image(client: docker.DockerClient, spec: SandboxSpec) -> str:
    """Its id. `SandboxUnavailableError` when it is not there, or asks for too much."""
    try:
        image = client.images.get(spec.image)
    except ImageNotFound as error:
        raise SandboxUnavailableError(
            f"the image {spec.image!r} is not on this node",
            remedy="run `make setup`, or `make image NAME=…`, or check the `image`",
        ) from error
    config = image.attrs["Config"] or {}
    if config.get("Volumes"):
        names = ", ".join(sorted(config["Volumes"]))
        raise SandboxUnavailableError(
            f"the image {spec.image!r} declares volumes ({names}): a job could fill the node's disk through them",
            remedy="build it without VOLUME",
        )
    return str(image.id)


def _explained(error: APIError, spec: SandboxSpec) -> Exception:
    text = str(error.explanation or error)
    if _NO_RUNTIME.search(text):
        return SandboxUnavailableError(
            f"the Docker runtime {spec.runtime!r} is not there: {text}",
            remedy="run `make setup` to install gVisor and register it",
        )
    return error
