"""Questions that need no judgments, over any catalog: a sentence must find its paper, and a title its abstract.

Both would be trivial on the catalog itself, where chunks and the lexical index hold the title and every sentence. So
each is asked of a throw-away library of the same papers that lacks what is asked with:

- *sentences* (the inverse cloze task of Lee et al. 2019): one sentence is taken out of each paper asked for; its title
  and the rest stay. Papers that are not asked for stay whole, which is a little harder than life and the same for
  every system.
- *titles*: every paper, asked for or not, has a number for its title, so that no paper stands out by lacking one.

A sentence or title is left out where its words stand in another paper too, or (titles) in the paper's own abstract.
One paper is right by construction and others may deserve to be found as well: the figures compare systems on one
corpus, and say nothing of how good the best possible one would be.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from eval.systems import Bench, Progress, open_bench
from service.errors import EmptyCatalogError, InputError
from service.index.home import Home
from service.library import Library
from service.sentences import sentence_spans
from service.settings import Settings
from service.text import title_key
from service.types import Filter, Paper

_FEWEST_SENTENCES = 3
_FEWEST_WORDS, _MOST_WORDS = 6, 60


class Task(NamedTuple):
    """A question and the id of the one paper that it was made from."""

    text: str
    paper_id: str


class Corpus(NamedTuple):
    """Papers without what the tasks ask with."""

    papers: list[Paper]
    tasks: list[Task]


def catalog_papers(settings: Settings) -> list[Paper]:
    """All papers of a home directory.

    Raises:
        EmptyCatalogError: there are none.
    """
    if Home(settings.home).catalog.exists():
        with Library.open(settings) as library:
            papers: list[Paper] = list(library.workbench().stores.catalog.select(Filter()))
        if papers:
            return papers
    raise EmptyCatalogError(f"the catalog in {settings.home} has no papers to measure on: paperboy ingest PATH")


def drawn(papers: Sequence[Paper], most: int, seed: int) -> list[Paper]:
    """At most so many of the papers, drawn at random, in their order."""
    if len(papers) <= most:
        return list(papers)
    return [papers[number] for number in sorted(random.Random(seed).sample(range(len(papers)), most))]  # noqa: S311


def sentence_corpus(papers: Sequence[Paper], limit: int, seed: int) -> Corpus:
    """At most `limit` papers lose one sentence, which becomes the question."""
    texts = {paper.paper_id: [paper.abstract[start:end] for start, end in _spans(paper)] for paper in papers}
    standing = Counter(sentence for sentences in texts.values() for sentence in set(sentences))
    chance = random.Random(seed)  # noqa: S311
    changed: dict[str, Paper] = {}
    tasks: list[Task] = []
    for paper in _shuffled(papers, chance):
        usable = [
            span
            for span, sentence in zip(_spans(paper), texts[paper.paper_id], strict=True)
            if standing[sentence] == 1 and _FEWEST_WORDS <= len(sentence.split()) <= _MOST_WORDS
        ]
        if len(texts[paper.paper_id]) < _FEWEST_SENTENCES or not usable:
            continue
        start, end = chance.choice(usable)
        rest = f"{paper.abstract[:start].rstrip()} {paper.abstract[end:].lstrip()}".strip()
        changed[paper.paper_id] = paper.model_copy(update={"abstract": rest})
        tasks.append(Task(paper.abstract[start:end], paper.paper_id))
        if len(tasks) == limit:
            break
    return Corpus([changed.get(paper.paper_id, paper) for paper in papers], tasks)


def title_corpus(papers: Sequence[Paper], limit: int, seed: int) -> Corpus:
    """All papers lose their titles; at most `limit` of these become questions."""
    keys = Counter(title_key(paper.title) for paper in papers)
    tasks = [
        Task(paper.title, paper.paper_id)
        for paper in _shuffled(papers, random.Random(seed))  # noqa: S311
        if keys[title_key(paper.title)] == 1
        and len(paper.title.split()) <= _MOST_WORDS
        and title_key(paper.title) not in title_key(paper.abstract)
    ]
    # Six digits: no year and no number of parameters in a title is written so.
    nameless = [paper.model_copy(update={"title": f"Paper {n:06d}"}) for n, paper in enumerate(papers)]
    return Corpus(nameless, tasks[:limit])


CORPORA = {"sentences": sentence_corpus, "titles": title_corpus}


@contextmanager
def throw_away(corpus: Corpus, settings: Settings, progress: Progress) -> Iterator[Bench]:
    """A bench over a corpus in a temporary folder, with the models that the settings name.

    Raises:
        InputError: the papers gave no question.
    """
    if not corpus.tasks:
        raise InputError("none of the papers gives a question: abstracts of three sentences and titles are needed")
    with TemporaryDirectory(prefix="paperboy-eval-") as folder:
        file = Path(folder) / "papers.jsonl"
        with file.open("w", encoding="utf-8") as out:
            for paper in corpus.papers:
                record = {"id": paper.paper_id, "title": paper.title, "abstract": paper.abstract}
                out.write(json.dumps(record) + "\n")
        home = Home(Path(folder) / "home")
        home.path.mkdir()
        # Models that were pulled are found by their names there.
        home.models.symlink_to(Home(settings.home).models.absolute(), target_is_directory=True)
        with open_bench(settings.model_copy(update={"home": home.path}), [file], progress) as bench:
            yield bench


def _spans(paper: Paper) -> list[tuple[int, int]]:
    return sentence_spans(paper.abstract)


def _shuffled(papers: Sequence[Paper], chance: random.Random) -> list[Paper]:
    return chance.sample(papers, len(papers))
