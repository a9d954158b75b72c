"""A mail server and its certificates."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.index.database import Database
from service.index.deliveries import Deliveries
from service.index.reader import Looks
from tests.delivery.mail_server import Certificates, MailServerRun, certificates, mail_server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def trusted(authority: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """Whose certificates clients of this test believe."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.authority))
    return authority


@pytest.fixture
def mails(trusted: Certificates) -> Iterator[MailServerRun]:
    with mail_server(trusted.server) as run:
        yield run


class Ledger:
    """What was delivered, in a real database."""

    def __init__(self, database: Database) -> None:
        self.connection = database.connection
        self._looks, self._deliveries = Looks(database), Deliveries(database)
        self.seen_until, self.looked = self._looks.newest_row, self._looks.put
        self.delivery, self.keep_delivery = self._deliveries.get, self._deliveries.put


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Database(tmp_path / "catalog.sqlite3")
    yield Ledger(opened)
    opened.close()
