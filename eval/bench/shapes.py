"""Models with random weights in the shapes that the benchmark measures: for speed, only shapes and types matter.

A file is written once into the cache folder, under a name that holds the hash of all that shapes it. Weights are drawn
piece by piece and llama.cpp's own quantizer converts them, so that the types of the tensors are what it chooses for
such a model: where a row is no multiple of 256 values, Q4_K_M becomes Q5_0 and Q8_0, as in the published files of
Qwen2.5-0.5B.
"""

import ctypes
import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path

import llama_cpp
import numpy as np

from eval.bench import gguf_file, vocabulary
from eval.bench.gguf_file import Block, Tensor, Value
from eval.bench.vocabulary import BEGIN_TURN, END, END_TURN
from eval.questions import SAMPLE_PAGES
from service.llm.worker import native

_SEED = 20_260_820
_EMBEDDING, _INNER, _ADDED = 0.1, 0.6, {"attn_output": 0.4, "ffn_down": 2.0}
"""Standard deviations of embeddings, of a layer's first matrices, and of those that make what all layers add.

The last two are times the root of what is summed over. The next word then depends on the last one and on what stands
before it: 3 % of the word pairs of 200 words come again. With larger attention the text falls into a loop.
"""
_PIECE = 4_194_304
"""Weights that are drawn at a time: 16 MiB."""
_TEMPLATE = (
    f"{{% for m in messages %}}{BEGIN_TURN}{{{{ m['role'] }}}}\n{{{{ m['content'] }}}}{END_TURN}\n{{% endfor %}}"
    f"{{% if add_generation_prompt %}}{BEGIN_TURN}assistant\n{{% endif %}}"
)
_TYPES = {
    "F16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16,
    "Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
    "Q4_K_M": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
}
_NORMAL_TOKEN, _CONTROL_TOKEN = 1, 3


@dataclass(frozen=True)
class Shape:
    """Sizes of a transformer; input and output embeddings are one matrix."""

    name: str
    architecture: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    feed_forward: int
    vocabulary: int
    context: int
    rope_base: float

    @property
    def biased(self) -> bool:
        """Whether queries, keys and values have biases."""
        return self.architecture == "qwen2"


HALF_BILLION = Shape("0.5B-like", "qwen2", 24, 896, 14, 2, 4_864, 151_936, 32_768, 1e6)
WRITER = Shape("writer-like", "llama", 6, 256, 4, 4, 640, 8_192, 2_048, 1e4)
"""The shape of models/paperboy-writer-trial-f16.gguf, which ends its texts when it wants to; this one never does."""


def cache_folder() -> Path:
    """Where model files and built tools are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "paperboy" / "bench"


def model_file(shape: Shape, kind: str) -> Path:
    """The file of a shape as F16, Q4_0 or Q4_K_M; written where it is missing (20 s for the 0.5B shape)."""
    folder = cache_folder() / "shapes"
    path = folder / f"{shape.name}-{kind}-{_key(shape, kind)}.gguf"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"writing {path} once …\n")
    for old in folder.glob(f"{shape.name}-{kind}-*"):
        old.unlink()
    part = path.with_suffix(f".{os.getpid()}")
    if kind == "F16":
        _write(shape, part)
    else:
        # Four times as large and not needed again.
        whole = part.with_suffix(".f16")
        try:
            _write(shape, whole)
            _quantize(whole, part, kind)
        finally:
            whole.unlink(missing_ok=True)
    part.rename(path)
    return path


def tensors_of(shape: Shape) -> list[Tensor]:
    """All tensors by llama.cpp's names."""
    width, kv_width = shape.width, shape.width // shape.heads * shape.kv_heads
    found = [Tensor("token_embd.weight", (shape.vocabulary, width)), Tensor("output_norm.weight", (width,))]
    for layer in range(shape.layers):
        parts: dict[str, tuple[int, ...]] = {
            "attn_norm.weight": (width,),
            "attn_q.weight": (width, width),
            "attn_k.weight": (kv_width, width),
            "attn_v.weight": (kv_width, width),
            "attn_output.weight": (width, width),
            "ffn_norm.weight": (width,),
            "ffn_gate.weight": (shape.feed_forward, width),
            "ffn_up.weight": (shape.feed_forward, width),
            "ffn_down.weight": (width, shape.feed_forward),
        }
        if shape.biased:
            parts |= {"attn_q.bias": (width,), "attn_k.bias": (kv_width,), "attn_v.bias": (kv_width,)}
        found += [Tensor(f"blk.{layer}.{name}", size) for name, size in parts.items()]
    return found


