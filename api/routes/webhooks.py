"""The way in for forges. An event is answered 202 only once it is durable in Redis; anything less is an error."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api.errors import Unprocessable
from api.services import Given
from api.webhooks.hook import HOOKS
from models.change import Forge
from models.inbox import Message, Said, Submit

router = APIRouter(tags=["webhooks"])

_ANSWERS: dict[int | str, dict[str, str]] = {
    202: {"description": "accepted and durable; the body names the run"},
    204: {"description": "Delta does not react to this event or action"},
    401: {"description": "the signature is missing or wrong"},
    413: {"description": "the body is over the limit"},
    422: {"description": "not JSON, or a field is missing; the body names it"},
}


@router.post("/webhooks/github", status_code=202, response_class=JSONResponse, responses={**_ANSWERS})
async def from_github(request: Request, given: Given) -> Response:
    """One GitHub event. The same delivery, or another one about the same commit in the same place, is the same run."""
    return await _received(Forge.GITHUB, request, given)


@router.post("/webhooks/gitea", status_code=202, response_class=JSONResponse, responses={**_ANSWERS})
async def from_gitea(request: Request, given: Given) -> Response:
    """One event of Gitea or Forgejo: the same as for GitHub."""
    return await _received(Forge.GITEA, request, given)


@router.post("/webhooks/gitlab", status_code=202, response_class=JSONResponse, responses={**_ANSWERS})
async def from_gitlab(request: Request, given: Given) -> Response:
    """One GitLab event, of a project's or a group's webhook. What is the same run is as for GitHub."""
    return await _received(Forge.GITLAB, request, given)


async def _received(forge: Forge, request: Request, given: Given) -> Response:
    """The route says which forge it is: Gitea's events also have GitHub's headers."""
    hook = HOOKS[forge]
    hook.claimed(given.settings, request.headers)  # before up to 25 MB are read from somebody without a secret
    body = await request.body()
    hook.verify(given.settings, request.headers, body)
    event, delivery = hook.named(request.headers)
    if not event:
        raise Unprocessable(f"the header {hook.event} is missing", remedy="only the forge's own webhooks are accepted")
    message = hook.parse(event, delivery, body)
    if message is None:
        return Response(status_code=204)
    # A delivery that was seen before is not stored again. Its run is the same: the id follows from the change.
    await given.store.inbox.put(message, delivery=_place(forge, delivery))
    return JSONResponse({"run": _run(message)}, status_code=202)


def _place(forge: Forge, delivery: str) -> str:
    """Two forges may give two deliveries one id."""
    return delivery if forge is Forge.GITHUB or not delivery else f"{forge}:{delivery}"


def _run(message: Message) -> str:
    """The run that it is about; none where that is found out later."""
    if isinstance(message, Submit):
        return message.change.run_id()
    return "" if isinstance(message, Said) else message.run
