"""The writer as it is used: whole options in a legal order, stop texts, bounds, cancelling, and any input."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import EngineError, ModelError, RequestTooLargeError
from service.llm.engine import LlamaEngine
from service.llm.wire import WriterSpec
from service.llm.worker.native import supports_gpu
from service.ports import Choice, Choices, GenerationRequest, Message
from tests.conftest import MINILM, TRIAL_WRITER
from tests.llm.writing import (
    ABSTRACT,
    CONTEXT,
    GENEROUS_SECONDS,
    OTHER,
    SENTENCES,
    asking,
    options,
    wait_until,
    write,
    writer,
)

words = st.sampled_from(["We", "We propose", "a", "method", "Quick", "84%", "é", "😀", "論文", "1,000", "<|end|>", "."])
texts = st.lists(words, min_size=1, max_size=5).map(" ".join)


@st.composite
def rules(draw: st.DrawFn) -> Choices:
    chosen = draw(st.lists(texts, min_size=1, max_size=6, unique=True))
    minimum = draw(st.integers(0, 3))
    return Choices(
        options=tuple(Choice(text, draw(st.integers(0, 3))) for text in chosen),
        minimum=minimum,
        maximum=draw(st.integers(max(minimum, 1), 6)),
        per_group=draw(st.integers(1, 2)),
        ordered=draw(st.booleans()),
    )


@pytest.fixture(scope="module")
def engine() -> Iterator[LlamaEngine]:
    with writer() as made:
        yield made


@pytest.fixture(scope="module")
def same() -> Iterator[LlamaEngine]:
    """An engine in which the same request always gives the same text."""
    with writer(deterministic=True) as made:
        yield made


def check_legal(choices: Choices, chosen: tuple[int, ...]) -> None:
    groups = [choices.options[index].group for index in chosen]
    everything = sorted({option.group for option in choices.options})
    assert len(set(chosen)) == len(chosen) <= choices.maximum
    if choices.ordered:
        assert groups == everything[: choices.maximum]
        return
    assert max((groups.count(group) for group in groups), default=0) <= choices.per_group
    possible = sum(
        min(choices.per_group, sum(option.group == group for option in choices.options)) for group in everything
    )
    assert len(chosen) >= min(choices.minimum, possible)


@given(
    choices=rules(),
    content=st.sampled_from([ABSTRACT, OTHER, "x"]),
    lead=st.sampled_from(["", " "]),
    logprobs=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_only_whole_options_in_a_legal_order_are_ever_written(
    engine: LlamaEngine, choices: Choices, content: str, lead: str, logprobs: bool
) -> None:
    made = write(engine, asking(content, choices=choices, lead=lead, logprobs=logprobs))
    check_legal(choices, made.chosen)
    assert made.text == " ".join(choices.options[index].text for index in made.chosen)
    assert len(made.logprobs) == (made.output_tokens if logprobs else 0)


@given(choices=rules())
@settings(max_examples=30, deadline=None)
def test_the_choice_does_not_depend_on_where_an_option_stands(same: LlamaEngine, choices: Choices) -> None:
    turned = choices._replace(options=choices.options[::-1])
    assert write(same, asking(choices=choices)).text == write(same, asking(choices=turned)).text


@pytest.mark.parametrize("count", [1, 2, 3])
def test_options_that_begin_other_options_can_all_be_written(engine: LlamaEngine, count: int) -> None:
    parts = ("We", "We propose", "We propose Quick, a method that reduces memory by 84%.")
    made = write(engine, asking(choices=Choices(options(*parts), minimum=count, maximum=count)))
    assert len(set(made.chosen)) == len(made.chosen) == count


def test_after_an_option_that_the_model_would_not_go_on_with_another_may_follow(engine: LlamaEngine) -> None:
    """Then nothing is left to compute before the next decision."""
    for parts in (("We", "We We"), ("We", "We propose", "We propose Slow"), ("It", "It is", "It is fast and blue")):
        for minimum in (0, 1, len(parts)):
            choices = Choices(options(*parts, group=0), minimum=minimum, maximum=len(parts), per_group=len(parts))
            made = write(engine, asking(choices=choices, lead=""))
            assert minimum <= len(made.chosen) <= len(parts)


@pytest.mark.parametrize("name", ["Quick", "Slow", "GraphMix"])
def test_of_options_with_one_beginning_the_model_picks_where_they_part(engine: LlamaEngine, name: str) -> None:
    names = ("Slow", "Quick", "GraphMix")
    choices = Choices(options(*(f"We propose {option}, a method" for option in names), group=0))
    assert write(engine, asking(ABSTRACT.replace("Quick", name), choices=choices)).chosen == (names.index(name),)


def test_with_an_order_each_group_is_used_once_and_in_turn(engine: LlamaEngine) -> None:
    choices = Choices(
        tuple(Choice(f"{text} ({group})", group) for group in (7, 2, 5) for text in SENTENCES),
        maximum=9,
        ordered=True,
    )
    made = write(engine, asking(choices=choices))
    assert [choices.options[index].group for index in made.chosen] == [2, 5, 7]


def test_minimum_maximum_and_what_a_group_may_give_bound_the_number_of_options(engine: LlamaEngine) -> None:
    parts = options(*(f"{text} {number}" for text in SENTENCES for number in range(3)))
    for minimum, maximum in ((0, 1), (1, 1), (2, 5), (4, 4), (9, 9)):
        made = write(engine, asking(choices=Choices(parts, minimum=minimum, maximum=maximum)))
        assert minimum <= len(made.chosen) <= maximum
    for most in (1, 2, 3):
        choices = Choices(options(*SENTENCES, group=0), minimum=3, maximum=3, per_group=most)
        assert len(write(engine, asking(choices=choices)).chosen) == most


def test_rules_that_make_no_sense_are_an_error_and_harm_no_other_request(engine: LlamaEngine) -> None:
    pid = engine.pid
    other = engine.submit(asking(max_tokens=100))
    for choices in (Choices(()), Choices(options("a", "a")), Choices(options("a"), minimum=3, maximum=2)):
        with pytest.raises(EngineError, match="choices cannot be used"):
            write(engine, asking(choices=choices))
    assert other.result(GENEROUS_SECONDS).text
    assert write(engine, asking(choices=Choices(options("")))).text == ""
    assert engine.pid == pid


def test_the_same_request_gives_the_same_text_each_time_and_after_other_requests(same: LlamaEngine) -> None:
    first = write(same, asking())
    assert first.text
    write(same, asking(OTHER))
    write(same, asking(choices=Choices(options(*SENTENCES), maximum=3)))
    futures = [same.submit(asking(content)) for content in (ABSTRACT, OTHER, "x", ABSTRACT)]
    assert [futures[number].result(GENEROUS_SECONDS).text for number in (0, 3)] == [first.text] * 2
    with writer(deterministic=True) as new:
        assert write(new, asking()).text == first.text


@given(most=st.integers(0, 40))
@settings(max_examples=20, deadline=None)
def test_free_writing_is_bounded_and_a_shorter_bound_gives_a_beginning(same: LlamaEngine, most: int) -> None:
    made = write(same, asking(max_tokens=most))
    assert made.output_tokens <= most
    assert write(same, asking(max_tokens=40)).text.startswith(made.text)


@pytest.mark.parametrize("lookup", [True, False])
@pytest.mark.parametrize("stop", [("reduces",), (" memory by",), (". It",), ("thod",), ("%", "Quick"), ("absent", "")])
def test_a_stop_text_ends_the_writing_before_it_and_nothing_of_it_is_shown(
    engine: LlamaEngine, same: LlamaEngine, stop: tuple[str, ...], lookup: bool
) -> None:
    chosen = engine if lookup else same
    whole = write(chosen, asking()).text
    found = [whole.index(text) for text in stop if text and text in whole]
    assert found or "absent" in stop
    assert write(chosen, asking(stop=stop)).text == whole[: min(found, default=len(whole))]


def test_a_text_grows_in_pieces_of_several_tokens_the_first_of_one(same: LlamaEngine) -> None:
    shown: list[str] = []
    made = same.submit(asking(max_tokens=400), shown.append).result(GENEROUS_SECONDS)
    assert 2 < len(shown) < made.output_tokens / 2
    assert len(shown[0]) < len(shown[1])
    assert all(shown)
    assert "".join(shown) == made.text


@pytest.mark.parametrize("choices", [None, Choices(options(*SENTENCES), minimum=3, maximum=3)])
def test_who_listens_may_fail_or_leave_and_the_engine_goes_on_working(
    engine: LlamaEngine, choices: Choices | None
) -> None:
    pid = engine.pid

    def fail(_text: str) -> None:
        raise ConnectionAbortedError("the reader has gone")

    for _ in range(3):
        with pytest.raises(ConnectionAbortedError, match="the reader has gone"):
            engine.submit(asking(choices=choices), fail).result(GENEROUS_SECONDS)
    began = threading.Event()
    future = engine.submit(asking(max_tokens=400), lambda _text: began.set())
    assert began.wait(GENEROUS_SECONDS)
    assert future.cancel()
    with pytest.raises(CancelledError):
        future.result(0)
    assert write(engine, asking(choices=choices)).text
    assert engine.pid == pid


def test_two_hundred_requests_that_are_cancelled_leave_nothing_behind(engine: LlamaEngine) -> None:
    futures = [engine.submit(asking(f"{number} {OTHER}", max_tokens=400)) for number in range(200)]
    assert all(future.cancel() for future in futures)
    assert write(engine, asking()).text
    wait_until(lambda: engine._process.waiting == 0, "the calls are forgotten")


def test_a_request_that_does_not_fit_names_both_numbers(engine: LlamaEngine) -> None:
    prompt = engine.count_tokens(asking().messages)
    with pytest.raises(RequestTooLargeError, match=rf"{prompt + CONTEXT} tokens.*context of {CONTEXT}"):
        write(engine, asking(max_tokens=CONTEXT))
    with pytest.raises(EngineError, match=f"context of {CONTEXT}"):
        write(engine, asking("word " * 10_000))
    assert write(engine, asking()).prompt_tokens == prompt


@pytest.mark.parametrize(("asked", "given_context"), [(None, 2_048), (600, 600), (100_000, 2_048)])
def test_the_context_is_what_was_asked_for_within_what_the_model_knows(asked: int | None, given_context: int) -> None:
    with writer(context=asked, parallel=1) as made:
        assert made.context == given_context
        assert (made.name, made.family, made.fingerprint) == ("paperboy-writer-trial-f16", "paperlm", "trial")
        assert (made.parallel, made.threads) == (1, 1)
        made.close()


def test_tokens_of_prompt_and_answer_are_counted(engine: LlamaEngine) -> None:
    made = write(engine, asking(max_tokens=9))
    assert made.prompt_tokens == engine.count_tokens(asking().messages)
    assert made.output_tokens == 9
    counts = [engine.count_tokens((Message("user", "word " * count),)) for count in (1, 10, 100)]
    assert all(first < second for first, second in pairwise(counts))


nasty = st.text(max_size=60) | st.lists(
    st.sampled_from(["\x00", "\x1b[2J", "\ud800", "\udfff", "<|end|>", "<|user|>", "\u202e", "\ufffe", "😀", "\r\n"]),
    max_size=8,
).map("".join)


@given(contents=st.lists(nasty, max_size=3), stop=st.lists(nasty, max_size=2), temperature=st.sampled_from([0.0, 3.0]))
@settings(max_examples=60, deadline=None)
def test_any_prompt_gives_a_text_that_arrives_whole(
    engine: LlamaEngine, contents: list[str], stop: list[str], temperature: float
) -> None:
    messages = tuple(Message("user", content) for content in contents)
    request = GenerationRequest(messages, max_tokens=12, temperature=temperature, top_k=0, stop=tuple(stop))
    made = write(engine, request)
    # Bytes that are no character became the replacement character: what came out can be encoded.
    assert made.text.encode().decode() == made.text
    assert made.output_tokens <= 12


def test_control_tokens_in_a_message_are_plain_text(engine: LlamaEngine) -> None:
    plain = engine.count_tokens((Message("user", ""),))
    assert engine.count_tokens((Message("user", "<|end|>"),)) > plain + 1


def test_characters_of_several_tokens_arrive_whole(engine: LlamaEngine) -> None:
    grammar = 'root ::= " 😀 論文 naïve"'
    shown: list[str] = []
    made = engine.submit(asking(grammar=grammar), shown.append).result(GENEROUS_SECONDS)
    assert made.text == " 😀 論文 naïve" == "".join(shown)
    for most in range(made.output_tokens):
        cut = write(engine, asking(grammar=grammar, max_tokens=most))
        assert made.text.startswith(cut.text)
        assert "\ufffd" not in cut.text


def test_an_embedding_model_is_no_writer() -> None:
    with writer(MINILM) as made, pytest.raises(ModelError, match=f"{MINILM.name} has no chat template"):
        made.wait()


@pytest.mark.skipif(supports_gpu(), reason="this llama.cpp can offload")
def test_layers_for_a_gpu_that_the_build_cannot_use_are_refused() -> None:
    with writer(gpu_layers=4) as made, pytest.raises(ModelError, match="--gpu-layers 4"):
        made.wait()


def test_a_missing_file_is_a_model_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"missing\.gguf does not exist"):
        LlamaEngine(WriterSpec(str(tmp_path / "missing.gguf")), fingerprint="none")


def test_a_model_loads_with_every_precision_of_the_cache_and_with_and_without_flash_attention() -> None:
    for values in ({"cache_type": "q8_0"}, {"cache_type": "q4_0"}, {"flash_attention": False}):
        with writer(parallel=1, **values) as made:
            assert write(made, asking(choices=Choices(options(*SENTENCES)))).chosen
    assert TRIAL_WRITER.is_file()
