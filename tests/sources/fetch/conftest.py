from collections.abc import Iterator

import pytest

from tests.sources.fetch.site import Site


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()
