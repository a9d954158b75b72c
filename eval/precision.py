"""The quantized embedder against the same model in float32: cosine, text by text.

The float32 side is the published `model.safetensors` (SHA-256 53aa5117…) run by the forward pass below, in numpy, so
that nothing of llama.cpp stands on both sides. The folder with the published files is not in the repository;
the vectors of 100 texts are, in `tests/llm/minilm_float32.npz`; `python -m eval precision --reference FOLDER --write`
makes them.
"""

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from eval.data import ROOT
from eval.questions import SAMPLE_PAGES
from service.sources import read_path
from service.types import Paper

Array = NDArray[np.float32]
KEPT = ROOT / "tests" / "llm" / "minilm_float32.npz"
_TEXTS = 100
_CHARACTERS = 800
_EPSILON = 1e-12
_HEADS = 12


def texts() -> list[str]:
    """The texts compared: the beginnings of the first abstracts of the sample pages, under 256 tokens."""
    papers = [record for record in read_path(SAMPLE_PAGES) if isinstance(record, Paper)]
    return [paper.abstract[:_CHARACTERS] for paper in papers[:_TEXTS]]


def reference_vectors(folder: Path, inputs: Sequence[str]) -> Array:
    """Unit vectors of the texts by the float32 model in `folder`, shape (texts, 384)."""
    weights = _read_safetensors(folder / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    return np.stack([_embed(weights, np.array(tokenizer.encode(text).ids)) for text in inputs])


def kept_vectors() -> Array:
    """The reference vectors in the repository."""
    found: Array = np.load(KEPT)["vectors"].astype(np.float32)
    return found


def _embed(weights: dict[str, Array], tokens: NDArray[np.int64]) -> Array:
    """BERT's forward pass (Devlin et al. 2019), mean pooling, unit length."""
    states = (
        weights["embeddings.word_embeddings.weight"][tokens]
        + weights["embeddings.position_embeddings.weight"][: len(tokens)]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    states = _normalized(weights, "embeddings.LayerNorm", states)
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in weights:
        states = _layer(weights, f"encoder.layer.{layer}", states)
        layer += 1
    mean = states.mean(axis=0)
    unit: Array = mean / np.linalg.norm(mean)
    return unit


def _layer(weights: dict[str, Array], name: str, states: Array) -> Array:
    query, key, value = (_heads(_dense(weights, f"{name}.attention.self.{part}", states)) for part in _PARTS)
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1])
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = (raised / raised.sum(axis=-1, keepdims=True)) @ value
    joined = mixed.transpose(1, 0, 2).reshape(states.shape)
    states = _normalized(
        weights,
        f"{name}.attention.output.LayerNorm",
        states + _dense(weights, f"{name}.attention.output.dense", joined),
    )
    inner = _gelu(_dense(weights, f"{name}.intermediate.dense", states))
    return _normalized(weights, f"{name}.output.LayerNorm", states + _dense(weights, f"{name}.output.dense", inner))


_PARTS = ("query", "key", "value")


def _heads(states: Array) -> Array:
    return states.reshape(len(states), _HEADS, -1).transpose(1, 0, 2)


def _dense(weights: dict[str, Array], name: str, states: Array) -> Array:
    result: Array = states @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return result


def _normalized(weights: dict[str, Array], name: str, states: Array) -> Array:
    centred = states - states.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPSILON)
    result: Array = scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return result


def _gelu(values: Array) -> Array:
    """The exact form; the error function by Abramowitz & Stegun 7.1.26, right to 1.5e-7."""
    x = values / np.sqrt(2)
    t = 1 / (1 + 0.3275911 * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1 - series * np.exp(-(x**2)))
    result: Array = (values * (1 + erf) / 2).astype(np.float32)
    return result


def _read_safetensors(path: Path) -> dict[str, Array]:
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + size + offset for offset in entry["data_offsets"])
            tensors[name] = np.frombuffer(data[start:end], dtype=np.float32).reshape(entry["shape"])
    return tensors
