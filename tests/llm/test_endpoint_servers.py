"""Which server an endpoint engine asks, what it learns of it, and where its key and its requests go."""

import gc
import socket
import threading
import time
from threading import Event
from typing import Any

import pytest

from service.errors import EngineError, SettingsError
from service.llm.endpoint.adapter import EndpointEngine
from tests.llm.fault_server import FaultServer, answer, says, sends
from tests.llm.test_endpoint import ASK, GOOD, engine_of, hold, wait_for_requests

KEY = "sk-very-secret-0123456789"
LLAMA_PROPS = {"default_generation_settings": {"n_ctx": 1_024}, "total_slots": 3, "chat_template": "{{ messages }}"}
LLAMA_MODEL = {"id": "m.gguf", "owned_by": "llamacpp", "created": 1, "meta": {"n_ctx_train": 2_048}}
VLLM_MODEL = {"id": "org/m", "owned_by": "vllm", "max_model_len": 4_096, "permission": [{"id": "modelperm-1"}]}


def test_a_dead_server_is_left_out_and_taken_back_later() -> None:
    with FaultServer(GOOD) as dead, FaultServer(GOOD) as alive, engine_of(dead, alive) as engine:
        dead.stop()
        for _ in range(4):
            assert engine.submit(ASK).result(5).text == "One two."
        assert (len(dead.seen), len(alive.seen)) == (0, 4)
        dead.start()
        time.sleep(0.25)
        engine.submit(ASK).result(5)
        assert (len(dead.seen), len(alive.seen)) == (1, 4)


def test_a_server_that_goes_on_failing_is_asked_less_and_less() -> None:
    with FaultServer(sends(answer(500))) as bad, FaultServer(GOOD) as good, engine_of(bad, good, pause=0.05) as engine:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            assert engine.submit(ASK).result(5).text == "One two."
        gaps = [after.at - before.at for before, after in zip(bad.seen, bad.seen[1:], strict=False)]
    assert 3 <= len(bad.seen) <= 7
    assert gaps[-1] > 2 * gaps[0]
    assert len(good.seen) > len(bad.seen)


def test_the_least_busy_server_is_asked() -> None:
    release = Event()
    servers = [FaultServer(hold(release)) for _ in range(3)]
    with engine_of(*servers, parallel=2, read_timeout=9.0) as engine:
        assert engine.parallel == 6
        futures = []
        for count in range(1, 7):
            futures.append(engine.submit(ASK))
            while sum(len(server.seen) for server in servers) < count:
                time.sleep(0.002)
        assert [server.open for server in servers] == [2, 2, 2]
        release.set()
        assert all(future.result(5).text == "One two." for future in futures)
    for server in servers:
        server.stop()


def test_a_failed_server_gets_one_request_at_first() -> None:
    release = Event()
    bad, good = FaultServer(sends(answer(500)), hold(release)), FaultServer(GOOD)
    with bad, good, engine_of(bad, good, pause=0.05, read_timeout=9.0) as engine:
        engine.submit(ASK).result(5)
        time.sleep(0.1)
        probe = engine.submit(ASK)
        wait_for_requests(bad, 2)
        for _ in range(3):
            engine.submit(ASK).result(5)
        assert (len(bad.seen), len(good.seen)) == (2, 4)
        release.set()
        probe.result(5)


@pytest.mark.parametrize(
    ("model", "props", "argument", "context", "parallel"),
    [
        (LLAMA_MODEL, LLAMA_PROPS, None, 1_024, 3),
        (LLAMA_MODEL, None, None, 2_048, 4),
        (LLAMA_MODEL, LLAMA_PROPS, 600, 600, 3),
        (LLAMA_MODEL, LLAMA_PROPS, 9_000, 1_024, 3),
        (VLLM_MODEL, None, None, 4_096, 4),
        ({"id": "m"}, None, None, 8_192, 4),
        ({"id": "m", "owned_by": "me"}, None, None, 8_192, 1),
        ({"id": "m"}, None, 32_000, 32_000, 4),
        ({"id": "m", "meta": "none", "max_model_len": -1}, ["odd"], 2_000, 2_000, 4),
    ],
)
def test_limits_are_what_the_server_says_within_what_is_asked_for(
    model: dict[str, Any], props: object, argument: int | None, context: int, parallel: int
) -> None:
    with FaultServer(GOOD, models=[model], props=props) as server, engine_of(server, context=argument) as engine:
        assert (engine.name, engine.family) == (model["id"], "chat")
        assert (engine.context, engine.parallel) == (context, parallel)


