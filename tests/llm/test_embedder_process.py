"""The embedder's process: the same vectors as in this one, whatever is asked and whatever happens to it."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.errors import InputError, ModelError
from service.llm.embedder import LlamaEmbedder
from service.llm.worker.encoder import Encoder
from service.ports import PassageVectors
from tests.conftest import MINILM
from tests.llm.writing import ABSTRACT, OTHER, SENTENCES, wait_until

PASSAGES = [[f"{number}.", *SENTENCES[: number % 4], ABSTRACT if number % 3 else OTHER] for number in range(40)]
any_text = st.text(st.characters(), max_size=40)


@pytest.fixture(scope="module")
def encoder() -> Iterator[Encoder]:
    """The same model in this process."""
    with closing(Encoder(MINILM, threads=1)) as made:
        yield made


@pytest.fixture(scope="module")
def expected(encoder: Encoder) -> list[PassageVectors]:
    return encoder.embed_passages(PASSAGES)


@pytest.fixture
def own() -> Iterator[LlamaEmbedder]:
    """An embedder whose process a test may end."""
    with closing(LlamaEmbedder(MINILM, threads=1)) as made:
        made.embed_query("it is loaded")
        yield made


def test_vectors_are_those_of_an_encoder_in_this_process(
    own: LlamaEmbedder, encoder: Encoder, expected: list[PassageVectors]
) -> None:
    assert (own.dimensions, own.max_tokens) == (encoder.dimensions, encoder.max_tokens)
    for text in (ABSTRACT, "", "é \ud800 \x00"):
        assert np.array_equal(own.embed_query(text), encoder.embed_question([text])[0])
        assert own.count_tokens(text) == encoder.count_tokens(text)
    for ours, theirs in zip(own.embed_passages(PASSAGES), expected, strict=True):
        assert np.array_equal(ours.whole, theirs.whole)
        assert np.array_equal(ours.segments, theirs.segments)


@given(query=any_text, passages=st.lists(st.lists(any_text, max_size=4), max_size=6))
@example(query="a" * 100_000, passages=[["b" * 100_000]])
@example(query="\ud800" * 300, passages=[[], [""], ["\ud800", "\x00"]])
@example(query="word " * 100_000, passages=[["word " * 253], ["word " * 254], ["word " * 255]])
@settings(max_examples=40, deadline=None)
def test_whatever_is_asked_gives_vectors_or_an_input_error_and_the_process_lives(
    embedder: LlamaEmbedder, query: str, passages: list[list[str]]
) -> None:
    pid = embedder._process.pid
    assert np.isfinite(embedder.embed_query(query)).all()
    try:
        made = embedder.embed_passages(passages)
    except InputError:
        counts = [sum(embedder.count_tokens(text) for text in passage) for passage in passages]
        assert max(counts) > embedder.max_tokens - 2
    else:
        assert [len(vectors.segments) for vectors in made] == [len(passage) for passage in passages]
        assert all(np.isfinite(vectors.whole).all() for vectors in made)
    assert embedder._process.pid == pid


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_ends_while_it_embeds_is_started_anew_and_the_caller_gets_its_vectors(
    own: LlamaEmbedder, expected: list[PassageVectors], how: signal.Signals
) -> None:
    many = PASSAGES * 2
    pid = own._process.pid

    def end() -> None:
        wait_until(lambda: any(call.begun for call in list(own._process._calls.values())), "the work")
        os.kill(pid, how)

    thread = threading.Thread(target=end)
    thread.start()
    made = own.embed_passages(many)
    thread.join()
    assert own._process.pid != pid
    for number, vectors in enumerate(made):
        assert float(vectors.whole @ expected[number % len(PASSAGES)].whole) > 0.999


def test_several_threads_get_their_own_vectors_while_the_process_ends(own: LlamaEmbedder, encoder: Encoder) -> None:
    alone = {text: encoder.embed_question([text])[0] for text in SENTENCES}
    wrong: list[str] = []

    def ask(text: str) -> None:
        wrong.extend(text for _ in range(40) if not np.array_equal(own.embed_query(text), alone[text]))

    threads = [threading.Thread(target=ask, args=(text,)) for text in SENTENCES]
    for thread in threads:
        thread.start()
    os.kill(own._process.pid, signal.SIGKILL)
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []


def test_a_file_that_is_replaced_while_in_use_is_a_model_error_when_its_process_ends(tmp_path: Path) -> None:
    path = tmp_path / "embedder.gguf"
    path.write_bytes(MINILM.read_bytes())
    with closing(LlamaEmbedder(path, threads=1)) as made:
        made.embed_query("it is loaded")
        other = tmp_path / "other"
        other.write_bytes(MINILM.read_bytes())
        other.replace(path)
        os.kill(made._process.pid, signal.SIGKILL)
        with pytest.raises(ModelError, match=r"embedder\.gguf was replaced"):
            made.embed_query("a question")
