"""The two sides of the digest bench do the same work, from nothing."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from eval.bench.digest import day_of, digested, filled, one_by_one
from service.settings import Mode

DAY = date(2025, 3, 4)


def record(number: int, day: str = DAY.isoformat()) -> dict[str, object]:
    abstract = (
        f"Large models are slow. We propose method {number}, which leaves out every layer that is not needed. "
        f"It is {number + 2} times as fast on three tasks. Accuracy stays the same. The code is public."
    )
    return {"id": f"p{number}", "title": f"Layers Left Out {number}", "abstract": abstract, "listed": day}


def test_the_day_with_about_as_many_papers_as_wanted_is_taken() -> None:
    days = {"2025-03-01": 2, "2025-03-02": 7, "2025-03-03": 4, "2025-03-04": 4, "2025-03-05": 30}
    records = [record(number, day) for day, count in days.items() for number in range(count)]
    day, papers = day_of([*records, {"listed": None}], 5)
    assert (day, len(papers)) == (DAY, 4)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("bench") / "home", [record(number) for number in range(6)])


@pytest.mark.parametrize("mode", ["extractive", "quotes"])
def test_a_digest_and_single_calls_write_the_same(home: Path, mode: Mode) -> None:
    ours, theirs = digested(home, DAY, mode), one_by_one(home, DAY, mode)
    assert sorted(ours.texts) == [f"p{number}" for number in range(6)]
    assert ours.texts == theirs.texts
    assert min(ours.seconds, theirs.seconds) > 0
    # Neither side left anything that the other could have taken.
    with closing(sqlite3.connect(home / "catalog.sqlite3")) as catalog:
        assert catalog.execute("SELECT count(*) FROM summaries").fetchone() == (0,)
    assert not (home / "cache.sqlite3").exists()
