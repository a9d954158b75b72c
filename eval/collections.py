"""The classic test collections as catalogs of their own: CACM, CISI, SciFact."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from eval.data import data_folder, read_lines
from service.library import Library
from service.settings import Settings

COLLECTIONS = ("cacm", "cisi", "scifact")


class Query(NamedTuple):
    """A question with the grades of its relevant papers, by paper id."""

    text: str
    relevant: dict[str, int]


def open_collection(name: str, work: Path) -> Library:
    """A library with the documents of a collection, ingested at the first call (SciFact takes ten minutes)."""
    file = work / f"{name}.jsonl"
    if not file.exists():
        work.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8") as out:
            for record in _documents(name):
                out.write(json.dumps(record) + "\n")
    library = Library.open(Settings(home=work / name))
    library.ingest([file])
    return library


def read_queries(name: str) -> list[Query]:
    """The judged questions of a collection."""
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
    return [Query(texts[query], grades) for query, grades in relevant.items()]


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
