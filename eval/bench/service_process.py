"""The servers that the bench of the service speaks to, each a process of its own, and how much memory they took."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from eval.data import ROOT

WRITER = ROOT / "models" / "paperboy-writer-trial-f16.gguf"
_START_SECONDS = 120.0
_CONTEXT = 4_096


class Served(NamedTuple):
    """A server that runs."""

    url: str
    pid: int

    def memory(self) -> dict[str, float]:
        """The most memory that it and its writer have had so far, MiB each."""
        found = {"service": _peak(self.pid)}
        for child in Path(f"/proc/{self.pid}/task").glob("*/children"):
            for pid in map(int, child.read_text().split()):
                if b"writer" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    found["writer"] = _peak(pid)
        return found


@contextmanager
def paperboy(home: Path, threads: int) -> Iterator[Served]:
    """`paperboy serve` on a home, with the shipped models, ready."""
    command = [sys.executable, "-m", "service.cli", "--home", str(home), "serve", "--port", "0"]
    environment = {**os.environ, "PAPERBOY_THREADS": str(threads), "PAPERBOY_WRITER": str(WRITER)}
    with _process(command, environment, subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        said = process.stdout.readline()
        if "Paperboy is at " not in said:
            raise SystemExit("the service does not start: see above")
        url = said.split("Paperboy is at ")[1].split(";")[0]
        _wait(f"{url}/readyz")
        yield Served(url, process.pid)


@contextmanager
def llama_server(threads: int) -> Iterator[Served]:
    """llama-cpp-python's own server with the same model file and threads."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"model": WRITER, "port": port, "n_threads": threads, "n_threads_batch": threads, "n_ctx": _CONTEXT}
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "llama_cpp.server", *flags, "--verbose", "false"]
    with _process(command, dict(os.environ), subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/v1/models")
        yield Served(url, process.pid)


@contextmanager
def _process(command: list[str], environment: dict[str, str], stdout: int) -> Iterator["subprocess.Popen[str]"]:
    # What it logs is a line for each request, and none of our tables.
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
    with subprocess.Popen(  # noqa: S603
        command, stdout=stdout, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()


def _wait(url: str) -> None:
    """Until it answers with 200.

    Raises:
        SystemExit: it does not within two minutes.
    """
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=10):  # noqa: S310 - an address of this machine
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer: start its server by hand to see why")


def _peak(pid: int) -> float:
    """Linux keeps the greatest resident size of a process; 0 elsewhere."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1_024 for line in lines if line.startswith("VmHWM:")), 0.0)
