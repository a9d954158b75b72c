import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.library import Library
from service.settings import Settings
from tests.web.serving import Running, running, until_ready

RECORDS = [
    {
        "id": "alpha",
        "title": "Alpha: Reversible Adapters",
        "abstract": "Fine-tuning stores many activations. We propose Alpha, a reversible adapter that recomputes them. "
        "Alpha reduces activation memory by 84% on GLUE. It needs no pre-training.",
        "listed": "2026-01-05",
        "categories": "cs.CL cs.LG",
        "url": "https://example.org/alpha",
    },
    {
        "id": "beta/1",
        "title": "Beta: Pictures from Noise",
        "abstract": "Pictures of cats are wanted everywhere. We propose Beta, which draws cats from noise. "
        "Beta takes 12 steps and beats GAN models on ImageNet.",
        "listed": "2026-01-06",
        "categories": "cs.CV",
    },
    {
        "id": "gamma",
        "title": "Gamma: Sparse Activations",
        "abstract": "Memory limits the length of contexts. We propose Gamma, which keeps sparse activations only. "
        "Gamma reduces activation memory by 50% at 4,096 tokens.",
        "listed": "2026-01-06",
        "categories": "cs.LG",
    },
]


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three papers; copy it before serving it."""
    folder = tmp_path_factory.mktemp("web")
    file = folder / "papers.jsonl"
    file.write_text("\n".join(json.dumps(record) for record in RECORDS))
    with Library.open(Settings(home=folder / "home")) as library:
        assert library.ingest([file]).added == 3
    return folder / "home"


@pytest.fixture
def home(small_home: Path, tmp_path: Path) -> Path:
    """A copy for one test."""
    shutil.copytree(small_home, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture(scope="session")
def served(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with the real models, for tests that change nothing that others look at."""
    home = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(small_home, home)
    with running(home) as run:
        until_ready(run)
        yield run
