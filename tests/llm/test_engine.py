from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import llama_cpp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import EngineError, ModelError, RequestTooLargeError
from service.llm.engine import LlamaEngine
from service.llm.native import supports_gpu
from service.ports import Choice, Choices, Generation, GenerationRequest, Message
from tests.conftest import MINILM, TRIAL_WRITER

CONTEXT = 512
ABSTRACT = "We study language models. We propose Quick, a method that reduces memory by 84%. It is fast and simple."
OTHER = "Graphs are large. This paper presents GraphMix, which samples nodes at random. It needs no labels."
SENTENCES = ("We study language models.", "We propose Quick, a method that reduces memory by 84%.", "It is fast.")

words = st.sampled_from(["We", "We propose", "a", "method", "Quick", "84%", "é", "😀", "論文", "1,000", "<|end|>", "."])
texts = st.lists(words, min_size=1, max_size=5).map(" ".join)


@st.composite
def rules(draw: st.DrawFn) -> Choices:
    options = draw(st.lists(texts, min_size=1, max_size=6, unique=True))
    minimum = draw(st.integers(0, 3))
    return Choices(
        options=tuple(Choice(text, draw(st.integers(0, 3))) for text in options),
        minimum=minimum,
        maximum=draw(st.integers(max(minimum, 1), 6)),
        per_group=draw(st.integers(1, 2)),
        ordered=draw(st.booleans()),
    )


@pytest.fixture(scope="module")
def engine() -> Iterator[LlamaEngine]:
    loaded = LlamaEngine(TRIAL_WRITER, fingerprint="trial", context=CONTEXT, threads=1)
    yield loaded
    loaded.close()


def request(
    content: str = ABSTRACT, *, max_tokens: int = 24, choices: Choices | None = None, stop: tuple[str, ...] = ()
) -> GenerationRequest:
    return GenerationRequest(
        (Message("user", content),), max_tokens=max_tokens, choices=choices, stop=stop, lead=" " if choices else ""
    )


def options(*parts: str, group: int | None = None) -> tuple[Choice, ...]:
    return tuple(Choice(text, index if group is None else group) for index, text in enumerate(parts))


def write(engine: LlamaEngine, wanted: GenerationRequest) -> Generation:
    """Generate; fails unless what was shown on the way is what came out."""
    shown: list[str] = []
    made = engine.generate(wanted, shown.append)
    assert "".join(shown) == made.text
    return made


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


def position(engine: LlamaEngine) -> int:
    """The last position that the model has computed."""
    return int(llama_cpp.llama_memory_seq_pos_max(engine._memory, 0))


@given(choices=rules(), content=st.sampled_from([ABSTRACT, OTHER, "x"]), lead=st.sampled_from(["", " "]))
@settings(max_examples=150, deadline=None)
def test_only_whole_options_in_a_legal_order_are_ever_written(
    engine: LlamaEngine, choices: Choices, content: str, lead: str
) -> None:
    made = write(engine, request(content, choices=choices)._replace(lead=lead))
    check_legal(choices, made.chosen)
    assert made.text == " ".join(choices.options[index].text for index in made.chosen)


@given(choices=rules())
@settings(max_examples=40, deadline=None)
def test_the_choice_does_not_depend_on_where_an_option_stands(engine: LlamaEngine, choices: Choices) -> None:
    turned = choices._replace(options=choices.options[::-1])
    assert write(engine, request(choices=choices)).text == write(engine, request(choices=turned)).text


@pytest.mark.parametrize("count", [1, 2, 3])
def test_options_that_begin_other_options_can_all_be_written(engine: LlamaEngine, count: int) -> None:
    parts = ("We", "We propose", "We propose Quick, a method that reduces memory by 84%.")
    made = write(engine, request(choices=Choices(options(*parts), minimum=count, maximum=count)))
    assert len(made.chosen) == count
    assert sorted(made.chosen) == sorted(set(made.chosen))


@pytest.mark.parametrize("name", ["Quick", "Slow", "GraphMix"])
def test_of_options_with_one_beginning_the_model_picks_where_they_part(engine: LlamaEngine, name: str) -> None:
    names = ("Slow", "Quick", "GraphMix")
    choices = Choices(options(*(f"We propose {option}, a method" for option in names), group=0))
    assert write(engine, request(ABSTRACT.replace("Quick", name), choices=choices)).chosen == (names.index(name),)


