"""The process that is connected to Ray on Delta's behalf: it deploys the actors, and then it stays.

It deploys, because a process that is connected to one Ray cannot be connected to the next after that one was killed:
the server must outlive that. It stays, because to Ray all that the actors ever start belongs to the job of whoever made
them, and of a job whose driver has gone Ray keeps no worker: each runner would then begin by importing everything.

Run as `python -m actors.driver`; its arguments come on its standard input, and its log says how far it is. It is a
program rather than a fork, because Ray reads its environment when it is imported, and whatever a fork imports first may
import Ray.
"""

from __future__ import annotations

import logging
import pickle
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from actors.site import Site
from cluster.embedded.child import Child
from models.errors import InfrastructureError
from models.settings import Settings

# Importing and connecting take 3 s, and some times that on a busy machine; then each actor is a process that starts.
CONNECT_S = 60.0
DEPLOY_S = 180.0
STOP_S = 1.0  # it holds nothing

# See `runners/shell.py`, which cannot be imported before Ray is let in.
RunnerBody = Callable[..., None]

_CONNECTED = "connected"
_DEPLOYED = "deployed"
_WARM = "deployed for long"  # with what only a server's installation has


class Driver:
    """The driver of one run directory."""

    def __init__(self, run_dir: Path) -> None:
        self._child = Child("driver", run_dir)

    def deploy(
        self,
        address: str,
        environment: Mapping[str, str],
        settings: Settings,
        site: Site,
        *,
        fresh: bool,
        body: RunnerBody | None = None,
    ) -> None:
        """Has every actor run at the Ray of `address`; returns when all have started.

        Does nothing when the driver that lives has done it, unless that Ray has been started since (`fresh`).
        `environment` is what lets a process in there. `body` is what a runner does, by default a runner's work. Raises
        `InfrastructureError`.
        """
        if not fresh and self._says(_WARM, *(() if site.lasting else (_DEPLOYED,))):
            return
        self.stop()
        arguments = pickle.dumps((address, settings, site, body))
        self._child.start([sys.executable, "-m", __name__], env=environment, stdin=arguments)
        try:
            self._child.wait_until(lambda: self._says(_CONNECTED, _DEPLOYED, _WARM), CONNECT_S)
            self._child.wait_until(lambda: self._says(_DEPLOYED, _WARM), DEPLOY_S)
        except InfrastructureError as error:
            self.stop()
            raise InfrastructureError(f"Ray at {address} failed: {error.args[0]}", remedy="`delta doctor`") from error

    def running(self) -> bool:
        """Whether it lives. Without it all goes on, but runners start slowly."""
        return self._child.process() is not None

    def stop(self) -> None:
        """Ends it. The actors stay."""
        self._child.stop(STOP_S)

    def _says(self, *words: str) -> bool:
        """Whether it lives and one of these was the last of its words."""
        said = [line for line in self._child.log_tail(100).splitlines() if line in {_CONNECTED, _DEPLOYED, _WARM}]
        return self._child.process() is not None and said[-1:] != [] and said[-1] in words


def main() -> None:
    """Connects, deploys, and waits for its end. Whatever goes wrong ends it, with the reason in its log."""
    address, settings, site, body = pickle.load(sys.stdin.buffer)  # noqa: S301 - from `Driver.deploy`, our own parent
    import ray

    from actors import handles, wiring
    from actors.runners.shell import run_runner

    ray.init(address=address, namespace=handles.NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    print(_CONNECTED, flush=True)
    wiring.deploy(settings, site, body or run_runner)
    print(_WARM if site.lasting else _DEPLOYED, flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
