"""`paperboy models pull` with the real huggingface_hub, against a hub of our own on this machine."""

import hashlib
import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from service.llm.models import known_model, resolve
from tests.command_line import Done, one_clear_line, paperboy

CONTENT = b"GGUF" + bytes(range(256)) * 400
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILE = "owner/small-models:tiny-Q4.gguf"
PATH = "/owner/small-models/resolve/main/tiny-Q4.gguf"


class Shelf(NamedTuple):
    """What the hub says about one file, and what it sends."""

    content: bytes
    etag: str
    length: int


def shelf(content: bytes, *, of: bytes | None = None) -> Shelf:
    """A file as the hub keeps large ones: tagged with its SHA-256 (or that of another content)."""
    return Shelf(content, hashlib.sha256(content if of is None else of).hexdigest(), len(of or content))


class Hub:
    """Answers HEAD and GET of `/OWNER/REPO/resolve/main/FILE` as the Hugging Face hub does, and notes what it is asked.

    A path that is not in `files` is answered with `status`.
    """

    def __init__(self) -> None:
        self.files: dict[str, Shelf] = {}
        self.status = 404
        self.asked: list[tuple[str, str, str]] = []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                hub.answer(self, body=False)

            def do_GET(self) -> None:
                hub.answer(self, body=True)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: http.server.BaseHTTPRequestHandler, *, body: bool) -> None:
        self.asked.append((request.command, request.path, request.headers.get("User-Agent", "")))
        file = self.files.get(request.path)
        if file is None:
            request.send_response(self.status)
            if self.status == 404:
                request.send_header("X-Error-Code", "EntryNotFound")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(200)
        request.send_header("X-Repo-Commit", COMMIT)
        request.send_header("X-Linked-Etag", f'"{file.etag}"')
        request.send_header("X-Linked-Size", str(file.length))
        request.send_header("ETag", '"a-git-object"')
        request.send_header("Content-Length", str(len(file.content)))
        request.end_headers()
        if body:
            request.wfile.write(file.content)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hub() -> Iterator[Hub]:
    running = Hub()
    yield running
    running.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def pull(home: Path, name: str, endpoint: str, **environment: str) -> Done:
    """Run `models pull` with a hub that is on this machine, and nothing else of the person who runs the tests."""
    own = {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home.parent / "hf"),
        "HF_TOKEN": "",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    assert endpoint.startswith("http://127.0.0.1:")
    return paperboy(home, "models", "pull", name, **{**own, **environment})


def files_below(folder: Path) -> list[str]:
    return sorted(
        path.name for path in folder.rglob("*") if path.is_file() and ".cache" not in path.relative_to(folder).parts
    )


def test_a_file_arrives_whole_in_the_models_of_the_home_and_is_not_fetched_again(hub: Hub, home: Path) -> None:
    hub.files[PATH] = shelf(CONTENT)
    done = pull(home, FILE, hub.url)
    assert done.status == 0, done
    assert (home / "models" / "tiny-Q4.gguf").read_bytes() == CONTENT
    assert "--model tiny-Q4.gguf" in done.out
    assert files_below(home / "models") == ["tiny-Q4.gguf"]
    again = pull(home, FILE, hub.url)
    assert again.status == 0, again
    assert [method for method, path, _ in hub.asked if path == PATH].count("GET") == 1


def test_the_hub_is_asked_for_the_file_only_and_is_not_told_who_asks(hub: Hub, home: Path) -> None:
    hub.files[PATH] = shelf(CONTENT)
    done = pull(home, FILE, hub.url, AI_AGENT="some-agent")
    assert done.status == 0, done
    assert {path for _, path, _ in hub.asked} == {PATH}
    assert not any("agent/" in agent for _, _, agent in hub.asked)


def test_a_file_in_a_folder_of_its_repository_is_found_by_the_name_that_is_printed(hub: Hub, home: Path) -> None:
    hub.files["/owner/small-models/resolve/main/q4/tiny-Q4.gguf"] = shelf(CONTENT)
    done = pull(home, "owner/small-models:q4/tiny-Q4.gguf", hub.url)
    assert done.status == 0, done
    name = done.out.split("--model ")[1].strip()
    assert resolve(name, (home / "models",)).read_bytes() == CONTENT


