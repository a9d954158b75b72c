"""A model file in llama.cpp, below the embedder and the writer: loading, vocabulary, metadata.

Uses the C API through ctypes: a failed GGML assertion ends the process, so everything is checked before a call.
"""

import ctypes
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import llama_cpp

from service.errors import ModelError
from service.llm.model_file import check_model_file
from service.text import one_line

REASON_LENGTH = 200
"""Characters of an error message that a model file may fill."""
_REMEMBERED_PIECES = 1 << 10
"""Tokens whose texts are kept: reading one again takes as long as choosing it did."""
_log_lines: list[str] = []


def _keep_log(_level: int, text: bytes, _data: object) -> None:
    """llama.cpp's log, kept for error messages and never printed."""
    _log_lines.append(text.decode("utf-8", errors="replace").strip())
    del _log_lines[:-50]


# ctypes callbacks must outlive their last use, so this stays at module level.
_LOG_CALLBACK = llama_cpp.llama_log_callback(_keep_log)
llama_cpp.llama_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
llama_cpp.llama_backend_init()


def supports_gpu() -> bool:
    """Whether this build of llama.cpp can offload layers."""
    return bool(llama_cpp.llama_supports_gpu_offload())


def system_info() -> str:
    """llama.cpp's line about processor features in use."""
    text: bytes = llama_cpp.llama_print_system_info()
    return text.decode().strip(" |\n")


class NativeModel:
    """One loaded model file."""

    def __init__(self, path: Path, *, gpu_layers: int = 0, vocab_only: bool = False, most_read: int = 0) -> None:
        """Load a file.

        Args:
            path: the file.
            gpu_layers: how many are offloaded.
            vocab_only: leave the weights out.
            most_read: bytes up to which the file is read into memory of this process; a larger one is mapped. Reading
                takes time and room, but such memory can be in huge pages, and computing with it is faster.

        Raises:
            ModelError: the file is missing, damaged, or not supported.
        """
        check_model_file(path)
        self.path = path
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        params.vocab_only = vocab_only
        if path.stat().st_size <= most_read:
            params.load_mode = llama_cpp.LLAMA_LOAD_MODE_NONE
        _log_lines.clear()
        handle = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not handle:
            raise ModelError(f"model file {path} cannot be loaded: {_last_problem()}; fetch it again")
        self.handle: Any = handle
        self.vocab: Any = llama_cpp.llama_model_get_vocab(handle)
        self.metadata = self._read_metadata()
        self.n_vocab = int(llama_cpp.llama_vocab_n_tokens(self.vocab))
        # llama.cpp's own functions know these only where the weights are loaded, and end the process elsewhere.
        self.n_embd = self._number("embedding_length")
        self.n_ctx_train = self._number("context_length")
        self.n_layer = self._number("block_count")
        self.n_head = self._number("attention.head_count")
        self.is_recurrent = bool(llama_cpp.llama_model_is_recurrent(handle) or llama_cpp.llama_model_is_hybrid(handle))
        """Whether its memory is a state, of which no part can be forgotten or given away."""
        self.piece = lru_cache(_REMEMBERED_PIECES)(self._read_piece)
        """The bytes that a token stands for; control tokens stand for none."""
        self.is_end = lru_cache(_REMEMBERED_PIECES)(self._read_is_end)
        """Whether the token ends a generation."""

    def cell_values(self) -> int:
        """Numbers that the keys and values of one token are, in all layers."""
        shared = self._number("attention.head_count_kv", self.n_head)
        usual = self.n_embd // max(self.n_head, 1)
        key = self._number("attention.key_length", usual)
        value = self._number("attention.value_length", usual)
        return self.n_layer * shared * (key + value)

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """Tokens of a text, nothing added around it. Control tokens are recognized only with `special`."""
        data = text.encode("utf-8", errors="replace")
        size = len(data) + 8
        while True:
            buffer = (llama_cpp.llama_token * size)()
            count = int(llama_cpp.llama_tokenize(self.vocab, data, len(data), buffer, size, False, special))
            if count >= 0:
                return list(buffer[:count])
            size = -count

    def _read_piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        count = int(llama_cpp.llama_token_to_piece(self.vocab, token, buffer, 256, 0, False))
        return buffer.raw[: max(count, 0)]

    def _read_is_end(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_eog(self.vocab, token))

    def close(self) -> None:
        """Free the memory; a second call does nothing."""
        if self.handle:
            llama_cpp.llama_model_free(self.handle)
            self.handle = None

    def _number(self, name: str, usual: int = 0) -> int:
        """A number that the file says of its architecture; of one for each layer, the greatest."""
        said = self.metadata.get(f"{self.metadata.get('general.architecture', '')}.{name}", "")
        return max(map(int, re.findall(r"\d+", said)), default=usual)

    def _read_metadata(self) -> dict[str, str]:
        found = {}
        for index in range(int(llama_cpp.llama_model_meta_count(self.handle))):
            key = _read_string(llama_cpp.llama_model_meta_key_by_index, self.handle, index)
            found[key] = _read_string(llama_cpp.llama_model_meta_val_str_by_index, self.handle, index)
        return found


def new_context(model: NativeModel, **values: int | bool) -> Any:
    """A context with the given fields of `llama_context_params` set.

    Raises:
        ModelError: the model does not fit the memory or the values do not fit the model.
    """
    params = llama_cpp.llama_context_default_params()
    for name, value in values.items():
        setattr(params, name, value)
    context = llama_cpp.llama_init_from_model(model.handle, params)
    if not context:
        raise ModelError(f"no context for {model.path.name}: {_last_problem()}; try a smaller --context")
    return context


def _read_string(function: Callable[..., int], handle: object, index: int) -> str:
    size = 256
    while True:
        buffer = ctypes.create_string_buffer(size)
        needed = int(function(handle, index, buffer, size))
        if needed < size:
            return buffer.value.decode("utf-8", errors="replace")
        size = needed + 1


def _last_problem() -> str:
    problems = [line for line in _log_lines if "error" in line.lower() or "failed" in line.lower()]
    chosen = (problems or _log_lines or ["llama.cpp gave no reason"])[0]
    # The log quotes what stands in the file.
    return one_line(chosen.split("llama_model_load: ")[-1].rstrip("."), REASON_LENGTH)
