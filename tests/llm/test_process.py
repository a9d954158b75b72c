"""The process of a model may be killed, crash or hang at any moment: callers get their texts, or a named error."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from service.errors import DeadlineError, EngineBusyError, EngineCrashedError, EngineError, ModelError
from service.llm import process
from service.llm.engine import LlamaEngine
from service.ports import Generation
from tests.conftest import MINILM, ROOT, TRIAL_WRITER
from tests.llm.writing import ABSTRACT, CONTEXT, GENEROUS_SECONDS, OTHER, asking, is_alive, wait_until, write, writer

LONG = " ".join(f"{OTHER} ({number})" for number in range(60))


@pytest.fixture(scope="module")
def engine() -> Iterator[LlamaEngine]:
    """One engine whose process dies many times; the same request always gives the same text."""
    with writer(context=2_048, deterministic=True) as made:
        yield made


def kill(pid: int, what: signal.Signals = signal.SIGKILL) -> None:
    # It may have ended in the meantime.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, what)


def started_anew(engine: LlamaEngine, pid: int) -> bool:
    return engine.pid != pid and is_alive(engine.pid)


def result(future: "Future[Generation]") -> Generation:
    return future.result(GENEROUS_SECONDS)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT])
def test_a_process_that_ends_while_idle_is_started_anew_and_the_next_request_is_served(
    engine: LlamaEngine, how: signal.Signals
) -> None:
    expected = write(engine, asking()).text
    pid = engine.pid
    kill(pid, how)
    wait_until(lambda: started_anew(engine, pid), "a new process")
    assert not is_alive(pid)
    assert write(engine, asking()).text == expected


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT])
def test_a_text_that_was_begun_is_finished_by_the_next_process_and_nothing_is_shown_twice(
    engine: LlamaEngine, how: signal.Signals
) -> None:
    expected = result(engine.submit(asking(max_tokens=300))).text
    shown: list[str] = []
    enough = threading.Event()

    def on_text(piece: str) -> None:
        shown.append(piece)
        if len(shown) == 5:
            enough.set()

    future = engine.submit(asking(max_tokens=300), on_text)
    assert enough.wait(GENEROUS_SECONDS)
    kill(engine.pid, how)
    assert result(future).text == "".join(shown) == expected


def test_a_request_is_served_whenever_during_loading_and_reading_its_process_is_killed() -> None:
    with writer(context=2_048, deterministic=True) as engine:
        expected = write(engine, asking(LONG, max_tokens=8)).text
        random = np.random.default_rng(5)
        for _ in range(5):
            future = engine.submit(asking(LONG, max_tokens=8))
            # At any moment of reading, and, as a new process takes longer than that, of loading.
            time.sleep(random.random() * 0.3)
            kill(engine.pid)
            assert result(future).text == expected


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_ended_again_and_again_while_it_loads_a_process_is_still_started(how: signal.Signals) -> None:
    with writer() as engine:
        random = np.random.default_rng(2)
        for _ in range(4):
            pid = engine.pid
            time.sleep(float(random.random()) * 0.4)
            kill(pid, how)
            wait_until(lambda pid=pid: started_anew(engine, pid), "a new process")  # type: ignore[misc]
        assert write(engine, asking()).text


def test_a_request_whose_process_ends_twice_fails_with_a_named_error_and_the_others_are_served() -> None:
    with writer(deterministic=True) as engine:
        engine.wait()
        began = threading.Event()
        future = engine.submit(asking(max_tokens=400), lambda _text: began.set())
        waiting = [engine.submit(asking(f"{number} {OTHER}")) for number in range(4)]
        assert began.wait(GENEROUS_SECONDS)
        pid = engine.pid
        kill(pid)
        # The second try shows nothing until it is beyond the first: its process is killed as soon as it works.
        wait_until(lambda: engine.pid != pid and seconds_of(engine.pid) > 0 and begun(engine), "the second try")
        kill(engine.pid)
        with pytest.raises(EngineCrashedError, match=r"ended twice while it worked on this \(signal 9\)"):
            result(future)
        assert all(result(other).text for other in waiting)


def seconds_of(pid: int) -> float:
    """Processor time of a process; 0 where it is not there."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def begun(engine: LlamaEngine) -> bool:
    return any(call.begun for call in list(engine._process._calls.values()))


