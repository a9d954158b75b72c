"""Kept texts: found again under what shapes them and nothing else, bounded, and never a reason to fail."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.index.results import Cache, Generations, TextSummaries
from service.ports import Choice, Choices, Generation, GenerationRequest, Message

REQUEST = GenerationRequest((Message("user", "why?"),), choices=Choices((Choice("It is fast.", 0),)))
MADE = Generation("It is fast.", (0,), 5, 4, 1.5, first_token_seconds=0.5, steps=1, logprobs=(-0.25, -0.5))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.sqlite3"


@pytest.fixture
def cache(path: Path) -> Iterator[Cache]:
    with closing(Cache(path)) as opened:
        yield opened


def test_what_was_written_is_found_again_as_it_was_also_by_the_next_process(path: Path) -> None:
    with closing(Cache(path)) as cache:
        Generations(cache).put("writer", REQUEST, MADE)
    with closing(Cache(path)) as cache:
        assert Generations(cache).get("writer", REQUEST) == MADE


def test_when_a_request_is_served_does_not_matter(cache: Cache) -> None:
    Generations(cache).put("writer", REQUEST._replace(batch=True), MADE)
    assert Generations(cache).get("writer", REQUEST._replace(deadline=3.0)) == MADE


OTHERS: dict[str, Any] = {
    "messages": (Message("system", "why?"),), "max_tokens": 9, "temperature": 0.5, "top_k": 1, "top_p": 0.5,
    "min_p": 0.5, "seed": 1, "stop": (".",), "choices": None, "lead": " ", "grammar": 'root ::= "a"',
    "json_schema": "{}", "logprobs": True,
}  # fmt: skip


def test_every_field_of_a_request_is_considered() -> None:
    assert {*OTHERS, "batch", "deadline"} == set(GenerationRequest._fields)


@pytest.mark.parametrize("field", OTHERS)
def test_another_request_or_another_writer_is_another_text(cache: Cache, field: str) -> None:
    kept = Generations(cache)
    kept.put("writer", REQUEST, MADE)
    assert kept.get("writer", REQUEST._replace(**{field: OTHERS[field]})) is None
    assert kept.get("other writer", REQUEST) is None


def test_the_oldest_go_and_what_is_written_anew_is_new(path: Path) -> None:
    with closing(Cache(path, most=3)) as cache:
        for key in ("a", "b", "c", "a", "d"):
            cache.put(key, f"text {key}")
        assert [cache.get(key) for key in "abcd"] == ["text a", None, "text c", "text d"]


@pytest.mark.parametrize("where", [0, 100, 5_000])
def test_a_damaged_file_is_begun_anew(path: Path, where: int) -> None:
    with closing(Cache(path)) as cache:
        for number in range(50):
            cache.put(f"key {number}", "text " * 50)
    data = path.read_bytes()
    path.write_bytes(data[:where] + b"\xff" * 8_000 + data[where + 8_000 :])
    with closing(Cache(path)) as cache:
        for number in range(50):
            assert cache.get(f"key {number}") in (None, "text " * 50)
        cache.put("new", "text")
        cache.put("new", "text")
        assert cache.get("new") == "text"
    with closing(Cache(path)) as cache:
        assert cache.get("new") == "text"


def test_where_no_file_can_be_nothing_fails(path: Path) -> None:
    path.mkdir()
    with closing(Cache(path)) as cache:
        cache.put("a", "text")
        assert cache.get("a") == "text"
    assert path.is_dir()


def test_a_summary_that_another_version_wrote_otherwise_is_made_again(cache: Cache) -> None:
    cache.put("key", '{"paper_id": "p", "stars": 5}')
    assert TextSummaries(cache).get("key") is None
