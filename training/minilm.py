"""MiniLM in torch: its weights out of the GGUF file that ships, and back into one of the same layout.

Needs the packages of the `training` extra. Architecture: BERT with 6 layers (Devlin et al. 2019; Wang et al. 2020),
mean pooling, unit length (Reimers & Gurevych 2019).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tokenizers import BertWordPieceTokenizer
from torch import Tensor, nn
from torch.nn import functional

HEADS = 12
WINDOW = 256
"""Tokens that the model was made for, special ones included."""
_EPSILON = 1e-12
_WORD_START = "▁"


class Layer(nn.Module):  # type: ignore[misc]
    """One layer of BERT: attention and feed-forward, each added and normalized."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.attn_q, self.attn_k, self.attn_v = (nn.Linear(width, width) for _ in range(3))
        self.attn_output = nn.Linear(width, width)
        self.attn_output_norm = nn.LayerNorm(width, _EPSILON)
        self.ffn_up, self.ffn_down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.layer_output_norm = nn.LayerNorm(width, _EPSILON)

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        """States of shape (texts, tokens, width); the mask is 0 for tokens and -inf for padding, `None`: no padding."""
        count, length, width = states.shape
        query, key, value = (
            part(states).view(count, length, HEADS, width // HEADS).transpose(1, 2)
            for part in (self.attn_q, self.attn_k, self.attn_v)
        )
        # The fused attention of torch takes three times as long backwards on a processor.
        scores = query @ key.transpose(2, 3) * (width // HEADS) ** -0.5
        mixed = functional.softmax(scores if mask is None else scores + mask.to(scores.dtype), dim=-1) @ value
        mixed = mixed.transpose(1, 2).reshape(count, length, width)
        states = self.attn_output_norm(states + self.attn_output(mixed))
        inner = self.ffn_down(functional.gelu(self.ffn_up(states)))
        normed: Tensor = self.layer_output_norm(states + inner)
        return normed


class MiniLM(nn.Module):  # type: ignore[misc]
    """Texts to vectors of unit length, shape (texts, 384)."""

    def __init__(self, path: Path) -> None:
        """Read weights and vocabulary of a GGUF file."""
        super().__init__()
        reader = gguf.GGUFReader(path)
        weights = {
            tensor.name: torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
            for tensor in reader.tensors
        }
        width = weights["token_embd.weight"].shape[1]
        self.token_embd = nn.Embedding(*weights["token_embd.weight"].shape)
        self.position_embd = nn.Embedding(*weights["position_embd.weight"].shape)
        self.token_types = nn.Embedding(*weights["token_types.weight"].shape)
        self.token_embd_norm = nn.LayerNorm(width, _EPSILON)
        inner = weights["blk.0.ffn_up.weight"].shape[0]
        layers = sum(name.endswith("ffn_up.weight") for name in weights)
        self.blk = nn.ModuleList(Layer(width, inner) for _ in range(layers))
        self.load_state_dict(weights)
        self.tokenizer = _tokenizer(reader)

    def tokens(self, texts: Sequence[str], window: int = WINDOW) -> list[list[int]]:
        """Token ids of texts, special tokens included, cut at the window."""
        return [_cut(encoding.ids, window) for encoding in self.tokenizer.encode_batch(list(texts))]

    def forward(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Vectors of tokenized texts, shape (texts, 384), float32."""
        length = max(map(len, tokens))
        ids = torch.zeros(len(tokens), length, dtype=torch.long)
        present = torch.zeros(len(tokens), length)
        for row, found in enumerate(tokens):
            ids[row, : len(found)] = torch.tensor(found)
            present[row, : len(found)] = 1
        states = self.token_embd(ids) + self.position_embd(torch.arange(length)) + self.token_types.weight[0]
        states = self.token_embd_norm(states)
        # Without a mask attention is faster, and texts that were sorted by length often need none.
        padding = present[:, None, None] == 0
        mask = torch.zeros(padding.shape).masked_fill(padding, -torch.inf) if padding.any() else None
        for layer in self.blk:
            states = layer(states, mask)
        mean = (states.float() * present[..., None]).sum(1) / present.sum(1, keepdim=True)
        return functional.normalize(mean, dim=1)

    def encode(self, texts: Sequence[str], batch: int = 64) -> Tensor:
        """Vectors of texts without gradients, shape (texts, 384)."""
        tokens = self.tokens(texts)
        order = sorted(range(len(texts)), key=lambda index: len(tokens[index]))
        result = torch.empty(len(texts), self.token_embd.weight.shape[1])
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            for start in range(0, len(order), batch):
                chosen = order[start : start + batch]
                result[chosen] = self([tokens[index] for index in chosen])
        return result


def write_like(source: Path, target: Path, weights: dict[str, Tensor]) -> None:
    """A GGUF file like `source`, with other weights in the same types: Q8_0 for matrices, float32 for the rest."""
    data = bytearray(source.read_bytes())
    for tensor in gguf.GGUFReader(source).tensors:
        values = weights[tensor.name].detach().numpy().astype(np.float32)
        packed = gguf.quantize(values, tensor.tensor_type).tobytes()
        if len(packed) != tensor.n_bytes:
            raise ValueError(f"{tensor.name}: {len(packed)} bytes, expected {tensor.n_bytes}")
        data[tensor.data_offset : tensor.data_offset + tensor.n_bytes] = packed
    target.write_bytes(data)


def mixed(first: dict[str, Tensor], second: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Weights between two models: `share` of the second (Wortsman et al. 2022, robust fine-tuning)."""
    return {name: (1 - share) * weight + share * second[name] for name, weight in first.items()}


def _tokenizer(reader: Any) -> Any:
    """WordPiece as the vocabulary of the file says; llama.cpp marks beginnings of words, BERT their continuations."""
    marked: Iterable[str] = reader.fields["tokenizer.ggml.tokens"].contents()
    vocabulary = {}
    for number, token in enumerate(marked):
        if token.startswith(_WORD_START):
            vocabulary[token[1:]] = number
        else:
            vocabulary[token if token.startswith("[") and token.endswith("]") else f"##{token}"] = number
    return BertWordPieceTokenizer(vocabulary, lowercase=True)


def _cut(tokens: list[int], window: int) -> list[int]:
    return tokens if len(tokens) <= window else [*tokens[: window - 1], tokens[-1]]
