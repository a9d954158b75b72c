"""The catalog of papers: the truth from which the indexes are derived."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.index.database import Database
from service.index.merge import merge, same_paper, separate_id
from service.text import title_key
from service.types import Filter, Paper

Order = Literal["newest", "oldest", "most_authors", "fewest_authors", "most_comments", "most_upvotes", "stored"]
FingerprintColumn = Literal["vectors_fingerprint", "indexed_fingerprint"]
Authors = tuple[int, int]
"""Least and greatest number of authors; a greatest of 0 is no bound."""
Known = Literal["day", "comments"] | Authors
"""A value that a paper must have, or bounds of the number of its authors."""
_STALE = ""
_ORDERS: dict[Order, str] = {
    "newest": "day IS NULL, day DESC, row",
    "oldest": "day IS NULL, day, row",
    "most_authors": "n_authors IS NULL, n_authors DESC, row",
    "fewest_authors": "n_authors IS NULL, n_authors, row",
    "most_comments": "comments IS NULL, comments DESC, row",
    "most_upvotes": "upvotes IS NULL, upvotes DESC, row",
    "stored": "row",
}
_COLUMNS = (
    "paper_id, title, abstract, authors, n_authors, published, published_inferred, listed, categories, url, "
    "comments, upvotes, source, own_id, version, doi, original_title, original_abstract, indexed_fingerprint"
)
# SQLite allows 32,766 variables; far fewer is as fast.
_IDS_PER_QUERY = 500


class Outcome(StrEnum):
    """What storing a record did."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class Stored(Paper):
    """A paper with its row number in the catalog."""

    row: int
    stale: bool = False
    """The indexes have an older text of it."""