def test_texts_that_can_differ_are_continued_or_given_up_and_never_contradicted() -> None:
    with writer() as engine:
        engine.wait()
        random = np.random.default_rng(3)
        for _ in range(3):
            shown: list[list[str]] = [[] for _ in range(8)]
            futures = [
                engine.submit(asking(f"{number} {OTHER}", max_tokens=100, temperature=1.0), pieces.append)
                for number, pieces in enumerate(shown)
            ]
            time.sleep(random.random() * 0.2)
            kill(engine.pid)
            for future, pieces in zip(futures, shown, strict=True):
                error = future.exception(GENEROUS_SECONDS)
                if error:
                    assert isinstance(error, EngineCrashedError)
                else:
                    assert result(future).text == "".join(pieces)


def test_a_process_that_hangs_cannot_hold_a_request_beyond_its_deadline(engine: LlamaEngine) -> None:
    expected = write(engine, asking()).text
    pid = engine.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        # More than a pipe takes: who asks must not wait for a process that reads nothing.
        futures = [engine.submit(asking("word " * 50_000, deadline=0.5)) for _ in range(4)]
        assert time.monotonic() - start < 5
        for future in futures:
            with pytest.raises(DeadlineError):
                result(future)
        assert time.monotonic() - start < 15
    finally:
        os.kill(pid, signal.SIGCONT)
    assert write(engine, asking()).text == expected
    assert engine.pid == pid


def test_a_deadline_that_passes_while_a_text_is_written_ends_it_and_the_next_is_served(engine: LlamaEngine) -> None:
    pid = engine.pid
    with pytest.raises(DeadlineError, match=r"not done within 0\.05 s"):
        result(engine.submit(asking(max_tokens=1_500, deadline=0.05)))
    assert write(engine, asking()).text
    assert engine.pid == pid


def test_a_process_that_says_nothing_for_too_long_is_ended_and_its_request_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with writer(deterministic=True) as engine:
        expected = write(engine, asking()).text
        monkeypatch.setattr(process, "_STALL_SECONDS", 0.5)
        pid = engine.pid
        os.kill(pid, signal.SIGSTOP)
        assert write(engine, asking()).text == expected
        assert engine.pid != pid
        assert not is_alive(pid)


def test_a_process_that_has_nothing_to_do_may_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with writer() as engine:
        engine.wait()
        monkeypatch.setattr(process, "_STALL_SECONDS", 1.5)
        pid = engine.pid
        time.sleep(3)
        # It is slow to answer now, but not as slow as that.
        os.kill(pid, signal.SIGSTOP)
        future = engine.submit(asking())
        time.sleep(0.3)
        os.kill(pid, signal.SIGCONT)
        assert result(future).text
        assert engine.pid == pid


def test_what_cannot_be_taken_on_is_refused_with_the_expected_wait() -> None:
    with writer(parallel=1, queue=3) as engine:
        engine.wait()
        futures = [engine.submit(asking(f"{number} {OTHER}", max_tokens=400)) for number in range(3)]
        with pytest.raises(EngineBusyError, match="try again in about") as raised:
            engine.submit(asking())
        assert raised.value.expected_wait > 0
        for future in futures:
            future.cancel()
        assert write(engine, asking()).text


def test_closing_ends_the_process_and_what_is_under_way_fails() -> None:
    with writer() as engine:
        futures = [engine.submit(asking(max_tokens=400)) for _ in range(5)]
        pid = engine.pid
        engine.close()
        assert not is_alive(pid)
        for future in futures:
            with pytest.raises(EngineError, match="was closed"):
                result(future)
        with pytest.raises(EngineError, match="was closed"):
            result(engine.submit(asking()))


@pytest.mark.parametrize("when", ["loading", "idle", "writing", "hanging"])
def test_closing_never_takes_long(when: str) -> None:
    with writer() as engine:
        pid = engine.pid
        if when != "loading":
            engine.wait()
        if when == "writing":
            engine.submit(asking(max_tokens=400))
        if when == "hanging":
            os.kill(pid, signal.SIGSTOP)
            engine.submit(asking("word " * 50_000))
        start = time.monotonic()
        engine.close()
        assert time.monotonic() - start < 10
        assert not is_alive(pid)


