"""MiniLM in torch is the model that ships: the same vectors, and the same file when its weights go back."""

from pathlib import Path

import numpy as np
import pytest

from eval.data import STOCK_EMBEDDER
from service.llm.embedder import LlamaEmbedder

pytest.importorskip("torch", reason="torch is not installed: pip install '.[training]'")
pytest.importorskip("gguf", reason="gguf is not installed: pip install '.[training]'")

TEXTS = [
    "We reduce activation memory by recomputing layers.",
    "Größe, naïve und 漢字",
    "A proof.",
    "word " * 400,
]


def test_vectors_agree_with_llama_cpp() -> None:
    from training.minilm import MiniLM

    ours = MiniLM(STOCK_EMBEDDER).eval().encode(TEXTS).numpy()
    embedder = LlamaEmbedder(STOCK_EMBEDDER)
    try:
        theirs = np.stack([embedder.embed_query(text) for text in TEXTS])
    finally:
        embedder.close()
    assert (ours * theirs).sum(axis=1).min() > 0.998


def test_unchanged_weights_give_the_same_file(tmp_path: Path) -> None:
    from training.minilm import MiniLM, write_like

    write_like(STOCK_EMBEDDER, tmp_path / "again.gguf", MiniLM(STOCK_EMBEDDER).state_dict())
    assert (tmp_path / "again.gguf").read_bytes() == STOCK_EMBEDDER.read_bytes()
