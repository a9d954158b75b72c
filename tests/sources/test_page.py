"""Scraped pages: the five sample files exactly, every trap that seed-format.md lists, bad input, and a round trip."""

import io
import re
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.sources import page, read_path
from service.text import clean_text, title_key
from service.types import Failure, Paper
from tests.conftest import SAMPLE_PAGES

FILES = {path.name[:3]: path for path in sorted(SAMPLE_PAGES.glob("*.txt"))}
COUNTS = {"000": 41, "001": 174, "002": 67, "003": 120, "004": 123}
CHROME = "new\n\nGet trending papers in your email inbox!\n\nSubscribe\n\nDaily Papers\n\n"
HEAD = f"{CHROME}byAK and the research community\n\nOct 17\n\n"
# Longer than any title, so that no reader can take it for one.
LONG = "We study a subject at length and report what we found. " * 10


@cache
def lines_of(file: str) -> list[str]:
    return FILES[file].read_text(encoding="utf-8").split("\n")


@cache
def sample(file: str) -> list[Paper]:
    records = list(read_path(FILES[file]))
    papers = [record for record in records if isinstance(record, Paper)]
    assert len(papers) == len(records), "the sample pages have no faults"
    return papers


def every_sample() -> list[Paper]:
    return [paper for file in FILES for paper in sample(file)]


def at(place: str) -> Paper:
    """The paper whose title stands at `file:line`, as seed-format.md writes places."""
    file, line = place.split(":")
    found = [paper for paper in sample(file) if paper.source == f"{FILES[file]}:{line}"]
    assert len(found) == 1, f"no paper at {place}"
    return found[0]


def parse(text: str | bytes) -> list[Paper | Failure]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(page.parse(io.BytesIO(data), "page.txt"))


def parse_papers(text: str | bytes) -> list[Paper]:
    return [record for record in parse(text) if isinstance(record, Paper)]


def parse_failures(text: str | bytes) -> list[Failure]:
    return [record for record in parse(text) if isinstance(record, Failure)]


def card(title: str, authors: str = "  • 4 authors", printed: str = "Dec 20, 2024") -> str:
    return f"{title}\n\n{LONG}\n\n{authors}\n·\n{printed}\n\n"


# The five files


@pytest.mark.parametrize(("file", "count"), COUNTS.items())
def test_each_sample_file_has_its_papers_and_no_failure(file: str, count: int) -> None:
    assert len(sample(file)) == count


def test_the_samples_are_525_records_of_426_papers() -> None:
    papers = every_sample()
    assert len(papers) == 525
    copies = Counter(paper.title for paper in papers)
    assert Counter(copies.values()) == {1: 351, 2: 54, 3: 19, 4: 1, 5: 1}
    assert len({paper.paper_id for paper in papers}) == 426
    assert len({(paper.title, paper.abstract) for paper in papers}) == 426


def test_no_file_has_a_paper_twice() -> None:
    for file in FILES:
        assert len({paper.title for paper in sample(file)}) == len(sample(file))


def test_only_the_second_file_has_metadata_172_times() -> None:
    with_both = {f: sum(bool(p.published and p.n_authors) for p in sample(f)) for f in FILES}
    assert with_both == {"000": 0, "001": 172, "002": 0, "003": 0, "004": 0}
    assert not any(paper.published or paper.n_authors for f in FILES if f != "001" for paper in sample(f))


def test_26_years_are_inferred_and_all_of_them_are_2025() -> None:
    inferred = [paper for paper in every_sample() if paper.published_inferred]
    assert len(inferred) == 26
    assert {paper.published.year for paper in inferred if paper.published} == {2025}
    assert not any(p.published.year == 2025 for p in every_sample() if p.published and not p.published_inferred)


