"""A loaded writer: model, chat template, scheduler. Runs inside the worker process."""

import platform
from collections.abc import Callable, Sequence
from pathlib import Path

from service.errors import EngineError, ModelError
from service.llm.constraints import ChoiceState
from service.llm.cores import CoreWatch, free_cores
from service.llm.wire import WriterSpec
from service.llm.worker.chat import ChatTemplate
from service.llm.worker.decoder import BATCH_TOKENS, Decoder
from service.llm.worker.gpu import free_gpu_memory
from service.llm.worker.native import NativeModel, supports_gpu
from service.llm.worker.scheduler import Report, Scheduler
from service.llm.worker.sizing import (
    Size,
    Workload,
    flash_attention,
    free_memory,
    has_huge_pages,
    layers_that_fit,
    size_for,
)
from service.ports import GenerationRequest, Message

CACHE_BYTES = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""Of one number of a key or value, scales included."""
_SCORE_BYTES = 4
"""Of one score of attention."""
_MOST_OF_MEMORY = 0.25
"""Of what is free, for weights that are read."""


class Runtime:
    """A writer in this process. Not safe to share between threads."""

    def __init__(self, spec: WriterSpec, report: Report, arrived: Callable[[], bool] | None = None) -> None:
        """Load it.

        Args:
            spec: what and how.
            report: told what becomes of each request.
            arrived: whether there is news of requests; see `Scheduler`.

        Raises:
            ModelError: missing, damaged, no chat model, or too large for the memory.
        """
        self.threads = spec.threads or free_cores()
        self.model = _load(Path(spec.path), spec)
        try:
            self.template = ChatTemplate(self.model)
            self.size = _size(self.model, spec)
            flash = _flash_attention(self.model, spec, self.size)

            def decoder(sequences: int, outputs: int) -> Decoder:
                return Decoder(
                    self.model,
                    cells=self.size.window,
                    sequences=sequences,
                    outputs=outputs,
                    threads=self.threads,
                    cache_type=spec.cache_type,
                    flash_attention=flash,
                )

            self.scheduler = Scheduler(
                self.model,
                decoder,
                self.size,
                report,
                lookup=spec.lookup,
                forced=spec.forced,
                cores=None if spec.threads or spec.deterministic else CoreWatch(),
                arrived=arrived,
                text_seconds=spec.text_seconds,
            )
        except ModelError:
            self.model.close()
            raise

    def add(self, number: int, request: GenerationRequest, *, streamed: bool = True) -> None:
        """Queue a request; what becomes of it is reported under its number, also its text as it grows if `streamed`.

        Raises:
            RequestTooLargeError: it does not fit the context.
            EngineError: its choices make no sense.
            ModelError: the chat template fails on it.
        """
        prompt = self.template.tokens(request.messages)
        if request.choices:
            try:
                ChoiceState(request.choices)
            except ValueError as error:
                raise EngineError(f"the choices cannot be used: {error}") from None
        options = request.choices.options if request.choices else ()
        tokenized = [self.model.tokenize(request.lead + option.text) for option in options]
        self.scheduler.add(number, request, prompt, tokenized, streamed=streamed)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt as it would be sent."""
        return len(self.template.tokens(messages))

    def close(self) -> None:
        """Free everything."""
        self.scheduler.close()
        self.model.close()


def _may_offload(spec: WriterSpec) -> bool:
    """Whether layers may go to a GPU."""
    return supports_gpu() and spec.gpu_layers != 0


def _cell_bytes(model: NativeModel, spec: WriterSpec) -> int:
    """Memory of the keys and values of one token."""
    return int(model.cell_values() * CACHE_BYTES[spec.cache_type])


def _size(model: NativeModel, spec: WriterSpec) -> Size:
    return size_for(
        Workload(spec.parallel, spec.context, spec.deterministic),
        trained=model.n_ctx_train,
        cell_bytes=_cell_bytes(model, spec),
        free_bytes=free_memory(),
        gpu=_may_offload(spec),
        name=model.path.name,
    )


def _flash_attention(model: NativeModel, spec: WriterSpec, size: Size) -> bool | None:
    """What was asked for, else what is faster; for GPUs llama.cpp knows best."""
    if spec.flash_attention is not None or _may_offload(spec):
        return spec.flash_attention
    return flash_attention(
        processor=platform.machine(),
        cache_type=spec.cache_type,
        score_bytes=model.n_head * BATCH_TOKENS * size.window * _SCORE_BYTES,
        free_bytes=free_memory(),
    )


def _load(path: Path, spec: WriterSpec) -> NativeModel:
    """Load with the layers asked for; without a number, as many as fit the GPU's free memory, then fewer."""
    if spec.gpu_layers:
        if not supports_gpu():
            raise ModelError(
                f"--gpu-layers {spec.gpu_layers}: this llama.cpp was built without GPU support; "
                "build it with make setup GPU=cuda (or metal, vulkan)"
            )
        return NativeModel(path, gpu_layers=spec.gpu_layers)
    layers = _affordable_layers(path, spec) if spec.gpu_layers is None and supports_gpu() else 0
    while layers:
        try:
            return NativeModel(path, gpu_layers=layers)
        except ModelError:
            layers //= 2
    return NativeModel(path, most_read=_most_read(spec))


def _most_read(spec: WriterSpec) -> int:
    """Bytes of weights that are read, not mapped: a second of loading comes back in a batch, not in one answer."""
    alone = spec.parallel == 1 or spec.deterministic
    return 0 if alone or not has_huge_pages() else int(free_memory() * _MOST_OF_MEMORY)


def _affordable_layers(path: Path, spec: WriterSpec) -> int:
    """Layers that fit the free memory of the GPU together with their part of the cells."""
    vocabulary = NativeModel(path, vocab_only=True)
    try:
        layers = vocabulary.n_layer + 1
        size = _size(vocabulary, spec)
        context = size.window * size.slots * _cell_bytes(vocabulary, spec)
        return layers_that_fit(layers, path.stat().st_size, context, free_gpu_memory())
    finally:
        vocabulary.close()
