"""Digests as Markdown, HTML and Atom: whatever a title or an abstract contains stays text."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from service.answer.render import facts, to_atom, to_html, to_markdown
from service.types import Claim, Digest, Failure, Paper, Provenance, Summary, Verdict

ATOM = "{http://www.w3.org/2005/Atom}"


def paper(title: str = "A Title", url: str | None = None, **values: Any) -> Paper:
    return Paper(paper_id="t1", title=title, abstract="An abstract.", url=url, **values)


def digest(*texts: str, title: str = "A Title", failures: Sequence[Failure] = ()) -> Digest:
    summaries = tuple(
        Summary(
            paper_id="t1",
            title=title,
            text=text,
            length="sentence",
            claims=(Claim(text=text, verdict=Verdict.SUPPORTED),),
            provenance=Provenance(engine="extractive"),
        )
        for text in texts
    )
    return Digest(day="2023-07-27", papers=len(texts), summaries=summaries, failures=tuple(failures))


def parsed(feed: str) -> ElementTree.Element:
    return ElementTree.fromstring(feed)  # noqa: S314 - what it reads was written here


class Structure(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.links: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag, tuple(sorted(name for name, _ in attrs))] += 1
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


def structure(markup: str) -> Structure:
    found = Structure()
    found.feed(markup)
    found.close()
    return found


class TrustingMarkdown(MarkdownIt):
    """A renderer that lets raw HTML and links of every scheme through, as many do."""

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - the name is the library's
        return True


def from_markdown(text: str) -> Structure:
    """What a reader of the Markdown would see."""
    return structure(TrustingMarkdown("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</h2></p></body><iframe src=//evil>",
    "<!-- comment --><![CDATA[ x ]]>",
    "&lt;script&gt; &amp; &#60;b&#62;",
    "<style>body{display:none}</style>",
    "<a href='javascript:alert(1)'>x</a>",
    "[click](javascript:alert(1))",
    "![image](https://evil/?q=secret)",
    "[ref]: https://evil 'title'",
    "<https://evil>",
    "*bold* _em_ `code` ~~gone~~ **b**",
    "# Heading",
    "> quote",
    "| a | b |",
    "``` fence",
    "\\[escaped\\](https://evil)",
    "{{7*7}} ${x} %s {% raw %}",
    "<1M parameters, (>+5) and corgi -- > cat",
    "$\\mathcal{O}(n^2)$ \\% ^{3}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_title_or_abstract_becomes_markup_in_html(text: str) -> None:
    failures = [Failure(where="here", reason="why")]
    plain = structure(to_html(digest("text", title="title", failures=failures), {"t1": paper("title")}))
    hostile_failures = [Failure(where=text, reason=text)]
    hostile = structure(to_html(digest(text, title=text, failures=hostile_failures), {"t1": paper(text)}))
    assert hostile.tags == plain.tags
    assert hostile.links == []
    assert hostile.text.count(" ".join(text.split())) == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_no_title_or_abstract_becomes_markup_in_markdown(text: str) -> None:
    plain = from_markdown(to_markdown(digest("text", title="title"), {"t1": paper("title")}))
    hostile = from_markdown(to_markdown(digest(text, title=text), {"t1": paper(text)}))
    assert hostile.tags == plain.tags
    assert hostile.links == []


VERBATIM = [text for text in HOSTILE if "&" not in text and "--" not in text]


@pytest.mark.parametrize(
    "text", [*VERBATIM, "AT&amp;T and R&D", "1. A list", "- a list", "+ a list", "2) so", "---", "1.5 times, 3-D"]
)
def test_a_reader_of_the_markdown_sees_the_text_as_it_is(text: str) -> None:
    shown = from_markdown(to_markdown(digest(text), {"t1": paper()}))
    assert " ".join(text.split()) in shown.text
    assert set(shown.tags) <= {("h1", ()), ("h2", ()), ("p", ()), ("em", ())}


URLS = [
    "https://arxiv.org/abs/2307.1",
    "https://x.org/?a=1&b=2#c",
    "https://x.org/a_(b)",
    "https://x.org/~a_b*c*",
    "https://x.org/)[evil](javascript:alert(1)",
    "https://x.org/\\)x",
    "https://x.org/]",
]


@pytest.mark.parametrize("url", URLS)
def test_a_link_leads_where_the_paper_says_and_nowhere_else(url: str) -> None:
    made, papers = digest("text"), {"t1": paper(url=url)}
    assert structure(to_html(made, papers)).links == [url]
    assert [entry.get("href") for entry in parsed(to_atom(made, papers)).iter(f"{ATOM}link")] == [url]
    assert [unquote(link) for link in from_markdown(to_markdown(made, papers)).links] == [url]


def test_html_loads_nothing_and_runs_nothing() -> None:
    page = to_html(digest("text"), {"t1": paper(url="https://x.org")})
    tags = {tag for tag, _ in structure(page).tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "form", "base"}
    assert not any(name.startswith("on") for _, names in structure(page).tags for name in names)
    assert "noopener noreferrer" in page
    assert "url(" not in page
    assert "@import" not in page


XML_TEXTS = [
    *HOSTILE,
    "]]>",
    "<?xml version='1.0'?>",
    "<!DOCTYPE x [<!ENTITY a 'b'>]>&a;",
    "\x00\x0b\x1b\x7f",
    "\ufffe",
]


@pytest.mark.parametrize("text", XML_TEXTS)
def test_atom_is_xml_with_the_text_as_it_is(text: str) -> None:
    feed = parsed(to_atom(digest(text, title=text), {"t1": paper(text or "T")}))
    (entry,) = feed.findall(f"{ATOM}entry")
    assert len(list(entry)) == 4
    if text.isprintable():
        assert entry.findtext(f"{ATOM}title") == entry.findtext(f"{ATOM}summary") == text


def test_atom_has_what_the_standard_demands() -> None:
    made = digest("one", "two")
    feed = parsed(to_atom(made, {"t1": paper(published=date(2023, 7, 27))}))
    assert feed.tag == f"{ATOM}feed"
    assert [feed.findtext(f"{ATOM}{name}") is not None for name in ("id", "title", "updated")] == [True] * 3
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
    for entry in feed.findall(f"{ATOM}entry"):
        assert entry.findtext(f"{ATOM}id")
        assert entry.findtext(f"{ATOM}updated") == "2023-07-27T00:00:00Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", feed.findtext(f"{ATOM}updated") or "")


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=60)


@given(TEXT, TEXT)
def test_no_text_changes_the_structure_of_a_digest(title: str, text: str) -> None:
    plain, papers = digest("text", title="title"), {"t1": paper()}
    made = digest(text, title=title)
    assert structure(to_html(made, papers)).tags == structure(to_html(plain, papers)).tags
    feed = parsed(to_atom(made, papers))
    assert len(list(feed.iter())) == len(list(parsed(to_atom(plain, papers)).iter()))


@given(st.text(st.sampled_from("ab *_`[]()<>!#|~\\\"'&;:/=-+."), min_size=1, max_size=40))
def test_no_mixture_of_marks_makes_a_tag_or_a_link_in_markdown(text: str) -> None:
    line = " ".join(f"word {text}".split())
    shown = from_markdown(to_markdown(digest(line, title=line), {"t1": paper()}))
    assert set(shown.tags) <= {("h1", ()), ("h2", ()), ("p", ()), ("em", ())}
    assert shown.links == []


def test_what_could_not_be_summarized_is_shown_with_its_reason() -> None:
    made = digest("text", failures=[Failure(where="t9 “Other”", reason="the writer failed")])
    assert "- t9 “Other”: the writer failed" in to_markdown(made, {"t1": paper()})
    assert "t9 “Other”: the writer failed" in structure(to_html(made, {"t1": paper()})).text


def test_a_digest_without_papers_is_still_a_document() -> None:
    assert to_markdown(digest(), {}) == "# Papers of 2023-07-27\n"
    assert "Papers of 2023-07-27" in structure(to_html(digest(), {})).text
    assert parsed(to_atom(digest(), {})).findall(f"{ATOM}entry") == []


FACTS = [
    ({}, "t1"),
    ({"published": date(2023, 7, 27)}, "published 2023-07-27 · t1"),
    ({"published": date(2025, 3, 3), "published_inferred": True}, "published 2025-03-03 (inferred in part) · t1"),
    ({"listed": date(2024, 1, 2), "n_authors": 1, "comments": 1}, "listed 2024-01-02 · 1 author · 1 comment · t1"),
    ({"n_authors": 38, "comments": 2}, "38 authors · 2 comments · t1"),
    ({"comments": 0}, "t1"),
]


@pytest.mark.parametrize(("values", "expected"), FACTS)
def test_the_facts_of_a_paper_are_one_line(values: dict[str, Any], expected: str) -> None:
    assert facts(paper(**values)) == expected
