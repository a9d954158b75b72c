"""Use cases through the writer, one or many: order, bounds, who is told what, and what happens when something fails."""

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answer.running import Steps, in_order, run_one, run_together
from service.errors import EngineBusyError, EngineCrashedError, EngineError, InputError, PaperboyError
from service.index.results import Cache, Generations
from service.ports import Engine, Generation, GenerationRequest, Message, OnText
from tests.fakes import HeldEngine, ScriptedEngine

Result = str | PaperboyError


def request(text: str) -> GenerationRequest:
    return GenerationRequest((Message("user", text),))


def saying(*texts: str) -> Steps[str]:
    """A use case that has one text after another written."""
    made = []
    for text in texts:
        made.append((yield request(text)).text)  # noqa: PERF401 - a generator cannot yield in a comprehension
    return " ".join(made)


def stubborn(text: str) -> Steps[str]:
    """A use case that asks for less when it is refused."""
    try:
        made = yield request(text)
    except EngineError as error:
        made = yield request(f"{text} after {error}")
    return made.text


def quiet(text: str) -> Steps[str]:
    """A use case that needs no writer."""
    yield from ()
    return text


def no_engine() -> Engine:
    raise AssertionError("the writer was loaded")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Generations]:
    with closing(Cache(tmp_path / "cache.sqlite3")) as cache:
        yield Generations(cache)


class Consumer:
    """Takes results in a thread of its own, so that the test can play the writer meanwhile."""

    def __init__(self, results: Generator[tuple[int, Result], None, None]) -> None:
        self.results: list[tuple[int, Result]] = []
        self._thread = threading.Thread(target=lambda: self.results.extend(results), daemon=True)
        self._thread.start()

    def all(self) -> list[tuple[int, Result]]:
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.results


# One


def test_a_use_case_gets_what_it_has_written_and_gives_its_result() -> None:
    engine = ScriptedEngine("A.", "B.")
    assert run_one(lambda: engine, saying("a", "b")) == "A. B."
    assert [asked.batch for asked in engine.requests] == [False, False]


def test_a_use_case_without_anything_to_write_loads_no_writer() -> None:
    assert run_one(no_engine, quiet("done")) == "done"


class TalkingEngine(HeldEngine):
    """Tells every text in two pieces from a thread of its own; the texts end when the test says so."""

    def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
        future = super().submit(request, on_text)
        number = len(self.futures) - 1
        threading.Thread(target=self._talk, args=(number, on_text), daemon=True).start()
        return future

    def _talk(self, number: int, on_text: OnText | None) -> None:
        if number and (earlier := self.listeners[number - 1]):
            earlier("too late")
        if on_text:
            on_text("one ")
            on_text("two")
        if not number:
            self.fail(number, EngineError("stumbled"))
        else:
            self.answer(number)


def test_the_text_is_told_in_the_thread_of_the_caller_and_a_second_request_begins_anew() -> None:
    told: list[tuple[str, int]] = []
    engine = TalkingEngine()
    made = run_one(lambda: engine, stubborn("a"), lambda piece: told.append((piece, threading.get_ident())))
    assert made == "A AFTER STUMBLED"
    assert told == [(piece, threading.get_ident()) for piece in ("one ", "two", "one ", "two")]


@pytest.mark.parametrize("raised", [KeyboardInterrupt, BrokenPipeError])
def test_a_reader_who_goes_ends_the_writing(raised: type[BaseException]) -> None:
    class Leaving(HeldEngine):
        def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
            future = super().submit(request)
            assert on_text
            on_text("a piece")
            return future

    def leave(_piece: str) -> None:
        raise raised

    engine = Leaving()
    with pytest.raises(raised):
        run_one(lambda: engine, saying("a"), leave)
    assert engine.futures[0].cancelled()


def test_an_error_of_the_writer_reaches_who_asked() -> None:
    with pytest.raises(EngineError, match="stumbled"):
        run_one(lambda: ScriptedEngine(EngineError("stumbled")), saying("a"))
    busy = HeldEngine(room=0)
    with pytest.raises(EngineBusyError):
        run_one(lambda: busy, saying("a"))


