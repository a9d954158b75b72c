"""The façade: ingest · search · ask · summarize · digest · verify over one home directory.

`Library.open(settings)` is the one place where parts are built and joined.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from service import resources
from service.answer import digest as digests
from service.answer.ask import OnFindings, ask, checked_question
from service.answer.lookup import paper_named
from service.answer.running import Steps, in_order, run_one, run_together
from service.answer.summarize import summarize_once
from service.answer.workbench import Workbench
from service.checking import check_texts
from service.errors import EmptyCatalogError, InputError, PaperboyError
from service.index.home import Home
from service.index.indexer import Progress
from service.index.notes import Notes
from service.index.query import parse_query
from service.index.results import Cache, Generations, Results, TextSummaries
from service.index.search import search, suggested_titles
from service.index.stores import Stores
from service.intake import records_of, take_in
from service.llm import models
from service.llm.embedder import LlamaEmbedder
from service.ports import Engine, OnText, Reranker
from service.sources.records import paper_of_text
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
    from service.fetching import SourceName
    from service.settings import Mode, Settings
    from service.sources.fetch.wanted import Wanted

_Item = TypeVar("_Item")
_Text = TypeVar("_Text", Answer, Summary)

MOST_HITS = 1_000


def quietly(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


class Library:
    """Papers go in; questions are answered; every text says where it came from."""

    def __init__(self, settings: Settings, home: Home, note: Callable[[str], None], *, together: bool) -> None:
        """Use `open`, which also owns the home directory."""
        self._settings, self._home, self._note, self._together = settings, home, note, together
        self._engine: Engine | None = None
        self._reranker: Reranker | None = None
        self._settling = False
        threads = None if settings.threads == "auto" else settings.threads
        path = models.resolve(settings.embedder, self._model_folders())
        self._embedder = LlamaEmbedder(path, threads=threads)
        self._stores = Stores(home, self._embedder, chroma_cold_limit=settings.chroma_cold_limit, note=note)
        self._cache = Cache(home.cache)

    @classmethod
    def open(
        cls, settings: Settings, note: Callable[[str], None] | None = None, *, together: bool = False
    ) -> Self:  # fmt: skip
        """Own the home directory and open what is in it.

        Args:
            settings: what to use.
            note: told what had to be mended or finished on the way.
            together: many questions or summaries at a time are going to be asked for, so the writer gets room for them.

        Raises:
            HomeError: the directory cannot be used or is in use.
            ModelError: the embedder cannot be loaded.
        """
        home = Home(settings.home).own()
        try:
            return cls(settings, home, note or (lambda _text: None), together=together)
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
        if self._reranker is not None:
            self._reranker.close()
            self._reranker = None
        self._embedder.close()
        self._cache.close()
        self._home.release()

    def ingest(
        self, paths: Iterable[Path], format_name: str | None = None, progress: Progress = quietly
    ) -> IngestReport:  # fmt: skip
        """Take in papers; what cannot be read is listed and the rest goes in. Doing it again changes nothing.

        Raises:
            SourceError: the format is not known.
        """
        return self.ingest_records(records_of(paths, format_name), progress)

    def ingest_records(self, records: Iterable[Paper | Failure], progress: Progress = quietly) -> IngestReport:
        """Take in papers that were read already; `progress` may ask the library meanwhile."""
        with self._alone():
            return take_in(self._stores, records, progress)

    def fetch(self, source: SourceName, wanted: Wanted, progress: Progress = quietly) -> IngestReport:
        """Fetch papers from a service and take them in; the only use case that goes to the network for papers.

        Raises:
            InputError: the service has nothing of that kind.
            FetchError: it cannot be reached or refuses; what was fetched before is kept.
        """
        from service.fetching import fetch_in

        memory = Notes(self._stores.database)
        take = partial(self.ingest_records, progress=progress)
        return fetch_in(source, wanted, self._settings, memory, take, note=self._note, progress=progress)

    def search(self, query: str, k: int = 10, condition: Filter | None = None) -> list[Hit]:
        """The `k` best papers, each with the sentence nearest to the query, which may have operators (`query.py`).

        Raises:
            InputError: the query is empty, too long, has a date that is none, or no word to search for.
            EmptyCatalogError: there are no papers.
        """
        query = checked_question(query)
        if not 1 <= k <= MOST_HITS:
            raise InputError(f"-k {k}: a number from 1 to {MOST_HITS} is expected")
        self._ready()
        return search(self._stores, parse_query(query, condition), k, self._cross_encoder)

    def suggest(self, text: str, k: int = 8) -> list[str]:
        """Titles for what has been typed so far; the last word may be unfinished."""
        return suggested_titles(self._stores, text, k)

    def ask(
        self,
        question: str,
        mode: Mode | None = None,
        most: int | None = None,
        today: date | None = None,
        on_text: OnText | None = None,
    ) -> Answer:
        """Answer a question with checked citations, or abstain and say why.

        Args:
            question: one question.
            mode: how the text is written; `None`: as the settings say.
            most: papers that a list may have; `None`: as the settings say.
            today: what "this year" refers to.
            on_text: told the text as it grows; what it raises ends the writing.
        """
        return self._one(self.asking(question, mode, most, today), on_text)

    def ask_many(
        self, questions: Iterable[str | PaperboyError], mode: Mode | None = None, most: int | None = None
    ) -> Generator[Answer | PaperboyError, None, None]:
        """Answer questions together, taken as there is room for them: the answers, or why there is none, in order.

        Args:
            questions: an error among them comes out in its place.
            mode: as for `ask`.
            most: as for `ask`.
        """
        return self._many(questions, lambda question: self.asking(question, mode, most))

    def summarize(
        self, name: str, length: SummaryLength = "sentence", mode: Mode | None = None, on_text: OnText | None = None
    ) -> Summary:  # fmt: skip
        """Summarize a paper of the catalog, found by id or (nearly) its title; `on_text` as for `ask`.

        Raises:
            PaperNotFoundError: no paper is meant for certain.
        """
        return self._one(self.summarizing(name, length, mode), on_text)

    def summarize_text(
        self,
        title: str,
        abstract: str,
        length: SummaryLength = "sentence",
        mode: Mode | None = None,
        on_text: OnText | None = None,
    ) -> Summary:
        """Summarize a text that is not in the catalog; `on_text` as for `ask`.

        Raises:
            InputError: there is no text.
        """
        return self._one(self.summarizing_text(title, abstract, length, mode), on_text)

    def summarize_many(
        self,
        texts: Iterable[tuple[str, str] | PaperboyError],
        length: SummaryLength = "sentence",
        mode: Mode | None = None,
    ) -> Generator[Summary | PaperboyError, None, None]:
        """Summarize texts, each a title and an abstract, as `ask_many` answers questions."""
        return self._many(texts, lambda text: self.summarizing_text(*text, length, mode))

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

    @property
    def stores(self) -> Stores:
        """The catalog and its indexes, for who looks after them."""
        return self._stores

    def build(self) -> tuple[bool, str]:
        """Whether this llama.cpp can use a GPU, and which features of the processor it uses."""
        return self._embedder.build

    def asking(
        self,
        question: str,
        mode: Mode | None = None,
        most: int | None = None,
        today: date | None = None,
        on_findings: OnFindings | None = None,
    ) -> Steps[Answer]:
        """`ask` as steps, for who runs many use cases at a time; `on_findings` is told what retrieval found."""
        checked_question(question)
        self._ready()
        return (
            yield from ask(
                self.workbench(),
                question,
                mode=mode or self._settings.mode,
                most=most or self._settings.max_papers,
                today=today or date.today(),
                planner=self._settings.planner,
                on_findings=on_findings,
            )
        )

    def summarizing(
        self, name: str, length: SummaryLength = "sentence", mode: Mode | None = None
    ) -> Steps[Summary]:  # fmt: skip
        """`summarize` as steps."""
        self._ready()
        bench, kept = self.workbench(), Results(self._stores.database)
        paper = paper_named(bench, name)
        return (yield from summarize_once(bench, kept, paper, length, mode or self._settings.mode))

    def summarizing_text(
        self, title: str, abstract: str, length: SummaryLength = "sentence", mode: Mode | None = None
    ) -> Steps[Summary]:  # fmt: skip
        """`summarize_text` as steps."""
        paper, kept = paper_of_text(title, abstract), TextSummaries(self._cache)
        return (yield from summarize_once(self.workbench(), kept, paper, length, mode or self._settings.mode))

    def _one(self, steps: Steps[_Text], on_text: OnText | None) -> _Text:
        """Run a use case; a text that no writer writes now is told whole."""
        bench, told = self.workbench(), False

        def tell(piece: str) -> None:
            nonlocal told
            told = True
            if on_text:
                on_text(piece)

        made = run_one(bench.engine, steps, tell if on_text else None, bench.generations)
        if not told:
            tell(made.text)
        return made

    def _many(
        self, items: Iterable[_Item | PaperboyError], begin: Callable[[_Item], Steps[_Text]]
    ) -> Generator[_Text | PaperboyError, None, None]:
        bench = self.workbench()
        jobs = (item if isinstance(item, PaperboyError) else begin(item) for item in items)
        return in_order(run_together(bench.engine, jobs, bench.generations))

    def _ready(self) -> None:
        """Finish what an interrupted ingest left pending."""
        if not self._stores.catalog.count():
            raise EmptyCatalogError(f"the catalog in {self._home.path} has no papers yet: paperboy ingest PATH")
        self.settle()

    def settle(self, progress: Progress = quietly) -> None:
        """Finish what an interrupted ingest left pending; nothing to do while an ingest is under way."""
        if not self._settling:
            with self._alone():
                self._stores.finish(progress, self._announce)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While papers are taken in: who asks meanwhile, from `progress`, finds those that are indexed already."""
        self._settling = True
        try:
            yield
        finally:
            self._settling = False

    def _announce(self, waiting: int) -> None:
        self._note(f"{waiting:,} papers have no vectors yet and get them first; stopping loses nothing")

    def _model_folders(self) -> tuple[Path, ...]:
        return resources.model_folders(self._home.models)

    def workbench(self) -> Workbench:
        """The parts in use, for evaluation and for use cases built on top."""
        return Workbench(
            stores=self._stores,
            embedder=self._embedder,
            engine=self._writer,
            writer_fingerprint=self._writer_hash,
            prompts=resources.prompts_folder(),
            seed=self._settings.seed,
            generations=Generations(self._cache),
            reranker=self._cross_encoder,
        )

    def _writer_hash(self) -> str:
        if self._settings.endpoint:
            return self._writer().fingerprint
        from service.llm.opening import writer_fingerprint

        return writer_fingerprint(self._settings, self._model_folders(), self._home.model_hashes)

    def _writer(self) -> Engine:
        """The writer, started at first use."""
        if self._engine is None:
            from service.llm.opening import open_writer

            self._engine = open_writer(
                self._settings, self._model_folders(), self._home.model_hashes, together=self._together
            )
        return self._engine

    def _cross_encoder(self) -> Reranker | None:
        """The reranker, started at first use; `None` where the settings name none."""
        if self._reranker is None and self._settings.reranker:
            from service.llm.opening import open_reranker

            self._reranker = open_reranker(self._settings, self._model_folders())
        return self._reranker
