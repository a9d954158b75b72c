"""The alternatives that the engine is measured against: llama-batched-bench, llama-server, a loop over `Llama`."""

import contextlib
import http.client
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from llama_cpp import Llama

from eval.bench.tools import tool
from service.ports import Message

_STEP_OF_CELLS = 256
"""llama.cpp rounds the context of a sequence up to it."""
_TRIES = 8
"""It prints from a thread that it does not wait for at its end: with a small model the result is lost at times."""
_START_SECONDS = 120
_SERVER_WINDOW = 1_024
"""Tokens of context for each slot of the server."""

Conversation = Sequence[Message]


class Rates(NamedTuple):
    """Tokens a second that llama.cpp itself reaches; the model computes, and nothing is sampled or detokenized."""

    prefill: float
    decode: float


def batched_bench(
    path: Path,
    parallel: int,
    *,
    prompt: int,
    generated: int,
    threads: int,
    flash: bool | None = None,
) -> Rates:
    """One run of llama-batched-bench: `parallel` prompts, then steps with a token for each.

    Args:
        path: the model.
        parallel: sequences at a time.
        prompt: tokens of each.
        generated: tokens of each after the prompt.
        threads: of the processor.
        flash: flash attention; `None` leaves it to llama.cpp, which takes it.
    """
    cells = -(-(prompt + generated) // _STEP_OF_CELLS) * _STEP_OF_CELLS * parallel
    command = [
        *(str(tool("llama-batched-bench")), "-m", str(path), "--output-format", "jsonl"),
        *("-c", str(cells), "-t", str(threads), "-tb", str(threads)),
        *("-npp", str(prompt), "-ntg", str(generated), "-npl", str(parallel)),
        *(() if flash is None else ("-fa", "on" if flash else "off")),
    ]
    for _ in range(_TRIES):
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if lines and not done.returncode:
            found = json.loads(lines[-1])
            return Rates(float(found["speed_pp"]), float(found["speed_tg"]))
    raise SystemExit(f"{' '.join(command)} failed with status {done.returncode}:\n{done.stderr[-2_000:]}")


class LlamaLoop:
    """One `create_chat_completion` after the other: what a program without our engine does."""

    def __init__(self, path: Path, *, threads: int, context: int) -> None:
        """Load."""
        self._llama = Llama(str(path), n_ctx=context, n_threads=threads, n_threads_batch=threads, verbose=False)

    def write(self, conversations: Sequence[Conversation], tokens: int) -> float:
        """Answer all with exactly so many tokens each; the seconds taken."""
        start = time.perf_counter()
        for messages in conversations:
            rows: Any = [message._asdict() for message in messages]
            made: Any = self._llama.create_chat_completion(rows, max_tokens=tokens, temperature=0.0)
            check_length(int(made["usage"]["completion_tokens"]), tokens, "Llama.create_chat_completion")
        return time.perf_counter() - start

    def close(self) -> None:
        """Free the model."""
        self._llama.close()


class LlamaServer:
    """`llama-server` as a child process."""

    def __init__(self, path: Path, *, threads: int, parallel: int) -> None:
        """Start it and wait until it answers.

        Raises:
            SystemExit: it does not come up.
        """
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self._parallel = parallel
        command = [
            *(str(tool("llama-server")), "-m", str(path), "--host", "127.0.0.1", "--port", str(self._port)),
            *("-t", str(threads), "-tb", str(threads), "--parallel", str(parallel), "-cb"),
            *("-c", str(parallel * _SERVER_WINDOW), "--no-webui"),
        ]
        self._process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + _START_SECONDS
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > end:
                self.close()
                raise SystemExit(f"llama-server does not come up: {' '.join(command)}")
            time.sleep(0.2)

    def write(self, conversations: Sequence[Conversation], tokens: int) -> float:
        """Answer all, with as many clients as the server has slots; the seconds taken."""
        numbers, lock = iter(range(len(conversations))), threading.Lock()

        def client() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=600)
            with contextlib.closing(connection):
                while True:
                    with lock:
                        number = next(numbers, None)
                    if number is None:
                        return
                    made = self._ask(connection, conversations[number], tokens)
                    check_length(int(made["usage"]["completion_tokens"]), tokens, "llama-server")

        start = time.perf_counter()
        with ThreadPoolExecutor(self._parallel) as pool:
            for future in [pool.submit(client) for _ in range(self._parallel)]:
                future.result()
        return time.perf_counter() - start

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _ask(self, connection: http.client.HTTPConnection, messages: Conversation, tokens: int) -> Any:
        body = {"messages": [message._asdict() for message in messages], "max_tokens": tokens, "temperature": 0.0}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"llama-server answered {answer.status}: {text.decode(errors='replace')[:500]}")
        return json.loads(text)

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/health")
                return connection.getresponse().status == http.HTTPStatus.OK
            except OSError:
                return False


def check_length(found: int, wanted: int, who: str) -> None:
    """A comparison holds only between texts of the same length.

    Raises:
        SystemExit: the text is longer or shorter.
    """
    if found != wanted:
        raise SystemExit(f"{who} wrote {found} tokens instead of {wanted}: the comparison would not be fair")


@contextlib.contextmanager
def anchors(path: Path, *, threads: int, parallel: int) -> Iterator[tuple[LlamaLoop, LlamaServer]]:
    """Both programs with the model loaded, closed at the end."""
    loop = LlamaLoop(path, threads=threads, context=_SERVER_WINDOW)
    try:
        server = LlamaServer(path, threads=threads, parallel=parallel)
        try:
            yield loop, server
        finally:
            server.close()
    finally:
        loop.close()


def allowed_ratio(one: Rates, many: Rates, *, computed: int, generated: int) -> float:
    """How many times faster than a loop the machine allows a batch to be.

    The loop computes of each prompt what it does not share with the last one (`Llama.generate` keeps that) and then
    decodes alone; a batch computes as much of each prompt, and decodes with the others.

    Args:
        one: rates with one sequence.
        many: rates with as many as the batch has.
        computed: tokens of each prompt that are not shared.
        generated: tokens written for each.
    """
    alone = computed / one.prefill + generated / one.decode
    together = computed / many.prefill + generated / many.decode
    return alone / together
