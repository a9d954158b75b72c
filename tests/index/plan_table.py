"""Questions and their plans, first half: dates, orders, numbers of authors and papers, categories.

Every field that a row does not name has to have its default; the topic of a question for the texts is open, unless the
row gives it. Today is Saturday, 21 November 2026.
"""

from datetime import date
from typing import Any

Row = tuple[str, dict[str, Any]]


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def row(kind: str, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Expected fields of a plan; the parts of its filter beside the others."""
    condition = {name: day(fields.pop(name, None)) for name in ("since", "until")}
    return {
        "kind": kind,
        "operation": operation,
        "condition": {**condition, "categories": fields.pop("categories", ())},
        **fields,
    }


def select(**fields: Any) -> dict[str, Any]:
    return row("metadata", "select", {"topic": "", **fields})


def count(**fields: Any) -> dict[str, Any]:
    return row("metadata", "count", {"topic": "", **fields})


def listing(**fields: Any) -> dict[str, Any]:
    return row("list", "retrieve", fields)


def fact(**fields: Any) -> dict[str, Any]:
    return row("factoid", "retrieve", fields)


def on(text: str) -> dict[str, str]:
    return {"since": text, "until": text}


YEAR_2023 = {"since": "2023-01-01", "until": "2023-12-31"}
YEAR_2024 = {"since": "2024-01-01", "until": "2024-12-31"}
JULY_2023 = {"since": "2023-07-01", "until": "2023-07-31"}

DATES: list[Row] = [
    ("what was published on 27 July 2023?", select(**on("2023-07-27"))),
    ("what was published on 17 October 2025?", select(**on("2025-10-17"))),
    ("which papers came out on July 27, 2023?", select(**on("2023-07-27"))),
    ("papers from 7/27/2023", select(**on("2023-07-27"))),
    ("papers listed 2023/07/27", select(**on("2023-07-27"))),
    ("show everything published in July 2023", select(**JULY_2023)),
    ("give me the papers of July 2023", select(**JULY_2023)),
    ("anything from July 2023?", select(**JULY_2023)),
    ("what appeared in the first half of 2023?", select(since="2023-01-01", until="2023-06-30")),
    ("papers from Q3 2023", select(since="2023-07-01", until="2023-09-30")),
    ("papers from the third quarter of 2023", select(since="2023-07-01", until="2023-09-30")),
    ("papers published in early 2024", select(since="2024-01-01", until="2024-04-30")),
    ("papers of late 2022", select(since="2022-09-01", until="2022-12-31")),
    ("which papers were released in mid-2024?", select(since="2024-05-01", until="2024-08-31")),
    ("papers since 2024", select(since="2024-01-01")),
    ("papers from 2024 onwards", select(since="2024-01-01")),
    ("papers from 2024 or later", select(since="2024-01-01")),
    ("papers newer than 2024", select(since="2025-01-01")),
    ("papers no later than 2020", select(until="2020-12-31")),
    ("papers published prior to 2020", select(until="2019-12-31")),
    ("which papers are from 2020 or earlier?", select(until="2020-12-31")),
    ("papers older than 2020", select(until="2019-12-31")),
    ("papers published between March and May 2023", select(since="2023-03-01", until="2023-05-31")),
    ("what came out last week?", select(since="2026-11-09", until="2026-11-15")),
    ("what was published this week?", select(since="2026-11-16", until="2026-11-21")),
    ("papers from the past two weeks", select(since="2026-11-08", until="2026-11-21")),
    ("what was listed in the last few days?", select(since="2026-11-19", until="2026-11-21")),
    ("papers from the last 30 days", select(since="2026-10-23", until="2026-11-21")),
    ("papers within the last month", select(since="2026-10-01", until="2026-10-31")),
    ("papers from two days ago", select(**on("2026-11-19"))),
    ("papers from two weeks ago", select(since="2026-11-02", until="2026-11-08")),
    ("what was published three months ago?", select(since="2026-08-01", until="2026-08-31")),
    ("papers of two years ago", select(since="2024-01-01", until="2024-12-31")),
    ("papers less than two weeks old", select(since="2026-11-07")),
    ("papers older than two years", select(until="2024-11-20")),
    ("what came out on Monday?", select(**on("2026-11-16"))),
    ("Friday's papers", select(**on("2026-11-20"))),
    ("papers since last Thursday", select(since="2026-11-19")),
    ("what was published yesterday?", select(**on("2026-11-20"))),
    ("anything since yesterday?", select(since="2026-11-20")),
    ("what appeared in July?", select(since="2026-07-01", until="2026-07-31")),
    ("papers from last December", select(since="2025-12-01", until="2025-12-31")),
    ("papers since March", select(since="2026-03-01")),
    ("what was published on 3 May?", select(**on("2026-05-03"))),
    ("what came out on December 24?", select(**on("2025-12-24"))),
    ("papers from last year", select(since="2025-01-01", until="2025-12-31")),
]

DATED_TOPICS: list[Row] = [
    ("papers on pruning since 2024", listing(since="2024-01-01", topic="papers on pruning")),
    ("pruning papers from 2023", listing(**YEAR_2023, topic="pruning papers")),
    ("which papers from July 2023 use prompts?", listing(**JULY_2023, topic="which papers use prompts")),
    ("what has been published on adapters in the last two years?", listing(since="2024-11-22", until="2026-11-21")),
    ("new papers about diffusion models this month", listing(since="2026-11-01", until="2026-11-21")),
    ("list work on quantization published after 2023", listing(since="2024-01-01", topic="list work on quantization")),
    ("papers about point clouds before 2024", listing(until="2023-12-31", topic="papers about point clouds")),
    ("are there papers on code models from 2025 or later?", listing(since="2025-01-01")),
    ("which papers study pruning this year?", listing(since="2026-01-01", until="2026-11-21")),
    ("any papers on unlearning since last month?", listing(since="2026-10-01")),
]

ORDERS: list[Row] = [
    ("newest paper?", select(order="newest", limit=1)),
    ("what's the latest paper?", select(order="newest", limit=1)),
    ("Show me the most recent paper, please.", select(order="newest", limit=1)),
    ("the ten newest papers", select(order="newest", limit=10)),
    ("list the 5 most recent papers", select(order="newest", limit=5)),
    ("latest papers", select(order="newest")),
    ("what is new?", select(order="newest")),
    ("newest papers on LoRA", select(order="newest", topic="LoRA")),
    ("latest work on knowledge distillation", select(order="newest", topic="knowledge distillation", limit=1)),
    ("latest quantization papers", select(order="newest", topic="quantization")),
    ("what is the most recent paper about time series?", select(order="newest", topic="time series", limit=1)),
    ("papers on LoRA, newest first", select(order="newest", topic="LoRA")),
    ("papers about adapters, oldest first", select(order="oldest", topic="adapters")),
    ("papers on pruning in chronological order", select(order="oldest", topic="pruning")),
    ("oldest paper in the catalog", select(order="oldest", limit=1)),
    ("what are the three oldest papers?", select(order="oldest", limit=3)),
    ("which is the earliest paper on prompt tuning?", select(order="oldest", topic="prompt tuning", limit=1)),
    ("newest paper of 2023", select(order="newest", limit=1, **YEAR_2023)),
    ("newest paper before 2022", select(order="newest", limit=1, until="2021-12-31")),
    ("oldest paper from July 2023", select(order="oldest", limit=1, **JULY_2023)),
    ("which paper has the most comments?", select(order="most_comments", limit=1)),
    ("most discussed papers of 2024", select(order="most_comments", **YEAR_2024)),
    ("papers of 2023 sorted by number of comments", select(order="most_comments", **YEAR_2023)),
]

AUTHORS: list[Row] = [
    ("which paper has the most authors?", select(order="most_authors", limit=1)),
    ("which paper has the longest author list?", select(order="most_authors", limit=1)),
    ("what paper was written by the largest team?", select(order="most_authors", limit=1)),
    ("which 3 papers have the most authors?", select(order="most_authors", limit=3)),
    ("papers of 2023 sorted by number of authors", select(order="most_authors", **YEAR_2023)),
    ("which paper of 2024 has the fewest authors?", select(order="fewest_authors", limit=1, **YEAR_2024)),
    ("which papers have more than 20 authors?", select(min_authors=21)),
    ("papers with over 30 authors", select(min_authors=31)),
    ("papers with 30 or more authors", select(min_authors=30)),
    ("papers with 30+ authors", select(min_authors=30)),
    ("papers with no more than two authors", select(min_authors=1, max_authors=2)),
    ("papers with 3 or fewer authors", select(min_authors=1, max_authors=3)),
    ("papers with between 10 and 12 authors", select(min_authors=10, max_authors=12)),
    ("papers with 10-12 authors", select(min_authors=10, max_authors=12)),
    ("single-author papers", select(min_authors=1, max_authors=1)),
    ("which papers were written by a single author?", select(min_authors=1, max_authors=1)),
    ("which papers have only one author?", select(min_authors=1, max_authors=1)),
    ("two-author papers of 2023", select(min_authors=2, max_authors=2, **YEAR_2023)),
    ("papers written by two people", select(min_authors=2, max_authors=2)),
    ("single-author papers on adapters", select(min_authors=1, max_authors=1, topic="adapters")),
    ("newest paper with more than 10 authors", select(order="newest", limit=1, min_authors=11)),
    ("papers on pruning with at least 9 authors", select(min_authors=9, topic="pruning")),
    ("which papers since 2025 have more than ten authors?", select(min_authors=11, since="2025-01-01")),
]

COUNTS: list[Row] = [
    ("how many papers are there?", count()),
    ("how many papers are in the catalog?", count()),
    ("what is the number of papers?", count()),
    ("how many papers were published in 2023?", count(**YEAR_2023)),
    ("how many papers came out in July 2023?", count(**JULY_2023)),
    ("how many papers since 2024?", count(since="2024-01-01")),
    ("how many preprints were listed last week?", count(since="2026-11-09", until="2026-11-15")),
    ("how many 2024 papers do we have?", count(**YEAR_2024)),
    ("how many papers have more than 20 authors?", count(min_authors=21)),
    ("how many papers were written by two people?", count(min_authors=2, max_authors=2)),
    ("how many single-author papers are there?", count(min_authors=1, max_authors=1)),
    ("how many papers of 2023 have exactly 4 authors?", count(min_authors=4, max_authors=4, **YEAR_2023)),
    ("how many papers on pruning since 2024?", count(topic="pruning", since="2024-01-01")),
    ("how many papers on pruning are there?", count(topic="pruning")),
    ("how many papers are about prompt injection?", count(topic="prompt injection")),
    ("how many papers deal with time series?", count(topic="time series")),
    ("how many papers use LoRA?", count(topic="LoRA")),
    ("how many LoRA papers do we have?", count(topic="LoRA")),
    ("how many point cloud papers were published in 2024?", count(topic="point cloud", **YEAR_2024)),
    ("how many of these papers are about audio?", count(topic="audio")),
    ("count the papers on knowledge distillation", count(topic="knowledge distillation")),
    ("number of papers about code models from 2023", count(topic="code models", **YEAR_2023)),
    ("how many papers in cs.CL?", count(categories=("cs.CL",))),
    ("how many cs.CV papers on pruning since 2024?", count(categories=("cs.CV",), topic="pruning", since="2024-01-01")),
]

CATEGORIES: list[Row] = [
    ("papers in cs.CL", select(categories=("cs.CL",), order="newest")),
    ("cs.cl", select(categories=("cs.CL",))),
    ("what is new in cs.LG?", select(categories=("cs.LG",), order="newest")),
    ("newest cs.CV papers", select(categories=("cs.CV",), order="newest")),
    ("cs.LG papers about pruning", listing(categories=("cs.LG",), topic="papers about pruning")),
    ("which papers in stat.ML use Gaussian processes?", listing(categories=("stat.ML",))),
    ("papers in cs.CL or cs.LG since 2024", select(categories=("cs.CL", "cs.LG"), since="2024-01-01")),
    ("cs.CL and cs.IR papers on retrieval", listing(categories=("cs.CL", "cs.IR"), topic="papers on retrieval")),
    ("what was published in eess.AS last week?",
     select(categories=("eess.AS",), since="2026-11-09", until="2026-11-15")),
    ("papers in the category quant-ph", select(categories=("quant-ph",), order="newest")),
    ("papers in physics.comp-ph", select(categories=("physics.comp-ph",), order="newest")),
    ("papers in the computer vision category", select(categories=("cs.CV",), order="newest")),
    ("papers in the category computation and language", select(categories=("cs.CL",), order="newest")),
    ("papers on LoRA filed under machine learning", listing(categories=("cs.LG",), topic="papers on LoRA")),
    ("which paper in cs.RO has the most authors?", select(categories=("cs.RO",), order="most_authors", limit=1)),
    ("papers in computer vision", listing(topic="papers in computer vision")),
    ("which papers are about computation and language?", listing()),
    ("what does cs.CL stand for?", fact()),
    ("how is cs.LG defined?", fact()),
    ("does the model run on cs.stanford.edu?", fact()),
]  # fmt: skip
