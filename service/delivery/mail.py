"""An edition as a mail message: plain text and HTML, with the headers that mailing software asks for."""

import re
from datetime import UTC, datetime
from email import policy
from email.errors import HeaderParseError, MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from service.answer.edition import Edition
from service.answer.render import to_text
from service.answer.render_html import to_html
from service.errors import SettingsError
from service.settings import Settings
from service.text import content_hash, counted, one_line

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}")
_SUBJECT = 120
_HTML_BYTES = 100_000
"""Gmail shows the first 102 KB of a message and hides the rest behind a link."""


class Sender(NamedTuple):
    """Who sends, and how one unsubscribes."""

    address: Address
    unsubscribe: str
    """An https: or mailto: address."""


def sender_of(settings: Settings) -> Sender:
    """The sender that the settings name.

    Raises:
        SettingsError: there is none, or it is no address.
    """
    if not settings.mail_from:
        raise SettingsError('nobody sends: set mail_from in settings.toml, such as "Paperboy <me@example.org>"')
    if not settings.mail_from.isprintable():
        raise SettingsError(f"setting mail_from: {one_line(settings.mail_from)} has characters that cannot be seen")
    name, address = parseaddr(settings.mail_from)
    sender = Address(display_name=_header(name), addr_spec=checked_address(address or settings.mail_from))
    unsubscribe = settings.unsubscribe or f"mailto:{sender.addr_spec}?subject={quote('unsubscribe')}"
    parts = urlsplit(unsubscribe)
    if parts.scheme not in ("https", "mailto") or re.search(r"[\s<>,\x00-\x1f\x7f]", unsubscribe):
        raise SettingsError(f"setting unsubscribe: {one_line(unsubscribe)} is no https: or mailto: address")
    return Sender(sender, unsubscribe)


def checked_address(address: str) -> str:
    """A mail address as it stands in headers: the domain in lower case.

    Raises:
        SettingsError: it is none, or one that mail servers do not agree on.
    """
    if not _ADDRESS.fullmatch(address):
        raise SettingsError(f"{one_line(address)} is no mail address: name@example.org, in plain letters")
    local, _, domain = address.rpartition("@")
    try:
        return Address(addr_spec=f"{local}@{domain.lower()}").addr_spec
    except (HeaderParseError, MessageError, ValueError):
        raise SettingsError(f"{one_line(address)} is no mail address: name@example.org") from None


def compose(edition: Edition, sender: Sender, recipient: str) -> EmailMessage:
    """The message for one recipient. The same digest and recipient have the same Message-ID.

    Args:
        edition: as this recipient gets it.
        sender: who sends.
        recipient: a checked address.
    """
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = sender.address
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = subject(edition)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{message_key(edition.digest.day, recipient)}@{sender.address.domain}>"
    message["List-Id"] = f"Paperboy <paperboy.{sender.address.domain}>"
    message["List-Unsubscribe"] = f"<{sender.unsubscribe}>"
    if sender.unsubscribe.startswith("https:"):
        # RFC 8058: one click is a POST, which only a web address can take.
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(to_text(edition))
    message.add_alternative(to_html(edition, _HTML_BYTES), subtype="html")
    return message


def subject(edition: Edition) -> str:
    """Day, number of papers and the first topics."""
    topics = ", ".join(section.terms[0] for section in edition.sections[:3] if section.terms)
    line = f"{counted(len(edition.entries), 'paper')} of {edition.digest.day}"
    return _header(f"{line}: {topics}" if topics else line)


def _header(text: str) -> str:
    """Text for a header. The library reads `=?utf-8?q?=0A?=` as the line break that it encodes, and writes that."""
    return one_line(text.replace("=?", "= ?"), _SUBJECT)


def message_key(day: str, recipient: str) -> str:
    """What tells the message of a digest for a recipient from all others."""
    return f"paperboy.{content_hash(day, recipient.casefold())}"
