"""The way in for forges. An event is answered 202 only once it is durable in Redis; anything less is an error."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from api.errors import Unprocessable
from api.services import Given
from api.webhooks import github, signature
from models.inbox import Submit

router = APIRouter(tags=["webhooks"])

_ANSWERS: dict[int | str, dict[str, str]] = {
    202: {"description": "accepted and durable; the body names the run"},
    204: {"description": "Delta does not react to this event or action"},
    401: {"description": "the signature is missing or wrong"},
    413: {"description": "the body is over the limit"},
    422: {"description": "not JSON, or a field is missing; the body names it"},
}


@router.post("/webhooks/github", status_code=202, response_class=JSONResponse, responses={**_ANSWERS})
async def receive(
    request: Request,
    given: Given,
    x_hub_signature_256: Annotated[str | None, Header()] = None,
    x_github_event: Annotated[str, Header()] = "",
    x_github_delivery: Annotated[str, Header()] = "",
) -> Response:
    """One GitHub event. The same delivery, or another one about the same commit in the same place, is the same run."""
    secret = given.settings.github.webhook_secret.get_secret_value()
    signature.claimed(secret, x_hub_signature_256)  # before up to 25 MB are read from somebody without one
    body = await request.body()
    signature.verify(secret, body, x_hub_signature_256)
    if not x_github_event:
        raise Unprocessable("the header X-GitHub-Event is missing", remedy="only GitHub's own webhooks are accepted")
    change = github.parse(x_github_event, x_github_delivery, body)
    if change is None:
        return Response(status_code=204)
    # A delivery that was seen before is not stored again. Its run is the same: the id follows from the change.
    await given.store.inbox.put(Submit(change=change), delivery=x_github_delivery)
    return JSONResponse({"run": change.run_id()}, status_code=202)
