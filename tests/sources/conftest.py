import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.conftest import ROOT

# How many inputs of each kind every parser is given; 20,000 take some minutes a parser.
EXAMPLES = int(os.environ.get("PARSER_EXAMPLES", "100"))
many_inputs = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
_RECORDED = Path(os.environ.get("PAPERS_FIXTURES", ROOT.parent / "shared" / "fixtures"))
_FOLDERS = {
    "arxiv-atom": "arxiv_api_atom/*.xml",
    "arxiv-oai": "arxiv_oai_pmh/*.xml",
    "arxiv-rss": "arxiv_rss/*.xml",
    "hf": "hf_daily_papers/*.json",
    "s2": "semantic_scholar/*.json",
    "bibtex": "bibtex/*.bib",
}


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder with recorded responses of services, which is not part of the repository."""
    if not _RECORDED.is_dir():
        pytest.skip("the folder of recorded responses is absent (PAPERS_FIXTURES)")
    return _RECORDED


def recorded_files(name: str) -> list[str]:
    """The recorded responses in a format; none where the folder is absent or has none."""
    return [file.read_text(encoding="utf-8") for file in sorted(_RECORDED.glob(_FOLDERS.get(name, "-")))]
