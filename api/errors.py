"""What a caller is told when something goes wrong: every error of Delta's tree becomes one status, in one place.

The body is always `{"error": what and where, "remedy": what to do}`. Errors that are our own fault say nothing about
the inside: the server's log has it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from models.errors import CallerError, ChangeError, DeltaError, InfrastructureError, NotFound, StaleWrite

log = logging.getLogger(__name__)


class Unauthorized(CallerError):
    """No credential, or not the right one. Never says which of the two was nearly right."""


class Unprocessable(CallerError):
    """The body or a parameter does not have the form it must have."""


# The first class that fits decides, so the narrower ones come first.
_STATUS: tuple[tuple[type[DeltaError], int], ...] = (
    (Unauthorized, 401),
    (Unprocessable, 422),
    (NotFound, 404),
    (CallerError, 400),
    (ChangeError, 422),
    (StaleWrite, 409),
    (InfrastructureError, 503),
)


def status_of(error: DeltaError) -> int:
    """The HTTP status of an error: 4xx for the caller's, 503 for what Delta stands on, 500 for our own."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def field_problems(error: ValidationError | RequestValidationError) -> str:
    """`pull_request.head.sha: Field required; …`: every field that is wrong, without the values that were sent."""
    return "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())


def install(app: FastAPI) -> None:
    """Makes every error that leaves a route an answer of the one shape."""
    app.exception_handler(DeltaError)(_delta_error)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(Exception)(_unexpected)


def _answer(status: int, error: str, remedy: str = "", headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": error, "remedy": remedy}, status_code=status, headers=dict(headers or {}))


async def _delta_error(_: Request, error: DeltaError) -> JSONResponse:
    status = status_of(error)
    if status == 500:
        log.error("a request failed: %s", error, exc_info=error)
        return _answer(status, "internal error", "the server's log has the details")
    # RFC 9110, 11.6.1: a 401 names the scheme that would be accepted.
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return _answer(status, str(error.args[0]), error.remedy, headers)


async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    return _answer(422, field_problems(error), "see /docs for the form of this request")


async def _http_error(_: Request, error: HTTPException) -> JSONResponse:
    remedy = "send less: `DELTA_API__MAX_BODY_MB` is the limit" if error.status_code == 413 else ""
    return _answer(error.status_code, error.detail, remedy, error.headers)


async def _unexpected(_: Request, __: Exception) -> JSONResponse:
    # Starlette raises the error again after this answer, so the server logs it with its traceback.
    return _answer(500, "internal error", "the server's log has the details")
