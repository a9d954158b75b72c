"""Nothing looks through everything that is loaded while somebody waits."""

import asyncio
import gc
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from service.web.serving import _keep_for_good, _tidy


class Ring:
    """Refers to itself, so only the garbage collector finds it."""

    def __init__(self, gone: list[str]) -> None:
        self.itself, self.gone = self, gone

    def __del__(self) -> None:
        self.gone.append("gone")


@pytest.fixture
def by_hand() -> Iterator[None]:
    """The garbage collector looks when it is told to, and is afterwards as it was."""
    before = gc.get_threshold()
    gc.disable()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)
    gc.enable()


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize("idle", [True, False])
def test_what_is_left_of_requests_is_looked_for_when_nobody_waits(idle: bool) -> None:
    gone: list[str] = []
    Ring(gone)
    service: Any = SimpleNamespace(idle=idle)
    asyncio.run(_tidy(service))
    assert gone == (["gone"] if idle else [])


@pytest.mark.usefixtures("by_hand")
def test_what_is_loaded_is_left_alone_and_the_rest_is_looked_through_seldom() -> None:
    young, middle, old = gc.get_threshold()
    _keep_for_good()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[:2] == (young, middle)
    assert gc.get_threshold()[2] >= 10 * old
