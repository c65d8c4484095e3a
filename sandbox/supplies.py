"""What an attempt is given from outside its sandbox: where things are, what goes in, and whom to tell."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from models.caches import CacheHit
from models.result import AttemptResult
from models.settings import SandboxSettings
from sandbox.artifacts import BlobSink
from sandbox.caches import CacheBlobs
from sandbox.container import Sandbox
from sandbox.door import Doors
from sandbox.egress.outside import World
from sandbox.log import Sink
from sandbox.spec import SandboxSpec
from sandbox.unpack import Source

# Gives the id of a sandbox of this spec that has been waiting, and now bears the attempt's name; None: there is none.
Claim = Callable[[SandboxSpec], str | None]
# What a person does in the sandbox after the steps, with the job's variables and a guard that ends it by raising.
Interact = Callable[[Sandbox, Mapping[str, str], Callable[[], None]], None]
Report = Callable[[AttemptResult], None]


def _no_sandbox_waits(_: SandboxSpec) -> str | None:
    return None


def _nobody_listens(*_: object) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Supplies:
    """One attempt's. What a callable raises, other than `InfrastructureError`, reaches the caller of `run_attempt`.

    `image` is a name that Docker knows. `source` gives the tree as an uncompressed tar stream; it is opened in another
    thread, at once. `sink` takes log chunks, in order, at most 0.1 s late. `cancelled` may be set from another thread
    at any time. `on_ready` is called once, when the tree is in place and the first step begins. `claim` may save making
    a sandbox. `report` is called once, with the result that is returned later. `interact` is called after the steps,
    where they have passed, and then nothing is collected. `resolve` gives the image that a service's name stands for.
    `doors` is where the ways out of sandboxes lie, for a job that has egress or services; `world` is what egress leads
    to. `restore` are those of the job's caches that there are, and `caches` is where they lie; what is missing is saved
    there. Without `caches` there are none. `secrets` are the values that the job was given, by name.
    """

    docker_url: str
    installation: str
    settings: SandboxSettings
    image: str
    source: Source
    sink: Sink
    blobs: BlobSink
    cancelled: threading.Event
    resolve: Callable[[str], str] = str
    doors: Doors | None = None
    world: World = World()  # noqa: RUF009 - immutable
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)
    claim: Claim = _no_sandbox_waits
    on_ready: Callable[[], None] = _nobody_listens
    report: Report = _nobody_listens
    interact: Interact | None = None
    caches: CacheBlobs | None = None
    restore: tuple[CacheHit, ...] = ()