class Catalog:
    """Papers in and out of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connection

    def put(self, paper: Paper) -> tuple[Stored, Outcome, bool]:
        """Store a record, merged with what is known of the paper. Call it within a transaction.

        Returns:
            the paper as it is stored now, what changed, and whether another paper has the same title.
        """
        namesakes = self._namesakes(paper)
        for known in namesakes:
            if same_paper(known, paper):
                return *self._update(known, paper), False
        if any(known.paper_id == paper.paper_id for known in namesakes):
            paper = separate_id(paper)
        return (
            self._insert(paper),
            Outcome.ADDED,
            any(not known.own_id for known in namesakes) and not paper.own_id,
        )

    def get(self, paper_id: str) -> Stored | None:
        """The paper of that id."""
        row = self._connection.execute(
            f"SELECT row, {_COLUMNS} FROM papers WHERE paper_id = ?",  # noqa: S608
            (paper_id,),
        ).fetchone()
        return _stored(row) if row else None

    def at_rows(self, rows: Sequence[int]) -> dict[int, Stored]:
        """The papers of those row numbers."""
        found: dict[int, Stored] = {}
        for start in range(0, len(rows), _IDS_PER_QUERY):
            part = [int(row) for row in rows[start : start + _IDS_PER_QUERY]]
            marks = ", ".join("?" * len(part))
            query = f"SELECT row, {_COLUMNS} FROM papers WHERE row IN ({marks})"  # noqa: S608
            found |= {row["row"]: _stored(row) for row in self._connection.execute(query, part)}
        return found

    def select(
        self,
        condition: Filter,
        order: Order = "stored",
        limit: int = -1,
        known: Known | None = None,
        offset: int = 0,
    ) -> list[Stored]:
        """Papers that pass, in order; those without the value ordered by come last.

        Args:
            condition: what papers must be.
            order: which comes first.
            limit: how many papers at most; -1: all.
            known: what must be known of them.
            offset: how many to pass over first.
        """
        where, values = _where(condition, known)
        query = f"SELECT row, {_COLUMNS} FROM papers WHERE {where} ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?"  # noqa: S608
        return [_stored(row) for row in self._connection.execute(query, [*values, limit, offset])]

    def number(self, condition: Filter, known: Known | None = None) -> int:
        """How many papers `select` has without a limit."""
        where, values = _where(condition, known)
        return int(self._connection.execute(f"SELECT count(*) FROM papers WHERE {where}", values).fetchone()[0])  # noqa: S608

    def rows(self, condition: Filter) -> NDArray[np.int64]:
        """Row numbers of the papers that pass, ascending."""
        where, values = _where(condition)
        # As one text: to hand over 90,000 rows one by one takes three times as long.
        query = f"SELECT group_concat(row) FROM papers WHERE {where}"  # noqa: S608
        (found,) = self._connection.execute(query, values).fetchone()
        return np.sort(np.fromstring(found or "", dtype=np.int64, sep=","))

    def rows_by_id(self, paper_ids: Sequence[str]) -> dict[str, int]:
        """Row numbers of papers; ids that are not there are left out."""
        query = "SELECT paper_id, row FROM papers WHERE paper_id IN (SELECT value FROM json_each(?))"
        return dict(tuple(found) for found in self._connection.execute(query, (json.dumps(list(paper_ids)),)))

    def newest(self, rows: NDArray[np.int64], limit: int) -> list[Stored]:
        """The newest of the papers at `rows`."""
        query = (
            f"SELECT row, {_COLUMNS} FROM papers WHERE row IN (SELECT value FROM json_each(?)) "  # noqa: S608
            f"ORDER BY {_ORDERS['newest']} LIMIT ?"
        )
        return [_stored(row) for row in self._connection.execute(query, (json.dumps(rows.tolist()), limit))]

    def count(self) -> int:
        """Number of papers."""
        return int(self._connection.execute("SELECT count(*) FROM papers").fetchone()[0])

    def titles(self) -> list[tuple[str, str]]:
        """Id and title of every paper."""
        rows = self._connection.execute("SELECT paper_id, title FROM papers ORDER BY row")
        return [(row[0], row[1]) for row in rows]

    def latest_day(self) -> date | None:
        """The newest day that has papers."""
        value = self._connection.execute("SELECT max(day) FROM papers").fetchone()[0]
        return date.fromisoformat(value) if value else None

    def days(self, condition: Filter) -> list[tuple[date, int]]:
        """Days with the number of their papers that pass, ascending; papers without a day are not counted."""
        where, values = _where(condition, "day")
        query = f"SELECT day, count(*) FROM papers WHERE {where} GROUP BY day ORDER BY day"  # noqa: S608
        return [(date.fromisoformat(row[0]), row[1]) for row in self._connection.execute(query, values)]

    def categories(self) -> list[tuple[str, int]]:
        """Categories with the number of their papers, most first."""
        query = (
            "SELECT value, count(*) FROM papers, json_each(papers.categories) GROUP BY value "
            "ORDER BY count(*) DESC, value"
        )
        return [(row[0], row[1]) for row in self._connection.execute(query)]

    def pending(self, column: FingerprintColumn, fingerprint: str) -> int:
        """Number of papers whose fingerprint in `column` is another one."""
        query = f"SELECT count(*) FROM papers WHERE {column} IS NOT ?"  # noqa: S608
        return int(self._connection.execute(query, (fingerprint,)).fetchone()[0])

    def indexed_rows(self, fingerprint: str) -> list[int]:
        """Row numbers of the papers that the indexes should have."""
        query = "SELECT row FROM papers WHERE indexed_fingerprint = ?"
        return [row[0] for row in self._connection.execute(query, (fingerprint,))]

    def marked(self) -> int:
        """Number of papers that were indexed, be it with an older text or under another fingerprint."""
        query = "SELECT count(*) FROM papers WHERE indexed_fingerprint IS NOT NULL"
        return int(self._connection.execute(query).fetchone()[0])

    def batches(self, column: FingerprintColumn, fingerprint: str, size: int) -> Iterator[list[Stored]]:
        """Papers whose fingerprint in `column` is another one, in batches; each batch must be marked in turn."""
        return self._in_batches(f"{column} IS NOT ?", (fingerprint,), size)

    def indexed_batches(self, size: int) -> Iterator[list[Stored]]:
        """The papers that `marked` counts, in batches."""
        return self._in_batches("indexed_fingerprint IS NOT NULL", (), size)

    def _in_batches(self, where: str, values: tuple[str, ...], size: int) -> Iterator[list[Stored]]:
        query = f"SELECT row, {_COLUMNS} FROM papers WHERE {where} AND row > ? ORDER BY row LIMIT ?"  # noqa: S608
        last = 0
        while rows := self._connection.execute(query, (*values, last, size)).fetchall():
            yield [_stored(row) for row in rows]
            last = rows[-1]["row"]

    def mark(self, column: FingerprintColumn, rows: Sequence[int], fingerprint: str | None) -> None:
        """Set a fingerprint of papers. Call it within a transaction."""
        self._database.writes += 1
        query = f"UPDATE papers SET {column} = ? WHERE row = ?"  # noqa: S608
        self._connection.executemany(query, [(fingerprint, row) for row in rows])

    def unmark_all(self) -> None:
        """Forget that the indexes have any paper, except that some have an older text; the vectors stay."""
        self._database.writes += 1
        with self._database.transaction() as connection:
            connection.execute("UPDATE papers SET indexed_fingerprint = NULL WHERE indexed_fingerprint != ?", (_STALE,))

    def _namesakes(self, paper: Paper) -> list[Stored]:
        """Papers of the same id, DOI or title, that of the same id first."""
        query = f"SELECT row, {_COLUMNS} FROM papers WHERE paper_id = ? OR title_key = ? OR doi = ? ORDER BY row"  # noqa: S608
        found = self._connection.execute(query, (paper.paper_id, title_key(paper.title), paper.doi))
        return sorted((_stored(row) for row in found), key=lambda known: known.paper_id != paper.paper_id)

    def _insert(self, paper: Paper) -> Stored:
        self._database.writes += 1
        values = _columns(paper)
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        query = f"INSERT INTO papers ({names}) VALUES ({marks})"  # noqa: S608
        row = self._connection.execute(query, list(values.values())).lastrowid
        return Stored(row=row or 0, **paper.model_dump())

    def _update(self, known: Stored, new: Paper) -> tuple[Stored, Outcome]:
        merged = merge(known, new)
        if merged == known:
            return known, Outcome.UNCHANGED
        self._database.writes += 1
        values = _columns(merged)
        if (merged.title, merged.abstract) != (known.title, known.abstract):
            values |= {"vectors_fingerprint": None, "indexed_fingerprint": _STALE}
            self._connection.execute("DELETE FROM sketches WHERE paper_row = ?", (known.row,))
        if (merged.authors, merged.categories) != (known.authors, known.categories):
            values["indexed_fingerprint"] = _STALE
        if merged.paper_id != known.paper_id:
            # Vector store and kept summaries name the paper by the id it had.
            values["indexed_fingerprint"] = _STALE
            self._connection.execute("DELETE FROM summaries WHERE paper_id = ?", (known.paper_id,))
        assignments = ", ".join(f"{name} = ?" for name in values)
        query = f"UPDATE papers SET {assignments} WHERE row = ?"  # noqa: S608
        self._connection.execute(query, [*values.values(), known.row])
        return merged, Outcome.UPDATED


def _where(condition: Filter, known: Known | None = None) -> tuple[str, list[str | int]]:
    """A condition in SQL; values are always bound, never part of the text."""
    terms: list[str] = ["1"]
    values: list[str | int] = []
    if isinstance(known, str):
        terms.append(f"{known} IS NOT NULL")
    elif known is not None:
        terms.append("n_authors >= ? AND (n_authors <= ? OR ? = 0)")
        values += [known[0], known[1], known[1]]
    for operator, day in (("=", condition.day), (">=", condition.since), ("<=", condition.until)):
        if day is not None:
            terms.append(f"day {operator} ?")
            values.append(day.isoformat())
    if condition.categories:
        marks = ", ".join("?" * len(condition.categories))
        terms.append(f"EXISTS (SELECT 1 FROM json_each(categories) WHERE value IN ({marks}))")  # noqa: S608
        values += condition.categories
    if condition.paper_ids is not None:
        terms.append("paper_id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(condition.paper_ids))
    return " AND ".join(terms), values


def _columns(paper: Paper) -> dict[str, str | int | None]:
    return {
        "paper_id": paper.paper_id,
        "title": paper.title,
        "title_key": title_key(paper.title),
        "abstract": paper.abstract,
        "authors": json.dumps(paper.authors, ensure_ascii=False),
        "n_authors": paper.n_authors,
        "published": paper.published.isoformat() if paper.published else None,
        "published_inferred": int(paper.published_inferred),
        "listed": paper.listed.isoformat() if paper.listed else None,
        "categories": json.dumps(paper.categories),
        "url": paper.url,
        "comments": paper.comments,
        "upvotes": paper.upvotes,
        "source": paper.source,
        "own_id": int(paper.own_id),
        "version": paper.version,
        "doi": paper.doi,
        "original_title": paper.original_title,
        "original_abstract": paper.original_abstract,
    }


def _stored(row: sqlite3.Row) -> Stored:
    """A paper from a row that this module wrote, so nothing is checked again: 20 times faster at 91,000 papers."""
    return Stored.model_construct(
        row=row["row"],
        paper_id=row["paper_id"],
        title=row["title"],
        abstract=row["abstract"],
        authors=tuple(json.loads(row["authors"])),
        n_authors=row["n_authors"],
        published=date.fromisoformat(row["published"]) if row["published"] else None,
        published_inferred=bool(row["published_inferred"]),
        listed=date.fromisoformat(row["listed"]) if row["listed"] else None,
        categories=tuple(json.loads(row["categories"])),
        url=row["url"],
        comments=row["comments"],
        upvotes=row["upvotes"],
        source=row["source"],
        own_id=bool(row["own_id"]),
        version=row["version"],
        doi=row["doi"],
        original_title=row["original_title"],
        original_abstract=row["original_abstract"],
        stale=row["indexed_fingerprint"] == _STALE,
    )
