"""Weights are in huge pages where the system has them, and are read into memory of their own where that pays."""

from pathlib import Path

import pytest

from service.llm.engine import LlamaEngine
from service.llm.worker.sizing import has_huge_pages
from tests.conftest import TRIAL_WRITER
from tests.llm.writing import asking, write, writer

_FILE = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_SETTING = _FILE.read_text(encoding="ascii") if _FILE.exists() else ""
huge = pytest.mark.skipif(not has_huge_pages(), reason="this system has no huge pages")


def about(engine: LlamaEngine, name: str) -> str:
    """What the system says of the process of an engine that has written something."""
    write(engine, asking(max_tokens=2))
    return Path(f"/proc/{engine.pid}/{name}").read_text(encoding="utf-8", errors="replace")


def huge_kilobytes(engine: LlamaEngine) -> int:
    lines = about(engine, "smaps_rollup").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages:"))


@huge
def test_the_weights_of_a_batch_are_read_and_those_of_a_single_answer_are_mapped() -> None:
    weights = TRIAL_WRITER.name
    with writer(parallel=1) as alone, writer(parallel=4) as batch, writer(parallel=4, deterministic=True) as same:
        assert weights in about(alone, "maps")
        assert weights in about(same, "maps")
        assert weights not in about(batch, "maps")


@huge
def test_memory_of_the_process_is_in_huge_pages() -> None:
    with writer(parallel=4) as batch:
        assert huge_kilobytes(batch) > 0


@huge
@pytest.mark.skipif("[always]" in _SETTING, reason="this system gives huge pages to everyone")
def test_what_the_user_sets_for_the_c_library_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0")
    with writer(parallel=4) as batch:
        assert huge_kilobytes(batch) == 0
