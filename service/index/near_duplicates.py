"""Papers of nearly one abstract under different titles and ids: found by a sketch of each abstract, and only shown.

The sketch is the few smallest hashes of the abstract's word triples: two texts have the smallest hash of both in
common with the probability of their resemblance (A. Broder, "On the resemblance and containment of documents", 1997).
Pairs that share one are compared exactly. The sketches are kept in the catalog, so that an ingest compares the new
papers only.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable
from zlib import crc32

from service.index.catalog import Catalog, Stored
from service.index.database import Database
from service.index.merge import resemblance, word_triples
from service.types import NearDuplicate

# At a resemblance of 0.6 one pair in 40 goes unseen with four hashes, at 0.8 one in 600.
_HASHES = 4
_NEAR = 0.6
# A common phrase, when its hash is small, is in many sketches and says nothing.
_COMMON = 50
_BATCH = 500


class NearDuplicates:
    """The sketches of a catalog."""

    def __init__(self, database: Database, catalog: Catalog) -> None:
        self._database, self._catalog = database, catalog

    def of_new(self) -> tuple[NearDuplicate, ...]:
        """Sketch the papers that have no sketch, and find the pairs that they make."""
        rows = self._sketch_missing()
        if not rows:
            return ()
        found = self._database.connection.execute(
            "SELECT DISTINCT a.paper_row, b.paper_row FROM sketches a JOIN sketches b ON a.hash = b.hash "
            "AND a.paper_row != b.paper_row WHERE a.paper_row IN (SELECT value FROM json_each(?)) "
            "AND (SELECT count(*) FROM (SELECT 1 FROM sketches c WHERE c.hash = a.hash LIMIT ?)) < ?",
            (f"[{','.join(map(str, rows))}]", _COMMON, _COMMON),
        )
        return self._compared({(min(pair), max(pair)) for pair in map(tuple, found)})

    def all_pairs(self) -> tuple[NearDuplicate, ...]:
        """All pairs of the catalog."""
        self._sketch_missing()
        rows_of: dict[int, list[int]] = defaultdict(list)
        for value, row in self._database.connection.execute("SELECT hash, paper_row FROM sketches"):
            rows_of[value].append(row)
        pairs = {
            (first, second)
            for rows in rows_of.values()
            if len(rows) < _COMMON
            for number, second in enumerate(rows)
            for first in rows[:number]
        }
        return self._compared(pairs)

    def _sketch_missing(self) -> list[int]:
        query = (
            "SELECT row, abstract FROM papers WHERE row > ? AND NOT EXISTS "
            "(SELECT 1 FROM sketches WHERE paper_row = row) ORDER BY row LIMIT ?"
        )
        sketched: list[int] = []
        last = 0
        while found := self._database.connection.execute(query, (last, _BATCH)).fetchall():
            values = [(value, row) for row, abstract in map(tuple, found) for value in _sketch(abstract)]
            with self._database.transaction() as connection:
                connection.executemany("INSERT INTO sketches (hash, paper_row) VALUES (?, ?)", values)
            last = found[-1][0]
            sketched += [row for row, _ in map(tuple, found)]
        return sketched

    def _compared(self, pairs: Iterable[tuple[int, int]]) -> tuple[NearDuplicate, ...]:
        ordered = sorted(pairs)
        papers = self._catalog.at_rows(sorted({row for pair in ordered for row in pair}))
        triples: dict[int, set[tuple[str, ...]]] = {}
        found = []
        for first, second in ordered:
            for row in (first, second):
                triples[row] = triples.get(row) or word_triples(papers[row].abstract)
            near = resemblance(triples[first], triples[second])
            if near >= _NEAR:
                found.append(_pair(papers[first], papers[second], near))
        return tuple(found)


def _sketch(abstract: str) -> list[int]:
    return heapq.nsmallest(_HASHES, {crc32(" ".join(triple).encode()) for triple in word_triples(abstract)})


def _pair(first: Stored, second: Stored, near: float) -> NearDuplicate:
    return NearDuplicate(
        first=first.paper_id,
        second=second.paper_id,
        first_title=first.title,
        second_title=second.title,
        resemblance=round(near, 3),
    )
