"""Retrieval on questions with known answers, against the baselines of `systems.py` in the same run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eval import metrics
from eval.collections import COLLECTIONS, collection_file, read_queries
from eval.data import data_folder
from eval.intervals import Array
from eval.own_papers import CORPORA, catalog_papers, drawn, throw_away
from eval.questions import Question, development_questions, own_lists, own_questions
from eval.systems import BASELINES, OURS, SYSTEMS, Bench, Cut, Found, Progress, ask_systems, bench_of, open_bench
from eval.task_files import SAMPLE_PAGES
from service.errors import InputError
from service.library import Library, quietly
from service.settings import Settings, load_settings
from service.types import Filter

MEASURES = ("nDCG@10", "recall@5", "recall@10", "recall@20", "recall@50", "MRR", "precision", "F1")
"""The last two at the cut: of the papers that an answer lists, and of as many of each baseline's first ones."""
DEEPEST = 60
"""Ranks of the recall curves."""
SETS = ("development", "own", "sentences", "titles", *COLLECTIONS)
_CUTS: dict[str, Cut] = {
    "list": "list",
    "own list": "list",
    "factoid": "factoid",
    "own factoid": "factoid",
    "comparison": "comparison",
    **dict.fromkeys(COLLECTIONS, "list"),
}


class Case(NamedTuple):
    """A question with the grades of its relevant papers, by the key that `TaskSet` gives papers."""

    id: str
    kind: str
    text: str
    grades: dict[str, int]

    @property
    def cut(self) -> Cut | None:
        """How an answer to it chooses papers; `None` where one paper is right and others may be, too."""
        return _CUTS.get(self.kind)


class Outcome(NamedTuple):
    """What the systems are worth on one case."""

    case: Case
    values: dict[str, Array]
    """By system, shape (len(MEASURES),); NaN where a measure does not apply."""
    curves: dict[str, Array]
    """Recall at 1 … DEEPEST by system, shape (DEEPEST,)."""
    missed: list[str]
    """Titles, or else keys, of relevant papers that are not listed (without a cut: not among the first ten)."""
    wrong: list[str]
    """Titles of listed papers that are not relevant (without a cut: of what stands before the right one)."""
    relevance: list[tuple[float, bool]]
    """Predicted probability and truth of each judged paper of a list question."""
    refused: bool


class Scores(NamedTuple):
    """Means over the questions of one kind; the last two are `None` where there is no cut."""

    system: str
    kind: str
    questions: int
    ndcg_10: float
    recall_5: float
    recall_10: float
    recall_20: float
    recall_50: float
    mrr: float
    precision: float | None
    f1: float | None


class Plan(NamedTuple):
    """What to measure."""

    sets: Sequence[str]
    work: Path
    """Folder of catalogs that are kept between runs."""
    settings: Settings | None
    """Of the catalog whose papers give sentences and titles; `None`: the sample pages."""
    limit: int
    papers: int
    seed: int


def run(plan: Plan, progress: Progress = quietly) -> list[Outcome]:
    """Ask the questions of all sets.

    Raises:
        InputError: the data of a set are not here.
    """
    outcomes = []
    for name in plan.sets:
        with _open_set(name, plan, progress) as (bench, cases, by_title):
            outcomes += ask_cases(bench, cases, by_title=by_title, progress=partial(progress, f"asking: {name}"))
    return outcomes


