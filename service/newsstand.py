"""Digests brought to their readers: made, rendered for each, and handed over once."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from service.answer.edition import Edition
from service.console import digest_text
from service.delivery.credentials import secret
from service.delivery.mail import checked_address, compose, message_key, sender_of
from service.delivery.once import Carrier, Outcome, Result, deliver
from service.delivery.smtp import MailCarrier, MailServer
from service.delivery.webhook import WebhookCarrier, checked_webhook
from service.errors import InputError
from service.index.indexer import Progress
from service.library import Library
from service.remote import RemoteLibrary
from service.remote_editions import editions_of
from service.settings import Settings
from service.types import Failure, Filter


class Wanted(NamedTuple):
    """Which digest is to go to whom."""

    day: str
    """`latest`, or empty where `condition` has the days."""
    condition: Filter
    addresses: Sequence[str]
    webhook: bool = False
    again: bool = False


class DeliveryReport(NamedTuple):
    """What became of a digest."""

    day: str
    papers: int
    outcomes: tuple[Outcome, ...] = ()
    written: tuple[Path, ...] = ()
    failures: tuple[Failure, ...] = ()
    """Papers that are not in it, and what could not be taken in before."""

    @property
    def status(self) -> int:
        """0: everybody has it; 1: somebody may not, or something failed."""
        return int(bool(self.problems()))

    def problems(self) -> list[Failure]:
        """All that failed, deliveries included."""
        missed = (Result.UNSURE, Result.REFUSED)
        return [
            *self.failures,
            *(Failure(where=one.recipient, reason=one.reason) for one in self.outcomes if one.result in missed),
        ]

    def got(self, result: Result) -> list[str]:
        """The recipients with that result."""
        return [outcome.recipient for outcome in self.outcomes if outcome.result is result]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "day": self.day,
            "papers": self.papers,
            **{str(result): self.got(result) for result in Result},
            "written": [str(path) for path in self.written],
            "failures": [failure.model_dump() for failure in self.problems()],
        }


class Newsstand:
    """The digests of one library."""

    def __init__(self, library: Library | RemoteLibrary, settings: Settings) -> None:
        self._library, self._settings = library, settings
        self._editions = editions_of(library, settings.interests)
        self._made: Edition | None = None

    def text(self, wanted: Wanted, form: str, progress: Progress) -> str:
        """The digest in one of the formats of `paperboy digest`, for who reads it on this machine."""
        edition = self._edition(wanted, progress)
        text = digest_text(form, edition._replace(seen_until=self._editions.seen_until("")))
        self._editions.looked("", edition.newest_row)
        return text

    def send(self, wanted: Wanted, progress: Progress, *, anybody: bool = True) -> DeliveryReport:
        """Hand the digest over to each recipient once.

        Args:
            wanted: which digest, and to whom.
            progress: told what is done.
            anybody: it is an error if there is no recipient.

        Raises:
            SettingsError: a recipient, the sender or the server cannot be used.
            DeliveryError: the server is not there, or does not let us in: nobody got anything.
        """
        addresses = _addresses(wanted)
        if anybody and not addresses and not wanted.webhook:
            raise InputError("nobody to send it to: give --to ADDRESS or --webhook, or set mail_to in settings.toml")
        hook = [WebhookCarrier(checked_webhook(secret("webhook_url", "webhook")))] if wanted.webhook else []
        sender = sender_of(self._settings) if addresses else None
        with ExitStack() as stack:
            carriers: list[Carrier] = [*hook]
            if sender:
                server = stack.enter_context(MailServer(self._settings, self._password()))
                carriers += [MailCarrier(server, sender, address) for address in addresses]
            edition = self._edition(wanted, progress)
            outcomes = deliver(self._editions, edition, carriers, again=wanted.again)
        return self._report(edition)._replace(outcomes=tuple(outcomes))

    def write_messages(self, wanted: Wanted, folder: Path, progress: Progress) -> DeliveryReport:
        """The messages as files, one for each recipient; nothing is sent and nothing is kept.

        Raises:
            InputError: there is no recipient, or a file cannot be written.
        """
        addresses, sender = _addresses(wanted), sender_of(self._settings)
        if not addresses:
            raise InputError("nobody to write to: give --to ADDRESS, or set mail_to in settings.toml")
        edition = self._edition(wanted, progress)
        written = []
        for address in addresses:
            path = folder / f"{message_key(edition.digest.day, address)}.eml"
            message = compose(
                edition._replace(seen_until=self._editions.seen_until(address.casefold())), sender, address
            )
            try:
                path.write_bytes(message.as_bytes())
            except OSError as error:
                raise InputError(f"{path} cannot be written: {error.strerror}") from None
            written.append(path)
        return self._report(edition)._replace(written=tuple(written))

    def _edition(self, wanted: Wanted, progress: Progress) -> Edition:
        """Made once, so that all who get it get the same."""
        if self._made is None:
            digest, _ = self._library.digest(wanted.day, wanted.condition, progress=progress)
            self._made = self._editions.make(digest)
        return self._made

    def _report(self, edition: Edition) -> DeliveryReport:
        return DeliveryReport(edition.digest.day, len(edition.entries), failures=edition.digest.failures)

    def _password(self) -> str:
        return secret("smtp_password", self._settings.smtp_user) if self._settings.smtp_user else ""


def _addresses(wanted: Wanted) -> list[str]:
    """The recipients, each once.

    Raises:
        SettingsError: one is no mail address.
    """
    checked = [checked_address(address) for address in wanted.addresses]
    return list({address.casefold(): address for address in checked}.values())
