"""The façade: ingest · search · ask · summarize · digest · verify over one home directory.

`Library.open(settings)` is the one place where parts are built and joined.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from service import resources
from service.answer import digest as digests
from service.answer.ask import ask, checked_question
from service.answer.lookup import paper_named
from service.answer.summarize import summarize, summary_key
from service.answer.workbench import OnText, Workbench
from service.checking import check_texts
from service.errors import EmptyCatalogError, HomeError, InputError
from service.index.catalog import Outcome, Stored
from service.index.database import copy_database
from service.index.home import Home
from service.index.indexer import Progress
from service.index.relevance import judge, scored_rows
from service.index.results import Results
from service.index.stores import Differences, Stores
from service.llm import models
from service.llm.embedder import LlamaEmbedder
from service.sources import read_path
from service.text import content_hash, one_line
from service.types import (
    Answer,
    Digest,
    Failure,
    Filter,
    Hit,
    IngestReport,
    Paper,
    Summary,
    SummaryLength,
    Verification,
)

if TYPE_CHECKING:
    from service.llm.engine import LlamaEngine
    from service.settings import Mode, Settings

_RECORDS_PER_COMMIT = 500
MOST_HITS = 1_000


def quietly(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


class Library:
    """Papers go in; questions are answered; every text says where it came from."""

    def __init__(self, settings: Settings, home: Home, note: Callable[[str], None]) -> None:
        """Use `open`, which also owns the home directory."""
        self._settings, self._home, self._note = settings, home, note
        self._engine: LlamaEngine | None = None
        threads = None if settings.threads == "auto" else settings.threads
        path = models.resolve(settings.embedder, self._model_folders())
        self._embedder = LlamaEmbedder(path, threads=threads)
        self._stores = Stores(home, self._embedder, chroma_cold_limit=settings.chroma_cold_limit, note=note)
        self._results = Results(self._stores.database)

    @classmethod
    def open(cls, settings: Settings, note: Callable[[str], None] | None = None) -> Self:
        """Own the home directory and open what is in it.

        Args:
            settings: what to use.
            note: told what had to be mended or finished on the way.

        Raises:
            HomeError: the directory cannot be used or is in use.
            ModelError: the embedder cannot be loaded.
        """
        home = Home(settings.home).own()
        try:
            return cls(settings, home, note or (lambda _text: None))
        except BaseException:
            home.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all files, free the models, let another process own the home."""
        self._stores.close()
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        self._embedder.close()
        self._home.release()

    def ingest(
        self, paths: Iterable[Path], format_name: str | None = None, progress: Progress = quietly
    ) -> IngestReport:  # fmt: skip
        """Take in papers; what cannot be read is listed and the rest goes in. Doing it again changes nothing.

        Raises:
            SourceError: the format is not known.
        """
        start = time.perf_counter()
        outcomes: dict[int, Outcome] = {}
        failures: list[Failure] = []
        duplicates = 0
        for batch in _batched(paths, format_name):
            with self._stores.database.transaction():
                for record in batch:
                    if isinstance(record, Failure):
                        failures.append(record)
                        continue
                    stored, outcome, namesake = self._stores.catalog.put(record)
                    if namesake:
                        failures.append(_namesake(stored))
                    duplicates += stored.row in outcomes
                    outcomes[stored.row] = _stronger(outcomes.get(stored.row), outcome)
            progress("reading", len(outcomes), 0)
        self._stores.finish(progress)
        counts = {kind: sum(outcome is kind for outcome in outcomes.values()) for kind in Outcome}
        return IngestReport(
            papers=self._stores.catalog.count(),
            added=counts[Outcome.ADDED],
            updated=counts[Outcome.UPDATED],
            unchanged=counts[Outcome.UNCHANGED],
            duplicates=duplicates,
            failures=tuple(failures),
            seconds=round(time.perf_counter() - start, 3),
        )

    def search(self, query: str, k: int = 10, condition: Filter | None = None) -> list[Hit]:
        """The `k` best papers, each with the sentence nearest to the query.

        Raises:
            InputError: the query is empty, too long, or has no word to search for.
            EmptyCatalogError: there are no papers.
        """
        query = checked_question(query)
        if not 1 <= k <= MOST_HITS:
            raise InputError(f"-k {k}: a number from 1 to {MOST_HITS} is expected")
        self._ready()
        ranking = self._stores.retriever.rank(query, condition)
        if not ranking.terms:
            raise InputError("the query has no word to search for: name a subject, a method or a paper")
        judged = judge(ranking, self._stores.catalog, self._stores.lexical.analyzer)
        best = scored_rows(ranking, judged)[:k]
        papers = {item.candidate.row: item.paper for item in judged[:k]}
        papers |= self._stores.catalog.at_rows([row for row, _ in best if row not in papers])
        near = self._stores.retriever.near_sentences(ranking, list(papers.values()))
        return [
            Hit(paper=papers[row], quote=near[papers[row].paper_id][0].quote, score=round(score, 6))
            for row, score in best
        ]

    def ask(
        self,
        question: str,
        mode: Mode | None = None,
        most: int | None = None,
        today: date | None = None,
        on_text: OnText | None = None,
    ) -> Answer:
        """Answer a question with checked citations, or abstain and say why."""
        checked_question(question)
        self._ready()
        return ask(
            self.workbench(),
            question,
            mode=mode or self._settings.mode,
            most=most or self._settings.max_papers,
            today=today or date.today(),
            on_text=on_text,
        )

    def summarize(
        self, name: str, length: SummaryLength = "sentence", mode: Mode | None = None, on_text: OnText | None = None
    ) -> Summary:  # fmt: skip
        """Summarize a paper of the catalog, found by id or (nearly) its title.

        Raises:
            PaperNotFoundError: no paper is meant for certain.
        """
        self._ready()
        bench, mode = self.workbench(), mode or self._settings.mode
        paper = paper_named(bench, name)
        key = summary_key(bench, paper, length, mode)
        kept = self._results.get(key) if on_text is None else None
        if kept is None:
            kept = summarize(bench, paper, length, mode, on_text)
            self._results.put(key, kept)
        return kept

    def summarize_text(
        self, title: str, abstract: str, length: SummaryLength = "sentence", mode: Mode | None = None
    ) -> Summary:  # fmt: skip
        """Summarize a text that is not in the catalog.

        Raises:
            InputError: there is no text.
        """
        paper = _paper_of_text(title, abstract)
        return summarize(self.workbench(), paper, length, mode or self._settings.mode)

    def digest(
        self, day: str, condition: Filter, mode: Mode | None = None, progress: Progress = quietly
    ) -> tuple[Digest, dict[str, Paper]]:  # fmt: skip
        """One-sentence summaries of a day's papers, and the papers by id. Goes on where it was interrupted.

        Raises:
            InputError: no paper is from that day.
        """
        self._ready()
        bench = self.workbench()
        name, papers = digests.papers_of(bench, day, condition)
        made = digests.make_digest(bench, name, papers, mode or self._settings.mode, progress)
        return made, {paper.paper_id: paper for paper in papers}

    def verify(self, source: str, summary: str) -> Verification:
        """Check a text claim by claim against its source.

        Raises:
            InputError: one of them is empty.
        """
        return check_texts(source, summary)

    def reindex(self, progress: Progress = quietly) -> int:
        """Build both indexes anew from the catalog, without embedding; the number of papers."""
        self._stores.reindex(progress)
        return self._stores.catalog.count()

    def counts(self) -> tuple[int, int]:
        """Numbers of papers and of chunks."""
        return self._stores.catalog.count(), self._stores.chunks.count()

    def differences(self) -> Differences:
        """Where the indexes differ from the catalog."""
        return self._stores.differences()

    def mend(self, found: Differences, progress: Progress = quietly) -> None:
        """Make the indexes agree with the catalog."""
        self._stores.mend(found, progress)

    def _ready(self) -> None:
        """Finish what an interrupted ingest left pending."""
        if not self._stores.catalog.count():
            raise EmptyCatalogError(f"the catalog in {self._home.path} has no papers yet: paperboy ingest PATH")
        self._stores.finish(quietly, self._announce)

    def _announce(self, waiting: int) -> None:
        self._note(f"{waiting:,} papers have no vectors yet and get them first; stopping loses nothing")

    def _model_folders(self) -> tuple[Path, ...]:
        return (self._home.models, resources.models_folder())

    def workbench(self) -> Workbench:
        """The parts in use, for evaluation and for use cases built on top."""
        return Workbench(
            stores=self._stores,
            embedder=self._embedder,
            engine=self._writer,
            writer_fingerprint=self._writer_hash,
            prompts=resources.prompts_folder(),
            seed=self._settings.seed,
        )

    def _writer_hash(self) -> str:
        path = models.resolve(self._settings.writer, self._model_folders())
        return models.file_sha256(path, self._home.path / "model-hashes.json")[:16]

    def _writer(self) -> LlamaEngine:
        """The writer, loaded at first use."""
        if self._engine is None:
            from service.llm.engine import LlamaEngine
            from service.llm.native import check_model_file

            path = models.resolve(self._settings.writer, self._model_folders())
            check_model_file(path)
            cache = self._home.path / "model-hashes.json"
            sha256 = models.file_sha256(path, cache)
            models.make_sure_it_loads(path, sha256, cache)
            settings = self._settings
            self._engine = LlamaEngine(
                path,
                fingerprint=sha256[:16],
                gpu_layers=None if settings.gpu_layers == "auto" else settings.gpu_layers,
                context=None if settings.context == "auto" else settings.context,
                threads=None if settings.threads == "auto" else settings.threads,
            )
        return self._engine


