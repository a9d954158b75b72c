"""JSON lines: every field in every form, what is odd in a record, and a round trip."""

import io
import itertools
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.sources import jsonl, read_path
from service.text import clean_text, derived_paper_id
from service.types import Failure, Paper

ABSTRACT = "We propose a method. It works well."


def parse(*records: dict[str, Any] | str) -> list[Paper | Failure]:
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    return list(jsonl.parse(io.BytesIO("\n".join(lines).encode()), "papers.jsonl"))


def paper_of(**fields: Any) -> Paper:
    """The one paper of a record that has a title, an abstract and these fields, and no fault."""
    records = parse({"title": "A Title", "abstract": ABSTRACT, **fields})
    assert len(records) == 1
    assert isinstance(records[0], Paper), records[0]
    return records[0]


def faults_of(*records: dict[str, Any] | str) -> list[str]:
    return [record.reason for record in parse(*records) if isinstance(record, Failure)]


def test_every_field_of_a_record_is_read() -> None:
    assert paper_of(
        id="2401.00001v2",
        authors=["Ada Lovelace", "Émilie du Châtelet"],
        published="2024-01-02",
        listed="2024-01-03",
        categories=["cs.LG", "68T45, 62H30"],
        url="https://arxiv.org/abs/2401.00001v2",
    ) == Paper(
        paper_id="2401.00001",
        version=2,
        own_id=True,
        title="A Title",
        abstract=ABSTRACT,
        authors=("Ada Lovelace", "Émilie du Châtelet"),
        n_authors=2,
        published=date(2024, 1, 2),
        listed=date(2024, 1, 3),
        categories=("cs.LG", "68T45, 62H30"),
        url="https://arxiv.org/abs/2401.00001v2",
        source="papers.jsonl:1",
    )


def test_title_and_abstract_are_enough_and_the_id_is_made_from_the_title() -> None:
    paper = paper_of()
    assert (paper.paper_id, paper.own_id) == (derived_paper_id("A Title"), False)
    assert (paper.authors, paper.n_authors, paper.day, paper.categories, paper.url) == ((), None, None, (), None)


def test_keys_that_are_not_known_are_passed_over() -> None:
    assert paper_of(comment="8 pages", doi=None, versions=[{"v": 1}], source="elsewhere").source == "papers.jsonl:1"


@pytest.mark.parametrize(
    ("given_id", "expected"),
    [("math.GT/0309136", "math/0309136"), (2401, "2401"), ("  a b ", "a b"), ("' OR 1=1 --", "' OR 1=1 --")],
)
def test_an_id_is_taken_as_it_is(given_id: object, expected: str) -> None:
    assert paper_of(id=given_id).paper_id == expected


@pytest.mark.parametrize("nothing", ["", None, "  ", "\u200b", [], {}, True])
def test_an_id_that_says_nothing_is_made_from_the_title(nothing: object) -> None:
    assert not paper_of(id=nothing).own_id


AUTHORS = {
    "a list": ["A. Lovelace", "C. Babbage"],
    "commas": "A. Lovelace, C. Babbage",
    "semicolons": "A. Lovelace; C. Babbage",
    "and": "A. Lovelace and C. Babbage",
    "comma and and": "A. Lovelace, and C. Babbage",
    "white space and emptiness": ["  A.  Lovelace ", "", None, "C. Babbage"],
}


@pytest.mark.parametrize("authors", AUTHORS.values(), ids=AUTHORS.keys())
def test_authors_are_a_list_or_one_text(authors: object) -> None:
    paper = paper_of(authors=authors)
    assert (paper.authors, paper.n_authors) == (("A. Lovelace", "C. Babbage"), 2)


def test_an_author_whose_name_contains_and_is_one_author() -> None:
    assert paper_of(authors="Fernando Andrade, Sandra Rolland").authors == ("Fernando Andrade", "Sandra Rolland")


@pytest.mark.parametrize(
    "authors", [[], "", None, {}, 3, ",;" * 1_000, " " * 500_000], ids=lambda value: str(value)[:9]
)
def test_no_authors_are_an_unknown_number(authors: object) -> None:
    paper = paper_of(authors=authors)
    assert (paper.authors, paper.n_authors) == ((), None)


