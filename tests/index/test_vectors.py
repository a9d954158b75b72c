import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from service.errors import IndexUnusableError
from service.index.vectors import ChromaStore, probe
from service.ports import StoredVector, Vector

DIMENSIONS = 16
FILE = "chroma.sqlite3"


def unit(values: NDArray[np.floating[Any]]) -> Vector:
    return (values / np.linalg.norm(values)).astype(np.float32)


def made_rows(count: int, seed: int = 0, chunks: int = 2) -> list[StoredVector]:
    """Rows of papers p0, p1, … with so many chunks each."""
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSIONS)).astype(np.float32)
    return [
        StoredVector(f"p{index // chunks}#{index % chunks}", f"p{index // chunks}", unit(vector))
        for index, vector in enumerate(vectors)
    ]


ROWS = made_rows(300)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChromaStore]:
    opened = ChromaStore(tmp_path / "chroma", "one")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store with `ROWS`; copy it before damaging it."""
    path = tmp_path_factory.mktemp("sound") / "chroma"
    filled = ChromaStore(path, "one")
    filled.put(ROWS)
    filled.close()
    return path


@pytest.fixture
def own(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "chroma"))


def has_exactly(store: ChromaStore, rows: Sequence[StoredVector]) -> bool:
    """Whether a store has these rows; Chroma scales vectors anew, which changes their last bit."""
    found, wanted = sorted(store.rows(), key=row_id), sorted(rows, key=row_id)
    return [row[:2] for row in found] == [row[:2] for row in wanted] and np.allclose(
        [row.vector for row in found], [row.vector for row in wanted], atol=1e-6
    )


def row_id(row: StoredVector) -> str:
    return row.chunk_id


def ids(store: ChromaStore) -> set[str]:
    return {row.chunk_id for row in store.rows()}


def test_rows_come_back_as_they_were_put(store: ChromaStore) -> None:
    store.put(ROWS)
    assert store.count() == len(ROWS)
    assert has_exactly(store, ROWS)


def test_rows_are_there_after_closing_and_opening(own: Path) -> None:
    again = ChromaStore(own, "one")
    assert has_exactly(again, ROWS)
    assert again.search(ROWS[7].vector, 1)[0][0] == ROWS[7].chunk_id
    again.close()


def test_more_rows_than_a_batch_or_a_page_are_put_and_read(store: ChromaStore) -> None:
    many = made_rows(store._client.get_max_batch_size() + 10)
    store.put(many)
    assert has_exactly(store, many)


def test_putting_a_row_again_replaces_it(store: ChromaStore) -> None:
    store.put(ROWS[:10])
    store.put([ROWS[3]._replace(vector=ROWS[200].vector)])
    assert store.count() == 10
    assert store.search(ROWS[200].vector, 1)[0][0] == ROWS[3].chunk_id


def test_putting_nothing_changes_nothing(store: ChromaStore) -> None:
    store.put([])
    store.delete([])
    store.delete_papers([])
    assert store.count() == 0


def test_deleted_rows_are_gone_and_unknown_ones_are_passed_over(store: ChromaStore) -> None:
    store.put(ROWS[:10])
    store.delete([ROWS[0].chunk_id, "unknown#0"])
    assert ids(store) == {row.chunk_id for row in ROWS[1:10]}
    assert ROWS[0].chunk_id not in [name for name, _ in store.search(ROWS[0].vector, 10)]


def test_all_rows_of_a_paper_are_deleted_together(store: ChromaStore) -> None:
    store.put(ROWS[:10])
    store.delete_papers(["p1", "p3", "unknown"])
    assert {row.paper_id for row in store.rows()} == {"p0", "p2", "p4"}


def test_search_gives_the_nearest_with_their_cosines_nearest_first(store: ChromaStore) -> None:
    store.put(ROWS)
    question = unit(np.random.default_rng(9).normal(size=DIMENSIONS))
    exact = {row.chunk_id: float(row.vector @ question) for row in ROWS}
    expected = sorted(exact, key=lambda name: -exact[name])[:50]
    found = store.search(question, 50)
    names = [name for name, _ in found]
    # The graph may pass over a neighbour; which one differs by build.
    assert len(set(names) & set(expected)) >= 48
    assert names == sorted(names, key=lambda name: -exact[name])
    assert all(abs(cosine - exact[name]) < 1e-5 for name, cosine in found)


def test_opposite_vectors_have_cosine_minus_one(store: ChromaStore) -> None:
    store.put([ROWS[0], ROWS[1]._replace(vector=-ROWS[0].vector)])
    found = dict(store.search(ROWS[0].vector, 2))
    assert found[ROWS[0].chunk_id] == pytest.approx(1)
    assert found[ROWS[1].chunk_id] == pytest.approx(-1)


def test_search_gives_no_more_than_there_are(store: ChromaStore) -> None:
    assert store.search(ROWS[0].vector, 5) == []
    store.put(ROWS[:3])
    assert len(store.search(ROWS[0].vector, 300)) == 3


def test_search_gives_as_many_as_there_are_after_every_change(store: ChromaStore) -> None:
    def found() -> int:
        return len(store.search(ROWS[0].vector, 1_000))

    assert found() == 0
    store.put(ROWS[:10])
    assert found() == 10
    store.put(ROWS[5:20])
    assert found() == 20
    store.delete([row.chunk_id for row in ROWS[:4]])
    assert found() == 16
    store.delete_papers(["p2"])
    assert found() == 14
    store.clear()
    assert found() == 0


def test_rows_put_again_stay_within_reach_of_search(store: ChromaStore) -> None:
    for _ in range(400):
        store.clear()
        store.put(ROWS[:10])
        store.search(ROWS[0].vector, 1)
        store.put(ROWS[5:20])
        assert len(store.search(ROWS[0].vector, 20)) == 20


def test_a_cleared_store_is_empty_and_takes_rows_again(store: ChromaStore) -> None:
    store.put(ROWS)
    store.clear()
    assert (store.count(), list(store.rows()), store.search(ROWS[0].vector, 3)) == (0, [], [])
    store.put(ROWS[:2])
    assert has_exactly(store, ROWS[:2])


def test_a_store_of_another_fingerprint_is_emptied_for_good(own: Path) -> None:
    other = ChromaStore(own, "two")
    assert other.count() == 0
    other.put([StoredVector("q#0", "q", np.ones(DIMENSIONS * 2, dtype=np.float32) / np.sqrt(DIMENSIONS * 2))])
    other.close()
    again = ChromaStore(own, "two")
    assert ids(again) == {"q#0"}
    again.close()
    back = ChromaStore(own, "one")
    assert back.count() == 0
    back.close()


def test_the_graph_is_never_written_to_disk(store: ChromaStore, tmp_path: Path) -> None:
    rows = made_rows(2_500)
    store.put(rows)
    store.search(rows[0].vector, 1)
    beside = [path for path in (tmp_path / "chroma").rglob("*") if path.is_file() and path.name != FILE]
    assert sum(path.stat().st_size for path in beside) < sum(row.vector.nbytes for row in rows) / 4


def test_chroma_is_given_no_embedding_function(store: ChromaStore, sound: Path) -> None:
    assert store._collection._embedding_function is None
    opened = ChromaStore(sound, "one")
    assert opened._collection._embedding_function is None
    opened.close()


def test_neither_a_settings_file_nor_a_variable_turns_telemetry_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANONYMIZED_TELEMETRY", "True")
    (tmp_path / ".env").write_text(
        "anonymized_telemetry=true\nchroma_api_impl=chromadb.api.fastapi.FastAPI\n"
        "chroma_server_host=203.0.113.1\nchroma_server_http_port=8000\nis_persistent=false\nunknown_key=1\n"
    )
    opened = ChromaStore(tmp_path / "chroma", "one")
    settings = opened._client.get_settings()
    assert settings.anonymized_telemetry is False
    assert settings.chroma_server_host is None
    assert "fastapi" not in settings.chroma_api_impl
    opened.put(ROWS[:2])
    opened.close()
    assert (tmp_path / "chroma" / FILE).exists()


def test_nothing_is_wrong_with_a_sound_store_nor_with_none(own: Path, tmp_path: Path) -> None:
    assert probe(own, "one") == ""
    assert probe(tmp_path / "absent", "one") == ""
    assert not (tmp_path / "absent").exists()
    opened = ChromaStore(own, "one")
    assert has_exactly(opened, ROWS)
    opened.close()


def test_a_probe_reads_this_paperboy_whatever_lies_in_the_current_folder(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__init__.py").write_text("raise SystemExit('the wrong service')")
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)
    assert probe(own, "one") == ""


def invert(offset: int, count: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[offset : offset + count] = bytes(byte ^ 0xFF for byte in data[offset : offset + count])
        path.write_bytes(data)

    return damage


def execute(statement: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)

    return damage


def replace_with_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], None]] = {
    "cut in the middle": lambda path: os.truncate(path, 160_000),
    "no database": invert(0, 16),
    "a panic": invert(4096, 4096),
    "a folder in its place": replace_with_folder,
    "vectors lost": execute("DELETE FROM embeddings_queue"),
    "of a newer Chroma": execute("UPDATE migrations SET version = version + 100"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_store_is_reported_and_this_process_lives(own: Path, damage: Callable[[Path], None]) -> None:
    damage(own / FILE)
    assert probe(own, "one")


def test_a_store_that_lost_everything_is_open_and_empty(own: Path) -> None:
    os.truncate(own / FILE, 0)
    assert probe(own, "one") == ""
    opened = ChromaStore(own, "one")
    assert opened.count() == 0
    opened.close()


def test_a_store_that_cannot_be_opened_is_a_named_error(tmp_path: Path) -> None:
    (tmp_path / "chroma").mkdir()
    (tmp_path / "chroma" / FILE).write_text("no database\n" * 1_000)
    with pytest.raises(IndexUnusableError, match="chroma"):
        ChromaStore(tmp_path / "chroma", "one")
