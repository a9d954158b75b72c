"""How many requests at a time and how many cells: from what is there, and never more."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.errors import ModelError
from service.llm.worker.sizing import Workload, flash_attention, free_memory, layers_that_fit, size_for

MIB = 2**20


@given(
    parallel=st.none() | st.integers(1, 200),
    context=st.none() | st.integers(256, 100_000),
    trained=st.integers(64, 200_000),
    cell_bytes=st.integers(0, 2_000_000),
    free=st.integers(0, 2**38),
    deterministic=st.booleans(),
    gpu=st.booleans(),
)
def test_whatever_is_asked_for_the_cells_fit_the_memory_and_a_request_fits_the_cells(
    parallel: int | None,
    context: int | None,
    trained: int,
    cell_bytes: int,
    free: int,
    deterministic: bool,
    gpu: bool,
) -> None:
    try:
        size = size_for(
            Workload(parallel, context, deterministic),
            trained=trained,
            cell_bytes=cell_bytes,
            free_bytes=free,
            gpu=gpu,
            name="m",
        )
    except ModelError:
        assert cell_bytes, "a model without keys and values always fits"
        return
    assert size.window <= trained
    assert size.window * size.slots * cell_bytes <= free / 2
    assert context is None or size.window <= context
    assert size.parallel >= 1
    assert size.slots == size.parallel + size.reserved
    if deterministic:
        assert size.slots == 1
    elif parallel:
        assert size.parallel == parallel


@given(st.integers(1_024, 8_192), st.integers(1_000, 500_000))
def test_with_more_memory_no_less_is_done_at_a_time(trained: int, cell_bytes: int) -> None:
    sizes = []
    for free in (2**29, 2**31, 2**33, 2**36):
        try:
            sizes.append(
                size_for(Workload(), trained=trained, cell_bytes=cell_bytes, free_bytes=free, gpu=False, name="m")
            )
        except ModelError:
            assert not sizes
    assume(sizes)
    assert [size.parallel for size in sizes] == sorted(size.parallel for size in sizes)
    assert sizes[-1].parallel >= 4


def test_a_context_that_does_not_fit_the_memory_is_refused_with_both_numbers() -> None:
    with pytest.raises(ModelError, match=r"m needs 800 MiB for 1 times a context of 8192 tokens and 500 MiB can be"):
        size_for(
            Workload(context=8_192, parallel=1),
            trained=8_192,
            cell_bytes=100 * 1_024,
            free_bytes=1_000 * MIB,
            gpu=False,
            name="m",
        )


def test_without_a_number_the_context_shrinks_to_the_memory() -> None:
    size = size_for(
        Workload(parallel=1), trained=8_192, cell_bytes=100 * 1_024, free_bytes=1_000 * MIB, gpu=False, name="m"
    )
    assert size.window == 5_120


def test_one_request_at_a_time_has_the_whole_window_and_nothing_is_reserved() -> None:
    size = size_for(Workload(parallel=1), trained=4_096, cell_bytes=1, free_bytes=2**33, gpu=False, name="m")
    assert (size.parallel, size.reserved, size.window) == (1, 0, 4_096)


@given(st.integers(0, 200), st.integers(0, 2**40), st.integers(0, 2**38), st.integers(0, 2**38))
def test_the_layers_that_are_offloaded_fit(layers: int, weights: int, context: int, free: int) -> None:
    count = layers_that_fit(layers, weights, context, free)
    assert 0 <= count <= layers
    if layers:
        assert count * (weights + context) / layers <= free or count == 0 or weights + context < layers


def test_the_free_memory_of_this_machine_is_known() -> None:
    assert 2**26 < free_memory() < 2**46


@pytest.mark.parametrize(
    ("processor", "cache_type", "score_bytes", "wanted"),
    [
        ("x86_64", "f16", 100 * MIB, False),
        ("AMD64", "f16", 100 * MIB, False),
        ("arm64", "f16", 100 * MIB, None),
        ("x86_64", "q8_0", 100 * MIB, None),
        ("x86_64", "f16", 300 * MIB, None),
    ],
)
def test_flash_attention_is_left_out_where_single_tokens_are_faster_without_it_and_the_scores_fit(
    processor: str, cache_type: str, score_bytes: int, wanted: bool | None
) -> None:
    found = flash_attention(processor=processor, cache_type=cache_type, score_bytes=score_bytes, free_bytes=4_096 * MIB)
    assert found is wanted
