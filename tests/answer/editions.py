"""Editions by hand, for the tests of what is made of them."""

from collections.abc import Sequence
from typing import Any

from service.answer.edition import Edition, Entry, Opening, Section
from service.answer.figures import main_figure
from service.types import Claim, Digest, Failure, Paper, Provenance, Summary, Verdict


def paper(title: str = "A Title", url: str | None = None, **values: Any) -> Paper:
    return Paper(**{"paper_id": "t1", "title": title, "abstract": "An abstract.", "url": url, **values})


def summary(paper: Paper, text: str) -> Summary:
    return Summary(
        paper_id=paper.paper_id,
        title=paper.title,
        text=text,
        length="sentence",
        claims=(Claim(text=text, verdict=Verdict.SUPPORTED),),
        provenance=Provenance(engine="extractive"),
    )


def edition(
    *texts: str,
    of: Paper | None = None,
    terms: tuple[str, ...] = (),
    reason: str = "",
    failures: Sequence[Failure] = (),
    seen_until: int | None = None,
    day: str = "2023-07-27",
) -> Edition:
    """One section with an entry for each text, all of one paper; with terms, the first is quoted in the opening."""
    one = of or paper()
    summaries = tuple(summary(one, text) for text in texts)
    entries = tuple(
        Entry(
            one.model_copy(update={"paper_id": f"{one.paper_id}{row or ''}"}), made, main_figure(one), reason, row + 1
        )
        for row, made in enumerate(summaries)
    )
    claim = Claim(text=texts[0], citations=(1,), verdict=Verdict.SUPPORTED) if texts else None
    return Edition(
        digest=Digest(day=day, papers=len(texts), summaries=summaries, failures=tuple(failures)),
        opening=(Opening(terms, len(texts), claim),) if terms and claim else (),
        cited=(one,) if terms else (),
        sections=(Section(terms, entries),) if entries else (),
        newest_row=len(texts),
        seen_until=seen_until,
    )
