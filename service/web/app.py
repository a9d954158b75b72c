"""The application: routes, and what stands around them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from service import __version__
from service.web import problems
from service.web.admission import Admission
from service.web.documents import problem_schema
from service.web.guard import Access, Guard
from service.web.keys import Keys
from service.web.limits import Account, BodyLimit
from service.web.problems import Problems, Refusal
from service.web.routes import corpus_map, digests, feeds, health, openai, papers, questions, summaries
from service.web.service import Service

_STATIC = Path(__file__).with_name("static")
_ASK_AGAIN = {"Cache-Control": "no-cache"}
_DESCRIPTION = "The day's research papers on your own machine: cited answers, summaries, a digest."


def create_app(service: Service, access: Access | None = None, keys: Keys | None = None) -> FastAPI:
    """The application of a service.

    Args:
        service: started and stopped with the application.
        access: who may speak to it; only this machine, where nothing is given.
        keys: without any, no key is asked for.
    """
    access = access or Access()
    app = FastAPI(
        title="Paperboy",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        middleware=_middleware(service, access, keys or Keys()),
        redirect_slashes=False,
    )
    app.state.service = service
    problems.install(app)
    for part in (papers, questions, summaries, digests, corpus_map, feeds, health, openai):
        app.include_router(part.router)
    app.add_api_route("/", _page, response_model=None, include_in_schema=False)
    app.mount("/static", _FILES, name="static")
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    # Now, while nobody waits: it takes 0.2 s in which nothing else is served.
    app.openapi()
    await service.start()
    yield
    await service.stop()


def _middleware(service: Service, access: Access, keys: Keys) -> list[Middleware]:
    """From the outside in."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(access.origins),
        allow_methods=["GET", "POST"],
        allow_headers=["content-type", "authorization"],
    )
    return [
        Middleware(Account, metrics=service.metrics),
        *([cors] if access.origins else []),
        Middleware(Guard, access=access, keys=keys, stopping=lambda: service.stopping),
        Middleware(Problems),
        Middleware(Admission, busy=service.desk.busy),
        Middleware(BodyLimit),
    ]


class _Static(StaticFiles):
    """Files that a browser may keep, and asks for again each time: so an upgrade is seen at once."""

    def file_response(self, *given: Any, **more: Any) -> Response:
        """A file, or that it is the one which the browser has."""
        response = super().file_response(*given, **more)
        response.headers.update(_ASK_AGAIN)
        return response


_FILES = _Static(directory=_STATIC, check_dir=False)


async def _page(request: Request) -> Response:
    if not (_STATIC / "index.html").is_file():
        raise Refusal(404, "no-page", "this installation has no page; the routes are described in /openapi.json")
    return await _FILES.get_response("index.html", request.scope)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = problem_schema()
        app.openapi_schema = document
    return app.openapi_schema