def _write(shape: Shape, path: Path) -> None:
    gguf_file.write(path, _metadata(shape), tensors_of(shape), lambda tensor: _weights(shape, tensor))


@cache
def _learnt(size: int) -> vocabulary.Vocabulary:
    return vocabulary.learn(size)


def _key(shape: Shape, kind: str) -> str:
    sha = hashlib.sha256(f"{astuple(shape)} {kind} {llama_cpp.__version__}".encode())
    sources = [Path(str(module.__file__)) for module in (gguf_file, vocabulary, sys.modules[__name__])]
    for path in (*sources, *sorted(SAMPLE_PAGES.iterdir())):
        sha.update(path.read_bytes())
    return sha.hexdigest()[:12]


def _metadata(shape: Shape) -> dict[str, Value]:
    words, name = _learnt(shape.vocabulary), shape.architecture
    number = {
        token: index for index, token in enumerate(words.tokens[-len(vocabulary.CONTROL) :], shape.vocabulary - 3)
    }
    return {
        "general.architecture": name,
        "general.name": shape.name,
        "general.file_type": int(llama_cpp.LLAMA_FTYPE_MOSTLY_F16),
        f"{name}.context_length": shape.context,
        f"{name}.embedding_length": shape.width,
        f"{name}.feed_forward_length": shape.feed_forward,
        f"{name}.block_count": shape.layers,
        f"{name}.attention.head_count": shape.heads,
        f"{name}.attention.head_count_kv": shape.kv_heads,
        f"{name}.attention.layer_norm_rms_epsilon": 1e-6,
        f"{name}.rope.freq_base": shape.rope_base,
        f"{name}.vocab_size": shape.vocabulary,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": words.tokens,
        "tokenizer.ggml.token_type": [
            _CONTROL_TOKEN if token in vocabulary.CONTROL else _NORMAL_TOKEN for token in words.tokens
        ],
        "tokenizer.ggml.merges": words.merges,
        "tokenizer.ggml.bos_token_id": number[END],
        "tokenizer.ggml.padding_token_id": number[END],
        "tokenizer.ggml.eos_token_id": number[END_TURN],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": _TEMPLATE,
    }


def _weights(shape: Shape, tensor: Tensor) -> Iterator[Block]:
    """Normal numbers; norms are 1 and biases 0.

    The embeddings of unwanted tokens are 0, and with them their logits: among so many others one is always above.
    The last norm has random signs: without them the word most like the last one, itself, would always come next.
    """
    random = np.random.default_rng([_SEED, *tensor.name.encode()])
    if not tensor.half:
        ones = np.full(tensor.shape, float("norm" in tensor.name), dtype=np.float32)
        yield ones * random.choice((-1, 1), tensor.shape) if tensor.name == "output_norm.weight" else ones
        return
    rows, columns = tensor.shape
    part = tensor.name.split(".")[-2]
    layer = _ADDED[part] / shape.layers**0.5 if part in _ADDED else _INNER
    deviation = np.float32(_EMBEDDING if part == "token_embd" else layer / columns**0.5)
    unwanted = _learnt(shape.vocabulary).unwanted if tensor.name == "token_embd.weight" else ()
    step = max(1, _PIECE // columns)
    for first in range(0, rows, step):
        piece = random.standard_normal((min(step, rows - first), columns), dtype=np.float32) * deviation
        piece[[row - first for row in unwanted if first <= row < first + len(piece)]] = 0
        yield piece


def _quantize(source: Path, target: Path, kind: str) -> None:
    """Convert with llama.cpp's quantizer.

    Q4_0 is pure, all matrices alike, because performance.md's figures are of such a file: 278 MB. Without `pure` the
    embeddings would be Q8_0 and the file 352 MB.
    """
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = _TYPES[kind]
    params.pure = kind == "Q4_0"
    status = int(llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params)))
    if status:
        target.unlink(missing_ok=True)
        raise SystemExit(f"llama.cpp cannot convert {source} to {kind} (status {status}, {native.system_info()})")


if __name__ == "__main__":
    for wanted in ("Q4_0", "Q4_K_M"):
        sys.stdout.write(f"{model_file(HALF_BILLION, wanted)}\n")
    sys.stdout.write(f"{model_file(WRITER, 'F16')}\n")