def test_the_dates_are_on_160_days_from_2018_to_2025() -> None:
    days = Counter(paper.published for paper in every_sample() if paper.published)
    assert (len(days), min(days), max(days)) == (160, date(2018, 12, 6), date(2025, 9, 20))
    assert Counter(days.values()) == {1: 149, 2: 10, 3: 1}
    assert days[date(2023, 7, 27)] == 3
    years = Counter(paper.published.year for paper in every_sample() if paper.published)
    assert years == {2018: 1, 2019: 1, 2020: 3, 2021: 9, 2022: 28, 2023: 56, 2024: 48, 2025: 26}
    assert at("001:1293").published == date(2018, 12, 6)
    assert at("001:673").published == date(2025, 9, 20)


def test_38_cards_have_comments_one_to_seven() -> None:
    comments = [paper.comments for paper in every_sample() if paper.comments is not None]
    assert (len(comments), min(comments), max(comments)) == (38, 1, 7)
    with_inferred = [paper for paper in every_sample() if paper.comments is not None and paper.published_inferred]
    assert len(with_inferred) == 13


def test_authors_are_2_to_175() -> None:
    authors = [paper.n_authors for paper in every_sample() if paper.n_authors]
    assert (min(authors), max(authors)) == (2, 175)


@pytest.mark.parametrize("file", COUNTS)
def test_titles_and_abstracts_are_the_lines_of_the_file_to_the_character(file: str) -> None:
    lines = lines_of(file)
    for paper in sample(file):
        line = int(paper.source.rpartition(":")[2])
        assert (paper.title, paper.abstract) == (lines[line - 1], lines[line + 1])


def test_every_line_below_the_header_belongs_to_a_paper() -> None:
    for file, papers in ((file, sample(file)) for file in FILES):
        first = int(papers[0].source.rpartition(":")[2])
        filled = sum(bool(line) for line in lines_of(file)[first - 1 :])
        assert filled == sum(2 + (3 if paper.n_authors else 0) for paper in papers)


def test_each_card_is_given_to_the_paper_that_it_stands_below() -> None:
    for paper in sample("001"):
        line = int(paper.source.rpartition(":")[2])
        below = lines_of("001")[line + 3].strip()
        expected = int(below.split()[1]) if below.startswith("•") else None
        assert paper.n_authors == expected


# Section 3: chrome and metadata


@pytest.mark.parametrize(("file", "line"), [("000", 11), ("001", 13), ("002", 11), ("003", 11), ("004", 11)])
def test_the_first_paper_follows_the_chrome_and_the_page_date_is_neither_title_nor_date(file: str, line: int) -> None:
    first = sample(file)[0]
    assert first.source.endswith(f":{line}")
    assert first.published is None
    assert not any(re.fullmatch(r"[A-Z][a-z]{2} \d{1,2}", paper.title) for paper in sample(file))


@pytest.mark.parametrize("place", ["001:265", "001:617"])
def test_a_date_that_looks_like_the_page_date_of_another_file_is_a_papers_own_below_its_card(place: str) -> None:
    file, line = place.split(":")
    assert lines_of(file)[int(line) + 5] == "Mar 11"
    assert (at(place).published, at(place).published_inferred) == (date(2025, 3, 11), True)


def test_a_paper_of_the_page_dates_day_in_another_year_keeps_its_own_year() -> None:
    paper = next(paper for paper in sample("001") if paper.published == date(2022, 10, 17))
    assert lines_of("001")[int(paper.source.rpartition(":")[2]) + 5] == "Oct 17, 2022"
    assert not paper.published_inferred
    assert not any(paper.published == date(2025, 10, 17) for paper in every_sample())


@pytest.mark.parametrize("heading", ["Daily Papers\n\n", ""])
@pytest.mark.parametrize("by", ["by AK", "byAK"])
@pytest.mark.parametrize("day", ["Oct 17\n\n", ""])
def test_every_form_of_the_header_is_recognized(heading: str, by: str, day: str) -> None:
    head = "new\n\nGet trending papers in your email inbox!\n\nSubscribe\n\n"
    text = f"{head}{heading}{by} and the research community\n\n{day}A Title\n\n{LONG}"
    assert page.detect(text)
    assert [(paper.title, paper.published) for paper in parse_papers(text)] == [("A Title", None)]


