"""Choosing tokens: the bounds hold, a seed repeats, and the probabilities are the model's own."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.llm.worker.decoder import Decoder
from service.llm.worker.native import NativeModel
from service.llm.worker.sampling import Sampler, logprob
from service.llm.worker.vocabulary import VocabularyTree
from service.ports import Choices, GenerationRequest
from tests.llm.bench import Bench, Reference, bench
from tests.llm.writing import ABSTRACT, OTHER, SENTENCES, asking, memory_of, options

Pick = Callable[[GenerationRequest], int]
PROMPT = "We present a method"
"""After it the trial writer is unsure: its best token has a quarter of the probability."""


@pytest.fixture(scope="module")
def tree(model: NativeModel) -> VocabularyTree:
    return VocabularyTree(model)


@pytest.fixture(scope="module")
def decoder(model: NativeModel) -> Iterator[Decoder]:
    """A decoder that has computed the prompt; its logits are in row 0."""
    made = Decoder(model, cells=256, sequences=1, outputs=1, threads=1)
    tokens = model.tokenize(PROMPT)
    made.begin()
    made.add(0, 0, tokens, 1)
    made.run()
    yield made
    made.close()


@pytest.fixture
def place(model: NativeModel) -> int:
    return len(model.tokenize(PROMPT)) - 1


@pytest.fixture
def pick(model: NativeModel, decoder: Decoder, tree: VocabularyTree, place: int) -> Pick:
    """Choose one token after the prompt."""

    def picked(request: GenerationRequest) -> int:
        sampler = Sampler(model, decoder, request, lambda: tree)
        try:
            token = sampler.pick(place, 0)
            assert token is not None
            return token
        finally:
            sampler.close()

    return picked


def probabilities(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float64]:
    scaled = np.exp((logits.astype(np.float64) - float(logits.max())) / temperature)
    result: NDArray[np.float64] = scaled / scaled.sum()
    return result


def drawing(seed: int = 0, **values: float) -> GenerationRequest:
    """Draw from everything, unless bounds are given."""
    bounds = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, **values}
    return GenerationRequest((), seed=seed, **bounds)  # type: ignore[arg-type]


def test_without_temperature_the_best_token_is_taken_whatever_the_bounds(pick: Pick, decoder: Decoder) -> None:
    best = int(decoder.logits(0).argmax())
    for request in (asking(), asking(top_k=3, top_p=0.1, seed=7), asking(min_p=0.5), asking(top_k=0)):
        assert pick(request) == best


@given(st.integers(0, 2**40), st.floats(0.1, 3.0))
@settings(max_examples=60, deadline=None)
def test_bounds_that_leave_one_token_leave_the_best(
    model: NativeModel, decoder: Decoder, tree: VocabularyTree, seed: int, temperature: float
) -> None:
    best = int(decoder.logits(0).argmax())
    place = len(model.tokenize(PROMPT)) - 1
    for bounds in ({"top_k": 1}, {"min_p": 1.0}, {"top_p": 0.0}):
        sampler = Sampler(model, decoder, drawing(seed, temperature=temperature, **bounds), lambda: tree)
        assert sampler.pick(place, 0) == best
        sampler.close()


@pytest.mark.parametrize("top_k", [2, 5, 40])
def test_no_more_than_the_top_k_tokens_are_drawn(pick: Pick, decoder: Decoder, top_k: int) -> None:
    allowed = set(np.argsort(-decoder.logits(0))[:top_k].tolist())
    drawn = {pick(drawing(seed, temperature=2.0, top_k=top_k)) for seed in range(200)}
    assert drawn <= allowed
    assert len(drawn) > 1


@pytest.mark.parametrize("top_p", [0.1, 0.3, 0.6])
def test_only_the_most_probable_tokens_that_make_up_top_p_are_drawn(pick: Pick, decoder: Decoder, top_p: float) -> None:
    known = probabilities(decoder.logits(0))
    order = np.argsort(-known)
    count = int(np.searchsorted(np.cumsum(known[order]), top_p - 1e-4)) + 1
    drawn = {pick(drawing(seed, top_p=top_p)) for seed in range(200)}
    assert drawn <= set(order[: count + 1].tolist())


@pytest.mark.parametrize("min_p", [0.05, 0.2, 0.5])
def test_no_token_below_the_share_of_the_best_is_drawn(pick: Pick, decoder: Decoder, min_p: float) -> None:
    known = probabilities(decoder.logits(0))
    drawn = {pick(drawing(seed, min_p=min_p)) for seed in range(200)}
    assert all(known[token] >= min_p * known.max() - 1e-6 for token in drawn)
    assert drawn


@pytest.mark.parametrize("grammar", ["", 'root ::= " " [a-p] [a-z ]*'], ids=["free", "grammar"])
@pytest.mark.parametrize("temperature", [0.7, 1.5])
def test_tokens_are_drawn_as_often_as_their_probabilities_say(
    model: NativeModel,
    decoder: Decoder,
    tree: VocabularyTree,
    place: int,
    temperature: float,
    grammar: str,
) -> None:
    draws = 600
    known = probabilities(decoder.logits(0), temperature)
    if grammar:
        allowed = [n for n in range(model.n_vocab) if (p := model.piece(n)).isascii() and is_allowed(p.decode())]
        within = np.zeros_like(known)
        within[allowed] = known[allowed]
        # What the grammar refuses is drawn anew from what it allows, so the others keep their relations.
        known = within / within.sum()
    drawn: Counter[int] = Counter()
    for seed in range(draws):
        request = drawing(seed, temperature=temperature)._replace(grammar=grammar)
        sampler = Sampler(model, decoder, request, lambda: tree)
        token = sampler.pick(place, 0)
        assert token is not None
        drawn[token] += 1
        sampler.close()
    for token in np.argsort(-known)[:8].tolist():
        expected = draws * known[token]
        assert abs(drawn[token] - expected) <= 5 * np.sqrt(expected) + 3, model.piece(token)


def is_allowed(text: str) -> bool:
    """Whether a text begins what the grammar of the test above allows."""
    lower = all(c == " " or "a" <= c <= "z" for c in text)
    return bool(text) and text[0] == " " and lower and (len(text) < 2 or "a" <= text[1] <= "p")


def test_a_seed_repeats_what_temperature_varies(model: NativeModel) -> None:
    with bench(model, lookup=False) as alone:
        texts = [alone.write(asking(temperature=2.0, seed=seed)).text for seed in range(6)]
        assert len(set(texts)) > 3
        assert [alone.write(asking(temperature=2.0, seed=seed)).text for seed in range(6)] == texts


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_logarithms_are_those_of_the_model_one_for_each_token_that_was_written(
    model: NativeModel, reference: Reference, temperature: float
) -> None:
    with bench(model) as writing:
        for number in range(4):
            request = asking(f"{number} {OTHER}", max_tokens=30, temperature=temperature, logprobs=True, seed=number)
            made = writing.write(request)
            assert len(made.logprobs) == made.output_tokens
            assert max(made.logprobs) <= 0
            wanted = logarithms(writing, reference, max(writing.ended), request)
            assert np.allclose(made.logprobs[: len(wanted)], wanted, atol=0.05)


def test_where_an_end_token_ends_a_text_it_has_no_logarithm(model: NativeModel) -> None:
    with bench(model) as writing:
        made = writing.write(asking(max_tokens=40, grammar='root ::= " We" " propose"', logprobs=True))
        assert made.text == " We propose"
        assert len(made.logprobs) == made.output_tokens == 2


def test_logarithms_come_only_where_they_are_asked_for(model: NativeModel) -> None:
    with bench(model) as writing:
        assert writing.write(asking()).logprobs == ()
        chosen = Choices(options(*SENTENCES), minimum=2, maximum=2)
        assert writing.write(asking(choices=chosen)).logprobs == ()
        made = writing.write(asking(choices=chosen, logprobs=True))
        assert len(made.logprobs) == made.output_tokens
        assert max(made.logprobs) <= 0


@given(st.lists(st.floats(-60, 60, width=32), min_size=2, max_size=50), st.data())
def test_a_logarithm_agrees_with_double_precision_and_is_never_above_zero(
    values: list[float], data: st.DataObject
) -> None:
    logits = np.array(values, np.float32)
    token = data.draw(st.integers(0, len(values) - 1))
    exact = float(np.log(probabilities(logits))[token])
    assert logprob(logits, token) == pytest.approx(exact, abs=1e-4)
    assert logprob(logits, token) <= 0


def logarithms(writing: Bench, reference: Reference, number: int, request: GenerationRequest) -> NDArray[np.float64]:
    """Logarithms of the probabilities of the written tokens but the last, computed alone."""
    prompt, written = writing.prompt(request), writing.written(number)
    rows = reference.logits([*prompt, *written], len(written) + 1)[:-1]
    return np.array([np.log(probabilities(row)[token]) for row, token in zip(rows, written, strict=True)])


@pytest.mark.parametrize("value", [-1.0, 0.0, 1e-40, 1e30, float("inf"), float("nan")])
def test_bounds_that_make_no_sense_still_give_a_text(model: NativeModel, value: float) -> None:
    with bench(model) as writing:
        for grammar in ("", "root ::= [a-z]+"):
            request = asking(max_tokens=4, temperature=1.0, grammar=grammar)
            for odd in (
                request._replace(temperature=value),
                request._replace(top_p=value),
                request._replace(min_p=value),
            ):
                assert writing.write(odd).output_tokens <= 4
        assert writing.write(asking(max_tokens=4, temperature=1.0, top_k=-7, seed=-1)).output_tokens == 4


@pytest.mark.parametrize("seed", [-1, 0, 2**32 - 1, 2**32, -(2**70)])
def test_any_seed_gives_the_same_text_again(model: NativeModel, seed: int) -> None:
    with bench(model) as writing:
        request = asking(max_tokens=40, temperature=3.0, seed=seed)
        assert writing.write(request).text == writing.write(request).text


def test_the_memory_of_a_sampler_is_freed_with_its_request(
    model: NativeModel, decoder: Decoder, tree: VocabularyTree, place: int
) -> None:
    sentences = " | ".join(f'"{number} {ABSTRACT}"' for number in range(20))

    def many(count: int) -> None:
        for seed in range(count):
            request = drawing(seed)._replace(grammar=f"root ::= {sentences}", logprobs=True)
            sampler = Sampler(model, decoder, request, lambda: tree)
            for _ in range(2):
                sampler.pick(place, 0)
            sampler.close()
            sampler.close()

    many(200)
    before = memory_of()
    many(2_000)
    # One that is not freed takes 150 kB.
    assert memory_of() - before < 10_000_000