def test_a_writer_that_is_closed_meanwhile_is_an_error_of_ours() -> None:
    class Closed(HeldEngine):
        def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
            super().submit(request, on_text).cancel()
            return self.futures[-1]

    engine = Closed()
    with pytest.raises(EngineError, match="closed"):
        run_one(lambda: engine, saying("a"))


def test_what_was_written_before_is_told_whole_and_not_written_again(kept: Generations) -> None:
    engine, told = ScriptedEngine("A."), list[str]()
    assert run_one(lambda: engine, saying("a"), None, kept) == "A."
    assert run_one(lambda: engine, saying("a"), told.append, kept) == "A."
    assert told == ["A."]
    assert len(engine.requests) == 1


# Many


def test_results_come_as_they_end_and_can_be_put_in_order() -> None:
    engine = HeldEngine()
    consumer = Consumer(run_together(lambda: engine, [saying("a"), saying("b", "b2"), saying("c")]))
    engine.wait_for(3)
    for number in (2, 1, 0, 3):
        engine.answer(number)
    results = consumer.all()
    assert results == [(2, "C"), (0, "A"), (1, "B B2")]
    assert list(in_order(result for result in results)) == ["A", "B B2", "C"]
    assert all(asked.batch for asked in engine.requests)


@given(st.permutations(range(9)))
def test_any_order_of_ending_is_put_right(numbers: list[int]) -> None:
    assert list(in_order((number, number) for number in numbers)) == sorted(numbers)


@pytest.mark.parametrize(("parallel", "most"), [(1, 4), (3, 6)])
def test_jobs_are_taken_as_there_is_room(parallel: int, most: int) -> None:
    taken: list[int] = []

    def jobs() -> Iterator[Steps[str]]:
        for number in range(50):
            taken.append(number)
            yield saying(f"n{number}")

    engine = HeldEngine(parallel=parallel)
    consumer = Consumer(run_together(lambda: engine, jobs()))
    for number in range(50):
        engine.wait_for(min(50, number + most))
        assert len(taken) == min(50, number + most)
        engine.answer(number)
    assert len(consumer.all()) == 50


def test_one_slow_job_does_not_let_the_others_run_away() -> None:
    class SlowAtFirst(HeldEngine):
        def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
            future = super().submit(request, on_text)
            if len(self.futures) > 1:
                self.answer(len(self.futures) - 1)
            return future

    engine = SlowAtFirst()
    consumer = Consumer(run_together(lambda: engine, (saying(f"n{number}") for number in range(400))))
    engine.wait_for(256)
    assert len(engine.requests) == 256
    engine.answer(0)
    assert len(consumer.all()) == 400


def test_what_has_ended_goes_out_before_anything_new_begins() -> None:
    engine = ScriptedEngine("A.", "B.")
    results = run_together(lambda: engine, [saying("a"), saying("b")])
    assert next(results) == (0, "A.")
    assert len(engine.requests) == 1
    assert next(results) == (1, "B.")


def test_jobs_without_anything_to_write_load_no_writer() -> None:
    refused = InputError("no question")
    jobs: list[Steps[str] | PaperboyError] = [quiet("a"), refused, quiet("b")]
    assert list(run_together(no_engine, jobs)) == [(0, "a"), (1, refused), (2, "b")]


def test_a_job_that_fails_stops_no_other() -> None:
    error = EngineError("stumbled")
    engine = ScriptedEngine("A.", error, "C.")
    assert list(run_together(lambda: engine, map(saying, "abc"))) == [(0, "A."), (1, error), (2, "C.")]


def test_a_job_may_answer_to_an_error_of_the_writer() -> None:
    engine = ScriptedEngine(EngineError("too long"), "A.")
    assert list(run_together(lambda: engine, [stubborn("a")])) == [(0, "A.")]
    assert engine.requests[1].messages[0].content == "a after too long"


