"""Many requests in one context: who begins when, what a step holds, and that each text is the one asked for."""

import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import DeadlineError, EngineError, RequestTooLargeError
from service.llm.worker.native import NativeModel
from service.llm.worker.sizing import Size
from service.ports import Choices, Generation, GenerationRequest
from tests.llm.bench import NOISE, SMALL, Bench, Reference, bench
from tests.llm.writing import ABSTRACT, OTHER, SENTENCES, asking, options

LONG = " ".join(f"{OTHER} ({number})" for number in range(40))


@pytest.fixture
def small(model: NativeModel) -> Iterator[Bench]:
    with bench(model) as made:
        yield made


def check(bench: Bench, reference: Reference, asked: dict[int, GenerationRequest]) -> None:
    """Each request ended with a text of which every token is the best one, or as good as."""
    for number, request in asked.items():
        gaps = reference.gaps(bench.prompt(request), bench.written(number))
        assert gaps.max(initial=0) <= NOISE, number


def writing(bench: Bench) -> set[int]:
    """Numbers of the requests that have begun and not ended."""
    return {number for number, what in bench.order if what == "begun"} - set(bench.ended)


def all_free(bench: Bench) -> bool:
    return bench.scheduler.idle and len(bench.scheduler._streams.free) == bench.size.slots


@st.composite
def requests(draw: st.DrawFn) -> GenerationRequest:
    content = " ".join(draw(st.lists(st.sampled_from([ABSTRACT, OTHER, *SENTENCES]), min_size=1, max_size=4)))
    chosen = Choices(options(*SENTENCES), minimum=1, maximum=draw(st.integers(1, 3)))
    return asking(
        content,
        max_tokens=draw(st.integers(0, 60)),
        choices=draw(st.sampled_from([None, None, chosen])),
        batch=draw(st.booleans()),
    )


@given(
    arrivals=st.lists(st.tuples(requests(), st.integers(0, 12), st.none() | st.integers(0, 8)), max_size=12),
    lookup=st.booleans(),
    news=st.none() | st.lists(st.booleans(), min_size=1, max_size=20),
)
@settings(max_examples=20, deadline=None)
def test_requests_join_and_leave_the_running_batch_at_any_step(
    model: NativeModel,
    reference: Reference,
    arrivals: list[tuple[GenerationRequest, int, int | None]],
    lookup: bool,
    news: list[bool] | None,
) -> None:
    with bench(model, lookup=lookup, arrived=partial(next, cycle(news)) if news else None) as running:
        cancelled: set[int] = set()
        for number, (request, steps, cancel) in enumerate(arrivals):
            running.add(number, request)
            for _ in range(steps):
                running.scheduler.step()
            if cancel is not None and cancel <= number and cancel not in running.ended:
                running.scheduler.cancel(cancel)
                cancelled.add(cancel)
        running.run()
        assert set(running.ended) == set(range(len(arrivals))) - cancelled
        free = {n: arrivals[n][0] for n in running.ended if not arrivals[n][0].choices}
        check(running, reference, free)
        assert all_free(running)


def test_many_requests_are_worked_on_in_one_step(small: Bench) -> None:
    for number in range(5):
        small.add(number, asking(f"{number} {OTHER}", max_tokens=40))
    small.run()
    together = max(sum(fed.wanted > 0 for fed in step) for step in small.decoder.steps)
    assert together == 5
    assert len(small.decoder.steps) < 5 * 40


def test_what_a_person_asks_begins_and_ends_before_the_batch_work_that_waits(small: Bench) -> None:
    for number in range(12):
        small.add(number, asking(f"{number} {OTHER}", max_tokens=40, batch=True))
    for _ in range(3):
        small.scheduler.step()
    small.add(100, asking(max_tokens=40))
    small.scheduler.step()
    assert 100 in writing(small)
    small.run()
    begun = [number for number, what in small.order if what == "begun"]
    ended = [number for number, what in small.order if what == "ended"]
    assert begun.index(100) == SMALL.parallel
    assert ended.index(100) <= SMALL.parallel


def test_of_two_that_wait_a_person_goes_first_whoever_came_first(model: NativeModel) -> None:
    with bench(model, Size(1, 0, 512)) as one:
        one.add(1, asking(batch=True))
        one.add(2, asking(OTHER, batch=True))
        one.add(3, asking())
        one.run()
        assert [number for number, what in one.order if what == "begun"] == [3, 1, 2]


