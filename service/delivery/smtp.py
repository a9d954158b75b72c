"""Hands messages to a mail server, over an encrypted connection."""

import smtplib
import ssl
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self

from service.answer.edition import Edition
from service.delivery.mail import Sender, compose
from service.delivery.once import HandOver
from service.errors import DeliveryError, DeliveryRefusedError, DeliveryUnsureError, SettingsError
from service.settings import Settings
from service.text import one_line

_TIMEOUT_SECONDS = 60.0
_OK = 250
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NOTHING_WAS_SAID = -1


class MailServer:
    """The mail server of the settings; connected to at the first message, and again where the connection ended."""

    def __init__(self, settings: Settings, password: str) -> None:
        """Check the settings.

        Raises:
            SettingsError: they name no server, one that must not be spoken to in plain text, or there is no password.
        """
        self._settings, self._password = settings, password
        self._where = f"{settings.smtp_host}:{settings.smtp_port}"
        self._open: smtplib.SMTP | None = None
        if not settings.smtp_host:
            raise SettingsError("no mail server: set smtp_host, smtp_port and smtp_user in settings.toml")
        if settings.smtp_security == "none" and settings.smtp_host not in _LOOPBACK:
            raise SettingsError(f"smtp_security is none, and {self._where} is not this machine: use starttls or tls")
        if settings.smtp_user and not password:
            raise SettingsError(
                f"no password for {settings.smtp_user}: set PAPERBOY_SMTP_PASSWORD, or "
                f"`keyring set paperboy {settings.smtp_user}` with the keyring package installed"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            _leave(self._open)
            self._open = None

    def connection(self) -> smtplib.SMTP:
        """A connection, encrypted and logged in.

        Raises:
            DeliveryError: the server cannot be reached, does not encrypt, or does not let us in.
        """
        # The library lets go of the socket when a connection ends.
        if self._open is None or self._open.sock is None:
            self._open = self._connected()
        return self._open

    def _connected(self) -> smtplib.SMTP:
        try:
            server = _opened(self._settings)
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryError(f"the mail server {self._where} cannot be used: {_said(error)}") from None
        try:
            if self._settings.smtp_user:
                _log_in(server, self._settings.smtp_user, self._password, self._where)
        except BaseException:
            _leave(server)
            raise
        return server


class MailCarrier(NamedTuple):
    """Sends an edition to one address."""

    server: MailServer
    sender: Sender
    address: str
    """Checked."""

    @property
    def recipient(self) -> str:
        """The address without regard to case."""
        return self.address.casefold()

    def prepare(self, edition: Edition) -> HandOver:
        """Write the message and connect."""
        document = compose(edition, self.sender, self.address).as_bytes()
        return partial(_hand_over, self.server.connection(), self.sender.address.addr_spec, self.address, document)


def _opened(settings: Settings) -> smtplib.SMTP:
    trusted = ssl.create_default_context()
    host, port = settings.smtp_host, settings.smtp_port
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_SECONDS, context=trusted)
    server = smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS)
    if settings.smtp_security == "starttls":
        try:
            server.starttls(context=trusted)
        except BaseException:
            server.close()
            raise
    return server


def _log_in(server: smtplib.SMTP, user: str, password: str, where: str) -> None:
    try:
        server.login(user, password)
    except (OSError, smtplib.SMTPException) as error:
        # What the server says may repeat what it was told, and some end the connection without a word.
        raise DeliveryError(
            f"the mail server {where} does not let {user} in ({type(error).__name__}): check smtp_user and the password"
        ) from None


def _announce(server: smtplib.SMTP, sender: str, recipient: str) -> None:
    """Say who sends and who receives; up to here nothing can have arrived.

    Raises:
        SMTPException: it is refused.
    """
    server.ehlo_or_helo_if_needed()
    # After a refusal the server still has the sender of the message before.
    server.rset()
    for code, text in (server.mail(sender), server.rcpt(recipient)):
        if code not in (250, 251, 252):
            raise smtplib.SMTPResponseException(code, text)


def _hand_over(server: smtplib.SMTP, sender: str, recipient: str, document: bytes) -> None:
    try:
        _announce(server, sender, recipient)
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryRefusedError(f"the mail server did not take it: {_said(error)}") from None
    try:
        code, text = server.data(document)
    except smtplib.SMTPDataError as error:
        raise DeliveryRefusedError(f"the mail server did not take it: {_said(error)}") from None
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryUnsureError(f"the connection to the mail server ended ({_said(error)})") from None
    if code != _OK:
        if code == _NOTHING_WAS_SAID:
            raise DeliveryUnsureError("the mail server ended without an answer")
        raise DeliveryRefusedError(
            f"the mail server did not take it: {_said(smtplib.SMTPResponseException(code, text))}"
        )


def _leave(server: smtplib.SMTP) -> None:
    """Say good-bye; a server that is gone needs none."""
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return one_line(f"{error.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}", 160)
    return one_line(str(error) or type(error).__name__, 160)
