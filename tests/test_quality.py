"""The figures that must not fall, on the sample pages and on the development data where it is there."""

import numpy as np
import pytest

from eval import answers, precision, retrieval, summaries
from eval.data import read_lines
from eval.questions import development_questions, own_lists, own_questions
from service.library import Library
from service.llm.embedder import LlamaEmbedder
from service.settings import Mode
from training.selector import Example, cue_sentence, rouge

PARTS = ("BM25", "chunks", "BM25 + chunks")


def test_the_quantized_embedder_agrees_with_the_float32_model(embedder: LlamaEmbedder) -> None:
    inputs, wanted = precision.texts(), precision.kept_vectors()
    queries = np.stack([embedder.embed_query(text) for text in inputs])
    passages = np.stack([found.whole for found in embedder.embed_passages([[text] for text in inputs])])
    assert len(inputs) == 100
    assert float((queries * wanted).sum(axis=1).min()) >= 0.995
    assert float((passages * wanted).sum(axis=1).min()) >= 0.995


@pytest.mark.usefixtures("data")
def test_retrieval_beats_its_parts_on_list_questions_and_never_misses_a_fact(sample: Library) -> None:
    scores = {(s.system, s.kind): s for s in retrieval.evaluate(sample, development_questions())}
    ours = scores["Paperboy", "list"]
    # 0.646 and 0.678 where it was measured; another processor rounds differently, and a swap of two papers is 0.005.
    assert ours.ndcg_10 >= 0.63
    assert ours.recall_20 >= 0.66
    for part in PARTS:
        assert ours.ndcg_10 > scores[part, "list"].ndcg_10
        assert ours.recall_20 > scores[part, "list"].recall_20
    assert scores["Paperboy", "factoid"].recall_5 == 1.0
    assert scores["Paperboy", "comparison"].recall_5 == 1.0


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("mode", ["quotes", "extractive", "free"])
def test_every_claim_over_all_development_questions_cites_a_paper_with_a_verbatim_quote(
    sample: Library, mode: Mode
) -> None:
    found = answers.summary(answers.evaluate(sample, development_questions(), mode))
    if mode != "free":
        assert found["false quotes"] == 0
        assert found["claims"] > 100
    assert found["answerable refused"] in ("0 of 24", "1 of 24")
    assert found["unanswerable refused"] == "5 of 5"
    assert found["kinds"]["factoid"]["recall"] == 1.0
    assert found["kinds"]["metadata"]["f1"] == 1.0


def test_own_questions_are_answered_from_the_right_paper_or_refused(sample: Library) -> None:
    found = answers.summary(answers.evaluate(sample, own_questions(), "quotes"))
    assert found["false quotes"] == 0
    assert found["answerable refused"] == "0 of 18"
    assert int(found["unanswerable refused"].split()[0]) >= 20
    assert found["kinds"]["factoid"]["recall"] >= 0.9


def test_own_list_questions_are_ranked_better_than_by_the_parts_and_hardly_ever_refused(sample: Library) -> None:
    scores = {score.system: score for score in retrieval.evaluate(sample, own_lists())}
    for part in PARTS:
        assert scores["Paperboy"].ndcg_10 > scores[part].ndcg_10
    found = answers.summary(answers.evaluate(sample, own_lists(), "extractive"))
    assert found["false quotes"] == 0
    assert found["answerable refused"] in ("0 of 42", "1 of 42", "2 of 42")


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("mode", ["quotes", "extractive"])
def test_one_sentence_summaries_are_above_the_cue_phrase_rule(sample: Library, mode: Mode) -> None:
    papers = 150
    ours = summaries.evaluate(sample, mode, papers)
    none = np.zeros(0)
    records = [record for record, _ in zip(read_lines("scitldr", "dev.jsonl"), range(papers), strict=False)]
    examples = [Example(record["title"] or "", record["source"], record["target"], none, none) for record in records]
    rule = np.mean([rouge(e.sentences[cue_sentence(e)], e.references) for e in examples], axis=0)
    assert ours.rouge_1 >= rule[0]
    assert ours.rouge_2 >= rule[1]
    assert ours.rouge_l >= rule[2]