def test_white_space_before_the_number_of_authors_does_not_matter() -> None:
    for line in ("  • 4 authors", "• 4 authors", "\t•  4 authors  "):
        assert [paper.n_authors for paper in parse_papers(HEAD + card("T", line))] == [4]


@pytest.mark.parametrize(("place", "following"), [("001:13", "001:17"), ("001:1041", "001:1045")])
def test_missing_metadata_in_the_middle_does_not_shift_those_of_the_next_paper(place: str, following: str) -> None:
    assert (at(place).published, at(place).n_authors) == (None, None)
    line = int(following.split(":")[1])
    assert at(following).n_authors == int(lines_of("001")[line + 3].split()[1])
    assert at(following).published is not None


@pytest.mark.parametrize(
    ("printed_at", "published", "inferred", "comments"),
    [
        ("001:103", date(2024, 6, 18), False, 2),
        ("001:471", date(2023, 11, 6), False, 7),
        ("001:215", date(2025, 3, 3), True, 2),
        ("001:143", date(2025, 8, 13), True, 1),
        ("001:271", date(2025, 3, 11), True, None),
        ("001:423", date(2024, 12, 20), False, None),
    ],
)
def test_a_printed_date_with_or_without_year_and_comments(
    printed_at: str, published: date, inferred: bool, comments: int | None
) -> None:
    file, line = printed_at.split(":")
    paper = at(f"{file}:{int(line) - 6}")
    assert (paper.published, paper.published_inferred, paper.comments) == (published, inferred, comments)


def test_a_page_that_prints_no_year_gives_no_date_because_none_can_be_inferred() -> None:
    assert [paper.published for paper in parse_papers(HEAD + card("T", printed="Mar 3 2"))] == [None]


@pytest.mark.parametrize(("place", "authors"), [("001:73", 38), ("001:857", 38), ("001:1269", 175)])
def test_many_authors_are_a_plain_number(place: str, authors: int) -> None:
    assert at(place).n_authors == authors


def test_one_author_is_accepted() -> None:
    assert [paper.n_authors for paper in parse_papers(HEAD + card("T", "• 1 author"))] == [1]


def test_nothing_that_the_pages_do_not_have_is_made_up() -> None:
    for paper in every_sample():
        assert (paper.authors, paper.url, paper.categories, paper.listed, paper.upvotes) == ((), None, (), None, None)
        assert not paper.own_id


# Section 4: titles and abstracts


TITLES = {
    "question": ("000:71", "004:215", "001:1253"),
    "question and exclamation": ("003:255", "004:163"),
    "question in the middle": ("001:1221",),
    "exclamation": ("003:235",),
    "full sentence": ("000:127", "001:481", "001:465", "003:419", "002:47"),
    "very short": ("003:415", "004:379", "003:339"),
    "145 characters": ("002:171",),
    "not in title case": ("003:267", "004:127", "004:35", "004:475"),
    "begins with LaTeX": ("003:151", "003:159"),
    "Greek letter": ("001:73",),
    "space before or none after the colon": ("000:35", "004:27", "001:121"),
    "dashes": ("003:23", "003:447"),
    "plus, ampersand, percent": ("003:43", "004:87", "004:103", "004:191", "001:1085", "003:315", "001:1045"),
    "full stop inside": ("001:1017", "003:243", "002:251", "004:259"),
}


@pytest.mark.parametrize("places", TITLES.values(), ids=TITLES.keys())
def test_titles_that_do_not_look_like_titles_are_titles(places: tuple[str, ...]) -> None:
    for place in places:
        file, line = place.split(":")
        assert at(place).title == lines_of(file)[int(line) - 1].strip()
        assert len(at(place).abstract) > 1_300


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("001:1157", "003:19"),
        ("002:135", "002:175"),
        ("004:91", "004:87"),
        ("003:359", "002:263"),
        ("001:817", "000:31"),
        ("001:1109", "001:1365"),
        ("000:75", "000:91"),
        ("001:1033", "001:1053"),
    ],
    ids=["EMMA", "PRE", "MMRL++", "B-PROP", "Model Surgery", "Systematic Survey", "Revisiting", "RAG"],
)
def test_different_papers_of_nearly_one_name_stay_apart(first: str, second: str) -> None:
    assert at(first).paper_id != at(second).paper_id
    assert title_key(at(first).title) != title_key(at(second).title)


