"""The project's own question files, `eval/tasks/NAME-VERSION.json`, read into checked records.

A file that was used for a published figure is not edited: a better one gets the next version.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from eval.data import ROOT
from service.errors import InputError
from service.sources import read_path
from service.types import Paper

SAMPLE_PAGES = ROOT / "samples" / "daily-papers"
TASKS = ROOT / "eval" / "tasks"
_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=False, pattern=r"\S")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class JudgedPaper(_Record):
    """A paper that belongs to the answer of a list question."""

    title: _Text
    grade: Literal[1, 2]
    """2: the paper's own subject or claim; 1: in part."""
    quote: _Text
    """Verbatim from the abstract or the title."""


class ListCase(_Record):
    """A list question with all its papers; every other paper of the sample is irrelevant."""

    id: _Text
    question: _Text
    why: _Text
    """What the grades mean for this question."""
    relevant: Annotated[list[JudgedPaper], Field(min_length=1)]


class FactCase(_Record):
    """A question with one answer that stands verbatim in one abstract, or, with neither, one that has no answer."""

    id: _Text
    question: _Text
    title: _Text | None = None
    answer: _Text | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> "FactCase":
        if (self.title is None) != (self.answer is None):
            raise ValueError("title and answer stand together or not at all")
        return self


class ListTasks(_Record):
    """A file of list questions."""

    version: Annotated[int, Field(ge=1)]
    about: _Text
    cases: Annotated[list[ListCase], Field(min_length=1)]


class FactTasks(_Record):
    """A file of questions with and without an answer."""

    version: Annotated[int, Field(ge=1)]
    about: _Text
    cases: Annotated[list[FactCase], Field(min_length=1)]


_FORMS: dict[str, type[ListTasks | FactTasks]] = {"lists": ListTasks, "answerable": FactTasks}
"""By the first part of the file's name."""


@cache
def sample_abstracts() -> dict[str, str]:
    """The abstracts of the sample pages by title."""
    return {record.title: record.abstract for record in read_path(SAMPLE_PAGES) if isinstance(record, Paper)}


def list_cases(name: str) -> list[ListCase]:
    """The cases of a file of list questions.

    Raises:
        InputError: as `read_tasks`.
    """
    tasks = read_tasks(TASKS / f"{name}.json", sample_abstracts())
    return tasks.cases if isinstance(tasks, ListTasks) else []


def fact_cases(name: str) -> list[FactCase]:
    """The cases of a file of questions with and without an answer.

    Raises:
        InputError: as `read_tasks`.
    """
    tasks = read_tasks(TASKS / f"{name}.json", sample_abstracts())
    return tasks.cases if isinstance(tasks, FactTasks) else []


def read_tasks(path: Path, abstracts: Mapping[str, str]) -> ListTasks | FactTasks:
    """A question file, checked against the papers that it is about.

    Args:
        path: the file; its name ends with its version and begins with its form.
        abstracts: abstracts by title.

    Raises:
        InputError: one line that names the file, the case and the field.
    """
    form, _, version = path.stem.rpartition("-")
    if form not in _FORMS:
        raise InputError(f"{path.name}: its name begins with none of {', '.join(_FORMS)} and a version behind a hyphen")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name}: cannot be read as JSON: {error}") from None
    try:
        tasks = _FORMS[form].model_validate(document)
    except ValidationError as error:
        raise InputError(f"{path.name}: {_first_problem(document, error)}") from None
    for problem in _problems(tasks, version, abstracts):
        raise InputError(f"{path.name}: {problem}")
    return tasks


def _first_problem(document: object, error: ValidationError) -> str:
    """Where it is and what is wrong, in one line."""
    first = error.errors()[0]
    parts = list(first["loc"])
    case: object = None
    where = []
    if parts[:1] == ["cases"] and len(parts) > 1 and isinstance(document, dict):
        number, parts = int(parts[1]), parts[2:]
        case = document["cases"][number]
        name = case.get("id") if isinstance(case, dict) else None
        where.append(f"case {name or f'number {number + 1}'}")
    if parts:
        where.append(".".join(map(str, parts)))
    message = first["msg"].removeprefix("Value error, ")
    return f"{', '.join(where) or 'the file'}: {message[:1].lower()}{message[1:]}"


def _problems(tasks: ListTasks | FactTasks, version: str, abstracts: Mapping[str, str]) -> Iterator[str]:
    if str(tasks.version) != version:
        yield f"version: {tasks.version}, but the name says {version}"
    for field in ("id", "question"):
        value, count = Counter(getattr(case, field) for case in tasks.cases).most_common(1)[0]
        if count > 1:
            case = next(case for case in tasks.cases if getattr(case, field) == value)
            yield f"case {case.id}, {field}: stands {count} times"
    for case in tasks.cases:
        for place, problem in _text_problems(case, abstracts):
            yield f"case {case.id}, {place}: {problem}"


def _text_problems(case: ListCase | FactCase, abstracts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Field and fault: titles that no paper has, quotes that stand nowhere."""
    if isinstance(case, ListCase):
        title, count = Counter(paper.title for paper in case.relevant).most_common(1)[0]
        if count > 1:
            yield "relevant", f"“{title}” stands {count} times"
        named = [(f"relevant.{n}", p.title, "quote", p.quote) for n, p in enumerate(case.relevant)]
    else:
        named = [("", case.title, "answer", case.answer)] if case.title and case.answer else []
    for place, title, field, quote in named:
        prefix = f"{place}." if place else ""
        if title not in abstracts:
            yield f"{prefix}title", f"no paper of the sample has the title “{title}”"
        elif quote not in abstracts[title] and quote not in title:
            yield f"{prefix}{field}", f"“{quote}” stands neither in the abstract nor in the title of “{title}”"
