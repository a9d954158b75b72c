"""Errors as problem documents (RFC 9457)."""

import logging
import math
import sqlite3
import traceback
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import errors

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger("paperboy.web")


class Problem(BaseModel):
    """An error, RFC 9457."""

    type: str = Field(examples=["urn:paperboy:problem:empty-catalog"])
    title: str = Field(examples=["The catalog has no papers"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["the catalog has no papers yet: paperboy ingest PATH"])
    instance: str = Field(examples=["/api/v1/ask"])
    errors: list[dict[str, Any]] | None = None


class _Kind(NamedTuple):
    status: int
    name: str
    title: str


_KINDS: tuple[tuple[type[Exception], _Kind], ...] = (
    # The first that fits counts: subclasses stand before their bases.
    (errors.RequestTooLargeError, _Kind(422, "too-large-for-the-writer", "The writer's context is too small")),
    (errors.EngineBusyError, _Kind(503, "busy", "Too many requests wait already")),
    (errors.EngineCrashedError, _Kind(502, "writer-crashed", "The writer's process ended")),
    (errors.DeadlineError, _Kind(504, "not-in-time", "Not done in time")),
    (errors.EngineError, _Kind(502, "writer-failed", "The writer failed")),
    (errors.ServiceStoppingError, _Kind(503, "stopping", "The service is stopping")),
    (errors.InputError, _Kind(422, "input", "The request makes no sense")),
    (errors.SourceError, _Kind(422, "source", "The papers cannot be read")),
    (errors.PaperNotFoundError, _Kind(404, "paper-not-found", "No such paper")),
    (errors.EmptyCatalogError, _Kind(409, "empty-catalog", "The catalog has no papers")),
    (errors.ModelError, _Kind(503, "model", "A model cannot be used")),
    (errors.SettingsError, _Kind(500, "settings", "The service is not set up")),
    (errors.PaperboyError, _Kind(500, "failed", "The request failed")),
    (sqlite3.OperationalError, _Kind(507, "storage", "The catalog cannot be written")),
)
_UNEXPECTED = _Kind(500, "unexpected", "Something went wrong")
_BUSY_SECONDS = 2
_TITLES = {status.value: status.phrase for status in HTTPStatus}


class Refusal(HTTPException):
    """A refusal by the service itself, before or instead of the use case."""

    def __init__(self, status: int, name: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)
        self.name = name


def document_of(error: Exception, instance: str) -> dict[str, Any]:
    """The problem document of an error; what is unexpected tells nothing of itself."""
    kind = next((kind for cls, kind in _KINDS if isinstance(error, cls)), _UNEXPECTED)
    detail = str(error) if isinstance(error, errors.PaperboyError) else _detail_of_unexpected(error)
    return _document(kind, detail, instance)


def response_of(error: Exception, instance: str) -> JSONResponse:
    """The problem of an error as a response."""
    if isinstance(error, HTTPException):
        title = _TITLES.get(error.status_code, "Refused")
        name = error.name if isinstance(error, Refusal) else title.lower().replace(" ", "-")
        kind = _Kind(error.status_code, name, title)
        return _response(_document(kind, str(error.detail), instance), dict(error.headers or {}))
    document = document_of(error, instance)
    headers = {}
    if document["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
        wait = error.expected_wait if isinstance(error, errors.EngineBusyError) else _BUSY_SECONDS
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    return _response(document, headers)


def log_unexpected(error: BaseException) -> None:
    """Where it happened and of what kind it is; its message may have what was asked, so it is left out."""
    where = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s\n%s", type(error).__name__, where)


class Problems:
    """ASGI: whatever fails unexpectedly below becomes a problem document, if nothing was sent yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            if not isinstance(error, HTTPException):
                log_unexpected(error)
            if begun:
                raise
            await response_of(error, scope["path"])(scope, receive, send)


def install(app: FastAPI) -> None:
    """Have the errors of an application answered as problem documents."""

    async def refuse(request: Request, error: Exception) -> JSONResponse:
        response = response_of(error, request.url.path)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            # Starlette names the methods of the first function that has the path.
            operations = app.openapi()["paths"].get(getattr(request.scope.get("route"), "path", ""), {})
            if operations:
                response.headers["Allow"] = ", ".join(method.upper() for method in sorted(operations))
        return response

    async def refuse_input(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
        found = [{"at": _place(item["loc"]), "problem": item["msg"]} for item in error.errors()]
        first = f"{found[0]['at']}: {found[0]['problem']}" if found else "the request cannot be read"
        document = _document(_Kind(422, "input", "The request makes no sense"), first, request.url.path)
        return _response(document | {"errors": found}, {})

    app.add_exception_handler(RequestValidationError, refuse_input)
    for cls in (HTTPException, errors.PaperboyError, sqlite3.Error):
        app.add_exception_handler(cls, refuse)


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def _detail_of_unexpected(error: Exception) -> str:
    if isinstance(error, sqlite3.OperationalError):
        return "the catalog could not be read or written: check the disk, then `paperboy doctor`"
    return "the service failed on this request; its log says where"


def _document(kind: _Kind, detail: str, instance: str) -> dict[str, Any]:
    return {
        "type": f"urn:paperboy:problem:{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": instance,
    }


def _response(document: dict[str, Any], headers: dict[str, str]) -> JSONResponse:
    return JSONResponse(document, document["status"], headers, media_type=MEDIA_TYPE)
