import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.errors import ModelError
from service.llm import models
from service.resources import models_folder
from tests.conftest import MINILM, ROOT, TRIAL_WRITER

WRITER_BYTES = TRIAL_WRITER.read_bytes()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The trial writer with its known name."""
    return Path(shutil.copy(TRIAL_WRITER, tmp_path / TRIAL_WRITER.name))


def flip(path: Path, offset: int, count: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[offset : offset + count] = bytes(byte ^ 0xFF for byte in data[offset : offset + count])
    path.write_bytes(data)


def test_the_registry_and_the_models_that_ship_agree() -> None:
    shipped = {model.file: model for model in models.known_models() if not model.repository}
    assert set(shipped) == {path.name for path in models_folder().glob("*.gguf")}
    for file, model in shipped.items():
        data = (models_folder() / file).read_bytes()
        assert (model.size, model.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_names_and_files_of_the_registry_are_unique_and_downloads_have_a_repository() -> None:
    known = models.known_models()
    assert len({model.name for model in known} | {model.file for model in known}) == 2 * len(known)
    assert all(model.file.endswith(".gguf") for model in known)
    assert all(bool(model.repository) != bool(model.sha256) for model in known)
    assert all(model.repository.count("/") == 1 for model in known if model.repository)
    assert {model.role for model in known} == {"writer", "embedder"}


def test_a_model_is_known_by_its_name_and_by_its_file() -> None:
    by_name = models.known_model("paperboy-writer-trial")
    assert by_name is not None
    assert by_name == models.known_model(TRIAL_WRITER.name)
    assert models.known_model("gpt-5") is None


def test_a_path_is_taken_as_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert models.resolve(str(tmp_path / "x.gguf"), (models_folder(),)) == tmp_path / "x.gguf"
    assert models.resolve("folder/x.gguf", (models_folder(),)) == Path("folder/x.gguf")
    assert models.resolve("~/x.gguf", (models_folder(),)) == tmp_path / "x.gguf"


def test_a_name_is_looked_for_here_then_in_the_folders_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, first, second = tmp_path / "here", tmp_path / "first", tmp_path / "second"
    for folder in (here, first, second):
        folder.mkdir()
    monkeypatch.chdir(here)
    (second / "m.gguf").touch()
    assert models.resolve("m.gguf", (first, second)) == second / "m.gguf"
    (first / "m.gguf").touch()
    assert models.resolve("m.gguf", (first, second)) == first / "m.gguf"
    (here / "m.gguf").touch()
    assert models.resolve("m.gguf", (first, second)) == Path("m.gguf")


def test_a_known_name_means_its_file_wherever_that_is(tmp_path: Path) -> None:
    folders = (tmp_path, models_folder())
    assert models.resolve("paperboy-writer-trial", folders) == TRIAL_WRITER
    assert models.resolve(MINILM.name, folders) == MINILM
    (tmp_path / TRIAL_WRITER.name).touch()
    assert models.resolve("paperboy-writer-trial", folders) == tmp_path / TRIAL_WRITER.name


def test_a_name_without_a_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="paperboy models pull qwen3-4b"):
        models.resolve("qwen3-4b", (tmp_path,))
    with pytest.raises(ModelError, match="paperboy models list"):
        models.resolve("gpt-5", (tmp_path,))
    with pytest.raises(ModelError, match="paperboy models list"):
        models.resolve("paperboy-writer-trial", (tmp_path,))


@pytest.mark.parametrize("name", ["~no-such-user/m.gguf", "m" * 300, "/" + "m" * 5_000, "nul\x00.gguf"])
def test_a_name_that_can_be_no_file_is_a_model_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError):
        models.resolve(name, (tmp_path,))


def test_a_sound_file_has_no_problem() -> None:
    for path, name in ((TRIAL_WRITER, "paperboy-writer-trial"), (MINILM, "all-MiniLM-L6-v2")):
        checked = models.check(path)
        assert (checked.name, checked.problem) == (name, "")
        assert checked.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("size", [4, 100, 1_000_000, len(WRITER_BYTES) - 1])
def test_a_truncated_file_is_found_by_its_size(copy: Path, size: int) -> None:
    os.truncate(copy, size)
    assert "truncated" in models.check(copy).problem
    assert f"{size:,} bytes" in models.check(copy).problem


@pytest.mark.parametrize("offset", [10, 5_000, len(WRITER_BYTES) // 2, len(WRITER_BYTES) - 1])
def test_one_changed_byte_is_found_by_the_hash(copy: Path, offset: int) -> None:
    flip(copy, offset)
    assert "hash" in models.check(copy).problem


def test_what_is_no_model_file_at_all_says_so(tmp_path: Path) -> None:
    for name, content in (("empty.gguf", b""), ("short.gguf", b"GG"), ("zip.gguf", b"PK\x03\x04" + bytes(100))):
        (tmp_path / name).write_bytes(content)
        assert models.check(tmp_path / name).problem == "no GGUF file"
    (tmp_path / "folder.gguf").mkdir()
    for name in ("missing.gguf", "folder.gguf"):
        assert models.check(tmp_path / name).problem == "missing"


def test_a_file_of_another_name_is_not_compared_with_the_registry(copy: Path) -> None:
    mine = copy.rename(copy.with_name("mine.gguf"))
    flip(mine, 5_000)
    checked = models.check(mine)
    assert (checked.name, checked.problem) == ("mine", "")
    other = mine.rename(mine.with_name(MINILM.name))
    assert "another file" in models.check(other).problem


def test_a_hash_is_remembered_until_the_file_changes(copy: Path, tmp_path: Path) -> None:
    cache = tmp_path / "hashes.json"
    first = models.file_sha256(copy, cache)
    assert first == hashlib.sha256(WRITER_BYTES).hexdigest()
    cache.write_text(cache.read_text().replace(first, "remembered"))
    assert models.file_sha256(copy, cache) == "remembered"
    flip(copy, 5_000)
    changed = models.file_sha256(copy, cache)
    assert changed == hashlib.sha256(copy.read_bytes()).hexdigest() != first
    os.utime(copy, ns=(0, 0))
    cache.write_text(cache.read_text().replace(changed, "stale"))
    assert models.file_sha256(copy, cache) == changed


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"[1, 2]", b"3", b"null", b'"text"'])
def test_a_damaged_memory_of_hashes_is_passed_over(tmp_path: Path, content: bytes) -> None:
    cache = tmp_path / "hashes.json"
    cache.write_bytes(content)
    assert models.file_sha256(TRIAL_WRITER, cache) == hashlib.sha256(WRITER_BYTES).hexdigest()
    assert json.loads(cache.read_text())


def test_a_file_that_cannot_be_read_is_a_model_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.gguf"):
        with pytest.raises(ModelError, match=rf"{path.name} cannot be read"):
            models.file_sha256(path)


def test_a_full_disk_only_means_that_a_file_is_hashed_again(tmp_path: Path) -> None:
    cache = tmp_path / "model-hashes.json"
    code = (
        "import resource, sys; from pathlib import Path; from service.llm.models import file_sha256; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); print(file_sha256(Path(sys.argv[1]), Path(sys.argv[2])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(TRIAL_WRITER), str(cache)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.strip() == models.file_sha256(TRIAL_WRITER)
    assert not cache.exists() or not cache.read_text()
