"""Mail through a real server: encryption, login, refusals, and what is known afterwards."""

import logging
import smtplib
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.answer.edition import Edition
from service.delivery.mail import sender_of
from service.delivery.once import Outcome, Result, deliver
from service.delivery.smtp import MailCarrier, MailServer
from service.errors import DeliveryError, SettingsError
from service.settings import Settings
from tests.answer.editions import edition
from tests.delivery.conftest import Ledger
from tests.delivery.mail_server import PASSWORD, USER, Certificates, MailServerRun, mail_server

ANN, BOB = "ann@example.org", "bob@example.org"
DAY = "2023-07-27"


def send(
    ledger: Ledger,
    run: MailServerRun,
    to: Sequence[str] = (ANN,),
    *,
    security: str = "starttls",
    password: str = PASSWORD,
    again: bool = False,
    what: Edition | None = None,
) -> list[Outcome]:
    settings = Settings(home=Path(), **run.settings(security))
    with MailServer(settings, password) as server:
        carriers = [MailCarrier(server, sender_of(settings), address) for address in to]
        return deliver(ledger, what or edition("text"), carriers, again=again)


def results(outcomes: list[Outcome]) -> list[Result]:
    return [outcome.result for outcome in outcomes]


def test_each_recipient_gets_one_message_of_their_own_over_one_connection(ledger: Ledger, mails: MailServerRun) -> None:
    assert results(send(ledger, mails, [ANN, BOB])) == [Result.SENT] * 2
    assert [envelope.rcpt_tos for envelope in mails.post.envelopes] == [[ANN], [BOB]]
    assert [message["To"] for message in mails.post.messages] == [ANN, BOB]
    assert {envelope.mail_from for envelope in mails.post.envelopes} == {USER}


def test_nobody_gets_a_digest_twice_however_the_address_is_written(ledger: Ledger, mails: MailServerRun) -> None:
    send(ledger, mails)
    assert results(send(ledger, mails, ["Ann@Example.org", BOB])) == [Result.ALREADY, Result.SENT]
    assert len(mails.post.envelopes) == 2
    assert results(send(ledger, mails, what=edition("text", day="2023-07-28"))) == [Result.SENT]
    assert results(send(ledger, mails, again=True)) == [Result.SENT]


def test_where_everybody_has_it_the_server_is_not_asked(ledger: Ledger, mails: MailServerRun) -> None:
    send(ledger, mails)
    before = mails.post.sessions
    send(ledger, mails)
    assert mails.post.sessions == before


def test_tls_from_the_first_byte_works_too(ledger: Ledger, trusted: Certificates) -> None:
    with mail_server(trusted.server, tls=True) as run:
        assert results(send(ledger, run, security="tls")) == [Result.SENT]


def test_nothing_is_said_to_a_server_whose_certificate_is_not_believed(
    ledger: Ledger, authority: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with mail_server(authority.server) as run, pytest.raises(DeliveryError, match="certificate"):
        send(ledger, run)
    assert run.post.envelopes == []
    assert ledger.delivery(DAY, ANN) is None


def test_nothing_is_said_to_a_server_that_does_not_encrypt(ledger: Ledger) -> None:
    with mail_server(None) as run, pytest.raises(DeliveryError, match="STARTTLS"):
        send(ledger, run)
    assert run.post.envelopes == []


def test_plain_text_is_for_this_machine_only() -> None:
    with pytest.raises(SettingsError, match="not this machine"):
        MailServer(Settings(home=Path(), smtp_host="mail.example.org", smtp_security="none"), "")


def test_a_wrong_password_is_one_line_without_it_and_begins_nothing(
    ledger: Ledger, mails: MailServerRun, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "service")
    with pytest.raises(DeliveryError) as raised:
        send(ledger, mails, password="not-it-4711")  # noqa: S106
    assert "check smtp_user and the password" in str(raised.value)
    assert "not-it-4711" not in str(raised.value) + caplog.text
    assert ledger.delivery(DAY, ANN) is None


def test_no_server_begins_nothing(ledger: Ledger, mails: MailServerRun) -> None:
    mails.controller.stop()
    with pytest.raises(DeliveryError, match="cannot be used"):
        send(ledger, mails, [ANN, BOB])
    assert ledger.delivery(DAY, ANN) is None


@pytest.mark.parametrize("step", ["MAIL", f"RCPT {ANN}", "DATA"])
@pytest.mark.parametrize("answer", ["451 later", "550 never"])
def test_what_the_server_refuses_is_told_and_may_be_tried_again(
    ledger: Ledger, mails: MailServerRun, step: str, answer: str
) -> None:
    refusals = iter([answer])
    mails.post.at = lambda seen: next(refusals, None) if seen == step else None
    (refused, sent) = send(ledger, mails, [ANN, BOB])
    assert (refused.result, sent.result) == (Result.REFUSED, Result.SENT)
    assert answer in refused.reason
    assert results(send(ledger, mails, [ANN, BOB])) == [Result.SENT, Result.ALREADY]
    assert [envelope.rcpt_tos for envelope in mails.post.envelopes] == [[BOB], [ANN]]


def test_a_connection_that_ends_before_the_answer_is_unsure_and_not_repeated(
    ledger: Ledger, mails: MailServerRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = smtplib.SMTP.data
    unlucky = iter([True])

    def cut(self: smtplib.SMTP, message: bytes) -> tuple[int, bytes]:
        answer = original(self, message)
        if next(unlucky, False):
            self.close()
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        return answer

    monkeypatch.setattr(smtplib.SMTP, "data", cut)
    unsure, sent = send(ledger, mails, [ANN, BOB])
    assert (unsure.result, sent.result) == (Result.UNSURE, Result.SENT)
    assert "may have arrived" in unsure.reason
    assert results(send(ledger, mails, [ANN, BOB])) == [Result.UNSURE, Result.ALREADY]
    assert [envelope.rcpt_tos for envelope in mails.post.envelopes] == [[ANN], [BOB]]
    assert results(send(ledger, mails, [ANN], again=True)) == [Result.SENT]


def test_what_is_new_is_new_to_each_recipient(ledger: Ledger, mails: MailServerRun) -> None:
    send(ledger, mails, [ANN], what=edition("one"))
    send(ledger, mails, [ANN, BOB], what=edition("one", "two", day="2023-07-28"))
    of_ann, of_bob = (message.get_body(("plain",)) for message in mails.post.messages[1:])
    assert of_ann is not None
    assert of_bob is not None
    assert "1 new since you last looked" in of_ann.get_content()
    assert "since" not in of_bob.get_content()


def test_a_server_without_a_password_is_refused_before_anything_is_made(mails: MailServerRun) -> None:
    with pytest.raises(SettingsError, match="PAPERBOY_SMTP_PASSWORD"):
        MailServer(Settings(home=Path(), **mails.settings()), "")