def test_with_an_order_each_group_is_used_once_and_in_turn(engine: LlamaEngine) -> None:
    choices = Choices(
        tuple(Choice(f"{text} ({group})", group) for group in (7, 2, 5) for text in SENTENCES),
        maximum=9,
        ordered=True,
    )
    made = write(engine, request(choices=choices))
    assert [choices.options[index].group for index in made.chosen] == [2, 5, 7]


def test_no_more_of_a_group_is_written_than_allowed(engine: LlamaEngine) -> None:
    for most in (1, 2, 3):
        choices = Choices(options(*SENTENCES, group=0), minimum=3, maximum=3, per_group=most)
        assert len(write(engine, request(choices=choices)).chosen) == most


def test_minimum_and_maximum_bound_the_number_of_options(engine: LlamaEngine) -> None:
    parts = options(*(f"{text} {number}" for text in SENTENCES for number in range(3)))
    for minimum, maximum in ((0, 1), (1, 1), (2, 5), (4, 4), (9, 9)):
        made = write(engine, request(choices=Choices(parts, minimum=minimum, maximum=maximum)))
        assert minimum <= len(made.chosen) <= maximum


def test_free_writing_without_temperature_is_the_same_each_time_and_after_other_requests(engine: LlamaEngine) -> None:
    first = write(engine, request())
    assert first.text
    assert [write(engine, request()).text for _ in range(3)] == [first.text] * 3
    write(engine, request(OTHER))
    write(engine, request(choices=Choices(options(*SENTENCES), maximum=3)))
    assert write(engine, request()).text == first.text


def test_an_engine_that_was_used_writes_what_a_new_one_writes(engine: LlamaEngine) -> None:
    choices = Choices(options(*SENTENCES), minimum=1, maximum=3)
    contents = (ABSTRACT, ABSTRACT + " " + OTHER, ABSTRACT[:40], OTHER, ABSTRACT + "!", "x", "")
    for content in contents:
        for wanted in (request(content), request(content, choices=choices)):
            new = LlamaEngine(TRIAL_WRITER, fingerprint="trial", context=CONTEXT, threads=1)
            try:
                assert new.generate(wanted)[:4] == engine.generate(wanted)[:4]
            finally:
                new.close()


@given(most=st.integers(0, 40))
@settings(max_examples=20, deadline=None)
def test_free_writing_is_bounded_and_a_shorter_bound_gives_a_beginning(engine: LlamaEngine, most: int) -> None:
    made = write(engine, request(max_tokens=most))
    assert made.output_tokens <= most
    assert write(engine, request(max_tokens=40)).text.startswith(made.text)


@pytest.mark.parametrize("stop", [("reduces",), (" memory by",), (". It",), ("thod",), ("%", "Quick"), ("absent",)])
def test_a_stop_text_ends_the_writing_before_it_and_nothing_of_it_is_shown(
    engine: LlamaEngine, stop: tuple[str, ...]
) -> None:
    whole = engine.generate(request()).text
    found = [whole.index(text) for text in stop if text in whole]
    assert found or stop == ("absent",)
    shown: list[str] = []
    made = engine.generate(request(stop=stop), shown.append)
    assert made.text == whole[: min(found, default=len(whole))]
    assert "".join(shown) == made.text


def test_a_seed_repeats_what_temperature_varies(engine: LlamaEngine) -> None:
    def wanted(seed: int) -> GenerationRequest:
        return request()._replace(temperature=2.0, seed=seed)

    written = [write(engine, wanted(seed)).text for seed in range(6)]
    assert [write(engine, wanted(seed)).text for seed in range(6)] == written
    assert len(set(written)) > 1


def test_characters_of_several_tokens_arrive_whole(engine: LlamaEngine) -> None:
    shown: list[str] = []
    wanted = request("Title 😀 論文 naïve. " * 4, max_tokens=60)._replace(temperature=3.0, seed=5)
    made = engine.generate(wanted, shown.append)
    assert "".join(shown) == made.text
    assert all(shown)
    assert made.text.encode().decode() == made.text


