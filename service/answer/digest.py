"""A day's papers, each with its one-sentence summary: resumable, and one bad paper never stops it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

from service.answer.running import Steps, run_together
from service.answer.summarize import kept_summary, summarize_once
from service.answer.workbench import Workbench
from service.errors import EmptyCatalogError, InputError, PaperboyError
from service.index.catalog import Stored
from service.index.results import Results
from service.settings import Mode
from service.types import Digest, Failure, Filter, Paper, Summary

Progress = Callable[[str, int, int], None]
_TITLES = 64
"""Papers whose titles are embedded together."""


def papers_of(bench: Workbench, day: str, condition: Filter) -> tuple[str, list[Stored]]:
    """The name of the day or range and its papers.

    Args:
        bench: where the catalog is.
        day: `latest`, or empty where `condition` has the dates.
        condition: day or range.

    Raises:
        EmptyCatalogError: the catalog has no papers.
        InputError: there are none on that day; with the newest day that has some.
    """
    catalog = bench.stores.catalog
    latest = catalog.latest_day()
    if not catalog.count():
        raise EmptyCatalogError("the catalog has no papers yet: paperboy ingest PATH")
    if latest is None:
        raise InputError("no paper of the catalog has a date, so there is no day to make a digest of")
    if day == "latest":
        condition = Filter(day=latest)
    name = condition.day.isoformat() if condition.day else f"{condition.since or ''}/{condition.until or ''}"
    dated = [(paper.day, paper) for paper in catalog.select(condition) if paper.day]
    dated.sort(key=lambda pair: (-pair[0].toordinal(), -(pair[1].upvotes or pair[1].comments or 0), pair[1].row))
    papers = [paper for _, paper in dated]
    if not papers:
        raise InputError(f"no paper is from {name}; the newest day with papers is {latest}")
    return name, papers


def make_digest(bench: Workbench, name: str, papers: list[Stored], mode: Mode, progress: Progress) -> Digest:
    """Summarize the papers; what was made before under the same settings is taken as it is."""
    kept = Results(bench.stores.database)
    jobs = _jobs(bench, kept, papers, mode)
    made: dict[int, Summary | PaperboyError] = {}
    with closing(run_together(bench.engine, jobs, bench.generations)) as running:
        for number, result in running:
            made[number] = result
            progress("summarizing", len(made), len(papers))
    return collected(name, papers, made)


def _jobs(bench: Workbench, kept: Results, papers: Sequence[Stored], mode: Mode) -> Iterator[Steps[Summary]]:
    for start in range(0, len(papers), _TITLES):
        some = papers[start : start + _TITLES]
        bench.titles.prepare(
            [paper.title for paper in some if kept_summary(bench, kept, paper, "sentence", mode) is None]
        )
        for paper in some:
            yield summarize_once(bench, kept, paper, "sentence", mode)


def collected(name: str, papers: Sequence[Paper], made: Mapping[int, Summary | PaperboyError]) -> Digest:
    """A digest of what was made of each paper, by its place among them."""
    summaries: list[Summary] = []
    failures: list[Failure] = []
    for number, paper in enumerate(papers):
        result = made[number]
        if isinstance(result, PaperboyError):
            failures.append(Failure(where=f"{paper.paper_id} “{paper.title}”", reason=str(result)))
        else:
            summaries.append(result)
    return Digest(day=name, papers=len(papers), summaries=tuple(summaries), failures=tuple(failures))