def test_the_first_token_for_a_person_comes_within_two_steps_of_its_prompt(small: Bench) -> None:
    """Its prompt fits one step: so no more than that one, and the one under way when it came."""
    for number in range(10):
        small.add(number, asking(f"{number} {LONG[:1_200]}", max_tokens=100, batch=True))
    for _ in range(12):
        small.scheduler.step()
    before = len(small.decoder.steps)
    small.add(100, asking(max_tokens=20))
    while 100 not in small.shown:
        small.scheduler.step()
    assert len(small.decoder.steps) - before <= 2


def test_batch_work_leaves_a_slot_free(small: Bench) -> None:
    for number in range(12):
        small.add(number, asking(f"{number} {LONG[:900]}", max_tokens=60, batch=True))
    most = 0
    while not small.scheduler.idle:
        small.scheduler.step()
        most = max(most, len(writing(small)))
    assert most == SMALL.parallel


@pytest.mark.parametrize("reader", [True, False], ids=["a person reads", "nobody reads"])
def test_while_others_write_a_long_prompt_is_computed_in_parts_and_each_writer_gets_its_token(
    model: NativeModel, reader: bool
) -> None:
    with bench(model, Size(4, 1, 2_048), lookup=False) as large:
        for number in range(3):
            large.add(number, asking(f"{number} {OTHER}", max_tokens=200, batch=number > 0 or not reader))
        for _ in range(4):
            large.scheduler.step()
        before = len(large.decoder.steps)
        large.add(9, asking(LONG, max_tokens=4, batch=True))
        while 9 not in large.ended:
            large.scheduler.step()
        steps = large.decoder.fed(before)
        shares = [sum(len(fed.tokens) for fed in step if len(fed.tokens) > 1) for step in steps]
        assert sum(shares) == len(large.prompt(asking(LONG))) > 900
        assert max(shares) <= (64 if reader else 512)
        assert all(sum(len(fed.tokens) == 1 for fed in step) >= 3 for step in steps)


