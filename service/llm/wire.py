"""What goes between the service and its model processes: lines of JSON, vectors as base64 inside.

JSON and not pickle: a model file is untrusted, and what its process says must not be able to run code here.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from service import errors
from service.ports import Choice, Choices, Generation, GenerationRequest, Matrix, Message

Row = dict[str, Any]
TEXT_SECONDS = 0.04


class WriterSpec(NamedTuple):
    """How a writer is loaded; `None`: chosen from the machine and the model."""

    path: str
    gpu_layers: int | None = None
    context: int | None = None
    threads: int | None = None
    parallel: int | None = None
    deterministic: bool = False
    lookup: bool = True
    forced: bool = True
    cache_type: str = "f16"
    flash_attention: bool | None = None
    text_seconds: float = TEXT_SECONDS
    """Between two pieces of a text that is read as it grows; 0: after every step."""


class EmbedderSpec(NamedTuple):
    """How an embedder is loaded."""

    path: str
    threads: int | None = None


class RerankerSpec(NamedTuple):
    """How a reranker is loaded; `gpu_layers` `None`: all where there is a GPU with room for them."""

    path: str
    threads: int | None = None
    gpu_layers: int | None = None


def line(value: object) -> bytes:
    """A value as one line."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def request_row(request: GenerationRequest) -> Row:
    """A request as JSON."""
    return request._asdict()


def read_request(row: Mapping[str, Any]) -> GenerationRequest:
    """A request from JSON."""
    values = dict(row)
    values["messages"] = tuple(Message(*message) for message in values["messages"])
    values["stop"] = tuple(values["stop"])
    if values["choices"] is not None:
        options, *rules = values["choices"]
        values["choices"] = Choices(tuple(Choice(*option) for option in options), *rules)
    return GenerationRequest(**values)


def read_generation(row: list[Any]) -> Generation:
    """A generation from JSON."""
    made = Generation(*row)
    return made._replace(chosen=tuple(made.chosen), logprobs=tuple(made.logprobs))


def error_row(error: errors.PaperboyError) -> list[str]:
    """An error as JSON: its name and its message."""
    return [type(error).__name__, str(error)]


def read_error(row: list[str]) -> errors.PaperboyError:
    """An error from JSON; an unknown name is an `EngineError`."""
    kind = getattr(errors, row[0], errors.EngineError)
    known = isinstance(kind, type) and issubclass(kind, errors.PaperboyError) and kind is not errors.EngineBusyError
    made: errors.PaperboyError = kind(row[1]) if known else errors.EngineError(row[1])
    return made


def matrix_text(matrix: Matrix) -> list[Any]:
    """A matrix of float32 as JSON: number of columns, and its bytes."""
    return [matrix.shape[-1], base64.b64encode(np.ascontiguousarray(matrix, np.float32).tobytes()).decode()]


def read_matrix(row: list[Any]) -> Matrix:
    """A matrix from JSON, shape (rows, columns)."""
    return np.frombuffer(base64.b64decode(row[1]), np.float32).reshape(-1, row[0]).copy()
