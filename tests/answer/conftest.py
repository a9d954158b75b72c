from collections.abc import Callable, Iterator
from functools import partial

import pytest

from service.answer.workbench import Workbench
from service.index.stores import Stores
from service.library import quietly
from service.resources import prompts_folder
from service.text import derived_paper_id
from service.types import Paper
from tests.fakes import FakeEmbedder, ScriptedEngine
from tests.index.small_home import opened, put

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
    with opened(tmp_path_factory.mktemp("answer") / "home", FakeEmbedder()) as made:
        put(
            made,
            *(Paper(paper_id=derived_paper_id(title), title=title, abstract=text) for title, text in PAPERS.items()),
        )
        made.finish(quietly)
        yield made


def workbench(stores: Stores, engine: ScriptedEngine) -> Workbench:
    """A workbench over some stores with a given writer."""
    return Workbench(
        stores=stores,
        embedder=FakeEmbedder(),
        engine=lambda: engine,
        writer_fingerprint=lambda: engine.fingerprint,
        prompts=prompts_folder(),
        seed=7,
    )


@pytest.fixture
def make_bench(stores: Stores) -> MakeBench:
    """A workbench over the three papers with a given writer."""
    return partial(workbench, stores)