@pytest.mark.parametrize("categories", [["cs.CL", "cs.LG"], "cs.CL cs.LG", "cs.CL, cs.LG"])
def test_categories_are_a_list_or_one_text(categories: object) -> None:
    assert paper_of(categories=categories).categories == ("cs.CL", "cs.LG")


def test_the_day_of_a_paper_is_the_day_it_was_listed_or_else_published() -> None:
    assert paper_of(published="2024-01-02", listed="2024-01-05").day == date(2024, 1, 5)
    assert paper_of(published="2024-01-02").day == date(2024, 1, 2)
    assert paper_of(listed="2024-01-05").published is None
    assert not paper_of(published="2024-01-02").published_inferred


@pytest.mark.parametrize("value", ["2024-01-02", "2024-01-02T13:00:00Z", "2024-01-02 13:00", " 2024-01-02 "])
def test_a_date_may_have_a_time_behind_it(value: str) -> None:
    assert paper_of(published=value).published == date(2024, 1, 2)


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_date_is_no_date_and_no_fault(nothing: object) -> None:
    assert paper_of(published=nothing, listed=nothing).day is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2023-02-30", "does not exist"),
        ("2023-13-01", "does not exist"),
        ("0000-01-01", "does not exist"),
        ("2 January 2024", "not a date"),
        ("9999-01-01", "yet to come"),
        (20240102, "not a date"),
        (["2024-01-02"], "not a date"),
    ],
)
def test_a_paper_with_a_date_that_cannot_be_read_goes_in_without_it_and_is_listed(value: object, said: str) -> None:
    records = parse({"title": "T", "abstract": ABSTRACT, "published": value, "listed": "2024-01-05"})
    assert [type(record) for record in records] == [Failure, Paper]
    assert isinstance(records[0], Failure)
    assert records[0].where == "papers.jsonl:1"
    assert said in records[0].reason
    assert isinstance(records[1], Paper)
    assert (records[1].published, records[1].listed) == (None, date(2024, 1, 5))


@pytest.mark.parametrize("url", ["https://arxiv.org/abs/1", "http://x.org/a?b=c&d#e", "https://xn--bcher-kva.example/"])
def test_a_link_is_kept(url: str) -> None:
    assert paper_of(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x.org", "x.org", "",
        'https://x.org/"onmouseover="alert(1)', "https://x.org/'x", "https://x.org/<script>", "https://x.org/a b",
        "https://x.org/\njavascript:alert(1)", " javascript:alert(1)", "https://",
        "https://x.org/\n", "https://x.org/\u202egpj.exe", None, 7, ["https://x.org"], {},
    ],
)  # fmt: skip
def test_what_is_no_safe_link_is_left_out_and_the_paper_goes_in(url: object) -> None:
    assert paper_of(url=url).url is None


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"title": "T"}, "no abstract"),
        ({"title": "T", "abstract": " \u200b "}, "no abstract"),
        ({"title": "T", "abstract": None}, "no abstract"),
        ({"title": "T", "abstract": ["a list"]}, "no abstract"),
        ({"abstract": ABSTRACT}, "without a title"),
        ({"title": {"text": "T"}, "abstract": ABSTRACT}, "without a title"),
        ({"title": "T" * 1_001, "abstract": ABSTRACT}, "1,001 characters"),
        ({"title": "T", "abstract": "a" * 20_001}, "20,001 characters"),
        ("{}", "without a title"),
        ("[]", "list"),
        ('"text"', "str"),
        ("null", "NoneType"),
        ("{'title': 'T'}", "not valid JSON"),
        ('{"title": "T"', "not valid JSON"),
        ('{"title": "T"}{"title": "U"}', "not valid JSON"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"id": ' + "9" * 5_000 + "}", "not valid JSON"),
    ],
)
def test_a_record_that_cannot_be_read_is_listed_with_its_line_and_the_others_go_in(record: Any, said: str) -> None:
    good = {"title": "Good", "abstract": ABSTRACT}
    records = parse(good, record, "", good | {"title": "Also good"})
    assert [r.title for r in records if isinstance(r, Paper)] == ["Good", "Also good"]
    failures = [r for r in records if isinstance(r, Failure)]
    assert [failure.where for failure in failures] == ["papers.jsonl:2"]
    assert said in failures[0].reason
    assert len(failures[0].reason) < 300


