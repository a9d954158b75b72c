"""A digest as Markdown, HTML or Atom. Titles and sentences are untrusted: they are escaped, never formatted."""

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from xml.etree import ElementTree

from service.text import counted
from service.types import Digest, Paper, Summary

FORMATS = ("md", "html", "json", "atom")
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~]|&(?=#?\w+;))")
_MARKDOWN_LIST = re.compile(r"^(\d+(?=[.)](?!\S))|(?=[-+]))")
_ENDS_MARKDOWN_LINK = re.compile(r"[()\\]")
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:2em auto;padding:0 1em;color:#1b1b1b;"
    "background:#fff}h1{font-size:1.5em}h2{font-size:1.1em;margin:1.6em 0 .2em}p{margin:.2em 0}"
    ".facts{color:#666;font-size:.9em}a{color:#0b57d0}@media(prefers-color-scheme:dark){body{color:#e8e8e8;"
    "background:#161616}.facts{color:#9a9a9a}a{color:#8ab4f8}}"
)
_ATOM = "http://www.w3.org/2005/Atom"


def to_markdown(digest: Digest, papers: Mapping[str, Paper]) -> str:
    """The digest as Markdown."""
    lines = [f"# Papers of {digest.day}", ""]
    for summary in digest.summaries:
        paper = papers[summary.paper_id]
        title = _markdown(summary.title)
        lines += [
            f"## [{title}]({_markdown_link(paper.url)})" if paper.url else f"## {title}",
            "",
            _markdown(summary.text),
            "",
            f"*{_markdown(facts(paper))}*",
            "",
        ]
    if digest.failures:
        lines += ["## Not summarized", ""]
        lines += [f"- {_markdown(failure.where)}: {_markdown(failure.reason)}" for failure in digest.failures]
    return "\n".join(lines).rstrip() + "\n"


def to_html(digest: Digest, papers: Mapping[str, Paper]) -> str:
    """The digest as one HTML page without scripts or outside resources."""
    items = "\n".join(_html_item(summary, papers[summary.paper_id]) for summary in digest.summaries)
    failed = "".join(
        f"<li>{html.escape(failure.where)}: {html.escape(failure.reason)}</li>" for failure in digest.failures
    )
    failures = f"<h2>Not summarized</h2><ul>{failed}</ul>\n" if failed else ""
    title = f"Papers of {html.escape(digest.day)}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>\n<h1>{title}</h1>\n{items}\n{failures}</body></html>\n"
    )


def to_atom(digest: Digest, papers: Mapping[str, Paper]) -> str:
    """The digest as an Atom feed (RFC 4287)."""
    ElementTree.register_namespace("", _ATOM)
    feed = ElementTree.Element(f"{{{_ATOM}}}feed")
    updated = datetime.now(UTC).isoformat(timespec="seconds")
    _add(feed, "id", f"urn:paperboy:digest:{digest.day}")
    _add(feed, "title", f"Papers of {digest.day}")
    _add(feed, "updated", updated)
    _add(_add(feed, "author"), "name", "Paperboy")
    for summary in digest.summaries:
        paper = papers[summary.paper_id]
        entry = _add(feed, "entry")
        _add(entry, "id", f"urn:paperboy:paper:{summary.paper_id}")
        _add(entry, "title", summary.title)
        _add(entry, "updated", f"{paper.day.isoformat()}T00:00:00Z" if paper.day else updated)
        _add(entry, "summary", summary.text)
        if paper.url:
            _add(entry, "link").set("href", paper.url)
    document = _NOT_XML.sub("", ElementTree.tostring(feed, encoding="unicode"))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{document}\n'


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


def _markdown(text: str) -> str:
    return _MARKDOWN_LIST.sub(r"\1\\", _MARKDOWN_SPECIAL.sub(r"\\\1", text))


def _markdown_link(url: str) -> str:
    return _ENDS_MARKDOWN_LINK.sub(lambda match: f"%{ord(match.group()):02X}", url)


def _html_item(summary: Summary, paper: Paper) -> str:
    title = html.escape(summary.title)
    if paper.url:
        title = f'<a href="{html.escape(paper.url)}" rel="noopener noreferrer">{title}</a>'
    text, line = html.escape(summary.text), html.escape(facts(paper))
    return f'<h2>{title}</h2>\n<p>{text}</p>\n<p class="facts">{line}</p>'


def _add(parent: ElementTree.Element, name: str, text: str = "") -> ElementTree.Element:
    child = ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}")
    child.text = text or None
    return child
