"""Which writer and which reranker the settings mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from service.llm import models
from service.llm.engine import LlamaEngine
from service.llm.model_file import check_model_file
from service.llm.reranker import LlamaReranker
from service.llm.wire import RerankerSpec, WriterSpec
from service.ports import Engine
from service.settings import Settings

if TYPE_CHECKING:
    from service.llm.endpoint.adapter import EndpointEngine


def _open_endpoint(settings: Settings) -> EndpointEngine:
    """Reach the servers that the settings name.

    Raises:
        SettingsError: an address or the key cannot be used.
        EngineError: none of them answers.
    """
    from service.llm.endpoint.adapter import EndpointEngine

    return EndpointEngine(
        [address.strip() for address in settings.endpoint.split(",") if address.strip()],
        model=settings.endpoint_model,
        key=settings.endpoint_key,
        context=None if settings.context == "auto" else settings.context,
        parallel=None if settings.parallel == "auto" else settings.parallel,
    )


def open_writer(settings: Settings, folders: Sequence[Path], hashes: Path, *, together: bool) -> Engine:
    """Start the model file that the settings name, or reach the servers.

    Args:
        settings: which model, and how it is loaded.
        folders: where model files are looked for.
        hashes: file in which the hashes of model files are remembered.
        together: many requests at a time will come; otherwise there is room for one, unless the settings say more.

    Raises:
        ModelError: there is no such model file.
        SettingsError: an address or the key of the servers cannot be used.
        EngineError: none of them answers.
    """
    if settings.endpoint:
        return _open_endpoint(settings)
    path = models.resolve(settings.writer, folders)
    check_model_file(path)
    parallel = None if together else 1
    spec = WriterSpec(
        path=str(path),
        gpu_layers=None if settings.gpu_layers == "auto" else settings.gpu_layers,
        context=None if settings.context == "auto" else settings.context,
        threads=None if settings.threads == "auto" else settings.threads,
        parallel=parallel if settings.parallel == "auto" else settings.parallel,
        deterministic=settings.deterministic,
        lookup=settings.lookup,
        cache_type=settings.cache_type,
        flash_attention=None if settings.flash_attention == "auto" else settings.flash_attention,
    )
    return LlamaEngine(spec, fingerprint=writer_fingerprint(settings, folders, hashes))


def open_reranker(settings: Settings, folders: Sequence[Path]) -> LlamaReranker:
    """Start the reranker that the settings name.

    Raises:
        ModelError: there is no such model file.
    """
    return LlamaReranker(
        RerankerSpec(
            path=str(models.resolve(settings.reranker, folders)),
            threads=None if settings.threads == "auto" else settings.threads,
            gpu_layers=None if settings.gpu_layers == "auto" else settings.gpu_layers,
        )
    )


def writer_fingerprint(settings: Settings, folders: Sequence[Path], hashes: Path) -> str:
    """Hash of the writer's file, and what else shapes its texts; needs no loading.

    Raises:
        ModelError: there is no such model file.
    """
    found = models.file_sha256(models.resolve(settings.writer, folders), hashes)[:16]
    return found if settings.cache_type == "f16" else f"{found}-{settings.cache_type}"