@pytest.mark.parametrize("choices", [None, Choices(options(*SENTENCES), minimum=3, maximum=3)])
def test_who_listens_may_cancel_and_the_engine_goes_on_working(engine: LlamaEngine, choices: Choices | None) -> None:
    wanted = request(choices=choices)
    expected = engine.generate(wanted)

    def cancel(_text: str) -> None:
        raise ConnectionAbortedError("the reader has gone")

    for _ in range(3):
        with pytest.raises(ConnectionAbortedError, match="the reader has gone"):
            engine.generate(wanted, cancel)
    assert engine.generate(wanted)[:4] == expected[:4]


def test_a_request_that_does_not_fit_names_both_numbers_and_computes_nothing(engine: LlamaEngine) -> None:
    prompt = engine.count_tokens(request().messages)
    write(engine, request(OTHER))
    before = position(engine)
    with pytest.raises(RequestTooLargeError, match=rf"{prompt + CONTEXT} tokens.*context of {CONTEXT}"):
        engine.generate(request(max_tokens=CONTEXT))
    with pytest.raises(EngineError, match=f"context of {CONTEXT}"):
        engine.generate(request("word " * 10_000))
    long = Choices(options("word " * 300, "text " * 300), minimum=2, maximum=2)
    with pytest.raises(RequestTooLargeError, match=f"context of {CONTEXT}"):
        engine.generate(request(choices=long))
    assert position(engine) == before
    assert write(engine, request()).prompt_tokens == prompt


def test_a_request_may_fill_the_context_to_the_last_token(engine: LlamaEngine) -> None:
    room = CONTEXT - engine.count_tokens(request().messages)
    made = write(engine, request(max_tokens=room))
    assert 0 < made.output_tokens <= room
    with pytest.raises(RequestTooLargeError):
        engine.generate(request(max_tokens=room + 1))


def test_prompts_longer_than_a_batch_are_computed_in_parts() -> None:
    large = LlamaEngine(TRIAL_WRITER, fingerprint="trial", threads=1)
    try:
        assert large.context == 2048
        content = " ".join(f"{OTHER} ({number})" for number in range(25)) + " " + ABSTRACT
        assert 512 < large.count_tokens(request(content).messages) < 2000
        first = write(large, request(content)).text
        write(large, request(content.replace("(7)", "(77)")))
        assert write(large, request(content)).text == first
    finally:
        large.close()


@pytest.mark.parametrize(("asked", "given_context"), [(None, 2048), (600, 600), (100_000, 2048)])
def test_the_context_is_what_was_asked_for_within_what_the_model_knows(asked: int | None, given_context: int) -> None:
    made = LlamaEngine(TRIAL_WRITER, fingerprint="trial", context=asked, threads=1)
    try:
        assert made.context == given_context
        assert (made.name, made.family, made.fingerprint) == ("paperboy-writer-trial-f16", "paperlm", "trial")
    finally:
        made.close()
        made.close()


def test_tokens_of_prompt_and_answer_are_counted(engine: LlamaEngine) -> None:
    made = write(engine, request(max_tokens=9))
    assert made.prompt_tokens == engine.count_tokens(request().messages)
    assert made.output_tokens == 9
    counts = [engine.count_tokens((Message("user", "word " * count),)) for count in (1, 10, 100)]
    assert all(first < second for first, second in pairwise(counts))


def test_an_embedding_model_is_no_writer() -> None:
    with pytest.raises(ModelError, match=f"{MINILM.name} has no chat template"):
        LlamaEngine(MINILM, fingerprint="none")


@pytest.mark.skipif(supports_gpu(), reason="this llama.cpp can offload")
def test_layers_for_a_gpu_that_the_build_cannot_use_are_refused() -> None:
    with pytest.raises(ModelError, match="--gpu-layers 4"):
        LlamaEngine(TRIAL_WRITER, fingerprint="none", gpu_layers=4)


def test_a_missing_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"missing\.gguf does not exist"):
        LlamaEngine(tmp_path / "missing.gguf", fingerprint="none")
