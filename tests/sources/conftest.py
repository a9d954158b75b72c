import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.conftest import ROOT

# How many inputs each parser is given; 20,000 take some minutes a parser.
EXAMPLES = int(os.environ.get("PARSER_EXAMPLES", "100"))
many_inputs = settings(max_examples=EXAMPLES, deadline=None)


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder with recorded responses of services, which is not part of the repository."""
    folder = Path(os.environ.get("PAPERS_FIXTURES", ROOT.parent / "shared" / "fixtures"))
    if not folder.is_dir():
        pytest.skip("the folder of recorded responses is absent (PAPERS_FIXTURES)")
    return folder
