import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from eval.data import data_folder
from service.library import Library
from service.llm.embedder import LlamaEmbedder
from service.resources import models_folder
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_PAGES = ROOT / "samples" / "daily-papers"
MINILM = models_folder() / "all-MiniLM-L6-v2-Q8_0.gguf"
TRIAL_WRITER = models_folder() / "paperboy-writer-trial-f16.gguf"
# A busy machine takes longer over a text than 200 ms and is no failure.
hypothesis.settings.register_profile("paperboy", deadline=None)
hypothesis.settings.load_profile("paperboy")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in a test reaches another machine; loopback is allowed."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a connection to {address} was tried")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the person who runs the tests leaks in."""
    monkeypatch.delenv("PAPERBOY_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))


@pytest.fixture(scope="session")
def embedder() -> Iterator[LlamaEmbedder]:
    loaded = LlamaEmbedder(MINILM)
    yield loaded
    loaded.close()


@pytest.fixture(scope="session")
def sample_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the sample pages; copy it before changing anything in it."""
    home = tmp_path_factory.mktemp("sample") / "home"
    with Library.open(Settings(home=home)) as library:
        report = library.ingest([SAMPLE_PAGES])
    assert report.papers == 426
    return home


@pytest.fixture(scope="session")
def sample(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The sample pages, for reading only."""
    home = tmp_path_factory.mktemp("shared") / "home"
    shutil.copytree(sample_home, home)
    with Library.open(Settings(home=home)) as library:
        yield library


@pytest.fixture
def own_sample_home(sample_home: Path, tmp_path: Path) -> Path:
    """A copy of the sample's home that a test may damage."""
    home = tmp_path / "home"
    shutil.copytree(sample_home, home)
    return home


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with training and development data, which is not part of the repository."""
    folder = data_folder()
    if folder is None:
        pytest.skip("the data folder is absent (PAPERS_DATA)")
    return folder
