"""What is missing, wrong or damaged in the indexes is found and rebuilt from the catalog."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service.index.lexical import Entry
from service.index.query import parse_query
from service.index.stores import Differences, Stores
from service.library import quietly
from service.ports import StoredVector
from tests.fakes import FakeEmbedder
from tests.index.small_home import NONE, PAPERS, Watcher, everything_found, opened, paper, put


def lose_vectors(stores: Stores) -> None:
    stores.vectors().delete(["p1#0", "p2#0"])


def spoil_vectors(stores: Stores) -> None:
    rows = [row for row in stores.vectors().rows() if row.paper_id in ("p1", "p2", "p3")]
    stores.vectors().put([row._replace(vector=np.roll(row.vector, 1)) for row in rows])


def add_vectors(stores: Stores) -> None:
    vector = FakeEmbedder().embed_query("a stray vector")
    stores.vectors().put([StoredVector("p1#9", "p1", vector), StoredVector("gone#0", "gone", vector)])


def lose_texts(stores: Stores) -> None:
    stores.lexical.clear()
    stores.lexical.put(Entry(row, "a text") for row in range(4, len(PAPERS) + 1))


def add_texts(stores: Stores) -> None:
    stores.lexical.put([Entry(9_000, "a text of no paper"), Entry(9_001, "another one")])


def add_papers(stores: Stores) -> None:
    put(stores, paper(300), paper(301))


def everything(stores: Stores) -> None:
    for damage in (spoil_vectors, add_vectors, lose_texts, add_texts, add_papers):
        damage(stores)
    stores.vectors().delete(["p8#0"])


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lose_vectors, NONE._replace(missing_vectors=2)),
        (spoil_vectors, NONE._replace(wrong_vectors=3)),
        (lose_texts, NONE._replace(missing_texts=3)),
        (everything, Differences((), 2, 1, 3, 2, 3, 2)),
    ],
)
def test_every_difference_is_counted_and_mended_once(
    small_home: Path, damage: Callable[[Stores], None], found: Differences
) -> None:
    embedder, progress = FakeEmbedder(), Watcher()
    with opened(small_home, embedder) as stores:
        stores.vectors()
        damage(stores)
        assert stores.differences() == found
        assert not found.none
        stores.mend(stores.differences(), quietly)
        assert stores.differences() == NONE
        before = state_of(small_home, stores)
        stores.mend(stores.differences(), progress)
        assert progress.take() == []
        assert state_of(small_home, stores) == before
    assert embedder.passages == found.pending


def state_of(home: Path, stores: Stores) -> tuple[object, ...]:
    """Everything that a write would change."""
    return (
        stores.database.connection.total_changes,
        (home / "chroma" / "chroma.sqlite3").read_bytes(),
        sorted((path.name, path.stat().st_mtime_ns) for path in (home / "lexical").iterdir()),
    )


def overwrite(pattern: str) -> Callable[[Path], None]:
    def damage(home: Path) -> None:
        (path,) = home.glob(pattern)
        path.write_bytes(b"\xff" * path.stat().st_size)

    return damage


def remove(pattern: str) -> Callable[[Path], None]:
    def damage(home: Path) -> None:
        (path,) = home.glob(pattern)
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def replace_with_file(home: Path) -> None:
    for name in ("chroma", "lexical"):
        shutil.rmtree(home / name)
        (home / name).touch()


DAMAGES: dict[str, Callable[[Path], None]] = {
    "no chroma": remove("chroma"),
    "no lexical index": remove("lexical"),
    "files in place of both": replace_with_file,
    "chroma is garbage": overwrite("chroma/chroma.sqlite3"),
    "a lexical file is lost": remove("lexical/*.idx"),
    "the lexical index is of another version": overwrite("lexical/version"),
    "the lexical index says no version": remove("lexical/version"),
    "lexical terms are garbage": overwrite("lexical/*.term"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_an_index_that_is_lost_or_damaged_is_rebuilt_without_embedding_and_finds_the_same(
    small_home: Path, found_when_sound: list[list[int]], damage: Callable[[Path], None]
) -> None:
    embedder = FakeEmbedder()
    damage(small_home)
    with opened(small_home, embedder) as stores:
        stores.finish(quietly)
        assert everything_found(stores) == found_when_sound
        assert stores.differences() == NONE
    assert embedder.passages == 0
    notes: list[str] = []
    with opened(small_home, embedder, notes) as stores:
        stores.finish(quietly)
        assert everything_found(stores) == found_when_sound
    assert notes == [], "the second start finds everything sound"


def test_what_is_rebuilt_because_of_damage_is_told(small_home: Path) -> None:
    overwrite("lexical/meta.json")(small_home)
    overwrite("chroma/chroma.sqlite3")(small_home)
    notes: list[str] = []
    with opened(small_home, FakeEmbedder(), notes) as stores:
        stores.finish(quietly)
        stores.vectors()
    assert len(notes) == 2
    assert notes[0].startswith("the lexical index is rebuilt from the catalog")
    assert notes[1].startswith("the vector store is rebuilt from the catalog")


def test_an_older_catalog_that_is_put_back_has_nothing_of_the_newer_in_its_indexes(small_home: Path) -> None:
    older = (small_home / "catalog.sqlite3").read_bytes()
    with opened(small_home, FakeEmbedder()) as stores:
        put(stores, paper(300), paper(301))
        stores.finish(quietly)
    (small_home / "catalog.sqlite3").write_bytes(older)
    with opened(small_home, FakeEmbedder()) as stores:
        stores.finish(quietly)
        assert stores.differences() == NONE


def test_authors_and_categories_that_are_learnt_later_are_found_without_embedding(small_home: Path) -> None:
    embedder = FakeEmbedder()
    with opened(small_home, embedder) as stores:
        known = {"authors": ("Ada Lovelace",), "categories": ("cs.CL",)}
        (row,) = put(stores, PAPERS[3].model_copy(update=known))
        stores.finish(quietly)
        for query in ("author:lovelace", "cat:cs.CL"):
            assert stores.lexical.matching(parse_query(query).required).tolist() == [row]
        assert stores.differences() == NONE
    assert embedder.passages == 0


def test_an_index_of_another_version_is_refilled_and_the_vector_store_left_alone(small_home: Path) -> None:
    overwrite("lexical/version")(small_home)
    watcher = Watcher()
    with opened(small_home, FakeEmbedder()) as stores:
        stores.finish(watcher)
        assert stores.lexical.count() == len(PAPERS)
    assert watcher.seen == []
