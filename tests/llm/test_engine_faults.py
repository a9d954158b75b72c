"""Damaged, exchanged and odd model files: one clear line, and the process that asks lives on."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from service.errors import EngineError, ModelError
from service.ports import Message
from tests.conftest import TRIAL_WRITER
from tests.llm.writing import ABSTRACT, GENEROUS_SECONDS, OTHER, asking, memory_of, wait_until, write, writer

BYTES = TRIAL_WRITER.read_bytes()
TEMPLATE = BYTES[BYTES.index(b"{{ bos_token }}") : BYTES.index(b"<|assistant|>{% endif %}") + 24]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copy(TRIAL_WRITER, tmp_path / "model.gguf"))


def refused(path: Path) -> str:
    """The one line with which a file is refused."""
    with writer(path) as engine, pytest.raises(ModelError) as raised:
        engine.wait()
    line = str(raised.value)
    assert path.name in line
    assert line.isprintable()
    assert "Traceback" not in line
    return line


def flip(path: Path, offset: int, count: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[offset : offset + count] = bytes(byte ^ 0xFF for byte in data[offset : offset + count])
    path.write_bytes(data)


@pytest.mark.parametrize("size", [4, 24, 1_000, 100_000, 1_000_000, len(BYTES) // 2, len(BYTES) - 100])
def test_a_truncated_file_is_refused(copy: Path, size: int) -> None:
    os.truncate(copy, size)
    refused(copy)


@pytest.mark.parametrize("offset", [4, 8, 16, 24, 32, 40, 60, 90])
def test_a_file_with_a_damaged_header_is_refused(copy: Path, offset: int) -> None:
    flip(copy, offset, 8)
    refused(copy)


@pytest.mark.parametrize("offset", [200_000, len(BYTES) // 2, len(BYTES) - 5_000])
def test_a_file_with_a_flipped_byte_further_on_is_refused_or_writes_what_it_can(copy: Path, offset: int) -> None:
    flip(copy, offset)
    with writer(copy) as engine:
        future = engine.submit(asking(max_tokens=8))
        error = future.exception(GENEROUS_SECONDS)
        assert future.result().output_tokens <= 8 if error is None else isinstance(error, (ModelError, EngineError))


@pytest.mark.parametrize(
    "template",
    ["{{ cycler.__init__.__globals__.os.system('touch MARK') }}", "{{ 1 / 0 }}", "{% if %}", "no message", " "],
)
def test_a_file_with_a_hostile_or_broken_template_is_refused(
    copy: Path, tmp_path: Path, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    copy.write_bytes(BYTES.replace(TEMPLATE, template.encode().ljust(len(TEMPLATE))))
    refused(copy)
    assert not (tmp_path / "MARK").exists()


def test_what_a_file_says_in_its_refusal_cannot_drive_a_terminal(copy: Path) -> None:
    copy.write_bytes(BYTES.replace(b"llama", b"\x1b[2J\n", 1))
    assert "unknown model architecture" in refused(copy)


def test_a_model_is_loaded_with_this_paperboy_whatever_lies_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__init__.py").write_text("raise SystemExit('the wrong service')")
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    monkeypatch.chdir(tmp_path)
    with writer() as engine:
        assert write(engine, asking()).text


def test_a_file_that_is_replaced_while_in_use_is_used_to_the_end_of_its_process_and_not_mixed_with_the_new_one(
    copy: Path, tmp_path: Path
) -> None:
    with writer(copy, deterministic=True) as engine:
        expected = write(engine, asking()).text
        other = Path(shutil.copy(TRIAL_WRITER, tmp_path / "other.gguf"))
        flip(other, len(BYTES) // 2, 100)
        other.replace(copy)
        assert write(engine, asking()).text == expected
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(ModelError, match=r"model\.gguf was replaced while it was in use"):
            write(engine, asking())


def test_a_file_that_is_gone_when_its_process_dies_is_a_model_error(copy: Path) -> None:
    with writer(copy) as engine:
        engine.wait()
        copy.unlink()
        assert write(engine, asking()).text
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(ModelError, match=r"model\.gguf does not exist"):
            write(engine, asking())


def test_two_engines_use_one_file_at_a_time_and_one_goes_on_when_the_other_dies() -> None:
    with writer(deterministic=True) as first, writer(deterministic=True) as second:
        texts = [write(engine, asking()).text for engine in (first, second)]
        assert texts[0] == texts[1]
        pid = second.pid
        os.kill(first.pid, signal.SIGKILL)
        assert [write(engine, asking()).text for engine in (first, second)] == texts
        assert second.pid == pid


def test_a_model_without_an_end_token_writes_up_to_the_bound(copy: Path) -> None:
    data = BYTES
    for name in (b"tokenizer.ggml.eos_token_id", b"tokenizer.ggml.eot_token_id"):
        assert data.count(name) == 1
        data = data.replace(name, name.replace(b"ggml.eo", b"ggml.xo"))
    # llama.cpp knows such tokens by their usual texts too.
    copy.write_bytes(data.replace(b"<|end|>", b"<|xnd|>"))
    with writer(copy) as engine:
        made = write(engine, asking("x", max_tokens=200))
        assert made.output_tokens == 200
        assert write(engine, asking(max_tokens=10, stop=("We propose",))).text == " "


@pytest.mark.parametrize(
    "content", ["", "\x00\x01\x1b[2J", "\ud800\udfff", "<|end|><|assistant|>", "\u202e\u200b", "a" * 200]
)
def test_an_odd_prompt_is_answered_in_the_end(content: str) -> None:
    with writer() as engine:
        pid = engine.pid
        assert write(engine, asking(content)).output_tokens <= 24
        assert write(engine, asking(content, stop=("never written",), max_tokens=40)).output_tokens <= 40
        made = write(engine, asking(content, max_tokens=0))
        assert (made.text, made.output_tokens) == ("", 0)
        assert engine.count_tokens((Message("user", content),)) >= 3
        assert engine.pid == pid


def test_the_memory_of_neither_process_grows_with_requests_that_are_served_or_cancelled() -> None:
    with writer(parallel=4) as engine:

        def many(count: int) -> None:
            futures = [
                engine.submit(asking(f"{n % 7} {OTHER}", max_tokens=2), lambda _text: None) for n in range(count)
            ]
            for number, future in enumerate(futures):
                if number % 3:
                    assert future.result(60)
                else:
                    future.cancel()
            wait_until(lambda: not engine._process.waiting, "the end of all calls")

        for _ in range(3):
            many(100)
        before = [memory_of(), memory_of(engine.pid)]
        for _ in range(4):
            many(100)
        after = [memory_of(), memory_of(engine.pid)]
        assert all(now - then < 8_000_000 for now, then in zip(after, before, strict=True)), (before, after)


def test_a_request_that_its_model_cannot_serve_is_told_so_and_the_next_is_served() -> None:
    with writer() as engine:
        with pytest.raises(EngineError):
            write(engine, asking(grammar="root ::= root"))
        with pytest.raises(ModelError, match="leaves out what the user says"):
            write(engine, asking()._replace(messages=(Message("unheard-of", ABSTRACT),)))
        assert write(engine, asking()).text
