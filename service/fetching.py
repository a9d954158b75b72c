"""Fetches papers from a service and takes them in, page by page, so that an interruption costs one page at most."""

import time
from collections.abc import Callable, Iterable
from typing import Literal

from service.index.indexer import Progress
from service.settings import Settings
from service.sources.fetch import arxiv, hub, scholar
from service.sources.fetch.client import PoliteClient, Service
from service.sources.fetch.transport import read_mirrors
from service.sources.fetch.wanted import Memory, Wanted
from service.types import Failure, IngestReport, NearDuplicate, Paper

SourceName = Literal["hf", "arxiv", "s2"]
Take = Callable[[Iterable[Paper | Failure]], IngestReport]
_JOINED = {"arxiv": arxiv.pages, "s2": scholar.pages}
_SERVICES: dict[SourceName, Service] = {"hf": hub.SERVICE, "arxiv": arxiv.SERVICE, "s2": scholar.SERVICE}


def fetch_in(
    source: SourceName,
    wanted: Wanted,
    settings: Settings,
    memory: Memory,
    take: Take,
    *,
    note: Callable[[str], None],
    progress: Progress,
    sleep: Callable[[float], None] = time.sleep,
) -> IngestReport:
    """Store and index what a service lists; what cannot be read is listed. Doing it again fetches what is new.

    Args:
        source: which service.
        wanted: which papers.
        settings: addresses of one's own instead of those of services, and the key for Semantic Scholar.
        memory: of the home in which the papers are stored.
        take: stores and indexes records.
        note: told of waits, and of days without a list.
        progress: told what is done; what it raises ends the fetch.
        sleep: waits.

    Raises:
        InputError: the service has nothing of that kind.
        SettingsError: the mirrors cannot be used.
        FetchError: it cannot be reached or refuses; the pages before are stored, and the next fetch goes on from there.
    """
    start = time.perf_counter()
    reports = []
    hosts = frozenset().union(*(known.hosts for known in _SERVICES.values()))
    addresses = read_mirrors(settings.fetch_mirrors, hosts)
    key = settings.semantic_scholar_key if source == "s2" else ""
    headers, service = {"x-api-key": key} if key else {}, _SERVICES[source]
    with PoliteClient(service, memory, mirrors=addresses, note=note, headers=headers, sleep=sleep) as client:
        pages = hub.pages(client, wanted) if source == "hf" else _JOINED[source](client, wanted, memory)
        for number, page in enumerate(pages, start=1):
            progress(f"fetching {page.what}", number, 0)
            reports.append(take(page.records))
            page.keep()
    if not sum(report.added + report.updated + report.unchanged for report in reports):
        note(
            "no paper of what was fetched could be taken in"
            if any(report.failures for report in reports)
            else "nothing new: the list was taken in before, or there is none yet; weekends and holidays have none"
        )
    # Of nothing at all the report says how many papers there are.
    return _together(reports or [take(())], time.perf_counter() - start)


def _together(reports: list[IngestReport], seconds: float) -> IngestReport:
    """One report of several pages."""
    failures: list[Failure] = []
    near: dict[tuple[str, str], NearDuplicate] = {}
    for report in reports:
        failures += report.failures
        near |= {(pair.first, pair.second): pair for pair in report.near_duplicates}
    return IngestReport(
        papers=reports[-1].papers,
        added=sum(report.added for report in reports),
        updated=sum(report.updated for report in reports),
        unchanged=sum(report.unchanged for report in reports),
        duplicates=sum(report.duplicates for report in reports),
        failures=tuple(failures),
        near_duplicates=tuple(near.values()),
        seconds=round(seconds, 3),
    )
