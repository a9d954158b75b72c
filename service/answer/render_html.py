"""An edition as one HTML page that mail clients show well: tables and inline styles, no scripts, nothing from outside.

Some clients drop the style element, so that the inline styles are enough to read by; what it adds is the dark side.
"""

import html
from bisect import bisect_left
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from service.answer.edition import Edition, Entry, Section
from service.answer.render import contents, facts_of, headline, lead_in, marked_new, section_title, told_figure
from service.types import Paper

_FONT = "font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;"
_STYLES = {
    "page": "margin:0;padding:0;background:#f3f2ee;",
    "sheet": (
        "width:100%;max-width:680px;table-layout:fixed;overflow-wrap:anywhere;word-break:break-word;"
        f"background:#ffffff;color:#1d1d1f;{_FONT}"
    ),
    # What most of the text has is said once: said in each of 300 papers it makes a mail too long.
    "pad": "padding:24px 28px 8px;font-size:15px;line-height:1.5;",
    "title": "margin:0;font-size:24px;line-height:1.25;font-weight:700;",
    "soft": "margin:4px 0 0;font-size:14px;color:#5f6368;",
    "opening": "margin:16px 0 0;font-size:16px;line-height:1.6;",
    "topics": "margin:16px 0 0;padding:0 0 0 20px;line-height:1.6;",
    "titles": "margin:12px 0 0;padding:0 0 0 20px;",
    "section": (
        "margin:24px 0 4px;padding:0 0 6px;border-bottom:2px solid #d9a441;font-size:16px;line-height:1.4;"
        "font-weight:700;"
    ),
    "paper": "margin:16px 0 0;font-size:16px;line-height:1.35;font-weight:600;",
    "text": "margin:4px 0 0;",
    "figure": "margin:6px 0 0;padding:0 0 0 10px;border-left:3px solid #d9a441;font-size:14px;",
    "link": "color:#0b57d0;text-decoration:none;",
    # Inside a text colour alone does not tell a link.
    "reference": "color:#0b57d0;text-decoration:underline;",
    "new": "color:#9a5b00;font-size:12px;letter-spacing:.04em;",
}
_DARK = (
    ".page{background:#111214!important}.sheet{background:#1b1c1f!important;color:#e8e8e8!important}"
    ".soft{color:#a2a6ab!important}.link,.reference{color:#8ab4f8!important}.new{color:#f0b95a!important}"
)
_STYLE = f":root{{color-scheme:light dark}}.reference{{color:#0b57d0}}@media(prefers-color-scheme:dark){{{_DARK}}}"


class _Shown(NamedTuple):
    """How many papers of each topic are shown with their summaries, and how many besides by their titles."""

    whole: int
    titles: int


def to_html(edition: Edition, most_bytes: int | None = None) -> str:
    """The edition as one HTML page without scripts or outside resources.

    Args:
        edition: what to show.
        most_bytes: where all of it would be more, the last papers of the topics are shown by their titles only, or left
            out where even these are too many.
    """
    longest = max((len(section.entries) for section in edition.sections), default=0)
    page = _page(edition, _Shown(longest, 0))
    if most_bytes is None or len(page.encode()) <= most_bytes:
        return page

    def most(shown: Callable[[int], _Shown]) -> int:
        """The greatest number with which the page is short enough; -1: none is."""

        def too_long(number: int) -> bool:
            return len(_page(edition, shown(number)).encode()) > most_bytes

        return bisect_left(range(longest + 1), x=True, key=too_long) - 1

    whole = most(lambda number: _Shown(number, longest))
    if whole >= 0:
        return _page(edition, _Shown(whole, longest))
    return _page(edition, _Shown(0, max(0, most(lambda number: _Shown(0, number)))))


def _page(edition: Edition, shown: _Shown) -> str:
    title = f"Papers of {html.escape(edition.digest.day)}"
    body = [_tag("h1", "title", title)]
    if edition.entries:
        body.append(_tag("p", "soft", html.escape(f"{headline(edition)}{_shortened(edition, shown)}")))
    if edition.opening:
        body.append(_tag("p", "opening", _opening(edition)))
    if topics := contents(edition):
        body.append(_tag("ul", "topics", "".join(map(_topic, topics))))
    new = marked_new(edition)
    body += [_section(section, new, shown) for section in edition.sections]
    if edition.digest.failures:
        failed = "".join(
            f"<li>{html.escape(failure.where)}: {html.escape(failure.reason)}</li>"
            for failure in edition.digest.failures
        )
        body.append(_tag("h2", "section", "Not summarized") + f"<ul>{failed}</ul>")
    content = "\n".join(body)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n"
        f'<body class="page" style="{_STYLES["page"]}">'
        f'<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" '
        f'style="{_STYLES["page"]}"><tr><td align="center">'
        f'<table role="presentation" class="sheet" cellpadding="0" cellspacing="0" style="{_STYLES["sheet"]}">'
        f'<tr><td style="{_STYLES["pad"]}">\n{content}\n</td></tr></table></td></tr></table></body></html>\n'
    )