def test_a_name_of_the_registry_is_fetched_from_its_repository(hub: Hub, home: Path) -> None:
    known = known_model("qwen3-4b")
    assert known is not None
    hub.files[f"/{known.repository}/resolve/main/{known.file}"] = shelf(CONTENT)
    assert pull(home, known.name, hub.url).status == 0
    assert (home / "models" / known.file).read_bytes() == CONTENT
    rows = paperboy(home, "models", "list", "--json").document["models"]
    assert {row["name"]: row["path"] for row in rows}[known.name] == str(home / "models" / known.file)


def test_a_file_that_changed_on_the_hub_is_fetched_anew(hub: Hub, home: Path) -> None:
    hub.files[PATH] = shelf(CONTENT)
    pull(home, FILE, hub.url)
    hub.files[PATH] = shelf(CONTENT[::-1])
    assert pull(home, FILE, hub.url).status == 0
    assert (home / "models" / "tiny-Q4.gguf").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize(
    "wrong",
    [
        shelf(CONTENT, of=CONTENT[:-1] + b"!"),
        shelf(CONTENT[:1_000], of=CONTENT),
        shelf(CONTENT + b"more", of=CONTENT),
    ],
    ids=["changed", "shorter", "longer"],
)
def test_a_file_that_is_not_what_the_hub_promised_is_removed(hub: Hub, home: Path, wrong: Shelf) -> None:
    hub.files[PATH] = wrong
    line = one_clear_line_after_progress(pull(home, FILE, hub.url))
    assert "tiny-Q4.gguf" in line
    assert "again" in line
    assert files_below(home) == []


def one_clear_line_after_progress(done: Done) -> str:
    """The last line of a refused pull; before it there may be a progress bar, and never a traceback."""
    assert "Traceback" not in done.err, done.err
    return one_clear_line(done._replace(err=done.err.replace("\r", "\n").strip().splitlines()[-1]))


@pytest.mark.parametrize("status", [404, 401, 403, 500])
def test_a_hub_that_refuses_is_one_clear_line_with_its_answer(hub: Hub, home: Path, status: int) -> None:
    hub.status = status
    line = one_clear_line(pull(home, FILE, hub.url))
    assert "owner/small-models" in line
    assert str(status) in line
    assert files_below(home) == []


def test_a_hub_that_nobody_runs_is_one_clear_line_that_says_what_to_do(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        line = one_clear_line(pull(home, FILE, f"http://127.0.0.1:{taken.getsockname()[1]}"))
    assert "cannot be reached" in line
    assert "--model PATH" in line
    assert files_below(home) == []


def test_offline_mode_is_one_clear_line_and_nothing_is_asked(hub: Hub, home: Path) -> None:
    line = one_clear_line(pull(home, FILE, hub.url, HF_HUB_OFFLINE="1"))
    assert "cannot be reached" in line
    assert hub.asked == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-such-model", "models list"),
        ("owner/repo", "OWNER/REPOSITORY:FILE.gguf"),
        ("owner/repo:weights.safetensors", "OWNER/REPOSITORY:FILE.gguf"),
        ("https://example.org/x:y.gguf", "OWNER/REPOSITORY:FILE.gguf"),
        ("paperboy-writer-trial", "ships with Paperboy"),
    ],
)
def test_a_name_that_cannot_be_fetched_is_one_clear_line_and_nothing_is_asked(
    hub: Hub, home: Path, name: str, said: str
) -> None:
    assert said in one_clear_line(pull(home, name, hub.url))
    assert hub.asked == []
    assert not home.exists()


@pytest.mark.parametrize("name", ["owner/repo:../../evil.gguf", "owner/repo:/etc/evil.gguf", "../x:evil.gguf"])
def test_a_name_cannot_lead_out_of_the_models_folder(hub: Hub, home: Path, name: str) -> None:
    for path in ("/owner/repo/evil.gguf", "/owner/repo/resolve/main//etc/evil.gguf", "/x/resolve/main/evil.gguf"):
        hub.files[path] = shelf(CONTENT)
    one_clear_line_after_progress(pull(home, name, hub.url))
    assert [path for path in home.parent.rglob("*.gguf") if path.is_file()] == []
    assert not Path("/etc/evil.gguf").exists()


def test_a_home_that_cannot_be_written_is_one_clear_line(hub: Hub, tmp_path: Path) -> None:
    hub.files[PATH] = shelf(CONTENT)
    (tmp_path / "file").write_text("in the way")
    line = one_clear_line(pull(tmp_path / "file" / "home", FILE, hub.url))
    assert str(tmp_path / "file") in line
