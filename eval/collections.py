"""Catalogs to measure on: the sample pages, and the classic test collections CACM, CISI, SciFact."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from eval.data import data_folder, read_lines
from eval.questions import SAMPLE_PAGES
from service.library import Library
from service.settings import Settings

COLLECTIONS = ("cacm", "cisi", "scifact")


class Query(NamedTuple):
    """A question with the grades of its relevant papers, by paper id."""

    text: str
    relevant: dict[str, int]


def open_collection(name: str, work: Path) -> Library:
    """A library with the documents of a collection, ingested at the first call (SciFact takes ten minutes)."""
    return _filled(work / name, collection_file(name, work))


def collection_file(name: str, work: Path) -> Path:
    """The documents of a collection as JSON lines, written at the first call."""
    file = work / f"{name}.jsonl"
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8") as out:
            for record in _documents(name):
                out.write(json.dumps(record) + "\n")
    return file


def open_sample(work: Path) -> Library:
    """A library with the sample pages that is kept between runs."""
    return _filled(work / "sample", SAMPLE_PAGES)


def read_queries(name: str) -> list[Query]:
    """The judged questions of a collection; of SciFact every fourth."""
    if name == "scifact":
        texts = {str(record["id"]): record["claim"] for record in read_lines("retrieval", name, "claims_train.jsonl")}
    else:
        texts = {str(record["id"]): record["text"] for record in read_lines("retrieval", name, "queries.jsonl")}
    relevant: dict[str, dict[str, int]] = defaultdict(dict)
    folder = data_folder()
    judgments = "beir_qrels_train.tsv" if name == "scifact" else "qrels.tsv"
    for line in (folder / "retrieval" / name / judgments).read_text().splitlines() if folder else []:
        query, document, grade = line.split()
        if query in texts and grade.isdigit() and int(grade) > 0:
            relevant[query][document] = int(grade)
    queries = [Query(texts[query], grades) for query, grades in relevant.items()]
    return queries[::4] if name == "scifact" else queries


def _filled(home: Path, source: Path) -> Library:
    library = Library.open(Settings(home=home))
    library.ingest([source])
    return library


def _documents(name: str) -> Iterator[dict[str, str]]:
    """Title and abstract; half of CACM has a title only, which then stands for both."""
    file = "corpus.jsonl.gz" if name == "scifact" else "corpus.jsonl"
    for record in read_lines("retrieval", name, file):
        text = " ".join(record["abstract"]) if name == "scifact" else record["text"]
        title = record["title"] or text
        yield {
            "id": str(record.get("doc_id", record.get("id"))),
            "title": title[:900],
            "abstract": text or title,
        }
