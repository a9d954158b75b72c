"""The writer in torch: a Llama decoder, out of a GGUF file and into one that llama.cpp reads.

Llama (Touvron et al. 2023): RMS norm, rotary positions on neighbouring pairs, gated feed-forward.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


class Shape(NamedTuple):
    """Sizes of a decoder; a head has `HEAD` directions."""

    layers: int
    width: int
    inner: int


HEAD = 64
_BLOCK = 128
"""Queries whose scores are in the cache together."""
WRITER = Shape(layers=8, width=384, inner=1024)
"""17.3 million weights, the embedding of 8,192 tokens included."""


class Attention(torch.autograd.Function):  # type: ignore[misc]
    """Scaled dot-product attention in blocks of queries, each over the keys up to its end.

    What a block has fits in the processor's cache, and half of the scores are never computed. On one core a pass forth
    and back of 900 tokens takes half of the time of plain products, and these a third of torch's fused attention.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, hidden: Tensor) -> Tensor:
        """All of shape (texts, heads, tokens, HEAD); `hidden` is true where not seen, everywhere behind a token."""
        shares, mixed = [], []
        for start in range(0, query.shape[2], _BLOCK):
            end = min(start + _BLOCK, query.shape[2])
            scores = query[:, :, start:end] @ key[:, :, :end].transpose(2, 3)
            scores.masked_fill_(hidden[:, :, start:end, :end], -torch.inf)
            shares.append(functional.softmax(scores, dim=-1))
            mixed.append(shares[-1] @ value[:, :, :end])
        ctx.save_for_backward(query, key, value, *shares)
        return torch.cat(mixed, dim=2)

    @staticmethod
    def backward(ctx: Any, *outside: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of query, key and value."""
        query, key, value, *shares = ctx.saved_tensors
        queries = []
        keys, values = (torch.zeros(key.shape, dtype=torch.float32) for _ in range(2))
        for start, share in zip(range(0, query.shape[2], _BLOCK), shares, strict=True):
            end = start + share.shape[2]
            gradient = outside[0][:, :, start:end]
            values[:, :, :end] += share.transpose(2, 3) @ gradient
            scores = torch._softmax_backward_data(gradient @ value[:, :, :end].transpose(2, 3), share, -1, share.dtype)
            queries.append(scores @ key[:, :, :end])
            keys[:, :, :end] += scores.transpose(2, 3) @ query[:, :, start:end]
        return torch.cat(queries, dim=2), keys.to(key.dtype), values.to(value.dtype), None


class Layer(nn.Module):  # type: ignore[misc]
    """Attention and feed-forward, each added to the states."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.attn_norm, self.ffn_norm = nn.RMSNorm(width, eps=1e-5), nn.RMSNorm(width, eps=1e-5)
        self.attn_q, self.attn_k, self.attn_v, self.attn_output = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )  # fmt: skip
        self.ffn_gate, self.ffn_up = (nn.Linear(width, shape.inner, bias=False) for _ in range(2))
        self.ffn_down = nn.Linear(shape.inner, width, bias=False)

    def forward(self, states: Tensor, turns: Tensor, mask: Tensor) -> Tensor:
        """States of shape (texts, tokens, width), float32 whatever the weights are; the mask is true where seen."""
        count, length, width = states.shape
        normed = self.attn_norm(states.to(self.attn_norm.weight.dtype))
        query, key, value = (
            part(normed).view(count, length, width // HEAD, HEAD).transpose(1, 2)
            for part in (self.attn_q, self.attn_k, self.attn_v)
        )
        mixed: Tensor = Attention.apply(_turned(query, turns) * HEAD**-0.5, _turned(key, turns), value, ~mask)
        states = states + self.attn_output(mixed.transpose(1, 2).reshape(count, length, width))
        normed = self.ffn_norm(states.to(self.ffn_norm.weight.dtype))
        added: Tensor = states + self.ffn_down(functional.silu(self.ffn_gate(normed)) * self.ffn_up(normed))
        return added


class Decoder(nn.Module):  # type: ignore[misc]
    """Token ids to logits; the embedding is the output matrix too."""

    def __init__(self, shape: Shape, tokens: int, factors: Tensor) -> None:
        """Weights are random until they are set; `factors` slow the rotation of each pair down."""
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(tokens, shape.width)
        self.output_norm = nn.RMSNorm(shape.width, eps=1e-5)
        self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.register_buffer("rope_freqs", factors)

    def forward(self, tokens: Tensor, places: Tensor, mask: Tensor) -> Tensor:
        """States before the output matrix, shape (texts, tokens, width).

        Args:
            tokens: ids, shape (texts, tokens).
            places: position of each, the same shape.
            mask: true where the second token is seen by the first, shape (texts, 1, tokens, tokens).
        """
        states = self.token_embd(tokens).float()
        pairs = torch.arange(0, HEAD, 2) / HEAD
        speeds = 10_000.0**-pairs / self.rope_freqs
        angles = (places[..., None] * speeds).float()[:, None]
        turns = torch.polar(torch.ones_like(angles), angles)
        for layer in self.blk:
            states = layer(states, turns, mask)
        normed: Tensor = self.output_norm(states.to(self.output_norm.weight.dtype))
        return normed

    def lowered(self) -> "Decoder":
        """The same in bfloat16, but for how slowly pairs turn, which reaches from 1 to 1e8."""
        low: Decoder = deepcopy(self).bfloat16()
        low.rope_freqs = self.rope_freqs
        return low

    def logits(self, states: Tensor) -> Tensor:
        """Logits of states, shape (…, tokens of the vocabulary)."""
        return states @ self.token_embd.weight.T


def read(path: Path) -> Decoder:
    """The decoder of a GGUF file."""
    reader = gguf.GGUFReader(path)
    weights = {
        tensor.name: torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
        for tensor in reader.tensors
    }
    tokens, width = weights["token_embd.weight"].shape
    layers = sum(name.endswith("ffn_up.weight") for name in weights)
    shape = Shape(layers, width, weights["blk.0.ffn_up.weight"].shape[0])
    decoder = Decoder(shape, tokens, weights["rope_freqs.weight"])
    decoder.load_state_dict(
        {name.removesuffix(".weight") if "rope" in name else name: w for name, w in weights.items()}
    )
    return decoder


def write(decoder: Decoder, like: Path, target: Path, name: str) -> None:
    """A GGUF file in half precision, with tokenizer and chat template of the file `like`."""
    reader = gguf.GGUFReader(like)
    writer = gguf.GGUFWriter(target, "llama")
    shape = decoder.shape
    changed: dict[str, Any] = {
        "general.name": name,
        "llama.embedding_length": shape.width,
        "llama.block_count": shape.layers,
        "llama.feed_forward_length": shape.inner,
        "llama.attention.head_count": shape.width // HEAD,
        "llama.attention.head_count_kv": shape.width // HEAD,
    }
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        kind = field.types[0]
        writer.add_key_value(
            key, changed.get(key, field.contents()), kind, field.types[-1] if len(field.types) > 1 else None
        )
    for key, weight in decoder.state_dict().items():
        values = weight.detach().numpy().astype(np.float32)
        if key == "rope_freqs":
            key = "rope_freqs.weight"
        writer.add_tensor(key, values if values.ndim == 1 else values.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _turned(states: Tensor, turns: Tensor) -> Tensor:
    """States of shape (texts, heads, tokens, HEAD), each pair of neighbouring directions turned by its position."""
    pairs = torch.view_as_complex(states.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2).to(states.dtype)
