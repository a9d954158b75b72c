"""What prompts have in common is computed once, whoever computes it, and lost to nobody."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm.worker.decoder import Decoder
from service.llm.worker.native import NativeModel
from service.llm.worker.sizing import Size
from service.llm.worker.streams import Streams, Tokens, common
from service.ports import GenerationRequest, Message
from tests.llm.bench import NOISE, Bench, Reference, bench
from tests.llm.writing import ABSTRACT, OTHER, asking

INSTRUCTIONS = "Say in one sentence what is new. Use the words of the text. Add nothing that is not there. " * 5
LARGE = Size(parallel=4, reserved=1, window=1_024)


@pytest.fixture
def large(model: NativeModel) -> Iterator[Bench]:
    with bench(model, LARGE) as made:
        yield made


def instructed(content: str, instructions: str = INSTRUCTIONS, *, max_tokens: int = 20) -> GenerationRequest:
    messages = (Message("user", instructions + content),)
    return GenerationRequest(messages, max_tokens=max_tokens, batch=True)


def shared(bench: Bench, first: GenerationRequest, second: GenerationRequest) -> int:
    return common(np.array(bench.prompt(first)), np.array(bench.prompt(second)))


def twenty(instructions: str = INSTRUCTIONS) -> dict[int, GenerationRequest]:
    return {number: instructed(f"{chr(65 + number)} {OTHER}", instructions) for number in range(20)}


def check(bench: Bench, reference: Reference, asked: dict[int, GenerationRequest]) -> None:
    for number, request in asked.items():
        assert reference.gaps(bench.prompt(request), bench.written(number)).max(initial=0) <= NOISE


def test_instructions_that_twenty_prompts_share_are_computed_once(large: Bench, reference: Reference) -> None:
    asked = twenty()
    for number, request in asked.items():
        large.add(number, request)
    large.run()
    same = shared(large, asked[0], asked[1])
    assert same > 80
    assert [large.decoder.computed_at(position) for position in range(same)] == [1] * same
    assert large.decoder.computed_at(same) == 20
    check(large, reference, asked)


def test_with_and_without_sharing_the_same_is_written(model: NativeModel, reference: Reference) -> None:
    asked = twenty()
    with bench(model, Size(1, 0, 1_024, deterministic=True)) as alone, bench(model, LARGE) as together:
        for writer in (alone, together):
            for number, request in asked.items():
                writer.add(number, request)
            writer.run()
            check(writer, reference, asked)
        assert alone.decoder.computed_at(0) == 20
        assert together.decoder.computed_at(0) == 1
        same = sum(alone.made(number).text == together.made(number).text for number in asked)
        assert same >= 18, "near-ties are rare"


def test_what_waits_for_a_beginning_computes_nothing_until_it_is_there(large: Bench) -> None:
    asked = twenty(INSTRUCTIONS * 7)
    same = shared(large, asked[0], asked[1])
    assert same > 512, "more than a step"
    for number, request in asked.items():
        large.add(number, request)
    while large.decoder.computed() < same:
        large.scheduler.step()
    first = large.decoder.fed()[0][0].sequence
    assert {fed.sequence for step in large.decoder.fed() for fed in step if fed.start < same} == {first}
    large.run()
    assert large.decoder.computed_at(same - 1) == 1
    assert len(large.ended) == 20


def test_a_person_does_not_wait_for_batch_work_that_computes_the_same_beginning(model: NativeModel) -> None:
    long = INSTRUCTIONS * 14
    with bench(model, Size(6, 1, 2_048), lookup=False) as busy:
        for number in range(3):
            busy.add(number, asking(f"{number} {OTHER}", max_tokens=300, batch=True))
        for _ in range(4):
            busy.scheduler.step()
        for number in range(10, 12):
            busy.add(number, instructed(chr(55 + number), long))
        busy.scheduler.step()
        steps = len(busy.decoder.steps)
        asked = instructed("A person asks", long)._replace(batch=False)
        busy.add(100, asked)
        while 100 not in busy.shown:
            busy.scheduler.step()
        assert len(busy.decoder.steps) - steps <= 1 + -(-len(busy.prompt(asked)) // 500)
        for number in range(3):
            busy.scheduler.cancel(number)
        busy.run()
        assert set(busy.ended) == {10, 11, 100}


def test_when_the_one_that_computes_is_cancelled_another_takes_its_place(large: Bench, reference: Reference) -> None:
    asked = twenty(INSTRUCTIONS * 7)
    same = shared(large, asked[0], asked[1])
    for number, request in asked.items():
        large.add(number, request)
    large.scheduler.step()
    assert large.decoder.computed() < same
    large.scheduler.cancel(0)
    large.run()
    assert sorted(large.ended) == list(range(1, 20))
    # It goes on from where the other was.
    assert large.decoder.computed_at(0) == 1
    assert large.decoder.computed_at(same - 1) == 1
    check(large, reference, {number: asked[number] for number in (1, 2, 10, 19)})


def test_a_beginning_is_kept_between_calls(large: Bench, reference: Reference) -> None:
    asked = twenty()
    same = shared(large, asked[0], asked[1])
    for number in (0, 1):
        large.add(number, asked[number])
        large.run()
    for number in range(2, 8):
        steps = len(large.decoder.steps)
        large.add(number, asked[number])
        large.run()
        assert not [fed for step in large.decoder.fed(steps) for fed in step if fed.start < same]
    check(large, reference, {number: asked[number] for number in large.ended})


def test_the_same_prompt_again_computes_its_last_token_only(large: Bench) -> None:
    first = large.write(asking(ABSTRACT * 4))
    steps = len(large.decoder.steps)
    assert large.write(asking(ABSTRACT * 4)).text == first.text
    assert large.decoder.fed(steps)[0][0].start == first.prompt_tokens - 1


def test_a_conversation_that_grows_computes_what_is_new(large: Bench) -> None:
    messages = [Message("user", ABSTRACT * 3)]
    for turn in range(3):
        steps = len(large.decoder.steps)
        made = large.write(GenerationRequest(tuple(messages), max_tokens=20))
        assert turn == 0 or large.decoder.computed(steps) < made.prompt_tokens / 2
        messages += [Message("assistant", made.text), Message("user", f"And {turn}?")]


def test_what_is_kept_gives_way_to_what_is_asked(model: NativeModel, reference: Reference) -> None:
    with bench(model, Size(2, 1, 512)) as tight:
        asked = {number: asking(f"{chr(65 + number)} {OTHER * 5}", max_tokens=4) for number in range(9)}
        room = 512 - len(tight.prompt(asking()))
        for number, request in [*asked.items(), (9, asking(max_tokens=room))]:
            tight.add(number, request)
            tight.run()
            check(tight, reference, {number: request})
        assert all(len(held) <= 512 for held in tight.decoder.held.values())


def test_one_at_a_time_with_the_same_text_always_nothing_is_kept(model: NativeModel) -> None:
    with bench(model, Size(1, 0, 512, deterministic=True)) as one:
        first = one.write(asking())
        assert one.write(asking()).text == first.text
        assert one.decoder.computed_at(0) == 2
        assert one.decoder.computed_at(first.prompt_tokens - 1) == 2


def test_prompts_with_little_in_common_share_nothing(large: Bench) -> None:
    for number in range(5):
        large.add(number, asking(f"{chr(65 + number)} {OTHER}", batch=True))
    large.run()
    assert large.decoder.computed_at(0) == 5


@given(st.lists(st.integers(0, 2), max_size=8), st.lists(st.integers(0, 2), max_size=8))
def test_the_common_beginning_is_as_long_as_both_agree(first: list[int], second: list[int]) -> None:
    length = common(np.array(first, np.int32), np.array(second, np.int32))
    assert first[:length] == second[:length]
    assert first[length : length + 1] != second[length : length + 1] or length == min(len(first), len(second))


class Shelf:
    """Stands in for a decoder: what each sequence holds. A recurrent model is not at hand."""

    def __init__(self) -> None:
        self.held: dict[int, list[int]] = {}

    def copy(self, source: int, target: int) -> None:
        self.held[target] = list(self.held[source])

    def cut(self, sequence: int, length: int) -> bool:
        assert length == 0, "a part of a state cannot be forgotten"
        self.held[sequence] = []
        return True


def tokens(*parts: range) -> Tokens:
    return np.concatenate([np.array(part, np.int32) for part in parts])


def test_of_a_model_with_a_state_only_whole_beginnings_are_kept_and_given() -> None:
    shelf = Shelf()
    streams = Streams(cast(Decoder, shelf), 4, sharing=True, whole_only=True)
    first, second = tokens(range(100), range(200, 240)), tokens(range(100), range(300, 340))
    assert streams.goal(first, []) == 0
    assert streams.goal(second, []) == 100
    leader = streams.take(second)
    assert streams.begin(leader, second) == 0
    shelf.held[leader.number] = leader.held = list(range(100))
    streams.keep(leader)
    leader.held = second.tolist()
    follower = streams.take(first)
    assert streams.begin(follower, first) == 100
    assert shelf.held[follower.number] == follower.held == list(range(100))
    assert streams.available(tokens(range(60), range(400, 410))) == 0, "a part of a state cannot be given"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 60)), min_size=1, max_size=12))
def test_a_stream_begins_with_the_longest_beginning_that_any_has_and_nothing_else(
    prompts: list[tuple[int, int]],
) -> None:
    class Parts(Shelf):
        def cut(self, sequence: int, length: int) -> bool:
            self.held[sequence] = self.held.get(sequence, [])[:length]
            return True

    shelf = Parts()
    streams = Streams(cast(Decoder, shelf), 3, sharing=True, whole_only=False)
    for kind, length in prompts:
        prompt = tokens(range(40 * (kind % 2), 40 * (kind % 2) + 20 + length), range(1_000 + kind, 1_003 + kind))
        longest = max(common(np.array(held, np.int32), prompt[:-1]) for held in [*shelf.held.values(), []])
        stream = streams.take(prompt)
        begun = streams.begin(stream, prompt)
        assert longest - 16 <= begun <= longest
        assert stream.held == shelf.held[stream.number][:begun] == prompt[:begun].tolist()
        shelf.held[stream.number] = stream.held = prompt.tolist()
        streams.give_back(stream)


def test_prompts_like_none_before_stand_in_streams_without_a_gap(model: NativeModel) -> None:
    with bench(model, Size(2, 1, 512)) as made:
        for letter in "ABCADE":
            made.write(asking(f"{letter} {OTHER * 3}", max_tokens=2))
        assert {fed.sequence for step in made.decoder.fed() for fed in step} == {0}
