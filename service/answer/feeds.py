"""Saved questions as feeds: Atom (RFC 4287) and JSON Feed 1.1. Titles and quotes are untrusted and stay text."""

import json
from xml.etree import ElementTree

from service.answer.render import ATOM, add, add_entry, as_xml, facts, paper_urn
from service.answer.watching import Feed, Found
from service.answer.wording import lead_over


def feed_id(feed: Feed) -> str:
    """What a reader knows the feed by, and the name of its files."""
    return f"watch-{feed.watch.number}"


def _said(found: Found) -> str:
    """The quote, from where it says something by itself, and the facts of the paper."""
    return f"“{found.quote[lead_over(found.quote) :]}” ({facts(found.paper)})"


def to_atom_feed(feed: Feed) -> str:
    """A feed as Atom."""
    ElementTree.register_namespace("", ATOM)
    root = ElementTree.Element(f"{{{ATOM}}}feed")
    add(root, "id", f"urn:paperboy:{feed_id(feed)}")
    add(root, "title", feed.watch.question)
    add(root, "updated", max((found.found for found in feed.papers), default=feed.watch.saved))
    add(add(root, "author"), "name", "Paperboy")
    for found in feed.papers:
        add_entry(root, found.paper, found.paper.title, found.found, _said(found))
    return as_xml(root)


def to_json_feed(feed: Feed) -> str:
    """A feed as JSON Feed 1.1."""
    items = [
        {
            "id": paper_urn(found.paper),
            "title": found.paper.title,
            "content_text": _said(found),
            "date_published": found.found,
            **({"url": found.paper.url} if found.paper.url else {}),
        }
        for found in feed.papers
    ]
    document = {"version": "https://jsonfeed.org/version/1.1", "title": feed.watch.question, "items": items}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
