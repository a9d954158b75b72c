from collections.abc import Callable, Iterator

import pytest

from service.answer.workbench import Workbench
from service.index.home import Home
from service.index.stores import Stores
from service.library import quietly
from service.resources import prompts_folder
from service.text import derived_paper_id
from service.types import Paper
from tests.fakes import FakeEmbedder, ScriptedEngine

PAPERS = {
    "Alpha: Reversible Adapters": (
        "Fine-tuning stores many activations. We propose Alpha, a reversible adapter that recomputes them. "
        "Alpha reduces activation memory by 84% on GLUE. It needs no pre-training."
    ),
    "Beta: Pictures from Noise": (
        "Pictures of cats are wanted everywhere. We propose Beta, which draws cats from noise. "
        "Beta takes 12 steps and beats GAN models on ImageNet."
    ),
    "Gamma: Sparse Activations": (
        "Memory limits the length of contexts. We propose Gamma, which keeps sparse activations only. "
        "Gamma reduces activation memory by 50% at 4,096 tokens."
    ),
}

MakeBench = Callable[[ScriptedEngine], Workbench]


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Three papers in real stores, for reading only."""
    with Home(tmp_path_factory.mktemp("answer") / "home") as home:
        opened = Stores(home, FakeEmbedder(), chroma_cold_limit=1_000, note=lambda _text: None)
        with opened.database.transaction():
            for title, abstract in PAPERS.items():
                opened.catalog.put(Paper(paper_id=derived_paper_id(title), title=title, abstract=abstract))
        opened.finish(quietly)
        yield opened
        opened.close()


@pytest.fixture
def make_bench(stores: Stores) -> MakeBench:
    """A workbench over the three papers with a given writer."""

    def made(engine: ScriptedEngine) -> Workbench:
        return Workbench(
            stores=stores,
            embedder=FakeEmbedder(),
            engine=lambda: engine,
            writer_fingerprint=lambda: engine.fingerprint,
            prompts=prompts_folder(),
            seed=7,
        )

    return made