def test_a_long_prompt_alone_is_computed_in_as_few_steps_as_it_fits(model: NativeModel) -> None:
    with bench(model, Size(1, 0, 2_048)) as large:
        made = large.write(asking(LONG, max_tokens=1))
        assert len(large.decoder.steps) == -(-made.prompt_tokens // 511)


def test_a_request_that_cannot_fit_is_refused_with_both_numbers_before_any_work(small: Bench) -> None:
    prompt = len(small.prompt(asking()))
    with pytest.raises(RequestTooLargeError, match=rf"{prompt + 512} tokens.*context of 512"):
        small.add(1, asking(max_tokens=512))
    with pytest.raises(RequestTooLargeError, match="context of 512"):
        small.add(2, asking("word " * 10_000))
    with pytest.raises(RequestTooLargeError, match="context of 512"):
        small.add(3, asking(choices=Choices(options("word " * 300, "text " * 300), minimum=2, maximum=2)))
    small.run()
    assert small.decoder.steps == []
    assert small.order == []


def test_a_request_may_fill_the_window_to_the_last_token(small: Bench) -> None:
    room = 512 - len(small.prompt(asking()))
    assert 0 < small.write(asking(max_tokens=room)).output_tokens <= room
    with pytest.raises(RequestTooLargeError):
        small.add(9, asking(max_tokens=room + 1))


@pytest.mark.parametrize("after", [0, 1, 2, 7])
def test_a_cancelled_request_frees_its_slot_at_once_and_is_told_nothing_more(small: Bench, after: int) -> None:
    small.add(1, asking(max_tokens=200))
    for _ in range(after):
        small.scheduler.step()
    small.scheduler.cancel(1)
    small.scheduler.cancel(77)
    assert all_free(small)
    steps = len(small.decoder.steps)
    small.scheduler.step()
    assert len(small.decoder.steps) == steps
    assert 1 not in small.ended


def test_a_request_cancelled_in_the_queue_is_never_computed(small: Bench) -> None:
    for number in range(8):
        small.add(number, asking(f"{number} {OTHER}", batch=True))
    small.scheduler.step()
    for number in range(4, 8):
        small.scheduler.cancel(number)
    small.run()
    assert set(small.ended) == {0, 1, 2, 3} == {number for number, _ in small.order}


def test_others_write_on_unchanged_when_some_are_cancelled(small: Bench, reference: Reference) -> None:
    asked = {number: asking(f"{number} {OTHER}", max_tokens=60) for number in range(5)}
    for number, request in asked.items():
        small.add(number, request)
    for step in range(30):
        small.scheduler.step()
        if step in (3, 9):
            small.scheduler.cancel(step // 3)
    small.run()
    assert set(small.ended) == {0, 2, 4}
    check(small, reference, {number: asked[number] for number in small.ended})


def test_a_deadline_ends_what_waits_and_what_is_being_written(small: Bench) -> None:
    small.add(1, asking(max_tokens=400, deadline=0.05))
    small.scheduler.step()
    for number in range(2, 10):
        small.add(number, asking(f"{number} {OTHER}", max_tokens=400, deadline=0.0, batch=True))
    small.add(20, asking())
    until = time.perf_counter() + 0.1
    while time.perf_counter() < until:
        small.scheduler.step()
    small.run()
    assert [type(small.ended[number]) for number in range(1, 10)] == [DeadlineError] * 9
    assert "0.05 s" in str(small.ended[1])
    assert isinstance(small.ended[20], Generation)
    assert all_free(small)


def test_a_deadline_that_passes_after_the_end_is_not_told(small: Bench) -> None:
    small.add(1, asking(max_tokens=1, deadline=0.5))
    small.run()
    time.sleep(0.5)
    small.add(2, asking(max_tokens=1))
    small.run()
    # The bench fails where something is told of a request after its end.
    assert small.made(1).output_tokens == 1


def test_a_request_that_fails_on_the_way_harms_no_other(small: Bench, reference: Reference) -> None:
    asked = {number: asking(f"{number} {OTHER}", max_tokens=40) for number in range(3)}
    for number, request in asked.items():
        small.add(number, request)
    small.scheduler.step()
    # Neither the word nor its first token can be followed by anything.
    small.add(7, asking(grammar="root ::= [\\uFFFFF]"))
    small.add(8, asking(grammar="this is no grammar"))
    small.run()
    assert isinstance(small.ended[8], EngineError)
    check(small, reference, asked)
    assert all_free(small)


def test_no_bound_at_all_is_no_text_and_no_work(small: Bench) -> None:
    made = small.write(asking(max_tokens=0))
    assert (made.text, made.output_tokens, made.steps) == ("", 0, 0)
    assert small.decoder.steps == []


def test_counts_and_times_of_a_generation_are_what_was_computed(small: Bench) -> None:
    made = small.write(asking(max_tokens=9))
    assert made.prompt_tokens == len(small.prompt(asking()))
    assert made.output_tokens == 9
    assert 0 < made.first_token_seconds <= made.seconds
    assert made.steps == sum(any(fed.wanted for fed in step) for step in small.decoder.steps)


def test_one_at_a_time_a_request_always_gives_the_same_text(model: NativeModel) -> None:
    asked = [asking(" ".join(order), max_tokens=60) for order in permutations(SENTENCES)]
    with bench(model, Size(1, 0, 512, deterministic=True)) as one:
        first = [one.write(request).text for request in asked]
        for number, request in enumerate(asked * 2):
            one.add(1_000 + number, request)
        one.run()
        assert [one.made(1_000 + number).text for number in range(12)] == first * 2
        # Drafts and shared beginnings change the size of a batch, and so the last bits.
        assert one.decoder.computed_at(0) == len(one.ended)
        assert not one.decoder.copied


def test_a_step_that_reads_for_a_batch_is_broken_off_when_a_person_comes_and_nothing_is_lost(
    small: Bench, reference: Reference
) -> None:
    asked = {n: asking(f"{n} {LONG[: 1_000 + n]}", max_tokens=20, batch=n % 4 > 0) for n in range(16)}
    stop = threading.Event()

    def hurry() -> None:
        while not stop.wait(0.002):
            small.scheduler.hurry()

    thread = threading.Thread(target=hurry)
    thread.start()
    try:
        for number, request in asked.items():
            small.add(number, request)
            for _ in range(6):
                small.scheduler.step()
    finally:
        stop.set()
        thread.join()
    small.run()
    assert set(small.ended) == set(asked)
    check(small, reference, asked)