def test_lone_surrogates_are_removed_or_refused_but_never_an_exception() -> None:
    text = '{"id": "a\\ud800", "title": "T\\udfff", "abstract": "A\\ud800b.", "authors": ["X\\ud800"]}'
    records = parse(text, '{"title": "U", "abstract": "A.", "url": "https://x.org/\\ud800"}')
    assert [(r.paper_id, r.title, r.abstract, r.authors) for r in records[:1] if isinstance(r, Paper)] == [
        ("a", "T", "Ab.", ("X",))
    ]
    for record in records:
        record.model_dump_json().encode()


def test_an_emoji_written_as_two_surrogates_is_one_character() -> None:
    assert parse('{"title": "\\ud83d\\ude00 T", "abstract": "A."}')[0].model_dump()["title"] == "😀 T"


def test_white_space_and_line_breaks_inside_a_field_become_single_spaces() -> None:
    paper = paper_of(title=" A\n  Title\t", abstract="  One.\r\n\r\nTwo.\u2028Three. ")
    assert (paper.title, paper.abstract) == ("A Title", "One. Two. Three.")


def test_a_file_of_empty_lines_is_a_listed_failure() -> None:
    assert faults_of("", "  ", "") == ["the file is empty"]


PLAIN = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).map(clean_text).filter(bool)
RECORDS = st.fixed_dictionaries(
    {"title": PLAIN, "abstract": PLAIN},
    optional={
        "id": PLAIN,
        "authors": st.lists(PLAIN, max_size=4),
        "categories": st.lists(PLAIN, max_size=3),
        "published": st.dates(max_value=date(2026, 1, 1)).map(str),
        "listed": st.dates(max_value=date(2026, 1, 1)).map(str),
        "url": st.from_regex(r"https?://[a-z]{1,9}\.org/[\w./?=&#%-]{0,9}", fullmatch=True),
    },
)


@given(st.lists(RECORDS, min_size=1, max_size=5), st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_is_written_as_json_lines_is_read_back_from_it(written: list[dict[str, Any]], ascii_only: bool) -> None:
    records = parse(*(json.dumps(record, ensure_ascii=ascii_only) for record in written))
    read = [json.loads(record.model_dump_json()) for record in records if isinstance(record, Paper)]
    assert len(read) == len(records) == len(written)
    for paper, record in zip(read, written, strict=True):
        assert paper["paper_id"] == record.get("id", derived_paper_id(paper["title"]))
        # With LaTeX in it the text is decoded, and what was written stands beside it.
        as_written = {name: paper[f"original_{name}"] or paper[name] for name in ("title", "abstract")}
        assert {key: (paper | as_written)[key] for key in record if key != "id"} == {
            key: value for key, value in record.items() if key != "id"
        }
        assert paper["n_authors"] == (len(record.get("authors", [])) or None)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_bytes_are_an_exception(data: bytes) -> None:
    records = list(jsonl.parse(io.BytesIO(b'{"title": "T", "abstract": "A."}\n' + data), "x"))
    assert isinstance(records[0], Paper)
    assert all(isinstance(record, Paper) or record.reason for record in records)


def test_two_thousand_records_of_arxiv_go_in_as_they_are(data: Path) -> None:
    file = data / "arxiv" / "arxiv_ml_abstracts.jsonl.gz"
    if not file.is_file():
        pytest.skip(f"{file} is absent")
    records = list(itertools.islice(read_path(file), 2_000))
    assert Counter(type(record) for record in records) == {Paper: 2_000}
    papers = [record for record in records if isinstance(record, Paper)]
    assert len({paper.paper_id for paper in papers}) == 2_000
    assert all(paper.own_id and paper.listed and paper.categories and paper.n_authors for paper in papers)
