"""The paper that a person means by an id, a title, a short name, or nearly one of them."""

from pathlib import Path

import pytest

from service.answer.lookup import paper_named
from service.errors import PaperNotFoundError
from service.text import derived_paper_id
from service.types import Paper
from tests.answer.conftest import PAPERS, MakeBench, workbench
from tests.fakes import FakeEmbedder, ScriptedEngine
from tests.index.small_home import opened, put

ALPHA = next(iter(PAPERS))


@pytest.mark.parametrize(
    "name",
    [
        derived_paper_id(ALPHA),
        ALPHA,
        f"  {ALPHA.upper()}\n",
        "alpha",
        "Alpha: Reversible Adaptors",
        "\N{ZERO WIDTH SPACE}Alpha",
        "\udcffAlpha",
    ],
)
def test_a_paper_is_found_by_its_id_or_nearly_its_title(make_bench: MakeBench, name: str) -> None:
    assert paper_named(make_bench(ScriptedEngine()), name).title == ALPHA


@pytest.mark.parametrize("name", ["Omega", "", "\udcff"])
def test_a_name_of_no_paper_is_an_error_that_names_the_nearest(make_bench: MakeBench, name: str) -> None:
    with pytest.raises(
        PaperNotFoundError, match=f"no paper has the id or title “{name.strip(chr(0xDCFF))}”; nearest: t"
    ):
        paper_named(make_bench(ScriptedEngine()), name)


@pytest.mark.parametrize(
    "name", ["2404.12345", "2404.12345v7", "arXiv:2404.12345", "https://arxiv.org/pdf/2404.12345v1"]
)
def test_a_paper_of_arxiv_is_found_by_its_id_however_it_is_given(tmp_path: Path, name: str) -> None:
    with opened(tmp_path / "home", FakeEmbedder()) as stores:
        put(stores, Paper(paper_id="2404.12345", own_id=True, title=ALPHA, abstract=PAPERS[ALPHA]))
        assert paper_named(workbench(stores, ScriptedEngine()), name).paper_id == "2404.12345"
