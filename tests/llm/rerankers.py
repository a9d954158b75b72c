"""Tiny rerankers with random weights, written as model files, and what they compute written out in numpy."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import erf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.bench import gguf_file
from eval.bench.gguf_file import Block, Tensor, Value
from eval.bench.vocabulary import byte_letters

Array = NDArray[np.float64]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
UNKNOWN, BEGIN, SEPARATOR = 1, 2, 3
WORDS = ("which", "papers", "make", "memory", "model", "token", "graph", "sparse", "small", "fast", "layer", "layers")
_NORMAL, _UNKNOWN_TYPE, _CONTROL = 1, 2, 3
_EPSILON = 1e-12
TEMPLATE = (
    "<|im_start|>system\nJudge the text.<|im_end|>\n<|im_start|>user\n<Query>: {query}\n<Document>: {document}"
    "<|im_end|>\n<|im_start|>assistant\n"
)
CONTROLS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


@dataclass(frozen=True)
class Bert:
    """A BERT with a rank head; `layered`: of two layers, as RoBERTa's, otherwise of one."""

    width: int = 32
    heads: int = 4
    layers: int = 2
    feed_forward: int = 64
    context: int = 64
    vocabulary: int = 0
    """Tokens; those without a text of their own are made up. 0: as many as have one."""
    layered: bool = True
    head: bool = True
    adds: Mapping[str, bool] = field(default_factory=lambda: {"bos": True, "eos": True, "sep": False})
    more: Mapping[str, Value] = field(default_factory=dict)
    """Metadata besides."""
    scale: float = 1.0
    """Of the head: without end, scores are no numbers."""

    @property
    def tokens(self) -> list[str]:
        """Texts of all tokens: special ones, words, letters at the start of a word and inside."""
        letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?"
        known = [*SPECIAL, *(f"▁{word}" for word in WORDS), *(f"▁{letter}" for letter in letters), *letters]
        return known + [f"▁made-up{number}" for number in range(self.vocabulary - len(known))]

    def write(self, path: Path) -> Path:
        """The model file."""
        name, tokens = "bert", self.tokens
        metadata: dict[str, Value] = {
            "general.architecture": name,
            f"{name}.context_length": self.context,
            f"{name}.embedding_length": self.width,
            f"{name}.feed_forward_length": self.feed_forward,
            f"{name}.block_count": self.layers,
            f"{name}.attention.head_count": self.heads,
            f"{name}.attention.layer_norm_epsilon": _EPSILON,
            f"{name}.attention.causal": False,
            "tokenizer.ggml.model": "bert",
            "tokenizer.ggml.pre": "jina-v2-en",
            "tokenizer.ggml.token_type_count": 1,
            "tokenizer.ggml.tokens": tokens,
            "tokenizer.ggml.token_type": [
                _UNKNOWN_TYPE if number == UNKNOWN else _CONTROL if number < len(SPECIAL) else _NORMAL
                for number in range(len(tokens))
            ],
            "tokenizer.ggml.unknown_token_id": UNKNOWN,
            "tokenizer.ggml.bos_token_id": BEGIN,
            "tokenizer.ggml.eos_token_id": SEPARATOR,
            "tokenizer.ggml.seperator_token_id": SEPARATOR,
            "tokenizer.ggml.padding_token_id": 0,
            **{f"tokenizer.ggml.add_{kind}_token": add for kind, add in self.adds.items()},
            **self.more,
        }
        return _write(path, metadata, self._shapes(), self.weights)

    def weights(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The weights of a tensor, as they stand in the file."""
        return _weights(name, shape) * np.float32(self.scale if name.startswith("cls.output") else 1)

    def score(self, tokens: Sequence[int]) -> float:
        """The forward pass on one pair."""
        named = {name: self.weights(name, shape).astype(np.float64) for name, shape in self._shapes().items()}
        states = named["token_embd.weight"][list(tokens)] + named["position_embd.weight"][: len(tokens)]
        states = _normed(states, named, "token_embd_norm")
        for layer in range(self.layers):
            states = self._layer(states, named, f"blk.{layer}.")
        state = states[0]
        if self.layered:
            state = np.tanh(_linear(state, named, "cls"))
        return float(_linear(state, named, "cls.output")[0])

    def _layer(self, states: Array, named: Mapping[str, Array], prefix: str) -> Array:
        size = self.width // self.heads
        split = [
            _linear(states, named, f"{prefix}attn_{part}").reshape(-1, self.heads, size).transpose(1, 0, 2)
            for part in "qkv"
        ]
        query, key, value = split
        fit = query @ key.transpose(0, 2, 1) / np.sqrt(size)
        share = np.exp(fit - fit.max(axis=-1, keepdims=True))
        mixed = (share / share.sum(axis=-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(-1, self.width)
        states = _normed(states + _linear(mixed, named, f"{prefix}attn_output"), named, f"{prefix}attn_output_norm")
        inner = _linear(states, named, f"{prefix}ffn_up")
        # llama.cpp's gelu is the approximation with tanh, which differs by less than float16 does.
        inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
        return _normed(states + _linear(inner, named, f"{prefix}ffn_down"), named, f"{prefix}layer_output_norm")

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        width, wide = self.width, self.feed_forward
        shapes: dict[str, tuple[int, ...]] = {
            "token_embd.weight": (len(self.tokens), width),
            "position_embd.weight": (self.context, width),
            "token_embd_norm.weight": (width,),
            "token_embd_norm.bias": (width,),
        }
        for layer in range(self.layers):
            for part, shape in (
                *((f"attn_{part}", (width, width)) for part in ("q", "k", "v", "output")),
                ("ffn_up", (wide, width)),
                ("ffn_down", (width, wide)),
            ):
                shapes |= {f"blk.{layer}.{part}.weight": shape, f"blk.{layer}.{part}.bias": shape[:1]}
            for part in ("attn_output_norm", "layer_output_norm"):
                shapes |= {f"blk.{layer}.{part}.{kind}": (width,) for kind in ("weight", "bias")}
        if self.layered:
            shapes |= {"cls.weight": (width, width), "cls.bias": (width,)}
        labels = self.more.get("bert.classifier.output_labels")
        outputs = len(labels) if isinstance(labels, list) else 1
        return shapes | ({"cls.output.weight": (outputs, width), "cls.output.bias": (outputs,)} if self.head else {})


@dataclass(frozen=True)
class Qwen:
    """A Qwen3 that answers yes or no, over bytes as tokens."""

    width: int = 32
    context: int = 512
    template: str = TEMPLATE
    labels: Sequence[str] = ("yes", "no")

    @property
    def tokens(self) -> list[str]:
        """Texts of all tokens: bytes, one merge of two, control tokens."""
        return [*byte_letters(), "Ġm", *CONTROLS]

    def write(self, path: Path) -> Path:
        """The model file."""
        name, tokens = "qwen3", self.tokens
        metadata: dict[str, Value] = {
            "general.architecture": name,
            f"{name}.context_length": self.context,
            f"{name}.embedding_length": self.width,
            f"{name}.feed_forward_length": 2 * self.width,
            f"{name}.block_count": 2,
            f"{name}.attention.head_count": 2,
            f"{name}.attention.head_count_kv": 1,
            f"{name}.attention.layer_norm_rms_epsilon": 1e-6,
            f"{name}.rope.freq_base": 1e6,
            f"{name}.pooling_type": 4,
            f"{name}.classifier.output_labels": list(self.labels),
            "tokenizer.ggml.model": "gpt2",
            "tokenizer.ggml.pre": "qwen2",
            "tokenizer.ggml.tokens": tokens,
            "tokenizer.ggml.token_type": [_CONTROL if token in CONTROLS else _NORMAL for token in tokens],
            "tokenizer.ggml.merges": ["Ġ m"],
            "tokenizer.ggml.eos_token_id": len(tokens) - 1,
            "tokenizer.ggml.add_bos_token": False,
        }
        if self.template:
            metadata["tokenizer.chat_template.rerank"] = self.template
        return _write(path, metadata, self._shapes(), _weights)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        width = self.width
        half = width // 2
        shapes: dict[str, tuple[int, ...]] = {
            "token_embd.weight": (len(self.tokens), width),
            "output_norm.weight": (width,),
            "cls.output.weight": (len(self.labels), width),
        }
        for layer in range(2):
            for part, shape in {
                "attn_norm": (width,),
                "attn_q": (width, width),
                "attn_k": (half, width),
                "attn_v": (half, width),
                "attn_q_norm": (half,),
                "attn_k_norm": (half,),
                "attn_output": (width, width),
                "ffn_norm": (width,),
                "ffn_gate": (2 * width, width),
                "ffn_up": (2 * width, width),
                "ffn_down": (width, 2 * width),
            }.items():
                shapes[f"blk.{layer}.{part}.weight"] = shape
        return shapes


def _write(
    path: Path,
    metadata: Mapping[str, Value],
    shapes: Mapping[str, tuple[int, ...]],
    weights: Callable[[str, tuple[int, ...]], NDArray[np.float32]],
) -> Path:
    def values(tensor: Tensor) -> Iterator[Block]:
        yield weights(tensor.name, tensor.shape)

    gguf_file.write(path, metadata, [Tensor(name, shape) for name, shape in shapes.items()], values)
    return path


def _weights(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Random numbers that depend on the name only; matrices are what float16 can hold."""
    random = np.random.default_rng(list(name.encode())).standard_normal(shape, dtype=np.float32)
    if len(shape) == 1:
        return random * np.float32(0.1) + np.float32(name.endswith("norm.weight"))
    scale = np.float32(1 if "embd" in name else 2 / np.sqrt(shape[1]))
    return (random * scale).astype(np.float16).astype(np.float32)


def _linear(states: Array, named: Mapping[str, Array], name: str) -> Array:
    made: Array = states @ named[f"{name}.weight"].T + named[f"{name}.bias"]
    return made


def _normed(states: Array, named: Mapping[str, Array], name: str) -> Array:
    centred = states - states.mean(axis=-1, keepdims=True)
    made: Array = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPSILON)
    return made * named[f"{name}.weight"] + named[f"{name}.bias"]
