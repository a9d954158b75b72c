"""Digests as Markdown, HTML and Atom: whatever a title or an abstract contains stays text."""

import re
from collections import Counter
from datetime import date
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from service.answer.edition import Edition
from service.answer.render import facts, paper_urn, to_atom, to_markdown, to_text
from service.answer.render_html import to_html
from service.types import Failure
from tests.answer.editions import edition, paper

ATOM = "{http://www.w3.org/2005/Atom}"


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
    plain = structure(to_html(edition("text", of=paper("title"), failures=failures)))
    hostile_failures = [Failure(where=text, reason=text)]
    hostile = structure(to_html(edition(text, of=paper(text), failures=hostile_failures)))
    assert hostile.tags == plain.tags
    assert hostile.links == []
    assert hostile.text.count(" ".join(text.split())) == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_no_title_or_abstract_becomes_markup_in_markdown(text: str) -> None:
    plain = from_markdown(to_markdown(edition("text", of=paper("title"))))
    hostile = from_markdown(to_markdown(edition(text, of=paper(text))))
    assert hostile.tags == plain.tags
    assert hostile.links == []


VERBATIM = [text for text in HOSTILE if "&" not in text and "--" not in text]


@pytest.mark.parametrize(
    "text", [*VERBATIM, "AT&amp;T and R&D", "1. A list", "- a list", "+ a list", "2) so", "---", "1.5 times, 3-D"]
)
def test_a_reader_of_the_markdown_sees_the_text_as_it_is(text: str) -> None:
    shown = from_markdown(to_markdown(edition(text)))
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
    made = edition("text", of=paper(url=url))
    assert structure(to_html(made)).links == [url]
    assert [entry.get("href") for entry in parsed(to_atom(made)).iter(f"{ATOM}link")] == [url]
    assert [unquote(link) for link in from_markdown(to_markdown(made)).links] == [url]


def test_html_loads_nothing_and_runs_nothing() -> None:
    page = to_html(edition("text", of=paper(url="https://x.org")))
    tags = {tag for tag, _ in structure(page).tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "form", "base"}
    assert not any(name.startswith("on") for _, names in structure(page).tags for name in names)
    assert '<meta name="referrer" content="no-referrer">' in page
    assert "target=" not in page
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
    feed = parsed(to_atom(edition(text, of=paper(text))))
    (entry,) = feed.findall(f"{ATOM}entry")
    assert len(list(entry)) == 4
    if text.isprintable():
        assert entry.findtext(f"{ATOM}title") == entry.findtext(f"{ATOM}content") == text


def test_atom_has_what_the_standard_demands() -> None:
    feed = parsed(to_atom(edition("one", "two", of=paper(published=date(2023, 7, 27)))))
    assert feed.tag == f"{ATOM}feed"
    assert [feed.findtext(f"{ATOM}{name}") is not None for name in ("id", "title", "updated")] == [True] * 3
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
    for entry in feed.findall(f"{ATOM}entry"):
        assert entry.findtext(f"{ATOM}id")
        assert entry.findtext(f"{ATOM}updated") == "2023-07-27T00:00:00Z"
        assert entry.findtext(f"{ATOM}content"), "it has no link"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", feed.findtext(f"{ATOM}updated") or "")


@pytest.mark.parametrize(
    "paper_id", ["2404.12345", "math/0309136", "10.1000/a(b)<c>", "my paper “x”", "%41", "a\\b#c?d"]
)
def test_an_id_in_a_feed_is_an_address_and_each_paper_has_its_own(paper_id: str) -> None:
    urn = paper_urn(paper(paper_id=paper_id))
    assert re.fullmatch(r"urn:paperboy:paper:(?:[A-Za-z0-9._~/:@!$&'()*+,;=-]|%[0-9A-F]{2})+", urn)
    assert unquote(urn).removeprefix("urn:paperboy:paper:") == paper_id
    linked = parsed(to_atom(edition("one", of=paper(paper_id=paper_id, url="https://x.org/1"))))
    assert linked.findtext(f"{ATOM}entry/{ATOM}id") == urn
    assert linked.findtext(f"{ATOM}entry/{ATOM}summary") == "one"


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=60)


