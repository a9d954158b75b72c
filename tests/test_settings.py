"""Settings: where they come from, which source wins, and what is refused in one line."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.errors import SettingsError
from service.settings import Settings, default_home, load_settings


def load(home: Path, flags: dict[str, Any] | None = None, **variables: str) -> Settings:
    return load_settings({"home": str(home), **(flags or {})}, variables)


def in_file(home: Path, text: str) -> Path:
    home.mkdir(exist_ok=True)
    path = home / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(home: Path, flags: dict[str, Any] | None = None, **variables: str) -> str:
    with pytest.raises(SettingsError) as raised:
        load(home, flags, **variables)
    assert len(str(raised.value).splitlines()) == 1, str(raised.value)
    return str(raised.value)


def test_without_any_source_the_defaults_hold(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings(home=tmp_path)
    assert (load(tmp_path).mode, load(tmp_path).max_papers, load(tmp_path).threads) == ("quotes", 20, "auto")


def test_the_file_wins_over_defaults_the_environment_over_the_file_and_flags_over_all(tmp_path: Path) -> None:
    assert load(tmp_path).max_papers == 20
    in_file(tmp_path, "max_papers = 11\nseed = 5\nmode = 'free'\n")
    assert load(tmp_path).max_papers == 11
    assert load(tmp_path, PAPERBOY_MAX_PAPERS="12").max_papers == 12
    made = load(tmp_path, {"max_papers": 13}, PAPERBOY_MAX_PAPERS="12", PAPERBOY_MODE="extractive")
    assert (made.max_papers, made.mode, made.seed) == (13, "extractive", 5)


def test_a_flag_that_was_not_given_takes_nothing_away(tmp_path: Path) -> None:
    in_file(tmp_path, "max_papers = 11\n")
    assert load(tmp_path, {"max_papers": None, "mode": None}).max_papers == 11


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, PAPERBOY_MAX_PAPERS="", PAPERBOY_MODE="").max_papers == 20


def test_the_home_comes_from_flag_environment_or_the_users_data_directory(tmp_path: Path) -> None:
    flag, variable, data = (str(tmp_path / name) for name in ("flag", "variable", "data"))
    environment = {"PAPERBOY_HOME": variable, "XDG_DATA_HOME": data}
    assert load_settings({"home": flag}, environment).home == Path(flag)
    assert load_settings({"home": None}, environment).home == Path(variable)
    assert load_settings({}, {"XDG_DATA_HOME": data}).home == Path(data) / "paperboy"
    assert default_home({}) == Path.home() / ".local" / "share" / "paperboy"
    assert load_settings({"home": "~/papers"}, {}).home == Path.home() / "papers"


def test_the_file_of_the_home_that_is_used_is_read(tmp_path: Path) -> None:
    in_file(tmp_path / "a", "seed = 1\n")
    in_file(tmp_path / "b", "seed = 2\n")
    assert load_settings({"home": str(tmp_path / "b")}, {"PAPERBOY_HOME": str(tmp_path / "a")}).seed == 2


VALUES: list[tuple[str, str, Any]] = [
    ("GPU_LAYERS", "auto", "auto"),
    ("GPU_LAYERS", "0", 0),
    ("GPU_LAYERS", "99", 99),
    ("THREADS", "auto", "auto"),
    ("THREADS", "2", 2),
    ("CONTEXT", "auto", "auto"),
    ("CONTEXT", "4096", 4096),
    ("MODE", "free", "free"),
    ("WRITER", "qwen.gguf", "qwen.gguf"),
    ("EMBEDDER", "bge.gguf", "bge.gguf"),
    ("MAX_PAPERS", "100", 100),
    ("CHROMA_COLD_LIMIT", "0", 0),
    ("SEED", "7", 7),
]


@pytest.mark.parametrize(("name", "text", "expected"), VALUES)
def test_every_setting_can_be_given_in_the_environment(tmp_path: Path, name: str, text: str, expected: Any) -> None:
    assert getattr(load(tmp_path, None, **{f"PAPERBOY_{name}": text}), name.lower()) == expected


@pytest.mark.parametrize(("name", "text", "expected"), VALUES)
def test_every_setting_can_be_given_in_the_file(tmp_path: Path, name: str, text: str, expected: Any) -> None:
    value = text if text.isdigit() else f'"{text}"'
    in_file(tmp_path, f"{name.lower()} = {value}\n")
    assert getattr(load(tmp_path), name.lower()) == expected


BAD = [
    ("MODE", "quote"),
    ("MAX_PAPERS", "0"),
    ("MAX_PAPERS", "101"),
    ("MAX_PAPERS", "ten"),
    ("MAX_PAPERS", "2.5"),
    ("THREADS", "0"),
    ("THREADS", "all"),
    ("GPU_LAYERS", "-1"),
    ("GPU_LAYERS", "many"),
    ("CONTEXT", "511"),
    ("CONTEXT", "automatic"),
    ("SEED", "-1"),
    ("CHROMA_COLD_LIMIT", "-1"),
    ("SEED", "1\n2"),
]


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_value_that_cannot_be_used_is_refused_with_its_name_in_one_line(tmp_path: Path, name: str, text: str) -> None:
    line = refusal(tmp_path, None, **{f"PAPERBOY_{name}": text})
    assert name.lower() in line
    assert text.split("\n")[0] in line


@pytest.mark.parametrize("name", ["PAPERBOY_WRITRE", "PAPERBOY_", "PAPERBOY_MAX_PAPER", "PAPERBOY_MODEL_CONFIG"])
def test_a_misspelt_variable_is_refused_with_the_names_that_exist(tmp_path: Path, name: str) -> None:
    line = refusal(tmp_path, None, **{name: "x"})
    assert name in line
    assert "PAPERBOY_WRITER" in line


def test_variables_of_other_programs_are_passed_over(tmp_path: Path) -> None:
    assert load(tmp_path, PAPERBOYS="x", PAPER_MODE="x", HOME="/root", paperboy_mode="x").mode == "quotes"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("writre = 'x'\n", "writre"),
        ("home = '/elsewhere'\n", "home"),
        ("[writer]\nname = 'x'\n", "writer"),
        ("mode = free\n", "settings.toml"),
        ("seed = 'x'\n", "seed"),
        ("seed = true\nmode = 7\n", "mode"),
    ],
)
def test_a_fault_in_the_file_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    in_file(tmp_path, text)
    assert said in refusal(tmp_path)


def test_a_file_that_cannot_be_read_is_refused_with_its_path(tmp_path: Path) -> None:
    path = in_file(tmp_path, "")
    path.write_bytes(b"seed = '\xff'\n")
    assert str(path) in refusal(tmp_path)
    path.unlink()
    path.mkdir()
    assert str(path) in refusal(tmp_path)


def test_a_home_that_does_not_exist_yet_or_is_a_file_has_no_settings_file(tmp_path: Path) -> None:
    assert load(tmp_path / "new").seed == 0
    (tmp_path / "file").write_text("")
    assert load(tmp_path / "file").seed == 0


def test_settings_do_not_change_and_have_no_unknown_fields(tmp_path: Path) -> None:
    made = load(tmp_path)
    with pytest.raises(ValidationError):
        made.seed = 1
    with pytest.raises(ValidationError):
        Settings(home=tmp_path, sede=1)  # type: ignore[call-arg]


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())
