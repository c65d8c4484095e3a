"""The server's process: joins the installation, serves HTTP until it is told to end, and leaves.

Started by `delta up`, or directly (`python -m api.server`) under a process supervisor.
"""

from __future__ import annotations

import logging

import uvicorn

from actors.installation import Installation
from api.app import create_app
from api.services import Services
from cluster.store.store import Store
from models.settings import Settings


def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    installation = Installation(settings)
    try:
        site = installation.join()
        services = Services(settings=settings, store=Store.connect(site.redis_url), token=installation.token)
        uvicorn.run(create_app(services), host=settings.api.host, port=settings.api.port, log_config=None)
    finally:
        installation.leave()


if __name__ == "__main__":
    serve(Settings())
