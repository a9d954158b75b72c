"""Pages with faults in them: what is unreadable is listed with its line, everything else goes in unharmed."""

import io
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.sources import page
from service.types import Failure, Paper

HEAD = "new\n\nSubscribe\n\nbyAK and the research community\n\nOct 17\n\n"
FIRST_LINE = 9
ALPHA = "Alpha is studied at length, with what was found about it. " * 10
BETA = "Beta is another matter, which others have looked into as well. " * 10
META = "  • 4 authors\n·\nJul 3, 2024\n\n"


def parse(text: str | bytes) -> tuple[list[Paper], list[Failure]]:
    data = text if isinstance(text, bytes) else text.encode()
    records = list(page.parse(io.BytesIO(data), "page.txt"))
    return [r for r in records if isinstance(r, Paper)], [r for r in records if isinstance(r, Failure)]


def titles_with_abstracts(papers: list[Paper]) -> list[tuple[str, str]]:
    return [(paper.title, paper.abstract.split()[0]) for paper in papers]


def test_a_paper_without_an_abstract_is_listed_with_its_line() -> None:
    papers, failures = parse(f"{HEAD}First\n\nSecond\n\n{BETA}")
    assert titles_with_abstracts(papers) == [("Second", "Beta")]
    assert [failure.where for failure in failures] == [f"page.txt:{FIRST_LINE}"]
    assert "no abstract: First" in failures[0].reason


def test_a_paper_without_an_abstract_takes_its_card_with_it() -> None:
    papers, failures = parse(f"{HEAD}First\n\n{META}Second\n\n{BETA}")
    assert [(paper.title, paper.n_authors) for paper in papers] == [("Second", None)]
    assert len(failures) == 1


def test_half_a_record_at_the_end_is_listed_and_the_rest_goes_in() -> None:
    papers, failures = parse(f"{HEAD}First\n\n{ALPHA}\n\n{META}Second, of which nothing fol")
    assert [paper.title for paper in papers] == ["First"]
    assert "no abstract" in failures[0].reason
    assert failures[0].where == f"page.txt:{FIRST_LINE + 8}"


def test_an_abstract_that_ends_in_the_middle_of_a_word_is_taken_as_it_is() -> None:
    papers, failures = parse(f"{HEAD}First\n\n{ALPHA}And th")
    assert papers[0].abstract.endswith("And th")
    assert failures == []


def test_an_abstract_without_a_title_is_listed_and_given_to_no_paper() -> None:
    papers, failures = parse(f"{HEAD}{ALPHA}\n\n{META}Second\n\n{BETA}")
    assert titles_with_abstracts(papers) == [("Second", "Beta")]
    assert papers[0].n_authors is None
    assert "without a title" in failures[0].reason


@pytest.mark.parametrize("printed", ["Feb 30, 2023", "Feb 29, 2023", "Apr 31, 2024", "Jan 0, 2024", "Jan 3, 0000"])
def test_a_paper_with_a_day_that_does_not_exist_goes_in_without_it_and_is_listed(printed: str) -> None:
    papers, failures = parse(f"{HEAD}First\n\n{ALPHA}\n\n  • 4 authors\n·\n{printed} 2")
    assert [(p.title, p.n_authors, p.published, p.published_inferred, p.comments) for p in papers] == [
        ("First", 4, None, False, 2)
    ]
    assert [failure.where for failure in failures] == [f"page.txt:{FIRST_LINE + 4}"]
    assert "does not exist" in failures[0].reason


def test_metadata_cut_after_the_authors_gives_the_authors_and_is_listed() -> None:
    papers, failures = parse(f"{HEAD}First\n\n{ALPHA}\n\n  • 4 authors")
    assert [(paper.n_authors, paper.published) for paper in papers] == [(4, None)]
    assert [failure.where for failure in failures] == [f"page.txt:{FIRST_LINE + 4}"]
    assert "authors or date" in failures[0].reason


@pytest.mark.parametrize("meta", ["• many authors\n·\nJul 3, 2024", "• 4 authors\n·\n3 July 2024", "•\n·\n"])
def test_metadata_of_another_form_are_listed_and_the_paper_goes_in(meta: str) -> None:
    papers, failures = parse(f"{HEAD}First\n\n{ALPHA}\n\n{meta}\n\nSecond\n\n{BETA}\n\n{META}")
    assert titles_with_abstracts(papers) == [("First", "Alpha"), ("Second", "Beta")]
    assert (papers[0].published, papers[1].published) == (None, date(2024, 7, 3))
    assert len(failures) == 1


def test_no_authors_at_all_are_an_unknown_number() -> None:
    papers, _ = parse(f"{HEAD}First\n\n{ALPHA}\n\n• 0 authors\n·\nJul 3, 2024")
    assert [(paper.n_authors, paper.published) for paper in papers] == [(None, date(2024, 7, 3))]