def ask_cases(
    bench: Bench,
    cases: Sequence[Case],
    *,
    by_title: bool,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> list[Outcome]:
    """Ask each question; papers are named by title or by id."""
    papers = bench.library.workbench().stores.catalog.select(Filter())
    keys = {paper.row: paper.title if by_title else paper.paper_id for paper in papers}
    titles = {key: paper.title for paper in papers for key in (keys[paper.row],)}
    outcomes = []
    for number, case in enumerate(cases, start=1):
        outcomes.append(_outcome(case, ask_systems(bench, case.text, case.cut), keys, titles))
        progress(number, len(cases))
    return outcomes


def evaluate(library: Library, questions: Sequence[Question]) -> list[Scores]:
    """Scores by system and kind of question, of a library with the sample pages and the stock embedder."""
    bench = bench_of(library, library, Settings.model_fields["max_papers"].default)
    return scores(ask_cases(bench, _cases_of(questions), by_title=True))


def scores(outcomes: Sequence[Outcome]) -> list[Scores]:
    """Means by system and kind of question, rounded to three digits."""
    rows = []
    for kind, part in by_kind(outcomes).items():
        for system in SYSTEMS:
            means = np.stack([outcome.values[system] for outcome in part]).mean(axis=0)
            rounded = [None if np.isnan(mean) else round(float(mean), 3) for mean in means]
            rows.append(Scores(system, kind, len(part), *rounded))  # type: ignore[arg-type]
    return rows


def by_kind(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes of each kind of question, in the order in which the kinds were asked."""
    kinds: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        kinds.setdefault(outcome.case.kind, []).append(outcome)
    return kinds


@contextmanager
def _open_set(name: str, plan: Plan, progress: Progress) -> Iterator[tuple[Bench, list[Case], bool]]:
    """The bench of a set, its cases, and whether they name papers by title."""
    if name in CORPORA:
        settings = plan.settings or _kept(plan.work / "sample")
        if plan.settings is None:
            with open_bench(settings, [SAMPLE_PAGES], progress):
                pass
        papers = drawn(catalog_papers(settings), plan.papers, plan.seed)
        corpus = CORPORA[name](papers, plan.limit, plan.seed)
        cases = [Case(task.paper_id, name, task.text, {task.paper_id: 1}) for task in corpus.tasks]
        with throw_away(corpus, settings, progress) as bench:
            yield bench, cases, False
        return
    if name in COLLECTIONS:
        _require_data(name, "retrieval", name)
        queries = read_queries(name)
        cases = [Case(f"{name} {n}", name, q.text, q.relevant) for n, q in enumerate(queries, start=1)]
        source, home = collection_file(name, plan.work), plan.work / name
    else:
        if name == "development":
            _require_data(name, "questions-dev.json")
        cases = _cases_of(development_questions() if name == "development" else _own())
        source, home = SAMPLE_PAGES, plan.work / "sample"
    with open_bench(_kept(home), [source], progress) as bench:
        yield bench, cases, name not in COLLECTIONS


def _kept(home: Path) -> Settings:
    """The settings of a catalog that is kept between runs: what the environment says holds for it, too."""
    return load_settings({"home": str(home)})


def has_data(name: str) -> bool:
    """Whether a set can be measured here."""
    folder = data_folder()
    parts = {"development": "questions-dev.json", **{one: f"retrieval/{one}" for one in COLLECTIONS}}
    return name not in parts or (folder is not None and (folder / parts[name]).exists())


def _require_data(name: str, *parts: str) -> None:
    if not has_data(name):
        raise InputError(
            f"the data of the set {name} are not here: PAPERS_DATA must name a folder with {'/'.join(parts)}, "
            "see training/README.md"
        )


def _own() -> list[Question]:
    facts = [question._replace(kind=f"own {question.kind}") for question in own_questions()]
    return [*own_lists(), *facts]


def _cases_of(questions: Sequence[Question]) -> list[Case]:
    return [Case(q.id, q.kind, q.text, q.grades) for q in questions if q.grades and q.kind != "metadata"]


def _outcome(case: Case, found: Found, keys: Mapping[int, str], titles: Mapping[str, str]) -> Outcome:
    relevant = {key for key, grade in case.grades.items() if grade > 0}
    rankings = {
        system: list(dict.fromkeys(keys[row] for row in rows)) for system, rows in found.rankings.items()
    }  # fmt: skip
    listed = [keys[row] for row in found.listed]
    values = {
        system: _values(case, relevant, listed if system == OURS else ranking[: len(listed)], ranking)
        for system, ranking in rankings.items()
    }
    shown = listed if case.cut else rankings[OURS][:10]
    missed = [titles.get(key, key) for key in sorted(relevant, key=lambda key: -case.grades[key]) if key not in shown]
    if not case.cut:
        shown = shown[: next((place for place, key in enumerate(shown) if key in relevant), len(shown))]
    return Outcome(
        case,
        values,
        {system: np.array(metrics.recall_curve(ranking, relevant, DEEPEST)) for system, ranking in rankings.items()},
        missed,
        [titles[key] for key in shown if key not in relevant],
        [(share, keys[row] in relevant) for row, share in found.relevance.items()] if case.cut == "list" else [],
        found.refused,
    )


def _values(case: Case, relevant: set[str], listed: Sequence[str], ranking: Sequence[str]) -> Array:
    return np.array(
        [
            metrics.ndcg(ranking, case.grades, 10),
            *(metrics.recall(ranking, relevant, k) for k in (5, 10, 20, 50)),
            metrics.reciprocal_rank(ranking, relevant),
            metrics.precision(listed, relevant) if case.cut else np.nan,
            metrics.f1(listed, relevant) if case.cut else np.nan,
        ]
    )


__all__ = ["BASELINES", "COLLECTIONS", "OURS", "SETS", "SYSTEMS", "Outcome", "Plan", "Scores", "by_kind", "evaluate"]