def backup(settings: Settings, target: Path) -> None:
    """A consistent copy of the catalog, also while another process works with it.

    Raises:
        HomeError: there is no catalog, or the target exists.
    """
    copy_database(Home(settings.home).catalog, target)


def restore(settings: Settings, source: Path) -> int:
    """Fill an empty home from a backup and build its indexes; the number of papers.

    Raises:
        HomeError: the home has a catalog already, or the file is no backup.
    """
    home = Home(settings.home)
    if home.catalog.exists():
        raise HomeError(f"{home.path} has a catalog already: restore into an empty --home")
    with home:
        copy_database(source, home.catalog)
    with Library.open(settings) as library:
        return library.reindex()


def _batched(paths: Iterable[Path], format_name: str | None) -> Iterable[list[Paper | Failure]]:
    batch: list[Paper | Failure] = []
    for path in paths:
        for record in read_path(path, format_name):
            batch.append(record)
            if len(batch) == _RECORDS_PER_COMMIT:
                yield batch
                batch = []
    if batch:
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


def _paper_of_text(title: str, abstract: str) -> Paper:
    from service.sources.records import make_paper

    made = make_paper("text", title=title or "untitled", abstract=abstract, paper_id=content_hash(title, abstract))
    if isinstance(made, Failure):
        raise InputError(made.reason if abstract.strip() else "there is no abstract to summarize")
    return made if title else made.model_copy(update={"title": ""})
