"""Posts an edition to a webhook, as JSON that Slack shows and others (Mattermost, Discord's `/slack`) read too."""

from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from service.answer.edition import Edition, Entry, Section
from service.answer.render import facts_of, headline, lead_in, marked_new, section_title
from service.delivery.once import HandOver
from service.errors import DeliveryRefusedError, DeliveryUnsureError, SettingsError
from service.text import content_hash, one_line

_TIMEOUT_SECONDS = 30.0
_BLOCKS = 45
"""Slack takes 50."""
_TEXT = 2_900
"""Characters of a block; Slack takes 3,000."""
_HEADING = 140
_LEADING = 5
"""Papers of a topic that are shown; the digest has all of them."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NOT_TAKEN = (429, 503)
"""The server says itself that it did nothing."""
_SERVER_FAILED = 500


class WebhookCarrier(NamedTuple):
    """Posts to one address, which is a secret: who knows it can write there."""

    url: str

    @property
    def recipient(self) -> str:
        """The host, and a hash of the address."""
        return f"webhook {urlsplit(self.url).hostname} {content_hash(self.url)}"

    def prepare(self, edition: Edition) -> HandOver:
        """Write the document."""
        return partial(_post, self.url, slack_document(edition))


def checked_webhook(url: str) -> str:
    """The address of a webhook; messages never have it.

    Raises:
        SettingsError: there is none, or it is not encrypted.
    """
    if not url:
        raise SettingsError("no webhook: set PAPERBOY_WEBHOOK_URL, or `keyring set paperboy webhook`")
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        raise SettingsError("PAPERBOY_WEBHOOK_URL is no https: address")
    return url


def _post(url: str, document: dict[str, Any]) -> None:
    try:
        response = httpx2.post(url, json=document, timeout=_TIMEOUT_SECONDS, follow_redirects=False)
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol):
        raise DeliveryRefusedError("the webhook cannot be reached") from None
    except httpx2.HTTPError as error:
        raise DeliveryUnsureError(f"the connection to the webhook ended ({type(error).__name__})") from None
    if response.is_success:
        return
    if response.status_code >= _SERVER_FAILED and response.status_code not in _NOT_TAKEN:
        raise DeliveryUnsureError(f"the webhook failed with status {response.status_code}")
    raise DeliveryRefusedError(f"the webhook did not take it: status {response.status_code}")


def slack_document(edition: Edition) -> dict[str, Any]:
    """An edition as the JSON of a Slack message; what does not fit is left out, the last topics first."""
    title = f"Papers of {edition.digest.day}"
    blocks = [_header(title), _text(_escaped(headline(edition)))]
    if edition.opening:
        said = (
            f"*{_escaped(lead_in(place, one.papers, one.terms))}:* “{_escaped(one.claim.text)}” "
            f"{_link(edition.cited[place].url, f'[{place + 1}]')}"
            for place, one in enumerate(edition.opening)
        )
        blocks.append(_text("\n".join(said)))
    new = marked_new(edition)
    for section in edition.sections:
        blocks += _section(section, new)
    return {"text": one_line(f"{title}: {headline(edition)}", _HEADING), "blocks": blocks[:_BLOCKS]}


def _section(section: Section, new: frozenset[str]) -> list[dict[str, Any]]:
    shown = "\n".join(_entry(entry, entry.paper.paper_id in new) for entry in section.entries[:_LEADING])
    heading = [_header(section_title(section))] if section.terms else []
    return [*heading, _text(shown)]


def _entry(entry: Entry, new: bool) -> str:
    title = _link(entry.paper.url, _escaped(entry.summary.title))
    return f"• {'*new* ' if new else ''}*{title}*\n{_escaped(entry.text)}\n_{_escaped(facts_of(entry))}_"


def _header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": one_line(text, _HEADING), "emoji": False}}


def _text(text: str) -> dict[str, Any]:
    if len(text) > _TEXT:
        # Between two lines, so that no link is cut in two.
        text = text[: text.rfind("\n", 0, _TEXT)] if "\n" in text[:_TEXT] else text[:_TEXT]
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _escaped(text: str) -> str:
    """Text that is no markup: Slack reads these three, and marks of emphasis at the ends of words."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\u200b{letter}\u200b" if letter in "*_~`" else letter for letter in text)


def _link(url: str | None, shown: str) -> str:
    if not url:
        return shown
    return f"<{url.replace('&', '&amp;').replace('<', '%3C').replace('>', '%3E').replace('|', '%7C')}|{shown}>"
