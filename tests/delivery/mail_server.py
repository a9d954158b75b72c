"""A real mail server on this machine, encrypted, with a login, which fails where a test wants it to."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, NamedTuple

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "ann@example.org", "app-password-17"


class Post:
    """What has arrived, and what happens at each step; a step may say no or do harm."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.sessions = 0
        self.at: Callable[[str], str | None] = lambda _step: None

    @property
    def messages(self) -> list[EmailMessage]:
        """The messages that were accepted."""
        found = []
        for envelope in self.envelopes:
            assert isinstance(envelope.content, bytes)
            found.append(BytesParser(EmailMessage, policy=policy.default).parsebytes(envelope.content))
        return found

    async def handle_EHLO(  # noqa: N802 - the name is the library's
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.sessions += 1
        self.at("EHLO")
        return responses

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.at("MAIL")
        if not answer:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.at(f"RCPT {address}") or self.at("RCPT")
        if not answer:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return answer or "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.at("DATA")
        if not answer:
            self.envelopes.append(envelope)
            answer = self.at("accepted")
        return answer or "250 OK"


class MailServerRun(NamedTuple):
    """A server that runs."""

    post: Post
    port: int
    controller: Controller

    def settings(self, security: str = "starttls") -> dict[str, Any]:
        """What a client has to be told."""
        return {
            "smtp_host": "localhost",
            "smtp_port": self.port,
            "smtp_security": security,
            "smtp_user": USER,
            "mail_from": f"Paperboy <{USER}>",
        }


class Certificates(NamedTuple):
    """A certificate authority and what it certified."""

    server: ssl.SSLContext
    authority: Path
    """File that `SSL_CERT_FILE` may name."""


def certificates(folder: Path) -> Certificates:
    """For `localhost`."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return Certificates(context, path)


def free_port() -> int:
    """A port that nobody listens on; the library cannot be given port 0."""
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return int(found.getsockname()[1])


@contextmanager
def mail_server(context: ssl.SSLContext | None, *, tls: bool = False) -> Iterator[MailServerRun]:
    """A server with STARTTLS, or with TLS from the first byte, or, without certificates, in plain text."""

    def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right)

    post = Post()
    secure: dict[str, Any] = {"ssl_context": context} if tls else {"tls_context": context}
    secure["auth_require_tls"] = not tls and context is not None
    controller = Controller(post, hostname="localhost", port=free_port(), authenticator=authenticate, **secure)
    controller.start()
    try:
        yield MailServerRun(post, controller.port, controller)
    finally:
        if not controller.loop.is_closed():
            controller.stop()
