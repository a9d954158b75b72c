"""What papers must have (phrases, fields, beginnings of words), search among some rows, titles while one types."""

import random
from pathlib import Path

import numpy as np
import pytest

from service.index import lexical
from service.index.lexical import Entry, LexicalIndex
from service.index.query import parse_query


@pytest.fixture
def index(tmp_path: Path) -> LexicalIndex:
    return LexicalIndex(tmp_path / "lexical")


def having(index: LexicalIndex, query: str) -> list[int]:
    """Rows of the papers that have what a query requires."""
    rows: list[int] = index.matching(parse_query(query).required).tolist()
    return rows


# What is required


PAPERS = [
    Entry(1, "We reduce activation memory.", "Memory of adapters", ("Ada Lovelace", "Jean-Pierre Serre"), ("cs.CL",)),
    Entry(2, "An activation needs memory.", "Activation, memory", ("Lovelace, Ada",), ("cs.LG", "stat.ML")),
    Entry(3, "A pretrained model.", "Fine-tuning quantized models", ("Geoffrey Hinton",), ("cs.CV",)),
    Entry(4, "A pre-trained model and a pre trained model of CLIP.", "Side tuning", ("Émile Ada",), ()),
]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ('"activation memory"', [1, 2]),
        ('"activations memories"', [1, 2]),
        ('"memory activation"', []),
        ('"memory we reduce"', []),
        ('"pretrained model"', [3, 4]),
        ('"pre-trained model"', [3, 4]),
        ('"pre trained models"', [3, 4]),
        ('"CLIP"', [4]),
        ('"of CLIP"', [4]),
        ("title:memory", [1, 2]),
        ("title:activation", [2]),
        ('title:"fine tuning"', [3]),
        ("title:finetuning", [3]),
        ("title:tuning", [3, 4]),
        ("title:model title:quantized", [3]),
        ("author:lovelace", [1, 2]),
        ('author:"ada lovelace"', [1, 2]),
        ('author:"Serre"', [1]),
        ("author:jean-pierre", [1]),
        ("author:emile", [4]),
        ('author:"Lovelace Serre"', []),
        ("author:hint*", [3]),
        ("cat:cs.CL", [1]),
        ("cat:CS.lg", [2]),
        ("cat:cs", [1, 2, 3]),
        ("cat:cs.*", [1, 2, 3]),
        ("cat:cs.C", []),
        ("cat:cs cat:stat.ML", [2]),
        ("activ*", [1, 2]),
        ("title:quanti*", [3]),
        ("pre-train*", [4]),
        ("pretrain*", [3, 4]),
        ("title:memory author:ada cat:cs.CL", [1]),
    ],
)
def test_a_paper_must_have_what_an_operator_requires(index: LexicalIndex, query: str, rows: list[int]) -> None:
    index.put(PAPERS)
    assert having(index, query) == rows
    found_among = {row for row, _ in index.search({"memori": 1.0, "model": 1.0}, 9, None, parse_query(query).required)}
    assert found_among == set(rows)


def test_of_an_empty_index_nothing_has_what_is_required(index: LexicalIndex) -> None:
    assert having(index, '"activation memory"') == []


@pytest.mark.parametrize("few", [1, 2_000], ids=["many rows are masked", "few rows are terms"])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 1.0])
def test_a_search_among_some_rows_finds_the_best_of_them(
    index: LexicalIndex, monkeypatch: pytest.MonkeyPatch, few: int, share: float
) -> None:
    monkeypatch.setattr(lexical, "_FEW_ROWS", few)
    chance = random.Random(5)  # noqa: S311
    index.put([Entry(row, " ".join(chance.choices(["memory", "model", "other"], k=9))) for row in range(1, 401)])
    rows = np.array(sorted(chance.sample(range(1, 401), round(400 * share))), dtype=np.int64)
    weights = {"memori": 1.0, "model": 2.0}
    best = [hit for hit in index.search(weights, 400) if hit[0] in set(rows.tolist())]
    among = index.search(weights, 10, rows)
    assert [score for _, score in among] == pytest.approx([score for _, score in best[:10]])
    assert {row for row, _ in among} <= set(rows.tolist())
    assert index.search(weights, 10, rows[:0]) == []


# While typing


@pytest.mark.parametrize(
    ("typed", "rows"),
    [
        ("mem", [1, 2]),
        ("memory of ad", [1]),
        ("memory ", [1, 2]),
        ("mem ", []),
        ("fine-tun", [3]),
        ("finetun", [3]),
        ("tuning si", [4]),
        ("qauntized", [3]),
        ("Fine tuninng mod", [3]),
        ("nothing like it", []),
        ("", []),
        ("?!", []),
    ],
)
def test_titles_with_the_words_typed_so_far_are_suggested(index: LexicalIndex, typed: str, rows: list[int]) -> None:
    index.put(PAPERS)
    assert sorted(index.beginning(typed, 9)) == rows


def test_of_many_words_that_begin_so_the_common_ones_are_looked_for(index: LexicalIndex) -> None:
    titles = ["transformers"] * 5 + [f"trans{chr(97 + number % 26)}{chr(97 + number // 26)}q" for number in range(100)]
    index.put(Entry(row, "text", title) for row, title in enumerate(titles, start=1))
    assert {1, 2, 3, 4, 5} <= set(index.beginning("trans", 50))
