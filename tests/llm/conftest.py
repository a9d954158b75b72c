from collections.abc import Iterator

import pytest

from service.llm.worker.native import NativeModel
from tests.llm.bench import Reference, trial_model


@pytest.fixture(scope="session")
def model() -> Iterator[NativeModel]:
    """The trial writer in this process."""
    with trial_model() as loaded:
        yield loaded


@pytest.fixture(scope="session")
def reference(model: NativeModel) -> Iterator[Reference]:
    """What computes alone."""
    made = Reference(model)
    yield made
    made.close()
