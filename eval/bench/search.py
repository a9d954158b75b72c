"""How long a search takes in a process that is running, on the sample pages: `python -m eval.bench search`.

All questions of the project's own files, twice in turn; the first round, in which everything is read, does not count.
"""

import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console

from eval.questions import SAMPLE_PAGES, own_lists, own_questions
from service.library import Library
from service.settings import Settings

_BOUND = 60.0
_ROUNDS = 3


def main() -> None:
    """Print median, 95th percentile and worst in milliseconds."""
    questions = [question.text for question in (*own_questions(), *own_lists())]
    with tempfile.TemporaryDirectory() as folder, Library.open(Settings(home=Path(folder))) as library:
        library.ingest([SAMPLE_PAGES])
        for question in questions:
            library.search(question)
        seconds = [_seconds(library, question) for _ in range(_ROUNDS) for question in questions]
    cuts = [1000 * cut for cut in statistics.quantiles(seconds, n=20)]
    Console().print(
        f"search of {len(questions)} questions, {_ROUNDS} rounds: median {1000 * statistics.median(seconds):.1f} ms, "
        f"p95 {cuts[-1]:.1f} ms (bound {_BOUND:.0f}), worst {1000 * max(seconds):.1f} ms"
    )


def _seconds(library: Library, question: str) -> float:
    begun = time.perf_counter()
    library.search(question)
    return time.perf_counter() - begun