@pytest.mark.parametrize("digits", [25, 5_000])
def test_a_number_beyond_all_reason_does_not_stop_the_page(digits: int) -> None:
    """25 digits are more than the catalog can hold, 5,000 more than Python converts."""
    number = "9" * digits
    for meta in (f"• {number} authors\n·\nJul 3, 2024", f"• 4 authors\n·\nJul 3, 2024 {number}"):
        papers, failures = parse(f"{HEAD}First\n\n{ALPHA}\n\n{meta}\n\nSecond\n\n{BETA}")
        assert titles_with_abstracts(papers) == [("First", "Alpha"), ("Second", "Beta")]
        assert all((value or 0) < 2**63 for paper in papers for value in (paper.n_authors, paper.comments))
        assert len(failures) == 1


def test_an_abstract_that_is_no_utf8_is_listed_and_costs_only_its_own_paper() -> None:
    data = f"{HEAD}First\n\nALPHA\n\n{META}Second\n\n{BETA}".encode().replace(b"ALPHA", b"caf\xe9 " * 100)
    papers, failures = parse(data)
    assert titles_with_abstracts(papers) == [("Second", "Beta")]
    assert papers[0].n_authors is None
    assert failures[0].where == f"page.txt:{FIRST_LINE + 2}"
    assert "UTF-8" in failures[0].reason


@pytest.mark.parametrize("meta", ["", META], ids=["without metadata", "with metadata"])
def test_the_abstract_below_an_unreadable_title_is_not_given_to_the_paper_above(meta: str) -> None:
    text = f"{HEAD}First\n\n{ALPHA}\n\n{meta}SECOND\n\n{BETA}\n\n{meta}Third\n\n{ALPHA}\n\n{meta}"
    papers, failures = parse(text.encode().replace(b"SECOND", b"\xff\xfe"))
    assert [paper.title for paper in papers] == ["First", "Third"]
    assert all("Beta" not in paper.abstract for paper in papers)
    assert "UTF-8" in failures[0].reason


def test_an_overlong_line_is_listed_with_its_length() -> None:
    papers, failures = parse(f"{HEAD}First\n\n{'x' * 2_000_000}\n\nSecond\n\n{BETA}")
    assert titles_with_abstracts(papers) == [("Second", "Beta")]
    assert "2,000,00" in failures[0].reason


def test_an_abstract_of_several_blocks_is_joined() -> None:
    papers, failures = parse(f"{HEAD}First\n\n{ALPHA}\n\n{BETA}\n\nSecond\n\n{BETA}")
    assert [paper.title for paper in papers] == ["First", "Second"]
    assert papers[0].abstract == f"{ALPHA}{BETA}".strip()
    assert failures == []


def test_short_abstracts_are_told_from_titles_by_their_place() -> None:
    text = f"{HEAD}First\n\nA short abstract.\n\nSecond\n\nAnother short one.\n\n{META}Third\n\nThe last one."
    papers, failures = parse(text)
    assert [(paper.title, paper.abstract, paper.n_authors) for paper in papers] == [
        ("First", "A short abstract.", None),
        ("Second", "Another short one.", 4),
        ("Third", "The last one.", None),
    ]
    assert failures == []


def test_several_empty_lines_between_blocks_do_not_matter() -> None:
    papers, failures = parse(f"{HEAD}\n\n  \nFirst\n\n\n\n{ALPHA}\n\n\n{META}\n\n\nSecond\n \n{BETA}\n\n\n")
    assert titles_with_abstracts(papers) == [("First", "Alpha"), ("Second", "Beta")]
    assert [paper.n_authors for paper in papers] == [4, None]
    assert failures == []


def test_a_page_with_nothing_below_its_header_has_no_papers() -> None:
    assert parse(HEAD) == ([], [])


def test_instructions_hidden_in_a_title_or_abstract_are_removed() -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    papers, _ = parse(f"{HEAD}Fi\u200brst{hidden}\n\n{ALPHA}\u202e{hidden}\ue000end")
    assert papers[0].title == "First"
    assert papers[0].abstract == f"{ALPHA}end"


@given(st.lists(st.sampled_from([b"\n", b"\n\n", b"new", b"byAK and the research community", b"Oct 17", b"A Title",
                                 ALPHA.encode(), b"  \xe2\x80\xa2 4 authors", b"\xc2\xb7", b"Jul 3, 2024 2", b"\xff",
                                 b"\xe2\x80\xa2", b"\0", b"\r\n", b"Feb 30"]), max_size=40))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_no_mixture_of_blocks_is_an_exception_or_a_paper_without_text(parts: list[bytes]) -> None:
    papers, failures = parse(b"\n".join(parts))
    assert all(paper.title and paper.abstract for paper in papers)
    assert all(failure.where.startswith("page.txt:") and failure.reason for failure in failures)