OWNER = """\
import sys, time
from pathlib import Path
from service.llm.embedder import LlamaEmbedder
from tests.llm.writing import asking, writer

role, when, path = sys.argv[1:]
if role == "embedder":
    made = LlamaEmbedder(Path(path))
    pid = made._process.pid
    if when != "loading":
        made.embed_query("a question")
    print(pid, flush=True)
    while when == "working":
        made.embed_passages([["word " * 200]] * 50)
    time.sleep(600)
else:
    with writer(Path(path), context=2_048) as made:
        if when != "loading":
            made.wait()
        if when == "working":
            for number in range(50):
                made.submit(asking(f"{number} word", max_tokens=1_500), lambda text: None)
            # Half a line is on its way when this process is killed.
            made.submit(asking("word " * 400_000))
        print(made.pid, flush=True)
        time.sleep(600)
"""


@pytest.mark.parametrize(
    ("when", "how"),
    [
        ("loading", signal.SIGKILL),
        ("idle", signal.SIGKILL),
        ("working", signal.SIGKILL),
        ("working", signal.SIGTERM),
    ],
)
@pytest.mark.parametrize("role", ["writer", "embedder"])
def test_no_process_outlives_the_one_that_started_it(role: str, when: str, how: signal.Signals) -> None:
    path = TRIAL_WRITER if role == "writer" else MINILM
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, role, when, str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        if when != "loading":
            assert is_alive(pid)
        owner.send_signal(how)
        owner.wait()
        wait_until(lambda: not is_alive(pid), "the end of the model's process", 5)


def worker(path: Path) -> "subprocess.Popen[bytes]":
    """The process of a model, started by hand."""
    spec = json.dumps({"path": str(path), "context": CONTEXT})
    return subprocess.Popen(
        [sys.executable, "-m", "service.llm.worker", "writer", spec],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )


@pytest.mark.parametrize("rest", [b"", b'{"op": "gener'], ids=["no line", "half a line"])
def test_a_process_ends_when_its_input_does(rest: bytes) -> None:
    with worker(TRIAL_WRITER) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        assert b"ready" in started.stdout.readline()
        started.stdin.write(rest)
        started.stdin.close()
        started.wait(10)


def test_a_process_that_is_told_to_stop_ends_at_once_with_status_0_and_one_that_cannot_load_with_1() -> None:
    with worker(TRIAL_WRITER) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        assert b"ready" in started.stdout.readline()
        started.terminate()
        assert started.wait(10) == 0
        assert started.stderr.read() == b""
    for path, said in ((MINILM, b"no chat template"), (Path("missing.gguf"), b"does not exist")):
        with worker(path) as started:
            assert started.stdout is not None
            assert said in started.stdout.read()
            assert started.wait(10) == 1


def test_many_threads_may_ask_at_once_while_processes_die() -> None:
    with writer() as engine:
        texts: list[str] = []
        crashed: list[Exception] = []

        def ask(number: int) -> None:
            for turn in range(4):
                try:
                    texts.append(write(engine, asking(f"{number} {turn} {ABSTRACT}")).text)
                except EngineCrashedError as error:
                    crashed.append(error)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            pid = engine.pid
            time.sleep(0.15)
            kill(pid)
            wait_until(lambda pid=pid: started_anew(engine, pid), "a new process")  # type: ignore[misc]
        for thread in threads:
            thread.join(GENEROUS_SECONDS)
        assert not any(thread.is_alive() for thread in threads)
        assert len(texts) + len(crashed) == 32
        assert all(texts)


def test_where_no_process_can_be_started_any_more_callers_are_told(no_more_files: Callable[[], None]) -> None:
    with writer() as engine:
        engine.wait()
        future = engine.submit(asking(max_tokens=400))
        no_more_files()
        kill(engine.pid)
        with pytest.raises(ModelError):
            result(future)
        with pytest.raises(ModelError):
            result(engine.submit(asking()))


@pytest.fixture
def no_more_files() -> Iterator[Callable[[], None]]:
    """Let this process open no file any more, from when it is called to the end of the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
