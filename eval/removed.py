"""Questions whose only paper was taken out of the catalog: the answer must become an abstention."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from eval.task_files import SAMPLE_PAGES, fact_cases
from eval.writing import Trials, passed
from service.library import Library
from service.settings import Mode, Settings
from service.sources import read_path
from service.types import Paper


def evidence_removed(settings: Settings, mode: Mode) -> tuple[Trials, list[str]]:
    """Ask the project's questions of fact of the sample pages without the papers that answer them.

    Returns:
        How often nothing was answered, and the answers that were given all the same.
    """
    cases = [case for case in fact_cases("answerable-1") if case.title]
    outcomes, failures = [], []
    with _without({case.title for case in cases if case.title}, settings) as library:
        for case in cases:
            answer = library.ask(case.question, mode=mode)
            outcomes.append(answer.abstained)
            if not answer.abstained:
                failures.append(f"answered without evidence: {case.question} — {answer.text}")
    return passed("abstains once the evidence is removed", outcomes), failures


@contextmanager
def _without(titles: set[str], settings: Settings) -> Iterator[Library]:
    papers = [p for p in read_path(SAMPLE_PAGES) if isinstance(p, Paper) and p.title not in titles]
    with TemporaryDirectory(prefix="paperboy-eval-") as folder:
        file = Path(folder) / "papers.jsonl"
        lines = (paper.model_dump_json(include={"title", "abstract", "published", "authors"}) for paper in papers)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        with Library.open(settings.model_copy(update={"home": Path(folder) / "home"})) as library:
            library.ingest([file])
            yield library
