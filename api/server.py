"""The server's process: accepts events as soon as Redis does, starts the rest, and starts again what dies.

Started by `delta up`, or directly (`python -m api.server`) under a process supervisor. It serves HTTP until it is told
to end, and leaves the installation. When it is killed, the parts it started go on, and its successor finds them.
"""

from __future__ import annotations

import logging
import threading

import uvicorn

from actors.installation import Installation
from api.app import create_app
from api.services import Services
from models.errors import DeltaError
from models.settings import Settings

log = logging.getLogger(__name__)

_LOOK_S = 1.0


def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises what kept the installation from starting."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    installation = Installation(settings)
    try:
        installation.open_store()
        store = installation.store()
        services = Services(
            settings=settings,
            store=store,
            token=installation.token,
            vault=installation.vault,
            actors_run=threading.Event(),
        )
        server = uvicorn.Server(
            uvicorn.Config(create_app(services), host=settings.api.host, port=settings.api.port, log_config=None)
        )
        keeper = _Keeper(installation, services.actors_run, server)
        keeper.start()
        server.run()
        keeper.stop()
    finally:
        installation.leave()
    if keeper.problem is not None:
        raise keeper.problem


class _Keeper(threading.Thread):
    """Starts the installation's parts, and starts again those that die, for as long as the server runs."""

    def __init__(self, installation: Installation, actors_run: threading.Event, server: uvicorn.Server) -> None:
        super().__init__(name="keeper", daemon=True)
        self._installation = installation
        self._actors_run = actors_run
        self._server = server
        self._ended = threading.Event()
        self.problem: DeltaError | None = None

    def run(self) -> None:
        """The thread's work."""
        try:
            self._installation.join()
        except DeltaError as problem:  # at the start it is for a person to mend
            self.problem = problem
            self._server.should_exit = True
            return
        self._actors_run.set()
        while not self._ended.wait(_LOOK_S):
            self._mend()

    def stop(self) -> None:
        """Ends the thread, after what it is doing."""
        self._ended.set()
        self.join()

    def _mend(self) -> None:
        try:
            for part in self._installation.mend():
                log.warning("%s had died and was started again", part)
        except DeltaError as error:
            log.warning("something has died and cannot be started yet: %s", error)


if __name__ == "__main__":
    serve(Settings())
