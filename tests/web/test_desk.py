"""One thread works with the library, the most urgent first; texts are written together; nothing ends that thread."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from pathlib import Path

import pytest

from service.answer.running import Steps
from service.errors import EngineBusyError, EngineCrashedError, EngineError, InputError, ServiceStoppingError
from service.library import Library
from service.ports import Generation, GenerationRequest, Message
from service.settings import Settings
from service.web.desk import Desk, Urgency
from tests.fakes import HeldEngine
from tests.web.serving import StandIn

Begin = Callable[[Library], Steps[str]]


def saying(*texts: str) -> Begin:
    """A use case that has one text after another written."""

    def steps(_library: Library) -> Steps[str]:
        made: list[str] = []
        for text in texts:
            written = yield GenerationRequest((Message("user", text),))
            made.append(written.text)
        return " ".join(made)

    return steps


class Held:
    """A desk whose writer answers when the test says so."""

    def __init__(self, library: Library, room: int = 8) -> None:
        self.writer = HeldEngine(parallel=1)
        assert isinstance(library, StandIn)
        library.writer = self.writer
        self.heard: list[tuple[Generation, bool]] = []
        self.desk = Desk(library, room=room, on_generation=lambda made, kept: self.heard.append((made, kept)))

    def block(self) -> tuple[threading.Event, Future[None]]:
        """Keep the owner busy until the event is set."""
        begun, free = threading.Event(), threading.Event()

        def work(_library: Library) -> None:
            begun.set()
            assert free.wait(20)

        future = self.desk.do(work)
        assert begun.wait(20)
        return free, future


@pytest.fixture
def held(home: Path) -> Iterator[Held]:
    with StandIn.open(Settings(home=home)) as library:
        made = Held(library)
        yield made
        made.desk.close()


def test_everything_is_done_by_one_thread(held: Held) -> None:
    seen = {held.desk.do(lambda _library: threading.get_ident()).result(20) for _ in range(5)}
    assert len(seen) == 1
    assert threading.get_ident() not in seen


def test_the_most_urgent_goes_first_and_the_same_in_order(held: Held) -> None:
    free, _ = held.block()
    order: list[int] = []
    urgencies = (Urgency.LONG, Urgency.LATER, Urgency.SOON, Urgency.ASKED, Urgency.SOON)
    futures = [
        held.desk.do(lambda _library, number=number: order.append(number), urgency)  # type: ignore[misc]
        for number, urgency in enumerate(urgencies)
    ]
    free.set()
    for future in futures:
        future.result(20)
    assert order == [2, 4, 3, 1, 0]


def test_texts_of_many_are_with_the_writer_at_a_time(held: Held) -> None:
    futures = [held.desk.write(saying(name)) for name in "abc"]
    held.writer.wait_for(3)
    for number in (2, 0, 1):
        held.writer.answer(number)
    assert [future.result(20) for future in futures] == ["A", "B", "C"]


def test_a_use_case_goes_on_with_its_next_text_while_others_are_written(held: Held) -> None:
    long, short = held.desk.write(saying("one", "two")), held.desk.write(saying("other"))
    held.writer.wait_for(2)
    held.writer.answer(0)
    held.writer.wait_for(3)
    held.writer.answer(2)
    assert long.result(20) == "ONE TWO"
    assert not short.done()
    held.writer.answer(1)
    assert short.result(20) == "OTHER"


def test_what_was_written_before_is_told_at_once_and_counted_as_kept(held: Held) -> None:
    first = held.desk.write(saying("same"))
    held.writer.answer(0)
    assert first.result(20) == "SAME"
    told: list[str] = []
    assert held.desk.write(saying("same"), told.append).result(20) == "SAME"
    assert told == ["SAME"]
    assert [kept for _, kept in held.heard] == [False, True]
    assert len(held.writer.requests) == 1


def test_cancelling_gives_up_what_is_written_and_frees_the_place(held: Held) -> None:
    futures = [held.desk.write(saying(str(number))) for number in range(6)]
    held.writer.wait_for(4)
    waiting = futures[5]
    assert waiting.cancel()
    assert futures[0].cancel()
    # A place is free: the next one is begun, the one that was given up before its turn never.
    held.writer.wait_for(5)
    assert held.writer.futures[0].cancelled()
    for number in range(1, 5):
        held.writer.answer(number)
    assert [future.result(20) for future in futures[1:5]] == ["1", "2", "3", "4"]
    assert [request.messages[0].content for request in held.writer.requests] == ["0", "1", "2", "3", "4"]
    with pytest.raises(CancelledError):
        waiting.result(0)


def test_what_was_answered_goes_without_the_garbage_collector(held: Held) -> None:
    begin = saying("once")
    known = weakref.ref(begin)
    gc.disable()
    try:
        future = held.desk.write(begin)
        held.writer.answer(0)
        assert future.result(20) == "ONCE"
        del begin, future
        held.writer.futures.clear()
        # By then the owner has let go of it too.
        held.desk.do(lambda _library: None, Urgency.LATER).result(20)
        assert known() is None
    finally:
        gc.enable()


def test_people_go_before_a_batch(held: Held) -> None:
    free, _ = held.block()
    batch = held.desk.write(saying("batch"), batch=True)
    person = held.desk.write(saying("person"))
    free.set()
    held.writer.wait_for(2)
    assert [request.messages[0].content for request in held.writer.requests] == ["person", "batch"]
    assert [request.batch for request in held.writer.requests] == [False, True]
    held.writer.answer(0)
    held.writer.answer(1)
    assert (person.result(20), batch.result(20)) == ("PERSON", "BATCH")


def test_a_batch_takes_no_room_from_people_and_is_never_refused(held: Held) -> None:
    batch = [held.desk.write(saying(f"b{number}"), batch=True) for number in range(20)]
    assert held.desk.waiting == 0
    for number in range(20):
        held.writer.answer(number)
    assert [future.result(20) for future in batch] == [f"B{number}" for number in range(20)]


def test_beyond_the_room_people_are_refused_at_once(held: Held) -> None:
    free, _ = held.block()
    for _ in range(7):
        held.desk.do(lambda _library: None)
    with pytest.raises(EngineBusyError, match="8 requests wait") as refused:
        held.desk.write(saying("one too many"))
    assert refused.value.expected_wait >= 1
    free.set()
    assert held.desk.do(lambda _library: "again", Urgency.LONG).result(20) == "again"
    assert held.desk.waiting == 0


def test_of_a_batch_each_that_was_there_at_a_crash_goes_alone(held: Held) -> None:
    futures = [held.desk.write(saying(name), batch=True) for name in ("good", "bad", "fine")]
    held.writer.wait_for(3)
    for number in range(3):
        held.writer.fail(number, EngineCrashedError("ended"))
    with_writer = 3
    for _ in range(3):
        held.writer.wait_for(with_writer + 1)
        assert len(held.writer.requests) == with_writer + 1
        if held.writer.requests[with_writer].messages[0].content == "bad":
            held.writer.fail(with_writer, EngineCrashedError("ended"))
        else:
            held.writer.answer(with_writer)
        with_writer += 1
    while not futures[1].done():
        held.writer.wait_for(with_writer + 1)
        held.writer.fail(with_writer, EngineCrashedError("ended"))
        with_writer += 1
        threading.Event().wait(0.1)
    assert (futures[0].result(20), futures[2].result(20)) == ("GOOD", "FINE")
    with pytest.raises(EngineCrashedError):
        futures[1].result(0)


def test_the_errors_of_a_use_case_are_its_own(held: Held) -> None:
    def faulty(_library: Library) -> Steps[str]:
        yield GenerationRequest((Message("user", "x"),))
        raise RuntimeError("a fault of ours")

    def refused(_library: Library) -> Steps[str]:
        raise InputError("no")

    bad, no = held.desk.write(faulty), held.desk.write(refused)
    writers = held.desk.write(saying("y"))
    held.writer.answer(0)
    held.writer.fail(1, EngineError("the writer failed"))
    for future, kind in ((bad, RuntimeError), (no, InputError), (writers, EngineError)):
        with pytest.raises(kind):
            future.result(20)
    with pytest.raises(ZeroDivisionError):
        held.desk.do(lambda _library: 1 / 0).result(20)
    assert held.desk.do(lambda _library: "goes on").result(20) == "goes on"
    assert (held.desk.under_way, held.desk.waiting) == (0, 0)


def test_long_work_lets_others_in_but_no_other_long_work(held: Held) -> None:
    order: list[str] = []
    begun, go = threading.Event(), threading.Event()

    def long(_library: Library) -> None:
        order.append("begins")
        begun.set()
        assert go.wait(20)
        held.desk.let_others_in()
        order.append("ends")

    first = held.desk.do(long, Urgency.LONG)
    assert begun.wait(20)
    second = held.desk.do(lambda _library: order.append("second"), Urgency.LONG)
    quick = held.desk.do(lambda _library: order.append("quick"))
    go.set()
    for future in (first, second, quick):
        future.result(20)
    assert order == ["begins", "quick", "ends", "second"]


def test_papers_can_be_taken_in_while_others_search(held: Held, tmp_path: Path) -> None:
    file = tmp_path / "more.jsonl"
    file.write_text(
        "\n".join(f'{{"title": "Study {n}", "abstract": "We study subject{n}. It works."}}' for n in range(70))
    )
    found: list[Future[int]] = []

    def take_in(library: Library) -> int:
        def progress(_what: str, _done: int, _total: int) -> None:
            found.append(held.desk.do(lambda library: len(library.search("activation memory"))))
            held.desk.let_others_in()

        return library.ingest([file], None, progress).papers

    assert held.desk.do(take_in, Urgency.LONG).result(60) == 73
    assert len(found) >= 3
    assert all(future.result(0) >= 2 for future in found)
    assert held.desk.do(lambda library: library.search("subject42")[0].paper.title).result(20) == "Study 42"


def test_stopping_gives_up_what_is_under_way_and_takes_nothing_more(held: Held) -> None:
    futures = [held.desk.write(saying(str(number))) for number in range(6)]
    held.writer.wait_for(4)
    held.desk.stop()
    for future in futures:
        with pytest.raises(ServiceStoppingError):
            future.result(20)
    assert all(future.cancelled() for future in held.writer.futures)
    with pytest.raises(ServiceStoppingError):
        held.desk.do(lambda _library: None)
