"""The teacher of the embedder: all-mpnet-base-v2 in torch, only to compute vectors with.

Architecture: MPNet (Song et al. 2020), which is BERT whose attention adds a learned number for each distance between
two tokens (buckets of Raffel et al. 2020), with mean pooling (Reimers & Gurevych 2019). In bfloat16.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

_HEADS, _LAYERS, _EPSILON = 12, 12, 1e-5
_BUCKETS, _FARTHEST = 32, 128
"""Of distances in both directions; farther ones share the last of their direction."""
_PADDING, _FIRST_POSITION = 1, 2
_TOKENS = 2_000
"""Computed at once: more, and what is in between leaves the caches."""
_NEVER = -1e4


class MPNet:
    """Texts to vectors of unit length, shape (texts, 768)."""

    def __init__(self, folder: Path) -> None:
        """Read `model.safetensors` and `tokenizer.json`.

        Raises:
            FileNotFoundError: one of them is not there.
        """
        for name in ("model.safetensors", "tokenizer.json"):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder / name} is not there: training/README.md says where it is from.")
        loaded = load_file(folder / "model.safetensors")
        self._weights = {name: weight.bfloat16() for name, weight in loaded.items() if weight.is_floating_point()}
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()

    def encode(self, texts: Sequence[str], window: int) -> Tensor:
        """Vectors of texts, each cut at so many tokens, special ones included; shape (texts, 768), float32."""
        self._tokenizer.enable_truncation(window)
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        result = torch.empty(len(texts), self._weights["embeddings.LayerNorm.weight"].shape[0])
        with torch.no_grad():
            for part in batches([len(found) for found in tokens], _TOKENS):
                result[part] = self._vectors([tokens[place] for place in part])
        return result

    def _vectors(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        length = max(map(len, tokens))
        ids = torch.tensor([[*found, *[_PADDING] * (length - len(found))] for found in tokens])
        present = torch.tensor([[1.0] * len(found) + [0.0] * (length - len(found)) for found in tokens])
        words, positions = (self._weights[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "position"))
        states = self._normed(words[ids] + positions[_FIRST_POSITION : _FIRST_POSITION + length], "embeddings.")
        bias = self._weights["encoder.relative_attention_bias.weight"][distance_buckets(length)].permute(2, 0, 1)
        bias = bias + ((1 - present) * _NEVER)[:, None, None].bfloat16()
        for layer in range(_LAYERS):
            states = self._layer(states, bias, f"encoder.layer.{layer}.")
        mean = (states.float() * present[..., None]).sum(1) / present.sum(1, keepdim=True)
        return functional.normalize(mean, dim=1)

    def _layer(self, states: Tensor, bias: Tensor, name: str) -> Tensor:
        count, length, width = states.shape
        query, key, value = (
            self._linear(states, f"{name}attention.attn.{part}").view(count, length, _HEADS, -1).transpose(1, 2)
            for part in "qkv"
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        mixed = self._linear(mixed.transpose(1, 2).reshape(count, length, width), f"{name}attention.attn.o")
        states = self._normed(states + mixed, f"{name}attention.")
        inner = functional.gelu(self._linear(states, f"{name}intermediate.dense"))
        return self._normed(states + self._linear(inner, f"{name}output.dense"), f"{name}output.")

    def _linear(self, states: Tensor, name: str) -> Tensor:
        return functional.linear(states, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _normed(self, states: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}LayerNorm.weight"], self._weights[f"{name}LayerNorm.bias"]
        return functional.layer_norm(states, states.shape[-1:], weight, bias, _EPSILON)


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Places of texts of like length, the shortest first, with at most so many tokens together, or a single text."""
    part: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if part and lengths[place] * (len(part) + 1) > most:
            yield part
            part = []
        part.append(place)
    if part:
        yield part


def distance_buckets(length: int) -> Tensor:
    """For each token and each that it looks at the number of their distance's bucket, shape (length, length)."""
    ahead = torch.arange(length)[None, :] - torch.arange(length)[:, None]
    half, exact = _BUCKETS // 2, _BUCKETS // 4
    distance = ahead.abs()
    spread = math.log(_FARTHEST / exact)
    far = exact + (torch.log(distance.clamp(min=exact) / exact) / spread * (half - exact)).long()
    return torch.where(ahead > 0, half, 0) + torch.where(distance < exact, distance, far.clamp(max=half - 1))
