"""One size of the ingest bench, in processes of its own: `python -m eval.bench.ingest_step ingest|search HOME …`.

`ingest` takes papers in with what `Library.ingest` is made of, and with an embedder between that keeps time. What it
measures goes line by line to a journal, so that a run that is killed costs no more than its last line.
"""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from itertools import chain
from pathlib import Path
from typing import IO, TypedDict

from eval.bench.processes import resident_bytes
from eval.bench.search import milliseconds
from eval.data import EMBEDDER
from eval.questions import own_lists, own_questions
from service.index.home import Home
from service.index.stores import Stores
from service.intake import records_of, take_in
from service.library import Library
from service.llm.embedder import LlamaEmbedder
from service.ports import Embedder, Matrix, PassageVectors, QuestionVectors, Vector
from service.settings import Settings

EACH = 10
"""One batch in so many is also embedded by itself, in turn before and after the ingest has it embedded."""
END = "the end"


@dataclass
class Line:
    """One line of the journal: what happened since the line before."""

    stage: str = ""
    papers: int = 0
    seconds: float = 0.0
    """Of the ingest; what only measuring took is left out."""
    inside: float = 0.0
    """Seconds of it in which the embedder was at work."""
    passages: int = 0
    tried: float = 0.0
    """Seconds of these for batches that were also embedded by themselves."""
    alone: float = 0.0
    """Seconds of the embedder with the same batches and nothing beside it."""
    tried_passages: int = 0
    tried_tokens: int = 0
    service_peak: int = 0
    """The most bytes of memory that the process ever had."""
    worker_peak: int = 0
    """The same of the embedder's process."""

    def add(self, other: "Line") -> None:
        """Take in what another line has; of peaks the higher one."""
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name.endswith("_peak"):
                setattr(self, field.name, max(mine, theirs))
            elif field.name != "stage":
                setattr(self, field.name, mine + theirs)


class TimedEmbedder:
    """An embedder that notes in `spent` how long it took, and tries some batches by themselves."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._batches = 0
        self.spent = Line()
        self.aside = 0.0
        """Seconds that only measuring took."""
        self.dimensions, self.max_tokens, self.fingerprint = inner.dimensions, inner.max_tokens, inner.fingerprint

    def count_tokens(self, text: str) -> int:
        """As the embedder does."""
        return self._inner.count_tokens(text)

    def count_each(self, texts: Sequence[str]) -> list[int]:
        """As the embedder does."""
        return self._inner.count_each(texts)

    def embed_query(self, text: str) -> Vector:
        """As the embedder does."""
        return self._inner.embed_query(text)

    def embed_question(self, parts: Sequence[str]) -> QuestionVectors:
        """As the embedder does."""
        return self._inner.embed_question(parts)

    def embed_words(self, words: Sequence[str]) -> Matrix:
        """As the embedder does."""
        return self._inner.embed_words(words)

    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        """As the embedder does."""
        tried, turn = self._batches % EACH == 0, self._batches // EACH % 2
        self._batches += 1
        if tried and turn == 0:
            self._try_alone(passages)
        begun = time.perf_counter()
        made = self._inner.embed_passages(passages)
        took = time.perf_counter() - begun
        self.spent.inside += took
        self.spent.passages += len(passages)
        if tried:
            self.spent.tried += took
        if tried and turn == 1:
            self._try_alone(passages)
        return made

    def close(self) -> None:
        """Free the model."""
        self._inner.close()

    def _try_alone(self, passages: Sequence[Sequence[str]]) -> None:
        begun = time.perf_counter()
        self._inner.embed_passages(passages)
        self.spent.alone += time.perf_counter() - begun
        self.spent.tried_passages += len(passages)
        self.spent.tried_tokens += sum(self._inner.count_each(list(chain.from_iterable(passages))))
        self.aside += time.perf_counter() - begun


class Journal:
    """Writes a line whenever the ingest says how far it is."""

    def __init__(self, file: IO[str], embedder: TimedEmbedder, worker: int) -> None:
        self._file, self._embedder, self._worker = file, embedder, worker
        self._last, self._done = time.perf_counter(), 0

    def progress(self, stage: str, done: int, _total: int) -> None:
        """What `Library.ingest` is given as `progress`."""
        line, now = self._embedder.spent, time.perf_counter()
        line.stage, line.seconds = stage, now - self._last - self._embedder.aside
        if stage == "embedding":
            line.papers, self._done = done - self._done, done
        line.service_peak = resident_bytes("self", peak=True)
        line.worker_peak = resident_bytes(self._worker, peak=True)
        self._file.write(f"{json.dumps(asdict(line))}\n")
        self._file.flush()
        self._embedder.spent, self._embedder.aside, self._last = Line(), 0.0, time.perf_counter()


def read_journal(path: Path) -> list[Line]:
    """The lines of a journal, without half a one at the end."""
    if not path.exists():
        return []
    whole = [text for text in path.read_text(encoding="utf-8").splitlines(keepends=True) if text.endswith("\n")]
    return [Line(**json.loads(text)) for text in whole]


def ingest(home: Path, papers: Path, journal: Path) -> None:
    """Take papers in; a second call goes on where the first was stopped."""
    with closing(LlamaEmbedder(EMBEDDER)) as model, Home(home) as owned, journal.open("a") as file:
        embedder = TimedEmbedder(model)
        stores = Stores(owned, embedder, chroma_cold_limit=0, note=_tell)
        with closing(stores):
            kept = Journal(file, embedder, model.pid)
            take_in(stores, records_of([papers], "jsonl"), kept.progress)
            kept.progress(END, 0, 0)


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


class Searched(TypedDict):
    """How long questions took, and the most memory of the process that answered them."""

    milliseconds: list[float]
    peak: int


def search(home: Path) -> Searched:
    """Ask the project's own questions, several times each."""
    questions = [question.text for question in (*own_questions(), *own_lists())]
    with Library.open(Settings(home=home)) as library:
        times = milliseconds(library.search, questions)
    return {"milliseconds": times, "peak": resident_bytes("self", peak=True)}


def main(arguments: Sequence[str]) -> None:
    """Do what the bench asks for."""
    match arguments:
        case ["ingest", home, papers, journal]:
            ingest(Path(home), Path(papers), Path(journal))
        case ["search", home]:
            sys.stdout.write(json.dumps(search(Path(home))))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
