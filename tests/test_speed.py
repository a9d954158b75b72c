from itertools import pairwise
from pathlib import Path

import pytest

from service.errors import EngineError
from service.settings import Settings
from service.speed import examine_speed


def test_the_loaded_writer_is_measured_and_larger_ones_are_said_to_be_slower(tmp_path: Path) -> None:
    machine, speeds = examine_speed(Settings(home=tmp_path, threads=1, parallel=2))
    assert machine.read_gb > 0
    assert machine.multiply_gflops > 0
    measured, *others = speeds
    assert (measured.name, measured.measured) == ("paperboy-writer-trial-f16", True)
    assert all(value > 0 for value in measured[1:])
    assert len(others) > 3
    assert not any(speed.measured for speed in others)
    for smaller, larger in pairwise(others):
        assert smaller.summaries_per_hour > larger.summaries_per_hour
        assert smaller.first_token_seconds < larger.first_token_seconds


def test_with_an_endpoint_it_is_the_endpoint_that_is_measured(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"the endpoint 127\.0\.0\.1:9 cannot be reached"):
        examine_speed(Settings(home=tmp_path, endpoint="http://127.0.0.1:9"))
