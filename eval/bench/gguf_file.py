"""Writes GGUF files (version 3) tensor by tensor, so that no file ever lies in memory as a whole.

Only what the benchmark's files need: numbers, texts and lists of them as metadata, tensors in float32 and float16.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

Value = bool | int | float | str | Sequence[str] | Sequence[int]
Block = NDArray[np.float32] | NDArray[np.float16]

_ALIGNMENT = 32
_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_FLOAT32_TENSOR, _FLOAT16_TENSOR = 0, 1


class Tensor(NamedTuple):
    """Name and shape, as numpy has it: the last axis is contiguous."""

    name: str
    shape: tuple[int, ...]

    @property
    def half(self) -> bool:
        """Matrices are float16; llama.cpp wants vectors in float32."""
        return len(self.shape) > 1

    @property
    def size(self) -> int:
        """Bytes."""
        return int(np.prod(self.shape)) * (2 if self.half else 4)


def write(
    path: Path, metadata: Mapping[str, Value], tensors: Sequence[Tensor], values: Callable[[Tensor], Iterable[Block]]
) -> None:
    """Write one file.

    Args:
        path: replaced where it exists.
        metadata: keys and values in the order they are to have.
        tensors: all that the file holds.
        values: the values of a tensor, in as many consecutive pieces as one likes; cast to the tensor's type.
    """
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
        for key, value in metadata.items():
            file.write(_text(key) + _value(value))
        offset = 0
        for tensor in tensors:
            axes = tensor.shape[::-1]
            kind = _FLOAT16_TENSOR if tensor.half else _FLOAT32_TENSOR
            file.write(_text(tensor.name) + struct.pack(f"<I{len(axes)}QIQ", len(axes), *axes, kind, offset))
            offset += _aligned(tensor.size)
        _pad(file)
        for tensor in tensors:
            for piece in values(tensor):
                file.write(piece.astype(np.float16 if tensor.half else np.float32, copy=False).tobytes())
            _pad(file)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _pad(file: BinaryIO) -> None:
    place = file.tell()
    file.write(bytes(_aligned(place) - place))


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _value(value: Value) -> bytes:
    # A bool is an int to Python, so it comes first.
    if isinstance(value, bool):
        return struct.pack("<I?", _BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", _UINT32, value)
    if isinstance(value, float):
        return struct.pack("<If", _FLOAT32, value)
    if isinstance(value, str):
        return struct.pack("<I", _STRING) + _text(value)
    texts = [item for item in value if isinstance(item, str)]
    if texts:
        return struct.pack("<IIQ", _ARRAY, _STRING, len(texts)) + b"".join(map(_text, texts))
    return struct.pack("<IIQ", _ARRAY, _INT32, len(value)) + np.asarray(value, dtype="<i4").tobytes()
