"""How the service is, and which models it knows."""

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST

from service.contract import Document
from service.doctor import model_rows
from service.web.examples import OF_HEALTH, OF_METRICS, OF_MODELS
from service.web.problems import Refusal
from service.web.service import ServiceOf

router = APIRouter(tags=["service"])


@router.get("/healthz", **OF_HEALTH)
async def alive() -> Document:
    """Whether the process serves at all."""
    return {"status": "alive"}


@router.get("/readyz", **OF_HEALTH)
async def ready(service: ServiceOf) -> Document:
    """Whether the models are loaded, nothing is left from an interrupted ingest, and the stores agree."""
    if service.unready:
        raise Refusal(503, "not-ready", service.unready, {"Retry-After": "2"})
    if service.disagreement:
        detail = f"{service.disagreement}: `paperboy reindex` builds the indexes anew"
        raise Refusal(503, "stores-disagree", detail, {"Retry-After": "60"})
    return {"status": "ready"}


@router.get("/metrics", **OF_METRICS)
async def metrics(service: ServiceOf) -> Response:
    """For Prometheus."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/api/v1/models", **OF_MODELS)
async def models(service: ServiceOf) -> Document:
    """Model files that Paperboy knows, and where they are."""
    return {"models": await run_in_threadpool(model_rows, service.settings)}
