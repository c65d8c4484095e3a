"""The HTTP server's composition: routes, errors, limits. It decides nothing and keeps nothing."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from api import errors
from api.auth import bearer
from api.routes import flaky, health, logs, plans, quarantine, runs, secrets, terminals, webhooks
from api.services import Services
from models.errors import CallerError

_DESCRIPTION = """
Delta reacts to code changes: forges send webhooks, people and scripts ask here. Everything under `/v1` needs the bearer
token. Times are Unix seconds. Every error is `{"error", "remedy"}`.
"""


def create_app(services: Services) -> FastAPI:
    """The application for one set of services. Raises `CallerError` without a token: /v1 would be open to everybody.

    Bodies over `settings.api.max_body_mb` (1024 x 1024 bytes each) are refused with 413, before they are read whole and
    also when they come in chunks of unannounced length.
    """
    if not services.token:
        raise CallerError("the API has no token", remedy="`delta up` makes one at its first start")
    app = FastAPI(
        title="Delta CI",
        description=_DESCRIPTION,
        version="1",
        max_body_size=services.settings.api.max_body_mb * 1024 * 1024,
    )
    app.state.services = services
    errors.install(app)
    app.include_router(health.router)
    app.include_router(webhooks.router)
    app.include_router(runs.router, prefix="/v1", dependencies=[Depends(bearer)])
    app.include_router(logs.router, prefix="/v1", dependencies=[Depends(bearer)])
    app.include_router(plans.router, prefix="/v1", dependencies=[Depends(bearer)])
    app.include_router(flaky.router, prefix="/v1", dependencies=[Depends(bearer)])
    app.include_router(quarantine.router, prefix="/v1", dependencies=[Depends(bearer)])
    app.include_router(secrets.router, prefix="/v1", dependencies=[Depends(bearer)])
    app.include_router(terminals.router, prefix="/v1", dependencies=[Depends(bearer)])
    return app
