"""A small home with forty papers, for the tests of the stores."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.index.database import Database
from service.index.home import Home
from service.index.stores import Differences, Stores
from service.ports import Embedder
from service.types import Paper

NONE = Differences((), 0, 0, 0, 0, 0, 0)
SUBJECTS = ("memory", "graphs", "robots", "vision", "speech", "proteins", "markets")


def paper(number: int, sentences: int = 3) -> Paper:
    """A paper with so many sentences of nine words; six of them fill a chunk."""
    subject = SUBJECTS[number % len(SUBJECTS)]
    return Paper(
        paper_id=f"p{number}",
        own_id=True,
        title=f"Study {number} of {subject}",
        abstract=" ".join(
            f"Sentence {index} of study{number} treats {subject} with method{index} alone."
            for index in range(sentences)
        ),
    )


PAPERS = tuple(paper(number) for number in range(40))


class Watcher:
    """Keeps what progress tells."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def __call__(self, what: str, done: int, total: int) -> None:
        self.seen.append((what, done, total))

    def take(self) -> list[tuple[str, int, int]]:
        seen, self.seen = self.seen, []
        return seen


@contextmanager
def opened(path: Path, embedder: Embedder, notes: list[str] | None = None, limit: int = 20_000) -> Iterator[Stores]:
    """The stores of a home, owned and closed at the end."""
    notes = [] if notes is None else notes
    with Home(path) as home:
        stores = Stores(home, embedder, chroma_cold_limit=limit, note=notes.append)
        try:
            yield stores
        finally:
            stores.close()


def put(stores: Stores, *papers: Paper) -> list[int]:
    """Store papers; their rows."""
    with stores.database.transaction():
        return [stores.catalog.put(one)[0].row for one in papers]


def best(stores: Stores, question: str, count: int = 5) -> list[int]:
    """Rows of the best papers for a question."""
    return [candidate.row for candidate in stores.retriever.rank(question).candidates[:count]]


def everything_found(stores: Stores) -> list[list[int]]:
    """What a home finds with Chroma for questions that concern all of its papers."""
    stores.vectors()
    return [best(stores, question) for question in (*SUBJECTS, "study7", "method2 of study11")]


def pragma(database: Database, name: str) -> object:
    """What SQLite says of a setting."""
    return database.connection.execute(f"PRAGMA {name}").fetchone()[0]
