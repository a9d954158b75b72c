"""Where passwords come from."""

import sys
from types import ModuleType

import pytest

from service.delivery.credentials import secret
from service.settings import load_settings


class Keyring(ModuleType):
    """A keyring with one entry, or one that nobody has opened."""

    class errors:  # noqa: N801 - the name is the library's
        class KeyringError(Exception):
            """What the library raises."""

    def __init__(self, entries: dict[tuple[str, str], str] | None) -> None:
        super().__init__("keyring")
        self.__spec__ = sys.__spec__
        self._entries = entries

    def get_password(self, service: str, account: str) -> str | None:
        if self._entries is None:
            raise self.errors.KeyringError
        return self._entries.get((service, account))


def test_the_environment_goes_before_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", Keyring({("paperboy", "ann"): "kept"}))
    assert secret("smtp_password", "ann", {"PAPERBOY_SMTP_PASSWORD": "given"}) == "given"
    assert secret("smtp_password", "ann", {}) == "kept"
    assert secret("smtp_password", "bob", {}) == ""


def test_without_a_keyring_or_with_a_closed_one_there_is_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", Keyring(None))
    assert secret("smtp_password", "ann", {}) == ""


def test_secrets_in_the_environment_are_no_settings() -> None:
    made = load_settings({}, {"PAPERBOY_SMTP_PASSWORD": "p4ss", "PAPERBOY_WEBHOOK_URL": "https://x.org/s3cret"})
    assert "p4ss" not in repr(made)
    assert "s3cret" not in repr(made)


def test_several_values_of_a_variable_have_semicolons_between_them() -> None:
    made = load_settings({}, {"PAPERBOY_INTERESTS": "sparse attention; cats ;", "PAPERBOY_MAIL_TO": "a@b.org"})
    assert (made.interests, made.mail_to) == (("sparse attention", "cats"), ("a@b.org",))
