"""Nothing is sent anywhere, and nothing is loaded that could send: watched in the processes themselves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import paperboy

# Python loads a module of this name at its start, in child processes too.
WATCHER = """\
import atexit, json, os, sys

def note(**seen):
    with open(os.environ["WATCHED"], "a") as file:
        file.write(json.dumps(seen) + "\\n")

def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        note(event=event, to=str(arguments[-1 if event == "socket.connect" else 0]))
    # A model's process ends without saying what it had loaded.
    if event == "import" and "service.llm.worker" in sys.orig_argv:
        note(worker=arguments[0])

sys.addaudithook(hook)
atexit.register(lambda: note(modules=sorted(sys.modules)))
"""


class Watch:
    """The environment of watched processes, and what was seen in them."""

    def __init__(self, folder: Path) -> None:
        (folder / "sitecustomize.py").write_text(WATCHER)
        self._log = folder / "log"
        self.environment = {"PYTHONPATH": str(folder), "WATCHED": str(self._log)}

    def _seen(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def connections(self) -> list[object]:
        """Where the processes tried to connect to."""
        return [seen["to"] for seen in self._seen() if "event" in seen]

    def modules_of_workers(self) -> set[str]:
        """What the processes of the models had loaded or looked for."""
        return {str(seen["worker"]) for seen in self._seen() if "worker" in seen}

    def modules(self) -> set[str]:
        """What the processes had loaded at their end."""
        found: set[str] = set()
        for seen in self._seen():
            names = seen.get("modules", [])
            assert isinstance(names, list)
            found.update(names)
        return found


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    folder = tmp_path / "watch"
    folder.mkdir()
    return Watch(folder)


def test_the_watch_sees_a_process_that_connects(watch: Watch) -> None:
    code = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9))"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **watch.environment}, check=True)
    assert watch.connections() == ["('127.0.0.1', 9)"]


def test_the_main_job_connects_to_nothing_and_loads_nothing_that_serves_or_phones(
    watch: Watch, own_sample_home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "papers.jsonl"
    file.write_text('{"title": "Quick", "abstract": "It was slow. We propose Quick, which is fast."}\n')
    for command in (
        ("ingest", file),
        ("search", "sparse fine-tuning"),
        ("ask", "which papers reduce activation memory?"),
        ("summarize", "KVQuant"),
        ("digest", "latest"),
        ("doctor",),
    ):
        assert paperboy(own_sample_home, *command, **watch.environment).status == 0
    assert watch.connections() == []
    loaded = watch.modules()
    assert "chromadb" in loaded
    # CVE-2026-45829 is in Chroma's server; the others talk to other machines.
    assert not {"chromadb.server.fastapi", "uvicorn", "posthog", "huggingface_hub", "kubernetes"} & loaded
    workers = watch.modules_of_workers()
    assert {"llama_cpp", "service.llm.worker.runtime", "service.llm.worker.encoder"} <= workers
    assert not {"chromadb", "huggingface_hub", "httpx", "httpx2", "requests", "uvicorn"} & workers
