"""An edition as Markdown, plain text or Atom. Titles and sentences are untrusted: they are escaped, never formatted."""

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree

from service.answer.edition import Edition, Entry, Section
from service.answer.wording import by_itself, capitalized
from service.text import counted
from service.types import Paper

FORMATS = ("md", "html", "json", "atom", "txt")
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~]|&(?=#?\w+;))")
_MARKDOWN_LIST = re.compile(r"^(\d+(?=[.)](?!\S))|(?=[-+]))")
_ENDS_MARKDOWN_LINK = re.compile(r"[()\\]")
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_URN = re.compile(r"[^A-Za-z0-9._~/:@!$&'()*+,;=-]")
ATOM = "http://www.w3.org/2005/Atom"
_WIDTH = 78
_LONG = 30
"""Papers from which on the topics are listed before them."""


def to_markdown(edition: Edition) -> str:
    """The edition as Markdown."""
    lines = [f"# Papers of {edition.digest.day}", ""]
    if edition.entries:
        lines += [_markdown(headline(edition)), ""]
    if edition.opening:
        said = (
            f"{_markdown(lead_in(place, said.papers, said.terms))}: “{_markdown(said.claim.text)}” "
            f"{_markdown_reference(edition.cited[place], place + 1)}"
            for place, said in enumerate(edition.opening)
        )
        lines += [" ".join(said), ""]
    if topics := contents(edition):
        lines += [*(f"- {_markdown(section_title(section))}" for section in topics), ""]
    new = marked_new(edition)
    for section in edition.sections:
        if section.terms:
            lines += [f"## {_markdown(section_title(section))}", ""]
        for entry in section.entries:
            lines += _markdown_entry(entry, "###" if section.terms else "##", entry.paper.paper_id in new)
    if edition.digest.failures:
        lines += ["## Not summarized", ""]
        failures = edition.digest.failures
        lines += [f"- {_markdown(failure.where)}: {_markdown(failure.reason)}" for failure in failures]
    return "\n".join(lines).rstrip() + "\n"


def to_text(edition: Edition) -> str:
    """The edition as plain text, for mail readers and terminals; the lines have 78 characters at most."""
    title = f"Papers of {edition.digest.day}"
    lines = [title, "=" * len(title), ""]
    if edition.entries:
        lines += [*_wrapped(headline(edition)), ""]
    if edition.opening:
        said = (
            f"{lead_in(place, said.papers, said.terms)}: “{said.claim.text}” [{place + 1}]"
            for place, said in enumerate(edition.opening)
        )
        lines += [*_wrapped(" ".join(said)), ""]
        for number, paper in enumerate(edition.cited, start=1):
            lines += _wrapped(f"[{number}] {paper.title}{f' {paper.url}' if paper.url else ''}", "    ")
        lines.append("")
    if topics := contents(edition):
        for section in topics:
            lines += _wrapped(f"{len(section.entries):4}  {', '.join(section.terms)}", "      ")
        lines.append("")
    new = marked_new(edition)
    for section in edition.sections:
        if section.terms:
            lines += [*_wrapped(section_title(section)), "-" * min(len(section_title(section)), _WIDTH), ""]
        for entry in section.entries:
            lines += _text_entry(entry, entry.paper.paper_id in new)
    if edition.digest.failures:
        lines += ["Not summarized", "-" * 14, ""]
        for failure in edition.digest.failures:
            lines += _wrapped(f"- {failure.where}: {failure.reason}", "  ")
    return "\n".join(lines).rstrip() + "\n"


def to_atom(edition: Edition) -> str:
    """The edition as an Atom feed (RFC 4287)."""
    ElementTree.register_namespace("", ATOM)
    feed = ElementTree.Element(f"{{{ATOM}}}feed")
    updated = datetime.now(UTC).isoformat(timespec="seconds")
    add(feed, "id", f"urn:paperboy:digest:{edition.digest.day}")
    add(feed, "title", f"Papers of {edition.digest.day}")
    add(feed, "updated", updated)
    add(add(feed, "author"), "name", "Paperboy")
    for section in edition.sections:
        for one in section.entries:
            day = f"{one.paper.day.isoformat()}T00:00:00Z" if one.paper.day else updated
            entry = add_entry(feed, one.paper, one.summary.title, day, one.text)
            if section.terms:
                add(entry, "category").set("term", _NOT_XML.sub("", ", ".join(section.terms)))
    return as_xml(feed)


def headline(edition: Edition) -> str:
    """How many papers there are, and how many of them are new."""
    line = counted(len(edition.entries), "paper")
    topics = [section for section in edition.sections if section.terms]
    if topics:
        line += f" on {counted(len(topics), 'topic')}"
    if edition.seen_until is not None:
        new = len(edition.new)
        since = "since you last looked"
        line += f", all new {since}" if new == len(edition.entries) else f", {new or 'none'} new {since}"
    return f"{line}."


def contents(edition: Edition) -> list[Section]:
    """The topics to be listed before the papers: of a long edition that has several."""
    topics = [section for section in edition.sections if section.terms]
    return topics if len(topics) > 1 and len(edition.entries) >= _LONG else []


def marked_new(edition: Edition) -> frozenset[str]:
    """Ids of the papers that get a mark: where all are new, none does."""
    return edition.new if len(edition.new) < len(edition.entries) else frozenset()


def section_title(section: Section) -> str:
    """The terms of a topic and how many papers it has."""
    return f"{', '.join(section.terms)} ({len(section.entries)})"


def lead_in(place: int, papers: int, terms: tuple[str, ...]) -> str:
    """What stands before a quote of the opening."""
    return f"{counted(papers, 'paper') if not place else papers} on {' and '.join(terms[:2])}"


def facts(paper: Paper) -> str:
    """Date, authors and comments of a paper in one line."""
    parts = []
    if paper.published:
        parts.append(
            f"published {paper.published.isoformat()}" + (" (inferred in part)" if paper.published_inferred else "")
        )
    if paper.listed:
        parts.append(f"listed {paper.listed.isoformat()}")
    if paper.n_authors:
        parts.append(counted(paper.n_authors, "author"))
    if paper.comments:
        parts.append(counted(paper.comments, "comment"))
    return " · ".join([*parts, paper.paper_id])


def facts_of(entry: Entry) -> str:
    """The same with the reason for the place of the paper before it."""
    return f"{entry.reason} · {facts(entry.paper)}" if entry.reason else facts(entry.paper)


def told_figure(entry: Entry) -> bool:
    """Whether the sentence with the main number is to be shown: the summary may be that sentence."""
    if entry.figure is None:
        return False
    said = entry.figure.quote.text
    return not any(form in entry.text for form in (said, capitalized(by_itself(said))))


def _markdown_entry(entry: Entry, heading: str, new: bool) -> Iterator[str]:
    title, url = _markdown(entry.summary.title), entry.paper.url
    mark = "**New** · " if new else ""
    yield f"{heading} {mark}[{title}]({_markdown_link(url)})" if url else f"{heading} {mark}{title}"
    yield ""
    yield _markdown(entry.text)
    yield ""
    if entry.figure and told_figure(entry):
        yield f"**{_markdown(entry.figure.text)}** · {_markdown(entry.figure.quote.text)}"
        yield ""
    yield f"*{_markdown(facts_of(entry))}*"
    yield ""


def _text_entry(entry: Entry, new: bool) -> Iterator[str]:
    yield from _wrapped(f"{'* NEW * ' if new else '* '}{entry.summary.title}", "  ")
    yield from _wrapped(f"  {entry.text}", "  ")
    if entry.figure and told_figure(entry):
        yield from _wrapped(f"  {entry.figure.text}: {entry.figure.quote.text}", "  ")
    yield from _wrapped(f"  {facts_of(entry)}", "  ")
    if entry.paper.url:
        yield f"  {entry.paper.url}"
    yield ""


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )


