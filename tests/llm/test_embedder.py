import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import InputError, ModelError
from service.llm.embedder import LlamaEmbedder
from service.llm.models import known_model
from service.llm.worker import encoder
from service.llm.worker.encoder import Encoder
from service.ports import Vector
from tests.conftest import MINILM, TRIAL_WRITER

SAME = 0.999
"""Cosine from which two vectors are of one text: packing into another batch moves a vector by up to 2e-3."""
WORDS = ("memory", "model", "token", "graph", "sparse", "prompt", "vision", "layer", "tree", "metal", "cloud", "river")
SENTENCES = tuple(
    f"{' '.join(np.random.default_rng(number).choice(WORDS, size=3 + number * 3))} {number}" for number in range(20)
)
NASTY = (
    "",
    " ",
    "\n\t\r",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff word",
    "\u200b\u202e\ufeff",
    "😀" * 50,
    "👩‍👩‍👧‍👦",
    "e" + "\u0301" * 200,
    "[CLS] [SEP] [MASK] [PAD] [UNK]",
    "一二三四五六七八九十" * 20,
    "x" * 5_000,
    "\U0010ffff",
)


def cosine(first: Vector, second: Vector) -> float:
    return float(first @ second)


def is_unit(vector: Vector) -> bool:
    return bool(np.isfinite(vector).all()) and abs(float(np.linalg.norm(vector)) - 1) < 1e-5


def words(count: int) -> str:
    """A text of exactly so many tokens."""
    return " ".join(["word"] * count)


def test_vectors_have_the_dimensions_of_the_model_and_unit_length(embedder: LlamaEmbedder) -> None:
    (passage,) = embedder.embed_passages([["A title", "We propose a method.", "It works."]])
    assert embedder.dimensions == 384
    assert passage.whole.shape == embedder.embed_query("a question").shape == (384,)
    assert passage.segments.shape == (3, 384)
    assert passage.whole.dtype == passage.segments.dtype == np.float32
    assert all(is_unit(vector) for vector in (passage.whole, *passage.segments, embedder.embed_query("a question")))


def test_no_passages_have_no_vectors(embedder: LlamaEmbedder) -> None:
    assert embedder.embed_passages([]) == []


def test_a_passage_without_segments_has_a_vector_of_its_own_only(embedder: LlamaEmbedder) -> None:
    (passage,) = embedder.embed_passages([[]])
    assert is_unit(passage.whole)
    assert passage.segments.shape == (0, 384)


def test_the_same_text_has_the_same_vector(embedder: LlamaEmbedder) -> None:
    for text in (SENTENCES[0], SENTENCES[-1], "activation memory"):
        assert np.array_equal(embedder.embed_query(text), embedder.embed_query(text))


def test_a_passage_of_one_segment_has_the_vector_of_the_same_text_as_a_question(embedder: LlamaEmbedder) -> None:
    passages = embedder.embed_passages([[sentence] for sentence in SENTENCES])
    for sentence, passage in zip(SENTENCES, passages, strict=True):
        assert cosine(passage.whole, embedder.embed_query(sentence)) > SAME


def test_each_passage_has_its_own_vector_whatever_the_order_of_the_batch(embedder: LlamaEmbedder) -> None:
    alone = [embedder.embed_passages([[sentence]])[0] for sentence in SENTENCES]
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(SENTENCES))
        together = embedder.embed_passages([[SENTENCES[index]] for index in order])
        assert len(together) == len(order)
        for index, passage in zip(order, together, strict=True):
            assert cosine(passage.whole, alone[index].whole) > SAME
            assert cosine(passage.segments[0], alone[index].segments[0]) > SAME
    assert cosine(alone[0].whole, alone[1].whole) < SAME, "the texts must be told apart for this to mean anything"


def test_where_a_passage_is_cut_into_segments_does_not_change_its_own_vector(embedder: LlamaEmbedder) -> None:
    sentences = ["Models are large.", "We make them small.", "It costs no accuracy."]
    apart, joined = embedder.embed_passages([sentences, [" ".join(sentences)]])
    assert cosine(apart.whole, joined.whole) > 0.9999


def test_a_segment_is_embedded_in_its_context(embedder: LlamaEmbedder) -> None:
    first, second = embedder.embed_passages(
        [["It is fast.", "The train runs to Berlin."], ["It is fast.", "Attention is computed in one kernel."]]
    )
    assert cosine(first.segments[0], second.segments[0]) < SAME
    assert cosine(first.segments[0], second.segments[0]) > cosine(first.segments[0], second.segments[1])


def test_the_segment_of_a_long_passage_of_one_segment_is_nearly_the_passage(embedder: LlamaEmbedder) -> None:
    (passage,) = embedder.embed_passages([[SENTENCES[-1]]])
    assert 0.99 < cosine(passage.whole, passage.segments[0]) < 1.0


def test_an_empty_segment_has_the_vector_of_the_whole(embedder: LlamaEmbedder) -> None:
    (passage,) = embedder.embed_passages([["We propose a method.", "", " "]])
    assert np.array_equal(passage.segments[1], passage.whole)
    assert np.array_equal(passage.segments[2], passage.whole)
    assert not np.array_equal(passage.segments[0], passage.whole)


def test_a_passage_may_fill_the_window_and_one_token_more_is_refused(embedder: LlamaEmbedder) -> None:
    assert embedder.max_tokens == 256
    assert embedder.count_tokens(words(254)) == 254
    assert is_unit(embedder.embed_passages([[words(200), words(54)]])[0].whole)
    with pytest.raises(InputError, match=r"257 tokens.*256"):
        embedder.embed_passages([[words(200), words(55)]])


