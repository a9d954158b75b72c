"""Which sentences stand for a paper."""

import numpy as np

from service.answer import selector
from service.llm.embedder import LlamaEmbedder

SENTENCES = (
    "Memory is scarce.",
    "We propose reversible tuning of adapters.",
    "It takes half of the memory.",
)


def abstract(embedder: str) -> selector.Abstract:
    vectors = np.eye(3, 384, dtype=np.float32)
    whole = selector.abstract_vector([vectors.mean(axis=0)])
    return selector.Abstract("Reversible tuning", SENTENCES, vectors, whole, whole, embedder)


def words(text: str) -> list[str]:
    return text.lower().split()


def test_the_direction_was_learned_for_the_embedder_that_ships(embedder: LlamaEmbedder) -> None:
    assert selector.learned().embedder == embedder.fingerprint


def test_vectors_count_for_a_single_sentence_and_for_the_embedder_that_was_trained_on_only() -> None:
    weights = selector.learned()
    values = selector.features(abstract(""), words)
    alone = values @ weights.of_features
    assert np.allclose(selector.score_sentences(abstract("another"), words, "sentence"), alone)
    assert np.allclose(selector.score_sentences(abstract(weights.embedder), words, "paragraph"), alone)
    both = selector.score_sentences(abstract(weights.embedder), words, "sentence")
    assert np.allclose(both - values @ weights.beside_direction, weights.direction[:3], atol=1e-6)
    assert np.abs(both - alone).max() > 0


def test_no_dimension_of_the_vectors_decides_alone() -> None:
    direction = selector.learned().direction
    assert np.abs(direction).max() < 0.5 * np.linalg.norm(direction)


def test_what_the_authors_propose_is_above_what_is_known() -> None:
    scores = selector.score_sentences(abstract("another"), words, "sentence")
    assert int(scores.argmax()) == 1
