"""A cross-encoder in llama.cpp, inside the worker process: it reads a question and a text together and scores the pair.

llama.cpp gives the tokens of a pair the type "sentence A" throughout. Models of the RoBERTa family know no other; of
the BERT family, those that were trained with two types score worse here than where they come from.
"""

import ctypes
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
from llama_cpp._ggml import libggml

from service.errors import ModelError
from service.llm.worker.batches import BATCH_TOKENS, BatchContext, grouped
from service.llm.worker.gpu import free_gpu_memory
from service.llm.worker.native import NativeModel, supports_gpu
from service.llm.worker.pairs import pairs_of

_WINDOW = BATCH_TOKENS
"""Of question and text together: of the longest abstracts the end is cut."""
_ALL_LAYERS = 999
_GPU_SHARE = 0.5
"""Of the free memory: the writer comes later and wants some too."""
_LEAST_PROBABILITY = 1e-7
"""What float32 cannot tell from 0 or 1: logits are between -16 and 16 then."""
_GIVES_PROBABILITIES = "qwen3"
"""Architectures whose head is "yes" against "no", with a softmax in llama.cpp."""
_OTHERS = "choose a GGUF of bge-reranker, jina-reranker or Qwen3-Reranker, see models.md"


class Ranker:
    """A model with a rank head. Not safe to share between threads."""

    def __init__(self, path: Path, *, threads: int | None = None, gpu_layers: int | None = None) -> None:
        """Load a model and try it on one pair.

        Raises:
            ModelError: the file is no reranker or cannot be loaded.
        """
        self._model = NativeModel(path, gpu_layers=_layers(path) if gpu_layers is None else gpu_layers)
        self._yes, self._outputs = _head(self._model)
        self.max_tokens = min(_WINDOW, self._model.n_ctx_train)
        self._pairs = pairs_of(self._model, self.max_tokens)
        self._context = BatchContext(
            self._model,
            threads=threads,
            pooling=llama_cpp.LLAMA_POOLING_TYPE_RANK,
            flash_attention=llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO,
        )
        self.scores("a question", ["a text"])

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """The logit of each text: that it answers the question."""
        found = dict(self.scored(question, texts))
        return [found[index] for index in range(len(texts))]

    def scored(self, question: str, texts: Sequence[str]) -> Iterator[tuple[int, float]]:
        """Index and logit of each text as they are computed, shortest texts first.

        Raises:
            ModelError: the model gives something that is no number.
        """
        pairs = [self._pairs.tokens(question, text) for text in texts]
        for group in grouped(pairs):
            yield from zip(group, self._decode([pairs[index] for index in group]), strict=True)

    def close(self) -> None:
        """Free the model; a second call does nothing."""
        self._context.close()

    def _decode(self, pairs: Sequence[Sequence[int]]) -> list[float]:
        # What reads from left to right keeps the last batch in its memory; the others have none.
        if memory := llama_cpp.llama_get_memory(self._context.handle):
            llama_cpp.llama_memory_clear(memory, True)
        self._context.decode(pairs)
        return [self._logit(sequence) for sequence in range(len(pairs))]

    def _logit(self, sequence: int) -> float:
        row: Any = llama_cpp.llama_get_embeddings_seq(self._context.handle, sequence)
        value = float(row[self._yes]) if row else math.nan
        if not math.isfinite(value):
            raise ModelError(f"{self._model.path.name} gives no numbers as scores: is the file damaged?")
        if self._outputs == 1:
            return value
        other = float(row[1 - self._yes])
        return math.log(max(value, _LEAST_PROBABILITY) / max(other, _LEAST_PROBABILITY))


def _layers(path: Path) -> int:
    """All layers to the GPU where there is one with room for them."""
    fits = supports_gpu() and path.stat().st_size < free_gpu_memory() * _GPU_SHARE
    return _ALL_LAYERS if fits else 0


def _head(model: NativeModel) -> tuple[int, int]:
    """Which output of the rank head is the score, and how many it has.

    llama.cpp takes a file without a head, and gives the first number of a token's state as its score.

    Raises:
        ModelError: there is no head, or one for something else.
    """
    name, architecture = model.path.name, model.metadata.get("general.architecture", "")
    if not _has_head(model.path, architecture):
        raise ModelError(f"{name} is no reranker: it has no head that scores a question with a text; {_OTHERS}")
    outputs = int(llama_cpp.llama_model_n_cls_out(model.handle))
    labels = [llama_cpp.llama_model_cls_label(model.handle, index) or b"" for index in range(outputs)]
    if architecture.startswith(_GIVES_PROBABILITIES):
        if sorted(labels) == [b"no", b"yes"]:
            return labels.index(b"yes"), outputs
    elif outputs == 1:
        return 0, outputs
    raise ModelError(f"{name} sorts texts into {outputs} classes and scores no question with a text; {_OTHERS}")


class _OpenParams(ctypes.Structure):
    """`struct gguf_init_params`."""

    _fields_ = (("no_alloc", ctypes.c_bool), ("context", ctypes.c_void_p))


def _has_head(path: Path, architecture: str) -> bool:
    """Whether the file has the tensor that a score comes from: a function of ggml tells, llama.cpp has none for it."""
    library = libggml
    library.gguf_init_from_file.restype = ctypes.c_void_p
    library.gguf_init_from_file.argtypes = [ctypes.c_char_p, _OpenParams]
    library.gguf_find_tensor.restype = ctypes.c_int64
    library.gguf_find_tensor.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.gguf_free.restype = None
    library.gguf_free.argtypes = [ctypes.c_void_p]
    file = library.gguf_init_from_file(str(path).encode(), _OpenParams(True, None))
    if not file:
        return False
    # The first jina rerankers have a head of one layer, under the name that is the first of two layers elsewhere.
    tensor = b"cls.weight" if architecture == "jina-bert-v2" else b"cls.output.weight"
    try:
        return int(library.gguf_find_tensor(file, tensor)) >= 0
    finally:
        library.gguf_free(file)
