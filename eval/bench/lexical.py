"""How long lexical search takes: among 91,000 abstracts of arXiv, and among a million of words drawn by Zipf's law.

Each kind of query is timed as search does it: the terms read, what is required looked up, the best 1,000 papers taken.
"""

import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from eval.data import data_folder, read_lines
from service.index.lexical import Entry, LexicalIndex
from service.index.query import parse_query
from service.index.reading import read_question
from service.index.tokens import STOP_WORDS

ABSTRACTS = ("arxiv", "arxiv_ml_abstracts.jsonl.gz")
_LIMIT = 1_000
_SUGGESTED = 50
_BATCH = 20_000
_EACH = 40
"""Queries of a kind."""
_BOUND = 10.0
"""Milliseconds that the 95th percentile of the mix may take."""
_MADE_ROWS = 1_000_000
_VOCABULARY = 200_000
_TITLE_WORDS, _ABSTRACT_WORDS = 8, 80
_SYLLABLES = [
    "ba",
    "co",
    "di",
    "fe",
    "gu",
    "ha",
    "jo",
    "ki",
    "lu",
    "me",
    "na",
    "po",
    "ri",
    "sa",
    "tu",
    "ve",
    "xo",
    "za",
]
_CATEGORIES = ["cs.CL", "cs.CV", "cs.LG", "stat.ML", "math.OC"]
_LONG_WORD = re.compile(r"[a-z]{7,12}")


def main() -> None:
    """Print both tables."""
    if data_folder() is None:
        Console().print("no abstracts: set PAPERS_DATA, see training/README.md; skipped")
    else:
        _measure("91,000 abstracts of arXiv", real_entries())
    _measure(f"{_MADE_ROWS:,} made abstracts", made_entries(_MADE_ROWS))


def real_entries() -> Iterator[Entry]:
    """The abstracts of arXiv."""
    for row, paper in enumerate(read_lines(*ABSTRACTS), start=1):
        authors, categories = tuple(paper["authors"]), tuple(paper["categories"])
        yield Entry(row, paper["abstract"], paper["title"], authors, categories)


def made_entries(rows: int, seed: int = 0) -> Iterator[Entry]:
    """Texts of made words, the nth most common word 1/n as common as the first."""
    draw = np.random.default_rng(seed)
    # The most common words are those that questions are searched without, as in English.
    common = sorted(STOP_WORDS)
    words = np.array([*common, *(_made_word(number) for number in range(_VOCABULARY - len(common)))])
    shares = np.cumsum(1.0 / np.arange(1, _VOCABULARY + 1))
    for first in range(0, rows, _BATCH):
        count = min(_BATCH, rows - first)
        size = (count, _TITLE_WORDS + _ABSTRACT_WORDS)
        drawn = words[np.searchsorted(shares, draw.random(size) * shares[-1])]
        for place, line in enumerate(drawn):
            title, abstract = " ".join(line[:_TITLE_WORDS]), " ".join(line[_TITLE_WORDS:])
            author, category = " ".join(line[-2:]), _CATEGORIES[(first + place) % len(_CATEGORIES)]
            yield Entry(first + place + 1, abstract, title, (author,), (category,))


def queries(sample: Sequence[Entry], seed: int = 0) -> dict[str, list[str]]:
    """Queries of each kind, made from the texts of some papers."""
    chance = random.Random(seed)  # noqa: S311
    made: dict[str, list[str]] = {}
    for entry in sample:
        words = [word for word in entry.abstract.split() if word.isalpha()]
        long = _LONG_WORD.findall(entry.abstract) or ["language"]
        start = chance.randrange(max(1, len(words) - 8))
        name = (entry.authors or ("nobody",))[0].split()[-1]
        category = (entry.categories or ("cs.LG",))[0].split()[0]
        typo = chance.choice(long)
        for kind, query in {
            "question of eight words": " ".join(words[start : start + 8]),
            "phrase": f'"{" ".join(words[start : start + 2])}"',
            "phrase and words": f'"{" ".join(words[start : start + 2])}" {chance.choice(long)}',
            "title:": f"title:{chance.choice(long)} {chance.choice(long)}",
            "author:": f"author:{name} {chance.choice(long)}",
            "cat:": f"cat:{category} {chance.choice(long)} {chance.choice(long)}",
            "word*": f"{chance.choice(long)[:5]}* {chance.choice(long)}",
            "typing error": f"{typo[:3]}{typo[4:]} {chance.choice(long)}",
        }.items():
            made.setdefault(kind, []).append(query)
        made.setdefault("while typing", []).append(entry.title[: chance.randint(2, max(3, len(entry.title) // 2))])
    return made


def _measure(name: str, entries: Iterator[Entry]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index, sample = _filled(Path(folder), entries)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        table = Table(title=f"{name}: {index.count():,} papers, {size / 2**20:,.0f} MiB", title_justify="left")
        for heading in ("query", "example", "p50 ms", "p95 ms"):
            table.add_column(heading)
        everything: list[float] = []
        for kind, some in queries(sample).items():
            ask = _typed if kind == "while typing" else _asked
            times = _times(index, some, ask)
            everything += times
            table.add_row(kind, some[0][:50], *_percentiles(times))
        table.add_row("all", f"bound: p95 {_BOUND:.0f} ms", *_percentiles(everything))
        Console(width=120).print(table)


def _filled(folder: Path, entries: Iterator[Entry]) -> tuple[LexicalIndex, list[Entry]]:
    """The index, and some of its papers."""
    index, batch, sample = LexicalIndex(folder / "lexical"), [], []
    chance = random.Random(1)  # noqa: S311
    for entry in entries:
        batch.append(entry)
        if len(batch) == _BATCH:
            sample += chance.sample(batch, 10)
            index.put(batch)
            batch = []
    if batch:
        index.put(batch)
    return index, chance.sample(sample, min(_EACH, len(sample)))


def _times(index: LexicalIndex, some: list[str], ask: Callable[[LexicalIndex, str], object]) -> list[float]:
    """Milliseconds of each query, the second time it is asked."""
    times = []
    for query in some:
        ask(index, query)
        begun = time.perf_counter()
        ask(index, query)
        times.append(1000 * (time.perf_counter() - begun))
    return times


def _asked(index: LexicalIndex, query: str) -> object:
    asked = parse_query(query)
    weights = read_question(asked.text, index, lambda _word: False).of(index.analyzer.query_terms(asked.text))
    return index.search(weights, _LIMIT, None, asked.required)


def _typed(index: LexicalIndex, text: str) -> object:
    return index.beginning(text, _SUGGESTED)


def _percentiles(times: list[float]) -> tuple[str, str]:
    return f"{np.percentile(times, 50):.2f}", f"{np.percentile(times, 95):.2f}"


def _made_word(number: int) -> str:
    """A word of its own for each number."""
    syllables = []
    number += len(_SYLLABLES)
    while number:
        number, rest = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[rest])
    return "".join(syllables)