def _markdown(text: str) -> str:
    return _MARKDOWN_LIST.sub(r"\1\\", _MARKDOWN_SPECIAL.sub(r"\\\1", text))


def _markdown_link(url: str) -> str:
    return _ENDS_MARKDOWN_LINK.sub(lambda match: f"%{ord(match.group()):02X}", url)


def _markdown_reference(paper: Paper, number: int) -> str:
    return (
        f"[\\[{number}\\]]({_markdown_link(paper.url)})" if paper.url else f"\\[{number}\\] ({_markdown(paper.title)})"
    )


def as_xml(feed: ElementTree.Element) -> str:
    """A feed as a document, without characters that XML does not have."""
    document = _NOT_XML.sub("", ElementTree.tostring(feed, encoding="unicode"))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{document}\n'


def paper_urn(paper: Paper) -> str:
    """What feed readers know a paper by: an address (RFC 8141), whatever characters its id has."""
    quoted = _NOT_IN_URN.sub(lambda sign: "".join(f"%{byte:02X}" for byte in sign[0].encode()), paper.paper_id)
    return f"urn:paperboy:paper:{quoted}"


def add_entry(feed: ElementTree.Element, paper: Paper, title: str, updated: str, text: str) -> ElementTree.Element:
    """A further entry of an Atom feed, with what the standard demands of it."""
    entry = add(feed, "entry")
    add(entry, "id", paper_urn(paper))
    add(entry, "title", title)
    add(entry, "updated", updated)
    # RFC 4287, 4.1.2: what has no link has its content inside.
    add(entry, "summary" if paper.url else "content", text)
    if paper.url:
        add(entry, "link").set("href", paper.url)
    return entry


def add(parent: ElementTree.Element, name: str, text: str = "") -> ElementTree.Element:
    """A further Atom element inside another one."""
    child = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}")
    child.text = text or None
    return child