@pytest.mark.parametrize(("crashes", "survives"), [(3, True), (4, False)])
def test_a_request_that_crashed_is_tried_again_three_times(crashes: int, survives: bool) -> None:
    errors = [EngineCrashedError(f"crash {number}") for number in range(crashes)]
    engine = ScriptedEngine(*errors, "A.", "B.")
    first, second = run_together(lambda: engine, map(saying, "ab"))
    assert first == ((0, "A.") if survives else (0, errors[-1]))
    assert isinstance(second[1], str)
    assert len(engine.requests) == 5


def test_a_request_that_crashes_the_writer_takes_none_of_those_with_it_down() -> None:
    class Poisoned(HeldEngine):
        """Crashes with all that it has as soon as the poison is among four, and whenever it is alone with it."""

        def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
            future = super().submit(request, on_text)
            held = [number for number, waiting in enumerate(self.futures) if not waiting.done()]
            crashes = "poison" in (self.requests[number].messages[0].content for number in held)
            for number in held if len(self.futures) >= 4 else ():
                if crashes:
                    self.fail(number, EngineCrashedError("crash"))
                else:
                    self.answer(number)
            return future

    engine = Poisoned()
    jobs = [saying(text) for text in ("a", "poison", "c", "d", "e", "f")]
    results = dict(run_together(lambda: engine, jobs))
    assert isinstance(results.pop(1), EngineCrashedError)
    assert results == {0: "A", 2: "C", 3: "D", 4: "E", 5: "F"}


def test_a_writer_without_room_is_asked_again_when_something_has_ended() -> None:
    engine = HeldEngine(room=1)
    consumer = Consumer(run_together(lambda: engine, map(saying, "abc")))
    for number in range(3):
        engine.answer(number)
    assert consumer.all() == [(0, "A"), (1, "B"), (2, "C")]
    assert engine.refused <= 4


def test_a_writer_whose_room_others_take_is_asked_again_after_the_wait_that_it_names() -> None:
    class Crowded(ScriptedEngine):
        refusals = 2

        def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
            if self.refusals:
                self.refusals -= 1
                raise EngineBusyError("too many requests wait", 0.01)
            return super().submit(request, on_text)

    engine = Crowded("A.", EngineBusyError("no room after all", 0.01), "B.")
    assert list(run_together(lambda: engine, map(saying, "ab"))) == [(0, "A."), (1, "B.")]


def test_closing_early_gives_up_what_is_under_way() -> None:
    engine, closed = HeldEngine(), list[str]()

    def watched(text: str) -> Steps[str]:
        try:
            return (yield request(text)).text
        finally:
            closed.append(text)

    results = run_together(lambda: engine, [quiet("first"), *map(watched, "abcdef")])
    numbered = in_order(results)
    assert next(numbered) == "first"
    threading.Timer(0.05, engine.answer, [0]).start()
    assert next(numbered) == "A"
    numbered.close()
    assert [future.cancelled() for future in engine.futures] == [False, True, True, True]
    assert closed == ["a", "b", "c", "d"]


def broken() -> Steps[str]:
    yield from ()
    raise ZeroDivisionError


def without_end() -> Iterator[Steps[str]]:
    yield saying("a")
    raise ZeroDivisionError


@pytest.mark.parametrize("jobs", [lambda: [saying("a"), broken()], without_end], ids=["in a job", "in the source"])
def test_an_error_that_is_none_of_ours_gives_everything_up(jobs: Callable[[], Iterator[Steps[str]]]) -> None:
    engine = HeldEngine()
    with pytest.raises(ZeroDivisionError):
        list(run_together(lambda: engine, jobs()))
    assert engine.futures[0].cancelled()


def test_a_text_that_two_jobs_want_is_written_once(kept: Generations) -> None:
    engine = HeldEngine()
    consumer = Consumer(run_together(lambda: engine, [saying("a"), saying("a", "b"), saying("c"), saying("a")], kept))
    for number in range(3):
        engine.answer(number)
    assert sorted(consumer.all()) == [(0, "A"), (1, "A B"), (2, "C"), (3, "A")]
    assert sorted(asked.messages[0].content for asked in engine.requests) == ["a", "b", "c"]
    assert list(run_together(lambda: engine, map(saying, "abc"), kept)) == [(0, "A"), (1, "B"), (2, "C")]