def test_a_batch_with_one_passage_too_long_is_refused_and_the_next_is_served(embedder: LlamaEmbedder) -> None:
    before = embedder.embed_query("activation memory")
    with pytest.raises(InputError, match="10002 tokens"):
        embedder.embed_passages([["short"], [words(10_000)], ["short too"]])
    assert np.array_equal(embedder.embed_query("activation memory"), before)


def test_of_a_question_longer_than_the_window_the_beginning_counts(embedder: LlamaEmbedder) -> None:
    full = embedder.embed_query(words(254))
    assert np.array_equal(embedder.embed_query(words(10_000)), full)
    assert np.array_equal(embedder.embed_query(words(254) + " entirely different end"), full)
    assert not np.array_equal(embedder.embed_query("entirely different beginning " + words(10_000)), full)


@pytest.mark.parametrize("text", NASTY, ids=[ascii(text[:12]) for text in NASTY])
def test_a_nasty_text_is_embedded_or_refused_and_never_ends_the_process(embedder: LlamaEmbedder, text: str) -> None:
    assert is_unit(embedder.embed_query(text))
    for passage in ([text], [text, text], ["", text, ""]):
        try:
            (vectors,) = embedder.embed_passages([passage])
        except InputError:
            assert sum(embedder.count_tokens(segment) for segment in passage) > 254
        else:
            assert is_unit(vectors.whole)
            assert all(is_unit(segment) for segment in vectors.segments)


@given(passages=st.lists(st.lists(st.text(max_size=40), max_size=4), max_size=20))
@settings(max_examples=30, deadline=None)
def test_any_passages_get_unit_vectors_one_for_each_segment(embedder: LlamaEmbedder, passages: list[list[str]]) -> None:
    vectors = embedder.embed_passages(passages)
    assert [passage.segments.shape[0] for passage in vectors] == [len(passage) for passage in passages]
    assert all(is_unit(vector) for passage in vectors for vector in (passage.whole, *passage.segments))


def test_control_tokens_in_a_text_are_plain_text(embedder: LlamaEmbedder) -> None:
    assert embedder.count_tokens("[SEP]") > 1
    assert embedder.count_tokens("[CLS]") > 1


def test_near_meanings_are_nearer_than_far_ones(embedder: LlamaEmbedder) -> None:
    question = embedder.embed_query("Which papers make training need less memory?")
    near = embedder.embed_query("We reduce the memory footprint of training.")
    far = embedder.embed_query("Our robot folds shirts.")
    assert cosine(question, near) > cosine(question, far) + 0.3


def test_two_threads_at_once_get_the_vectors_that_each_gets_alone(embedder: LlamaEmbedder) -> None:
    questions = [embedder.embed_query(sentence) for sentence in SENTENCES[:8]]
    passages = embedder.embed_passages([[sentence] for sentence in SENTENCES[8:14]])
    wrong: list[str] = []

    def ask() -> None:
        for _ in range(3):
            for index, expected in enumerate(questions):
                if cosine(embedder.embed_query(SENTENCES[index]), expected) < 0.99999:
                    wrong.append(SENTENCES[index])

    def take_in() -> None:
        for _ in range(3):
            found = embedder.embed_passages([[sentence] for sentence in SENTENCES[8:14]])
            wrong.extend("passage" for a, b in zip(found, passages, strict=True) if cosine(a.whole, b.whole) < 0.99999)

    threads = [threading.Thread(target=work) for work in (ask, take_in)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []


def test_the_number_of_threads_does_not_change_a_vector(embedder: LlamaEmbedder) -> None:
    single = LlamaEmbedder(MINILM, threads=1)
    try:
        assert cosine(single.embed_query(SENTENCES[9]), embedder.embed_query(SENTENCES[9])) > SAME
    finally:
        single.close()
        single.close()


def test_words_have_the_same_vectors_when_they_are_known_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["papers", "memory", "memory"]
    others = [["papers", "memory"], ["graph", "trees", "rivers"]]
    # Few are kept, so that some are forgotten on the way.
    monkeypatch.setattr(encoder, "_KEPT_WORDS", 4)
    fresh, used = Encoder(MINILM, threads=2), Encoder(MINILM, threads=2)
    with closing(fresh), closing(used):
        expected = fresh.embed_words(words)
        assert cosine(expected[0], fresh.embed_question(["papers"])[0]) > SAME
        for asked in (*others, *reversed(others), others[0]):
            used.embed_words(asked)
            found = used.embed_words(words)
            assert found.shape == expected.shape == (3, 384)
            assert np.einsum("ij,ij->i", found, expected).min() > SAME


def test_no_words_have_no_vectors(embedder: LlamaEmbedder) -> None:
    assert embedder.embed_words([]).shape == (0, 384)
    assert embedder.embed_question(["?"]).without.shape == (0, 384)


def test_the_fingerprint_is_of_the_file(embedder: LlamaEmbedder) -> None:
    known = known_model(MINILM.name)
    assert known is not None
    assert embedder.fingerprint == known.sha256[:16]


@pytest.mark.parametrize("kind", ["writer", "missing", "no gguf", "empty", "folder", "truncated"])
def test_what_is_no_embedding_model_is_a_model_error_that_names_the_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.gguf"
    if kind == "writer":
        path = TRIAL_WRITER
    elif kind == "no gguf":
        path.write_bytes(b"PK\x03\x04 a zip file")
    elif kind == "empty":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "truncated":
        path.write_bytes(MINILM.read_bytes()[:500_000])
    with pytest.raises(ModelError, match=path.name) as raised, closing(LlamaEmbedder(path)) as made:
        made.embed_query("a question")
    assert str(raised.value).isprintable()
