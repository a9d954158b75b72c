"""Takes in papers: from records to the catalog and its indexes, whatever some of the records are."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from service.index.catalog import Outcome, Stored
from service.index.indexer import Progress
from service.index.stores import Stores
from service.sources import read_path
from service.text import one_line
from service.types import Failure, IngestReport, Paper

_RECORDS_PER_COMMIT = 500


def take_in(stores: Stores, records: Iterable[Paper | Failure], progress: Progress) -> IngestReport:
    """Store and index papers; failures among them are listed and the rest goes in. Doing it again changes nothing.

    Args:
        stores: where they go.
        records: taken as they are needed.
        progress: told what is done, never within a transaction.
    """
    start = time.perf_counter()
    outcomes: dict[int, Outcome] = {}
    failures: list[Failure] = []
    duplicates = 0
    for batch in _batched(records):
        with stores.database.transaction():
            for record in batch:
                if isinstance(record, Failure):
                    failures.append(record)
                    continue
                stored, outcome, namesake = stores.catalog.put(record)
                if namesake:
                    failures.append(_namesake(stored))
                duplicates += stored.row in outcomes
                outcomes[stored.row] = _stronger(outcomes.get(stored.row), outcome)
        progress("reading", len(outcomes), 0)
    stores.finish(progress)
    near_duplicates = stores.near_duplicates.of_new()
    counts = {kind: sum(outcome is kind for outcome in outcomes.values()) for kind in Outcome}
    return IngestReport(
        papers=stores.catalog.count(),
        added=counts[Outcome.ADDED],
        updated=counts[Outcome.UPDATED],
        unchanged=counts[Outcome.UNCHANGED],
        duplicates=duplicates,
        failures=tuple(failures),
        seconds=round(time.perf_counter() - start, 3),
        near_duplicates=near_duplicates,
    )


def records_of(paths: Iterable[Path], format_name: str | None) -> Iterator[Paper | Failure]:
    """The records of files and folders.

    Raises:
        SourceError: the format is not known.
    """
    for path in paths:
        yield from read_path(path, format_name)


def _batched(records: Iterable[Paper | Failure]) -> Iterator[list[Paper | Failure]]:
    source = iter(records)
    while batch := list(islice(source, _RECORDS_PER_COMMIT)):
        yield batch


def _stronger(first: Outcome | None, second: Outcome) -> Outcome:
    """What happened to a paper that stood in the input more than once."""
    order = (Outcome.UNCHANGED, Outcome.UPDATED, Outcome.ADDED)
    return second if first is None else max(first, second, key=order.index)


def _namesake(stored: Stored) -> Failure:
    return Failure(
        where=stored.source,
        reason=f"the title “{one_line(stored.title, 60)}” occurs with two different abstracts and no ids; both are "
        f"kept, this one as {stored.paper_id}",
    )
