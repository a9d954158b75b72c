"""How a writer is loaded: layers on a GPU, which is made up here, and how it attends."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import llama_cpp
import pytest

from service.llm.wire import WriterSpec
from service.llm.worker import runtime
from service.llm.worker.decoder import Decoder
from service.llm.worker.native import NativeModel
from service.llm.worker.runtime import Runtime
from tests.conftest import TRIAL_WRITER

LAYERS = 6 + 1
"""Of the trial writer, its output layer included."""
GIB = 2**30

Load = Callable[..., tuple[int, bool | None]]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load the trial writer beside a GPU with so much free memory; the layers on it and the flash attention."""
    seen: dict[str, Any] = {}

    def model(path: Path, **values: Any) -> NativeModel:
        if "vocab_only" not in values:
            seen["layers"] = values.pop("gpu_layers", 0)
        return NativeModel(path, **values)

    def decoder(*arguments: Any, **values: Any) -> Any:
        seen["flash"] = values["flash_attention"]
        return Decoder(*arguments, **values)

    def loaded(gpu: int, **values: Any) -> tuple[int, bool | None]:
        monkeypatch.setattr(runtime, "supports_gpu", lambda: gpu > 0)
        monkeypatch.setattr(runtime, "free_gpu_memory", lambda: gpu)
        with closing(Runtime(WriterSpec(str(TRIAL_WRITER), threads=1, **values), lambda *_: None)):
            return seen["layers"], seen["flash"]

    monkeypatch.setattr(runtime, "NativeModel", model)
    monkeypatch.setattr(runtime, "Decoder", decoder)
    return loaded


def test_all_layers_go_to_a_gpu_with_room_for_them_and_llama_cpp_chooses_how_it_attends(load: Load) -> None:
    assert load(GIB) == (LAYERS, None)


def test_a_small_gpu_gets_fewer_layers(load: Load) -> None:
    layers, _ = load(10 * 2**20, parallel=1)
    assert 0 < layers < LAYERS


def test_no_layer_goes_to_a_gpu_that_is_not_there_or_not_wanted(load: Load) -> None:
    assert load(0)[0] == 0
    assert load(GIB, gpu_layers=0)[0] == 0


def test_what_is_asked_for_attends_so(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert load(0)[1] is False
    assert load(0, flash_attention=True)[1] is True
    assert load(0, cache_type="q8_0")[1] is None
    assert load(GIB, flash_attention=False)[1] is False


def test_without_weights_a_model_file_says_the_same_of_itself_as_llama_cpp_with_them() -> None:
    with closing(NativeModel(TRIAL_WRITER)) as whole, closing(NativeModel(TRIAL_WRITER, vocab_only=True)) as bare:
        said = (
            llama_cpp.llama_model_n_embd(whole.handle),
            llama_cpp.llama_model_n_ctx_train(whole.handle),
            llama_cpp.llama_model_n_layer(whole.handle),
            llama_cpp.llama_model_n_head(whole.handle),
        )
        assert (bare.n_embd, bare.n_ctx_train, bare.n_layer, bare.n_head) == said
        assert bare.cell_values() == whole.cell_values() > 0
