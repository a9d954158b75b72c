"""Keys are shown once, kept as hashes, and files that cannot be trusted are refused."""

import hmac
from pathlib import Path

import pytest

from service.errors import InputError, SettingsError
from service.web.keys import Keys, add_key, read_keys


def test_each_key_names_its_holder(tmp_path: Path) -> None:
    ada, bob = (add_key(tmp_path / "keys", name) for name in ("ada", "bob"))
    keys = read_keys(tmp_path / "keys")
    assert [keys.name_of(key) for key in (ada, bob, ada[:-1], "")] == ["ada", "bob", None, None]
    assert keys
    assert not Keys()
    assert Keys().name_of("") is None


def test_two_keys_are_never_alike_and_none_is_in_the_file(tmp_path: Path) -> None:
    made = {add_key(tmp_path / "keys", f"n{number}") for number in range(20)}
    assert len(made) == 20
    text = (tmp_path / "keys").read_text()
    assert not any(key in text or key.removeprefix("paperboy-") in text for key in made)


def test_every_key_is_compared_in_constant_time_wherever_the_right_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [add_key(tmp_path / "keys", f"n{number}") for number in range(4)]
    keys, compared = read_keys(tmp_path / "keys"), []
    compare = hmac.compare_digest

    def counted(first: str, second: str) -> bool:
        compared.append(first)
        return compare(first, second)

    monkeypatch.setattr("service.web.keys.hmac.compare_digest", counted)
    for key, name in ((given[0], "n0"), (given[3], "n3"), ("wrong", None)):
        compared.clear()
        assert keys.name_of(key) == name
        assert len(set(compared)) == 4


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 65, "a\nb"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="letters"):
        add_key(tmp_path / "keys", name)


def test_a_second_key_for_a_name_is_refused(tmp_path: Path) -> None:
    add_key(tmp_path / "keys", "ada")
    with pytest.raises(InputError, match="has a key already"):
        add_key(tmp_path / "keys", "ada")
    with pytest.raises(InputError, match="cannot be written"):
        add_key(tmp_path, "ada")


@pytest.mark.parametrize("text", ["", "# nothing\n", "ada secret\n", "ada " + "0" * 63 + "\n", "\xff"])
def test_a_file_that_has_no_keys_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text, encoding="latin-1")
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="keys"):
        read_keys(file)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    add_key(tmp_path / "keys", "ada")
    (tmp_path / "keys").chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_keys(tmp_path / "keys")
    with pytest.raises(SettingsError, match="paperboy key"):
        read_keys(tmp_path / "nothing")