@given(TEXT, TEXT)
def test_no_text_changes_the_structure_of_a_digest(title: str, text: str) -> None:
    plain, made = edition("text", of=paper("title")), edition(text, of=paper(title))
    assert structure(to_html(made)).tags == structure(to_html(plain)).tags
    feed = parsed(to_atom(made))
    assert len(list(feed.iter())) == len(list(parsed(to_atom(plain)).iter()))


@given(st.text(st.sampled_from("ab *_`[]()<>!#|~\\\"'&;:/=-+."), min_size=1, max_size=40))
def test_no_mixture_of_marks_makes_a_tag_or_a_link_in_markdown(text: str) -> None:
    line = " ".join(f"word {text}".split())
    shown = from_markdown(to_markdown(edition(line, of=paper(line))))
    assert set(shown.tags) <= {("h1", ()), ("h2", ()), ("p", ()), ("em", ())}
    assert shown.links == []


def test_what_could_not_be_summarized_is_shown_with_its_reason() -> None:
    made = edition("text", failures=[Failure(where="t9 “Other”", reason="the writer failed")])
    for text in (to_markdown(made), to_text(made), structure(to_html(made)).text):
        assert "t9 “Other”: the writer failed" in text


def test_a_digest_without_papers_is_still_a_document() -> None:
    assert to_markdown(edition()) == "# Papers of 2023-07-27\n"
    assert "Papers of 2023-07-27" in structure(to_html(edition())).text
    assert parsed(to_atom(edition())).findall(f"{ATOM}entry") == []


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


def body_text(page: str) -> str:
    return structure(page[page.index("<body") :]).text


FULL = paper(
    "MEFT", "https://x.org/1", abstract="It was dear. MEFT reduces memory by up to 84% on GLUE. It needs no training."
)


def test_topics_opening_number_reason_and_what_is_new_are_in_every_format_to_read() -> None:
    made = edition(
        "We propose MEFT.", "It is MEFT.", of=FULL, terms=("memory", "adapters"), reason="like “LST”", seen_until=1
    )
    for text in (to_markdown(made), body_text(to_html(made)), " ".join(to_text(made).split())):
        assert "2 papers on 1 topic, 1 new since you last looked." in text
        assert "memory, adapters (2)" in text
        assert "“We propose MEFT.”" in text
        assert "MEFT reduces memory by up to 84% on GLUE." in text
        assert text.count("like “LST”") == 2
        assert text.lower().count("new") == 2
    assert "<b>84%</b>" in to_html(made)
    assert "**84%**" in to_markdown(made)
    categories = [found.get("term") for found in parsed(to_atom(made)).iter(f"{ATOM}category")]
    assert categories == ["memory, adapters"] * 2


def test_where_all_papers_are_new_none_is_marked() -> None:
    made = edition("one", "two", seen_until=0)
    assert "all new since you last looked" in to_text(made)
    assert "NEW" not in to_text(made)
    assert "NEW" not in to_html(made)


def test_a_summary_that_is_the_sentence_with_the_number_is_not_told_twice() -> None:
    sentence = "MEFT reduces memory by up to 84% on GLUE."
    for text in (to_markdown(edition(sentence, of=FULL)), to_text(edition(sentence, of=FULL))):
        assert text.count("GLUE") == 1


@pytest.mark.parametrize("shown", ["In this work, we cut memory by 84% on GLUE.", "We cut memory by 84% on GLUE."])
def test_nor_is_it_where_its_beginning_was_left_out(shown: str) -> None:
    of = paper("MEFT", abstract="It was dear. In this work, we cut memory by 84% on GLUE.")
    for text in (to_markdown(edition(shown, of=of)), to_text(edition(shown, of=of)), to_html(edition(shown, of=of))):
        assert text.count("GLUE") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_no_topic_quote_number_or_reason_becomes_markup(text: str) -> None:
    def made(text: str) -> tuple[Structure, Structure]:
        abstract = f"Words. We improve {text} by 84% on GLUE."
        one = edition(f"a {text}", of=paper("title", abstract=abstract), terms=(text, "b"), reason=text)
        return structure(to_html(one)), from_markdown(to_markdown(one))

    for plain, hostile in zip(made("plain"), made(text), strict=True):
        assert hostile.tags == plain.tags
        assert hostile.links == []


