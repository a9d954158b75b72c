"""A digest as a message: its headers, its parts, and that nothing in it becomes a header."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.delivery.mail import Sender, checked_address, compose, sender_of
from service.errors import SettingsError
from service.settings import Settings
from tests.answer.editions import edition, paper

HOSTILE = [
    "x\r\nBcc: eve@example.org",
    "x\nSubject: y",
    "x\r\n\r\n<html>",
    "\x00\x1b[2J",
    "=?utf-8?q?x=0ABcc:?=",
    "=?utf-8?b?eApCY2M6IGU=?= x",
    "\u2028Bcc: e",
    "é" * 500,
]


def sender(**settings: Any) -> Sender:
    return sender_of(Settings.model_validate({"home": Path(), "mail_from": "Paperboy <me@example.org>", **settings}))


def made(text: str = "text", **settings: Any) -> EmailMessage:
    one = edition("It is so.", of=paper(text or "t"), terms=(text, "b"), reason=text)
    message = compose(one, sender(**settings), "ann@example.org")
    read = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def test_a_message_has_text_and_html_and_one_recipient() -> None:
    message = made("memory")
    assert message["To"] == "ann@example.org"
    assert message["From"] == "Paperboy <me@example.org>"
    assert message["Subject"] == "1 paper of 2023-07-27: memory"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    text, page = (part.get_content() for part in message.iter_parts())
    assert "It is so." in text
    assert page.startswith("<!doctype html>")


def test_the_html_of_a_long_day_is_short_enough_for_mail_services_and_the_text_has_all() -> None:
    texts = [f"Number {number} " + "does what no other does. " * 12 for number in range(500)]
    message = compose(edition(*texts, terms=("memory",)), sender(), "ann@example.org")
    text, page = (part.get_content() for part in message.iter_parts())
    assert 95_000 < len(page.encode()) <= 100_000
    assert "by title only" in page
    assert "Number 499 does" in text


def test_one_unsubscribes_by_a_mail_or_with_one_click_at_a_web_address() -> None:
    assert made()["List-Unsubscribe"] == "<mailto:me@example.org?subject=unsubscribe>"
    assert made()["List-Unsubscribe-Post"] is None
    by_click = made(unsubscribe="https://example.org/u?id=1")
    assert by_click["List-Unsubscribe"] == "<https://example.org/u?id=1>"
    assert by_click["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_digest_has_one_message_id_for_each_recipient() -> None:
    one = edition("text")
    who = sender(mail_from="me@example.org")
    ids = [compose(one, who, to)["Message-ID"] for to in ("ann@example.org", "bob@example.org", "Ann@example.org")]
    assert ids[0] == ids[2] != ids[1]
    assert compose(edition("text", day="2024-01-01"), who, "ann@example.org")["Message-ID"] != ids[0]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_header(text: str) -> None:
    plain, hostile = made("plain"), made(text)
    assert hostile.keys() == plain.keys()
    assert hostile["To"] == "ann@example.org"


@given(st.text(max_size=60))
def test_no_text_at_all_becomes_a_header(text: str) -> None:
    assert made(text).keys() == made("plain").keys()


NO_ADDRESSES = [
    "", "ann", "ann@", "@example.org", "a b@example.org", "ann@example.org\r\nBcc: eve@example.org",
    "ann@example.org, eve@example.org", "<ann@example.org>", "änn@example.org", "ann@exämple.org",
    "ann@example.org\x00", "a..b@example.org", ".a@example.org",
]  # fmt: skip


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="no mail address"):
        checked_address(address)


def test_an_address_keeps_its_name_and_its_domain_is_in_lower_case() -> None:
    assert checked_address("Ann.Lee+papers@Example.ORG") == "Ann.Lee+papers@example.org"


@pytest.mark.parametrize(
    "settings",
    [
        {"mail_from": ""},
        {"mail_from": "nobody"},
        {"mail_from": "A <a@b.org>\r\nBcc: eve@example.org"},
        {"unsubscribe": "http://example.org"},
        {"unsubscribe": "javascript:alert(1)"},
        {"unsubscribe": "https://example.org/>\r\nBcc: eve@example.org"},
    ],
)
def test_a_sender_or_an_address_to_unsubscribe_at_that_cannot_be_used_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        sender(**settings)
