"""Papers like a named one, and comparisons in which each side has passages of its own."""

from datetime import date

import pytest

from service.answer.ask import ask
from service.answer.running import run_one
from service.library import Library
from service.types import Answer
from tests.answer.conftest import PAPERS, MakeBench
from tests.fakes import ScriptedEngine

TODAY = date(2025, 9, 22)


def answer(library: Library, question: str) -> Answer:
    return library.ask(question, mode="extractive", today=TODAY)


def titles(found: Answer) -> list[str]:
    return [passage.hit.paper.title for passage in found.passages]


@pytest.mark.parametrize(
    "question",
    ["more like GPTQ", "papers similar to the GPTQ paper",
     "papers like “GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers”"],
)  # fmt: skip
def test_similar_papers_are_near_and_the_paper_itself_is_left_out(sample: Library, question: str) -> None:
    found = answer(sample, question)
    assert found.kind == "list"
    assert found.text.startswith("10 papers nearest to “GPTQ: Accurate Post-Training Quantization")
    assert len(titles(found)) == len(set(titles(found))) == 10
    assert not any(title.startswith("GPTQ") for title in titles(found))
    assert any("quantiz" in passage.hit.paper.abstract.lower() for passage in found.passages[:3])


def test_every_similar_paper_has_a_sentence_of_its_own(sample: Library) -> None:
    found = answer(sample, "5 papers similar to MiniLM")
    assert len(found.passages) == 5
    assert [claim.citations for claim in found.claims[1:]] == [(1,), (2,), (3,), (4,), (5,)]
    for claim, passage in zip(found.claims[1:], found.passages, strict=True):
        assert claim.text in passage.hit.paper.abstract


def test_similar_papers_keep_to_the_days_that_are_asked_for(sample: Library) -> None:
    found = answer(sample, "papers similar to GPTQ since 2024")
    assert found.passages
    assert all((passage.hit.paper.day or date.min) >= date(2024, 1, 1) for passage in found.passages)


def test_papers_like_a_subject_are_a_list_on_it(sample: Library) -> None:
    found = answer(sample, "papers similar to prompt tuning")
    assert found.kind == "list"
    assert "nearest to" not in found.text
    assert any("prompt" in title.lower() for title in titles(found))


def test_similar_papers_need_no_writer(make_bench: MakeBench) -> None:
    engine = ScriptedEngine()
    steps = ask(make_bench(engine), "more like Alpha", mode="quotes", most=5, today=TODAY)
    found = run_one(lambda: engine, steps)
    assert not engine.requests
    assert found.text.startswith("2 papers nearest to “Alpha: Reversible Adapters” [1] [2]")
    assert set(titles(found)) == set(PAPERS) - {"Alpha: Reversible Adapters"}


PAIRS = [
    ("compare LST and UniPT on memory", "LST", "UniPT"),
    ("LST vs. UniPT", "LST", "UniPT"),
    ("what is the difference between DyLoRA and ALLoRA?", "DyLoRA", "ALLoRA"),
    ("compare GLM-130B and 3DSAM-adapter", "GLM-130B", "3DSAM-adapter"),
    ("which is larger, TinyViT or MiniLM?", "TinyViT", "MiniLM"),
    ("is MMRL++ better than MMRL?", "MMRL++", "MMRL"),
    ("ERNIE-Tiny and MiniLM: how much of the teacher's quality is kept, and at what size?", "ERNIE-Tiny", "MiniLM"),
]


@pytest.mark.parametrize(("question", "first", "second"), PAIRS)
def test_both_sides_of_a_comparison_have_passages(sample: Library, question: str, first: str, second: str) -> None:
    found = answer(sample, question)
    assert found.kind == "comparison"
    named = {title.split(":")[0].strip() for title in titles(found)}
    assert {first, second} <= named
    assert len(named) <= 3
    assert [passage.marker for passage in found.passages] == list(range(1, len(found.passages) + 1))
    cited = {marker for claim in found.claims for marker in claim.citations}
    assert cited == {passage.marker for passage in found.passages}


def test_of_all_the_others_no_paper_is_picked(sample: Library) -> None:
    found = answer(
        sample, "LST versus the other parameter-efficient methods: how much fine-tuning memory does each save?"
    )
    assert [title.split(":")[0] for title in titles(found)] == ["LST"]


def test_three_things_are_compared_in_the_small_catalog(make_bench: MakeBench) -> None:
    engine = ScriptedEngine()
    steps = ask(make_bench(engine), "compare Alpha, Beta and Gamma", mode="extractive", most=5, today=TODAY)
    assert set(titles(run_one(lambda: engine, steps))) == set(PAPERS)


def test_what_none_of_the_papers_answers_is_refused_though_a_side_is_known(sample: Library) -> None:
    assert answer(sample, "compare the carbon footprint of quantum annealers and Saturn rockets").abstained