def test_lines_of_the_plain_text_are_short_except_addresses() -> None:
    words = " ".join(f"word{number}" for number in range(60))
    made = edition(words, of=paper(words, f"https://x.org/{'a' * 90}"), terms=("memory",), reason=words)
    assert all(len(line) <= 78 or "https://" in line for line in to_text(made).splitlines())


def test_html_is_read_without_its_style_element() -> None:
    page = to_html(edition("text", of=FULL, terms=("memory",)))
    body = page[page.index("<body") :]
    assert "<style" not in body
    assert all(
        found.startswith("style=")
        for found in re.findall(r'class="\w+" (\S+)', body)
        if "width" not in found and "cellpadding" not in found
    )


def long_edition(papers: int) -> Edition:
    first = edition(*(f"Sentence {n}." for n in range(papers - 2)), terms=("pruning", "a <b> & c"))
    second = edition("Sentence one.", "Sentence two.", of=paper(paper_id="t9"), terms=("memory",))
    return first._replace(sections=(*first.sections, *second.sections))


def test_a_long_edition_lists_its_topics_first_and_each_leads_to_its_papers() -> None:
    long = long_edition(40)
    page = to_html(long)
    leads = [link.removeprefix("#") for link in structure(page).links if link.startswith("#")]
    assert len(set(leads)) == 2
    assert [page.count(f'id="{lead}"') for lead in leads] == [1, 1]
    assert "pruning, a <b> & c (38) memory (2)" in structure(page.replace("</li>", " </li>")).text
    assert "- pruning, a \\<b\\> & c (38)\n- memory (2)\n" in to_markdown(long)
    assert "  38  pruning, a <b> & c\n   2  memory\n" in to_text(long)


def test_a_short_edition_has_no_list_of_topics() -> None:
    short = long_edition(12)
    assert not [link for link in structure(to_html(short)).links if link.startswith("#")]
    assert "- memory (2)" not in to_markdown(short)
    assert "   2  memory" not in to_text(short)


def test_html_that_may_not_be_long_has_the_first_papers_of_each_topic_whole_and_the_titles_of_the_others() -> None:
    long = long_edition(60)
    page = to_html(long)
    short = to_html(long, len(page.encode()) - 3_000)
    assert to_html(long, len(page.encode())) == page
    assert len(short.encode()) <= len(page.encode()) - 3_000
    shown = structure(short)
    cut = page.count('class="text"') - short.count('class="text"')
    assert 0 < cut < 40
    assert short.count("<li>") == page.count("<li>") + cut
    assert (
        f"60 papers on 2 topics. To keep this message whole, {cut} by title only: paperboy digest 2023-07-27"
        in shown.text
    )
    for whole in ("Sentence 0.", "Sentence one.", "Sentence two."):
        assert whole in shown.text
    assert "Sentence 57." not in shown.text
    assert "by title only" not in structure(page).text


def test_html_shows_as_many_papers_as_its_length_allows() -> None:
    long = long_edition(60)
    least, most = 4_000, len(to_html(long).encode())
    shown = [to_html(long, length).count('class="paper"') for length in range(least, most, 1_000)]
    assert shown == sorted(shown)
    assert shown[0] == 0
    assert shown[-1] > 50


def test_html_too_short_for_all_titles_says_how_many_papers_it_lacks() -> None:
    long = long_edition(400)
    short = to_html(long, 6_000)
    assert len(short.encode()) <= 6_000
    said = re.search(r"whole, (\d+) by title only and (\d+) not shown: paperboy digest", structure(short).text)
    assert said
    titles, left_out = map(int, said.groups())
    assert titles + left_out == 400
    assert short.count("<li>A Title</li>") == titles > 50
    nothing = to_html(long, 10)
    assert "400 not shown" in nothing


def test_a_summary_is_shown_without_what_led_over_from_the_sentence_before() -> None:
    made = edition("To this end, we propose MEFT, which saves memory.", of=FULL)
    shown = "We propose MEFT, which saves memory."
    for text in (to_markdown(made), body_text(to_html(made)), to_text(made), to_atom(made)):
        assert shown in text
        assert "To this end" not in text
