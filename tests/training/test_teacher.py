"""The teacher's architecture, on a model of random weights small enough for a test; and what is kept of its vectors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.abstracts import Abstract

pytest.importorskip("torch", reason="torch is not installed: pip install '.[training]'")
pytest.importorskip("safetensors", reason="safetensors is not installed: pip install '.[training]'")

WORDS = ["<s>", "<pad>", "</s>", "[UNK]", "we", "reduce", "memory", "of", "layers", "proofs"]
WIDTH, INNER = 24, 48


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher of twelve layers as published, each only 24 wide."""
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    made = tmp_path_factory.mktemp("teacher")
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", None, [("<s>", 0), ("</s>", 2)])
    tokenizer.save(str(made / "tokenizer.json"))
    torch.manual_seed(3)
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (300, WIDTH),
        "encoder.relative_attention_bias.weight": (32, 12),
    }
    linears = {f"attention.attn.{part}": (WIDTH, WIDTH) for part in "qkvo"}
    linears |= {"intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER)}
    for layer in range(12):
        for name, shape in linears.items():
            shapes[f"encoder.layer.{layer}.{name}.weight"] = shape
    weights = {name: torch.randn(shape) * 0.3 for name, shape in shapes.items()}
    for layer in range(12):
        for name, (out, _) in linears.items():
            weights[f"encoder.layer.{layer}.{name}.bias"] = torch.randn(out) * 0.1
    for place in ["embeddings", *(f"encoder.layer.{n}.{part}" for n in range(12) for part in ("attention", "output"))]:
        weights[f"{place}.LayerNorm.weight"], weights[f"{place}.LayerNorm.bias"] = torch.ones(WIDTH), torch.zeros(WIDTH)
    save_file(weights, made / "model.safetensors")
    return made


def test_a_text_has_the_same_vector_alone_and_beside_longer_ones(folder: Path) -> None:
    from training.teacher import MPNet

    model = MPNet(folder)
    texts = ["we reduce memory", "proofs of layers of memory we reduce " * 6, "we"]
    together = model.encode(texts, 64)
    for text, vector in zip(texts, together, strict=True):
        assert float(model.encode([text], 64)[0] @ vector) > 0.998
    assert float((together[0] - together[1]).norm()) > 0.05


def test_what_is_beyond_the_window_is_not_seen(folder: Path) -> None:
    from training.teacher import MPNet

    model = MPNet(folder)
    short, cut = model.encode(["we reduce memory", "we reduce memory of proofs"], 5)
    assert float(short @ cut) > 0.998


def test_order_matters_through_distances_alone(folder: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    from training.teacher import MPNet

    weights = load_file(folder / "model.safetensors")
    weights["embeddings.position_embeddings.weight"] = torch.zeros(300, WIDTH)
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    one, other = MPNet(tmp_path).encode(["we reduce memory of layers", "layers we of memory reduce"], 64)
    assert float(one @ other) < 0.9995
    weights["encoder.relative_attention_bias.weight"] = torch.zeros(32, 12)
    save_file(weights, tmp_path / "model.safetensors")
    one, other = MPNet(tmp_path).encode(["we reduce memory of layers", "layers we of memory reduce"], 64)
    assert float(one @ other) > 0.9995


def test_distances_have_buckets_of_their_own_up_to_seven_and_shared_ones_beyond() -> None:
    from training.teacher import distance_buckets

    row = distance_buckets(300)[150].tolist()
    assert row[143:158] == [7, 6, 5, 4, 3, 2, 1, 0, 17, 18, 19, 20, 21, 22, 23]
    assert row[0] == row[22] == 15
    assert row[278] == row[299] == 31
    # A logarithm between 8 and 128 in eight steps: 16 is two steps, 32 four, 64 six.
    assert [row[150 - far] for far in (8, 16, 32, 64)] == [8, 10, 12, 14]


def test_without_the_files_it_says_where_they_are_from(tmp_path: Path) -> None:
    from training.teacher import MPNet

    with pytest.raises(FileNotFoundError, match=r"training/README\.md says"):
        MPNet(tmp_path)


def test_batches_hold_each_text_once_and_no_more_tokens_than_they_may() -> None:
    from training.teacher import batches

    lengths = [5, 90, 12, 7, 3, 3, 40]
    found = list(batches(lengths, 50))
    assert sorted(place for part in found for place in part) == list(range(7))
    assert all(len(part) == 1 or len(part) * max(lengths[place] for place in part) <= 50 for part in found)
    assert [1] in found


def test_the_teacher_is_asked_once_for_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from training import lessons

    asked = []

    class Teacher:
        def __init__(self, folder: Path) -> None:
            asked.append(folder)

        def encode(self, texts: list[str], window: int) -> Any:
            return torch.tensor([[float(len(text)), float(window)] for text in texts])

    monkeypatch.setattr(lessons, "MPNet", Teacher)
    monkeypatch.setattr(lessons, "_DRAWN", 9)
    monkeypatch.setattr(lessons, "_PART", 2)
    papers = [Abstract(f"Paper {n}", (f"First of {n}.", "It is short.", "It ends."), "2026-01-01") for n in range(9)]
    first = lessons.lessons(papers, 3, tmp_path, tmp_path)
    assert first.passage_vectors[:, 0].tolist() == [len(text) for text in first.passages]
    assert first.question_vectors[:, 0].tolist() == [len(text) for text in first.questions]
    assert len(first.passages) == 6
    assert len(first.questions) == 18
    again = lessons.lessons(papers, 3, tmp_path, tmp_path)
    assert len(asked) == 1
    assert again.questions == first.questions
    more = lessons.lessons(papers, 5, tmp_path, tmp_path)
    assert len(asked) == 2
    assert more.passages[:6] == first.passages
    assert np.array_equal(more.passage_vectors[:6], first.passage_vectors)