VERBATIM = {
    "truncated": ("004:227", "respectively. More importantly, ..."),
    "eaten dollar": ("003:451", r"a budget of just 187 and \800 each"),
    "escaped percent": ("001:161", r"90\% of the full"),
    "macro": ("001:81", r"(\eg text prompts"),
    "half-removed math": ("000:43", "160times smaller"),
    "braces": ("001:1101", "in {-1, 0, 1}."),
    "braces in math": ("003:435", "mathcal{O}(mathcal{C_Phi/m}"),
    "LaTeX font": ("000:31", r"{\em parameter and retrieval}"),
    "caret and braces": ("004:435", "(KD^{3})"),
    "less than": ("000:47", "(<1M parameters)"),
    "less than a decimal": ("002:35", "achieve <0.1 perplexity"),
    "greater than": ("001:1317", "dataset (>+5)"),
    "arrow": ("003:155", "-- > corgi-alike"),
    "citation key": ("001:633", "text lewis2021paq."),
    "citation": ("001:785", "(Devlin et al., 2018)"),
    "glued words": ("001:777", "introduceGraphGPT"),
    "glued percent": ("001:121", "98.0%performance"),
    "tie": ("001:49", "at~https://"),
    "quotes of LaTeX": ("001:489", "``short-sighted''"),
    "headings inside": ("001:1325", "[Results] According"),
    "index terms": ("004:199", "Index Terms: BERT,"),
    "broken address": ("000:19", "https: //github.com/salesforce/CodeT5 ."),
    "enumeration": ("000:35", "(1) self-supervised"),
}


@pytest.mark.parametrize(("place", "text"), VERBATIM.values(), ids=VERBATIM.keys())
def test_residue_in_an_abstract_is_kept_as_it_is(place: str, text: str) -> None:
    assert text in at(place).abstract


# Round trip

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=120).map(clean_text).filter(
    lambda text: bool(text) and not text.startswith("•")
)  # fmt: skip
DAYS = st.dates(date(2015, 1, 1), date(2025, 10, 16))


class Written(NamedTuple):
    title: str
    abstract: str
    n_authors: int | None
    published: date | None
    comments: int | None


WRITTEN = st.builds(
    Written,
    TEXT,
    st.builds(lambda text, times: clean_text(f"{text} " * times), TEXT, st.integers(1, 40)),
    st.none() | st.integers(1, 5_000),
    DAYS,
    st.none() | st.integers(0, 999),
).map(lambda w: w if w.n_authors else w._replace(published=None, comments=None))


def serialized(papers: list[Written]) -> str:
    """The page format, with the year left out where it is 2025: the first card prints the year before."""
    blocks = [HEAD, card("The card that shows which year the page is of")]
    for paper in papers:
        blocks.append(f"{paper.title}\n\n{paper.abstract}\n\n")
        if paper.published:
            year = "" if paper.published.year == 2025 else f", {paper.published.year}"
            comments = "" if paper.comments is None else f" {paper.comments}"
            word = "author" if paper.n_authors == 1 else "authors"
            printed = f"{paper.published:%b} {paper.published.day}{year}{comments}"
            blocks.append(f"  • {paper.n_authors} {word}\n·\n{printed}\n\n")
    return "".join(blocks).rstrip("\n")


@given(st.lists(WRITTEN, max_size=5))
@settings(max_examples=150, deadline=None)
def test_what_is_written_as_a_page_is_read_back_from_it(papers: list[Written]) -> None:
    records = parse(serialized(papers))[1:]
    assert [
        Written(r.title, r.abstract, r.n_authors, r.published, r.comments) for r in records if isinstance(r, Paper)
    ] == papers
    assert len(records) == len(papers)


def test_the_name_and_line_of_the_page_are_kept_as_the_papers_source(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text(HEAD + card("A Title"))
    assert [record.source for record in read_path(file) if isinstance(record, Paper)] == [f"{file}:13"]