def test_the_fingerprint_belongs_to_the_model_and_not_to_the_addresses() -> None:
    def fingerprint(*models: dict[str, Any], model: str = "", props: object = None) -> str:
        servers = [FaultServer(GOOD, models=[entry], props=props) for entry in models]
        with engine_of(*servers, model=model) as engine:
            found = engine.fingerprint
        for server in servers:
            server.stop()
        return found

    once = fingerprint(LLAMA_MODEL)
    later = LLAMA_MODEL | {"created": 2, "owned_by": "llamacpp"}
    assert fingerprint(LLAMA_MODEL, later) == fingerprint(later, LLAMA_MODEL) == once
    assert fingerprint(VLLM_MODEL) == fingerprint(VLLM_MODEL | {"permission": [{"id": "modelperm-2"}]})
    other = LLAMA_MODEL | {"meta": {"n_ctx_train": 2_048, "n_params": 7}}
    different = {
        once,
        fingerprint(other),
        fingerprint(LLAMA_MODEL, other),
        fingerprint(LLAMA_MODEL, model="alias"),
        fingerprint(LLAMA_MODEL, props=LLAMA_PROPS),
        fingerprint(VLLM_MODEL),
    }
    assert len(different) == 6
    with pytest.raises(SettingsError, match=r"m\.gguf.*org/m"):
        fingerprint(VLLM_MODEL, LLAMA_MODEL)


def test_without_a_server_that_answers_there_is_no_engine() -> None:
    with FaultServer(GOOD) as server:
        server.stop()
        with pytest.raises(EngineError, match=rf"127\.0\.0\.1:{server.address[1]} cannot be reached: start it"):
            EndpointEngine([server.url])
    with FaultServer(GOOD) as dead, FaultServer(GOOD) as alive:
        dead.stop()
        with engine_of(dead, alive) as engine:
            engine.submit(ASK).result(5)
            assert engine.parallel == 8
        assert len(alive.seen) == 1


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_an_address_may_end_as_openai_clients_have_it(suffix: str) -> None:
    with FaultServer(GOOD) as server:
        engine = EndpointEngine([server.url + suffix])
        assert engine.submit(ASK).result(5).text == "One two."
        engine.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "file:///etc/passwd",
        "ftp://user:hunter2@host/",
        "http://",
        "http:///v1",
        "http://host:port",
        "http://host:99999",
        "http://user:hunter2@127.0.0.1:1/",
        "https://hunter2@127.0.0.1:1/",
        "http://127.0.0.1:1/?key=hunter2",
        "http://127.0.0.1:1/#hunter2",
        "http://127.0.0.1:1/\r\nX: hunter2",
        "unix:///run/x",
    ],
)
def test_an_address_of_another_kind_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match=r"address of (an|the) endpoint") as caught:
        EndpointEngine([url])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "naïve", "tab\t", "\x00"])
def test_a_key_that_is_none_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(SettingsError, match="endpoint_key") as caught:
        EndpointEngine(["http://127.0.0.1:1"], key=key)
    assert key not in str(caught.value)


def test_the_key_is_sent_to_the_server_and_appears_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    echo = b'{"error": {"message": "' + b"x" * 170 + f'bad key {KEY}"}}}}'.encode()
    scripts = [sends(answer(status, echo)) for status in (400, 401, 500)]
    inside = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: " + echo + b"\n\n"
    with FaultServer(*scripts, sends(inside)) as server, engine_of(server, key=KEY) as engine:
        for _ in range(3):
            with pytest.raises(EngineError) as caught:
                engine.submit(ASK).result(5)
            assert KEY[:8] not in str(caught.value)
        assert {seen.headers["authorization"] for seen in server.seen} == {f"Bearer {KEY}"}
        assert KEY not in repr(engine) + repr(vars(engine))
    assert KEY not in caplog.text


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with FaultServer(GOOD) as target:
        moved = sends(answer(status, b"", Location=f"{target.url}/v1/chat/completions"))
        with FaultServer(moved) as server, engine_of(server, key=KEY) as engine:
            with pytest.raises(EngineError, match="redirect"):
                engine.submit(ASK).result(5)
            assert len(server.seen) == 1
        assert not target.seen


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
def test_a_proxy_of_the_environment_sees_nothing_meant_for_this_machine(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer(says("from the proxy")) as proxy, FaultServer(GOOD) as server:
        monkeypatch.setenv(variable, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with engine_of(server) as engine:
            assert engine.submit(ASK).result(5).text == "One two."
        assert not proxy.seen


# Stopped by the tests' guard, the HTTP client leaves its socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_proxy_passes_on_nothing_but_encrypted_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for variable in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        # Plain HTTP goes to the host itself, where the tests stop it.
        with pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
            EndpointEngine(["http://192.0.2.1:8080"], key=KEY)
        gc.collect()
        made: list[EngineError] = []

        def ask() -> None:
            with pytest.raises(EngineError) as caught:
                EndpointEngine(["https://192.0.2.1"], key=KEY)
            made.append(caught.value)

        asking = threading.Thread(target=ask)
        asking.start()
        connection, _ = proxy.accept()
        with connection:
            asked = connection.recv(10_000)
        asking.join(5)
    assert asked.startswith(b"CONNECT 192.0.2.1:443 ")
    assert KEY.encode() not in asked
    assert made


def test_a_compressed_answer_is_refused() -> None:
    script = sends(answer(200, b"\x1f\x8b" * 99, Content_Encoding="gzip"))
    with FaultServer(script) as server, engine_of(server) as engine:
        with pytest.raises(EngineError, match="compressed"):
            engine.submit(ASK).result(5)
        assert server.seen[0].headers["accept-encoding"] == "identity"
