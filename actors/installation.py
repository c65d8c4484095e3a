"""One installation: the state directory, what runs for it, and who uses it.

Whoever needs it joins: what is missing is started (Docker engine, Redis, Ray, the actors), what runs is used. Users
hold a shared lock; the one who leaves last ends what was started. A user that is killed leaves no lock behind, and the
parts it started are found again by the next one.
"""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from actors.driver import Driver
from actors.site import Site, doors_of, store_of, vault_of
from cluster.embedded.ray_head import RayHead
from cluster.embedded.redis_server import RedisServer
from cluster.host.engine import Engine, acquire, answers
from cluster.host.locks import SharedLock, alone
from cluster.store.requirements import require
from cluster.store.store import RedisStore
from cluster.vault import Vault
from models.errors import InternalError
from models.labels import labels_in
from models.settings import Settings
from sandbox.door import Doors
from sandbox.source.mirror import Mirrors
from sandbox.sweep import sweep


@dataclass(frozen=True)
class Part:
    """One part of the installation, for `delta status`."""

    name: str
    running: bool
    detail: str


class Installation:
    """The parts of one state directory. Not started by being made."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state_dir = settings.state_dir.absolute()
        self.run_dir = self.state_dir / "run"
        self.redis = RedisServer(self.state_dir, self.run_dir)
        self.ray = RayHead(self.state_dir, self.run_dir, labels_in(settings.runners.labels))
        self.driver = Driver(self.run_dir)
        self._engine: Engine | None = None
        self._lasting = False
        self._users: SharedLock | None = None

    @property
    def redis_url(self) -> str:
        """The store's address: the one that was given, or the embedded one's."""
        return self.settings.redis_url or self.redis.url

    def store(self) -> RedisStore:
        """A client of the store, with its history. Redis need not run yet."""
        return store_of(self.state_dir, self.redis_url)

    @property
    def vault(self) -> Vault:
        """What secrets are encrypted with."""
        return vault_of(self.state_dir)

    @property
    def mirrors(self) -> Mirrors:
        """The bare mirrors of every repository."""
        return Mirrors(self.state_dir / "mirrors")

    @property
    def id(self) -> str:
        """What marks this installation's containers."""
        return self._kept_secret("installation.id", 8)

    @property
    def token(self) -> str:
        """The bearer token of the REST interface: the one that was given, or one made at the first start."""
        return self.settings.api.token.get_secret_value() or self._kept_secret("api.token", 32)

    def open_store(self) -> str:
        """Joins, starts Redis if it is ours, gives its address. Enough to accept events. Call `leave` in the end."""
        self.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._users is None:
            self._users = SharedLock(self.run_dir / "users.lock")
        with alone(self.run_dir / "redis.lock"):
            if not self.settings.redis_url:
                self.redis.ensure()
        require(self.redis_url, tolerate=self.settings.store.tolerate)
        return self.redis_url

    def join(self, *, dashboard: bool = True) -> Site:
        """Starts what is missing, returns when every actor has started. Call `leave` in the end, whatever happens."""
        self.open_store()
        self._lasting = dashboard  # who wants no dashboard does not stay
        with alone(self.run_dir / "start.lock"):
            with ThreadPoolExecutor() as pool:
                ray_started = pool.submit(self._start_ray, dashboard)
                self._engine = self._engine or acquire()
                fresh = ray_started.result()
            return self._deploy(fresh)

    def mend(self) -> list[str]:
        """Starts again what has died since `join`; gives the names of what that was. Raises `InfrastructureError`."""
        mended = []
        with alone(self.run_dir / "redis.lock"):
            if not self.settings.redis_url and self.redis.ensure():
                mended.append("redis")
        with alone(self.run_dir / "start.lock"):
            if self._engine is not None and not answers(self._engine.url):
                dead, self._engine = self._engine, acquire()
                dead.release()
                mended.append("engine")
            if self._start_ray(dashboard=True):
                self._deploy(fresh=True)
                mended.append("ray")
            elif not self.driver.running():
                self._deploy(fresh=False)
                mended.append("driver")
        return mended

    def leave(self) -> None:
        """Ends what was started, if nobody else uses it, with every container of this installation."""
        if self._users is None:
            return
        with self._users.leave() as last:
            if last:
                self._end_everything()
        if self._engine is not None:
            self._engine.release()
            self._engine = None

    def end_if_unused(self) -> None:
        """Ends what a killed user left behind, unless somebody uses it."""
        self._users = SharedLock(self.run_dir / "users.lock")
        if self.ray.running() or self.redis.running():
            self._engine = acquire()
        self.leave()

    def parts(self) -> list[Part]:
        """What runs and what does not."""
        ray_up = self.ray.running()
        return [
            Part("redis", self.redis.running(), self.redis_url),
            Part("ray", ray_up, f"{self.ray.address}, dashboard {self.ray.dashboard}" if ray_up else ""),
        ]

    def _start_ray(self, dashboard: bool) -> bool:
        return False if self.settings.ray_address else self.ray.ensure(dashboard=dashboard)

    def _deploy(self, fresh: bool) -> Site:
        """Has every actor run. `fresh`: Ray has just been started, so no runner of an earlier one lives."""
        if self._engine is None:
            raise InternalError("an installation is joined before its actors are deployed")
        site = Site(
            state_dir=self.state_dir,
            redis_url=self.redis_url,
            log_url=self.settings.redis_url or self.redis.runner_url,
            docker_url=self._engine.url,
            installation=self.id,
            lasting=self._lasting,
        )
        if fresh:
            sweep(site.docker_url, site.installation, keep=lambda _attempt: False, doors=Doors(site.doors))
        own = not self.settings.ray_address
        address = self.ray.address if own else self.settings.ray_address
        self.driver.deploy(address, self.ray.environment() if own else {}, self.settings, site, fresh=fresh)
        return site

    def _end_everything(self) -> None:
        self.driver.stop()
        if not self.settings.ray_address:
            self.ray.stop()
            if self._engine is not None:
                doors = Doors(doors_of(self.state_dir))
                sweep(self._engine.url, self.id, keep=lambda _attempt: False, doors=doors)
        if not self.settings.redis_url:
            self.redis.stop()

    def _kept_secret(self, name: str, size: int) -> str:
        path: Path = self.state_dir / name
        if not path.exists():
            self.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(secrets.token_hex(size))
        return path.read_text()
