"""Several steps at once: only where nobody has to look at the tokens between, and with the same result."""

from collections.abc import Callable
from typing import Any

import llama_cpp
import pytest

from service.errors import EngineError
from service.llm.worker.native import NativeModel
from service.llm.worker.sizing import Size
from service.ports import Choices, Generation, GenerationRequest
from tests.llm.bench import Bench, bench
from tests.llm.writing import ABSTRACT, OTHER, SENTENCES, asking, options

SIZE = Size(parallel=16, reserved=1, window=512)


def never() -> bool:
    return False


def after(count: int) -> Callable[[], bool]:
    """News from that question on."""
    answers = iter([False] * count)
    return lambda: next(answers, True)


def calls(running: Bench) -> int:
    """How often the scheduler has to be called until it is idle."""
    for number in range(20_000):
        if running.scheduler.idle:
            return number
        running.scheduler.step()
    raise AssertionError("no end")


def begun(running: Bench, *requests: GenerationRequest) -> Bench:
    """All prompts are read, and the next call takes one token of each."""
    for number, request in enumerate(requests):
        running.add(number, request)
    running.scheduler.step()
    return running


@pytest.mark.parametrize("count", [1, 5])
def test_many_steps_at_once_write_what_single_steps_write(model: NativeModel, count: int) -> None:
    def run(**values: Any) -> tuple[list[Generation], int, int]:
        with bench(model, SIZE, lookup=False, **values) as running:
            for number in range(count):
                running.add(number, asking(f"{number} {OTHER} {ABSTRACT}", max_tokens=30 + 5 * number, batch=True))
            called = calls(running)
            return [running.made(number) for number in range(count)], len(running.decoder.steps), called

    single, single_steps, single_calls = run()
    made, steps, called = run(arrived=never, text_seconds=60.0)
    assert [(each.text, each.output_tokens, each.steps) for each in made] == [
        (each.text, each.output_tokens, each.steps) for each in single
    ]
    assert steps == single_steps == single_calls
    assert called < steps / 2


def test_a_token_that_ends_a_text_is_never_computed(model: NativeModel) -> None:
    with bench(model, SIZE, lookup=False, arrived=never, text_seconds=60.0) as running:
        made = running.write(asking(f"{ABSTRACT} {OTHER}", max_tokens=400))
        assert made.output_tokens < 400, "the model has to end by itself here"
        tokens = [token for step in running.decoder.fed()[1:] for fed in step for token in fed.tokens]
        assert not any(map(model.is_end, tokens))
        assert len(tokens) == made.output_tokens


def test_news_ends_it_before_the_next_step(model: NativeModel) -> None:
    with bench(model, SIZE, lookup=False, arrived=after(5), text_seconds=60.0) as running:
        begun(running, asking(max_tokens=200))
        before = len(running.decoder.steps)
        running.scheduler.step()
        assert len(running.decoder.steps) - before == 1 + 5
        running.scheduler.step()
        assert len(running.decoder.steps) - before == 1 + 5 + 1
        running.scheduler.cancel(0)
        assert running.scheduler.idle


def test_a_text_that_is_read_after_every_step_gets_every_step(model: NativeModel) -> None:
    with bench(model, SIZE, lookup=False, arrived=never, text_seconds=0.0) as running:
        assert calls(begun(running, asking(max_tokens=20))) == len(running.decoder.steps) - 1


@pytest.mark.parametrize(
    "values",
    [
        {"stop": ("network",)},
        {"grammar": 'root ::= "We " [a-z ]*'},
        {"temperature": 0.8},
        {"logprobs": True},
        {"choices": True},
    ],
    ids=str,
)
def test_whoever_has_to_look_at_each_token_is_asked_after_each(model: NativeModel, values: dict[str, Any]) -> None:
    if "choices" in values:
        values = {"choices": Choices(options(*SENTENCES), minimum=1, maximum=2)}
    with bench(model, SIZE, lookup=False, arrived=never, text_seconds=60.0) as running:
        begun(running, asking(max_tokens=20, **values), asking(OTHER, max_tokens=20))
        while 0 not in running.ended:
            before = len(running.decoder.steps)
            running.scheduler.step()
            assert len(running.decoder.steps) == before + 1


@pytest.mark.parametrize(("count", "at_once"), [(2, False), (8, True)])
def test_drafts_are_made_at_every_step_where_there_is_room_for_them(
    model: NativeModel, count: int, at_once: bool
) -> None:
    with bench(model, SIZE, lookup=True, arrived=never, text_seconds=60.0) as running:
        begun(running, *(asking(f"{number}", max_tokens=40) for number in range(count)))
        running.scheduler.step()
        before = len(running.decoder.steps)
        running.scheduler.step()
        assert (len(running.decoder.steps) - before > 1) == at_once


def test_a_late_interruption_costs_nothing_but_time(model: NativeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench(model, SIZE, lookup=False, arrived=never, text_seconds=60.0) as running:
        expected = running.write(asking(max_tokens=30)).text
        real, turns = llama_cpp.llama_decode, iter([True, True, False])

        def broken_off(*arguments: Any) -> int:
            if next(turns, True):
                return int(real(*arguments))
            running.decoder.interrupt()
            return int(real(*arguments))

        running.ended.clear()
        running.shown.clear()
        begun(running, asking(max_tokens=30))
        monkeypatch.setattr(llama_cpp, "llama_decode", broken_off)
        running.run()
        assert running.made(0).text == expected


def test_a_failure_on_the_way_is_told_to_all_and_harms_nobody_later(
    model: NativeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench(model, SIZE, lookup=False, arrived=never, text_seconds=60.0) as running:
        expected = running.write(asking(max_tokens=30)).text
        running.ended.clear()
        running.shown.clear()
        begun(running, asking(max_tokens=30), asking(OTHER, max_tokens=30))
        real, turns = llama_cpp.llama_decode, iter([True, True, False])

        def failing(*arguments: Any) -> int:
            return int(real(*arguments)) if next(turns, True) else -3

        monkeypatch.setattr(llama_cpp, "llama_decode", failing)
        running.scheduler.step()
        assert {type(running.ended[number]) for number in (0, 1)} == {EngineError}
        assert running.scheduler.idle
        running.ended.clear()
        running.shown.clear()
        assert running.write(asking(max_tokens=30)).text == expected