def _shortened(edition: Edition, shown: _Shown) -> str:
    """What is not shown, and where it is."""
    lengths = [len(section.entries) for section in edition.sections]
    titles = sum(min(max(length - shown.whole, 0), shown.titles) for length in lengths)
    left_out = sum(max(length - shown.whole - shown.titles, 0) for length in lengths)
    parts = [f"{count} {how}" for count, how in ((titles, "by title only"), (left_out, "not shown")) if count]
    if not parts:
        return ""
    # A range of days is written otherwise.
    day = "" if "/" in edition.digest.day else f" {edition.digest.day}"
    return f" To keep this message whole, {' and '.join(parts)}: paperboy digest{day} has every summary."


def _tag(name: str, style: str, content: str) -> str:
    return f'<{name} class="{style}" style="{_STYLES[style]}">{content}</{name}>'


def _opening(edition: Edition) -> str:
    return "<br>".join(
        f"<b>{html.escape(lead_in(place, said.papers, said.terms))}:</b> “{html.escape(said.claim.text)}” "
        f"{_reference(edition.cited[place], place + 1)}"
        for place, said in enumerate(edition.opening)
    )


def _reference(paper: Paper, number: int) -> str:
    """The number that leads to the paper; its title is what a reader sees on pointing at it."""
    hint = f' title="{html.escape(paper.title)}"'
    return _link("reference", paper.url, f"[{number}]", hint) if paper.url else f"<span{hint}>[{number}]</span>"


def _section(section: Section, new: frozenset[str], shown: _Shown) -> str:
    name = f'<a id="{_anchor(section)}"></a>'
    heading = _tag("h2", "section", f"{name}{html.escape(section_title(section))}") if section.terms else ""
    level = "h3" if section.terms else "h2"
    whole, rest = section.entries[: shown.whole], section.entries[shown.whole :][: shown.titles]
    parts = [_entry(entry, level, entry.paper.paper_id in new) for entry in whole]
    if rest:
        parts.append(_tag("ul", "titles", "\n".join(_title(entry, entry.paper.paper_id in new) for entry in rest)))
    return heading + "\n".join(parts)


def _title(entry: Entry, new: bool) -> str:
    """One of many papers that only their titles are shown of: without a style of its own."""
    title = html.escape(entry.summary.title)
    if entry.paper.url:
        title = f'<a class="reference" href="{html.escape(entry.paper.url)}">{title}</a>'
    return f"<li>{'NEW ' if new else ''}{title}</li>"


def _topic(section: Section) -> str:
    """A topic in the list of them, which leads to its papers."""
    link = _link("reference", f"#{_anchor(section)}", html.escape(", ".join(section.terms)))
    return f"<li>{link} ({len(section.entries)})</li>"


def _anchor(section: Section) -> str:
    """What the papers of a topic are reached by inside the page: of its first paper, which no other topic has."""
    return f"topic-{sha256(section.entries[0].paper.paper_id.encode()).hexdigest()[:12]}"


def _entry(entry: Entry, level: str, new: bool) -> str:
    title = html.escape(entry.summary.title)
    if entry.paper.url:
        title = _link("link", entry.paper.url, title)
    if new:
        title = f"{_tag('span', 'new', 'NEW')} {title}"
    parts = [_tag(level, "paper", title), _tag("p", "text", html.escape(entry.text))]
    if entry.figure and told_figure(entry):
        text, start, end = entry.figure.quote.text, entry.figure.start, entry.figure.end
        before, shown, after = (html.escape(part) for part in (text[:start], text[start:end], text[end:]))
        parts.append(_tag("p", "figure", f"{before}<b>{shown}</b>{after}"))
    parts.append(_tag("p", "soft", html.escape(facts_of(entry))))
    return "".join(parts)


def _link(style: str, url: str, shown: str, hint: str = "") -> str:
    return f'<a class="{style}" style="{_STYLES[style]}" href="{html.escape(url)}"{hint}>{shown}</a>'
