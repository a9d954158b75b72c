"""Requests at a time, cells for them, layers on a GPU: by the model, the memory and the workload."""

import os
from pathlib import Path
from typing import NamedTuple

from service.errors import ModelError

_LARGEST_DEFAULT_WINDOW = 8_192
_USUAL_WINDOW = 4_096
"""Of each of many requests at a time: a question with twenty abstracts has about 3,000 tokens."""
_SMALLEST_WINDOW = 256
_PARALLEL_CPU, _PARALLEL_GPU = 16, 32
"""Where more requests at a time gave hardly more tokens a second."""
_FEWEST_PARALLEL = 4
"""Rather a smaller window than fewer requests than this."""
_MEMORY_SHARE = 0.5
"""Of the free memory, for keys and values: the weights and the rest of the machine need some too."""
_GPU_SHARE = 0.9
_SCORES_SHARE = 1 / 16
"""Of the free memory, for what attention needs that is not done block by block."""


class Workload(NamedTuple):
    """What was asked for; `None`: choose."""

    parallel: int | None = None
    context: int | None = None
    deterministic: bool = False


class Size(NamedTuple):
    """What an engine has room for."""

    parallel: int
    """Requests of a batch at a time."""
    reserved: int
    """Slots more, that batch work leaves free."""
    window: int
    """Tokens that one request may have."""
    deterministic: bool = False

    @property
    def slots(self) -> int:
        """Requests at a time."""
        return self.parallel + self.reserved


def size_for(workload: Workload, *, trained: int, cell_bytes: int, free_bytes: int, gpu: bool, name: str) -> Size:
    """Slots, and tokens for each.

    Args:
        workload: what was asked for.
        trained: tokens of context that the model was made for.
        cell_bytes: memory of the keys and values of one token; 0 for models that keep none.
        free_bytes: memory that is free once the weights are loaded.
        gpu: whether layers are offloaded.
        name: of the model, for messages.

    Raises:
        ModelError: not even one small request fits.
    """
    affordable = int(free_bytes * _MEMORY_SHARE) // cell_bytes if cell_bytes else 1 << 40
    alone = workload.deterministic or workload.parallel == 1
    window = min(workload.context or (_LARGEST_DEFAULT_WINDOW if alone else _USUAL_WINDOW), trained)
    parallel = 1 if alone else workload.parallel or (_PARALLEL_GPU if gpu else _PARALLEL_CPU)
    reserved = 0 if alone else 1
    if workload.parallel is None and not alone:
        parallel = max(min(parallel, affordable // window - reserved), min(parallel, _FEWEST_PARALLEL))
    if workload.context is None:
        window = min(window, affordable // (parallel + reserved))
    needed = window * (parallel + reserved)
    if needed > affordable or window < min(_SMALLEST_WINDOW, trained):
        wanted = max(needed, _SMALLEST_WINDOW * (parallel + reserved))
        raise ModelError(
            f"{name} needs {wanted * cell_bytes / 2**20:,.0f} MiB for {parallel + reserved} times a context of "
            f"{max(window, _SMALLEST_WINDOW)} tokens and {free_bytes * _MEMORY_SHARE / 2**20:,.0f} MiB can be spared: "
            "use a smaller --context, a smaller --parallel or a smaller model"
        )
    return Size(parallel, reserved, window, workload.deterministic)


def layers_that_fit(layers: int, weight_bytes: int, context_bytes: int, free_bytes: int) -> int:
    """Layers to offload: each takes its share of the weights and of the keys and values.

    Args:
        layers: of the model, the output layer included.
        weight_bytes: size of the model file.
        context_bytes: of the keys and values of all cells.
        free_bytes: memory of the GPU that is free.
    """
    each = (weight_bytes + context_bytes) / max(layers, 1)
    return min(layers, int(free_bytes * _GPU_SHARE / max(each, 1)))


def flash_attention(*, processor: str, cache_type: str, score_bytes: int, free_bytes: int) -> bool | None:
    """Whether to attend block by block (Dao et al. 2022) where no layer is on a GPU; `None` leaves it to llama.cpp.

    llama.cpp does so, but on x86 its kernel for single tokens goes through keys and values one by one: behind 450
    tokens a model of 0.5B writes 52 instead of 80 tokens a second, eight requests 104 instead of 200. It reads a prompt
    of 450 faster, 790 instead of 610 a second. Other processors were not measured; keys and values of less than 16 bits
    need it.

    Args:
        processor: its architecture, as `platform.machine` names it.
        cache_type: precision of keys and values.
        score_bytes: memory of the scores of a whole batch, all of which are there at once without it.
        free_bytes: memory that is free once the weights are loaded.
    """
    affordable = score_bytes <= free_bytes * _SCORES_SHARE
    return False if affordable and cache_type == "f16" and processor.lower() in {"x86_64", "amd64"} else None


def free_memory() -> int:
    """Bytes of main memory that a process can have now."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        # Systems without /proc say only how much there is at all.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def has_huge_pages() -> bool:
    """Whether the system gives memory in huge pages to a process that asks for them."""
    try:
        return "[never]" not in Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text(encoding="ascii")
    except OSError:
        return False
