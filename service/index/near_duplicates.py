"""Papers of nearly one abstract under different titles and ids: found by a sketch of each abstract, and only shown.

The sketch is the few smallest hashes of the abstract's word triples: two texts have the smallest hash of both in
common with the probability of their resemblance (A. Broder, "On the resemblance and containment of documents", 1997).
Pairs that share some are compared exactly. The sketches are kept in the catalog, so that an ingest compares the new
papers only.
"""

import heapq
from collections.abc import Iterable
from zlib import crc32

from service.index.catalog import Catalog, Stored
from service.index.database import Database
from service.index.merge import resemblance, word_triples
from service.types import NearDuplicate

# Pairs that share three of eight hashes are compared: of those that resemble each other by 0.6 about one in 20 goes
# unseen, of those by 0.8 one in 800.
_HASHES = 8
_SHARED = 3
_NEAR = 0.6
# A common phrase, when its hash is small, is in many sketches and says nothing.
_COMMON = 50
_BATCH = 500
_CANDIDATES = """
SELECT other.paper_row FROM sketches own JOIN sketches other ON own.hash = other.hash
WHERE own.paper_row = ?1 AND other.paper_row != ?1
AND (SELECT count(*) FROM (SELECT 1 FROM sketches same WHERE same.hash = own.hash LIMIT ?2)) < ?2
GROUP BY other.paper_row HAVING count(*) >= ?3
"""


class NearDuplicates:
    """The sketches of a catalog."""

    def __init__(self, database: Database, catalog: Catalog) -> None:
        self._database, self._catalog = database, catalog

    def of_new(self) -> tuple[NearDuplicate, ...]:
        """Sketch the papers that have no sketch, and find the pairs that they make."""
        return self._pairs_of(self._sketch_missing())

    def all_pairs(self) -> tuple[NearDuplicate, ...]:
        """All pairs of the catalog."""
        self._sketch_missing()
        found = self._database.connection.execute("SELECT DISTINCT paper_row FROM sketches ORDER BY paper_row")
        return self._pairs_of([row[0] for row in found.fetchall()])

    def _pairs_of(self, rows: Iterable[int]) -> tuple[NearDuplicate, ...]:
        """The pairs that papers make with others, the older paper of each first."""
        pairs: dict[tuple[int, int], NearDuplicate] = {}
        for row in rows:
            others = [
                int(found[0]) for found in self._database.connection.execute(_CANDIDATES, (row, _COMMON, _SHARED))
            ]
            papers = self._catalog.at_rows([row, *others]) if others else {}
            for other in others:
                key = (min(row, other), max(row, other))
                if key not in pairs and (pair := _compared(papers[key[0]], papers[key[1]])):
                    pairs[key] = pair
        return tuple(pairs[key] for key in sorted(pairs))

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


def _sketch(abstract: str) -> list[int]:
    return heapq.nsmallest(_HASHES, {crc32(" ".join(triple).encode()) for triple in word_triples(abstract)})


def _compared(first: Stored, second: Stored) -> NearDuplicate | None:
    near = resemblance(word_triples(first.abstract), word_triples(second.abstract))
    if near < _NEAR:
        return None
    return NearDuplicate(
        first=first.paper_id,
        second=second.paper_id,
        first_title=first.title,
        second_title=second.title,
        resemblance=round(near, 3),
    )
