"""The parts of the engine's benchmark that need no hour: model files, and what is computed from times."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from eval.bench.anchors import Rates, allowed_ratio
from eval.bench.engine_plot import picture
from eval.bench.measure import Report, Row, alternate
from eval.bench.shapes import Shape, model_file
from eval.bench.workload import Texts, Written, batch_rate, joint_rate
from service.llm.worker.native import NativeModel

TINY = Shape("tiny", "qwen2", 1, 64, 2, 1, 128, 1_024, 512, 1e6)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return model_file(TINY, "Q4_0")


def test_a_written_shape_loads_and_cuts_english_into_words(tiny: Path) -> None:
    model = NativeModel(tiny)
    text = "We propose a method that reduces the memory of large models: 3.5 times."
    tokens = model.tokenize(text)
    assert b"".join(map(model.piece, tokens)).decode() == text
    assert len(tokens) < len(text) / 2
    assert (model.n_vocab, model.n_layer, model.n_embd) == (TINY.vocabulary, TINY.layers, TINY.width)
    assert model.is_end(TINY.vocabulary - 1)
    model.close()


def test_prompts_have_exactly_the_tokens_asked_for_and_differ(tiny: Path) -> None:
    texts = Texts(tiny)
    first, second = texts.instructed(20, 30, 1), texts.instructed(20, 30, 2)
    assert first[0] == second[0]
    # What ends the message and begins the answer is the same in all prompts, but stands behind what differs.
    assert 30 < texts.not_shared(first, second) < 60
    model = NativeModel(tiny, vocab_only=True)
    assert [len(model.tokenize(message.content)) for message in first] == [20, 30]
    assert texts.conversation(64, 1) != texts.conversation(64, 2)
    model.close()
    texts.close()


def test_the_joint_rate_counts_only_while_all_write() -> None:
    assert joint_rate([[0.0, 1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0]]) == pytest.approx(4 / 2)
    with pytest.raises(SystemExit, match="never wrote at the same time"):
        joint_rate([[0.0, 1.0], [2.0, 3.0]])


def test_the_rate_of_a_batch_counts_only_while_all_are_written() -> None:
    # Three of ten tokens each: one begins at 1 s, the others together at 2 s; a step takes 0.5 s from then on.
    written = [Written(1.0, 6.0, 10), Written(2.0, 6.5, 10), Written(2.0005, 6.5, 10)]
    assert batch_rate(written) == pytest.approx(3 * 8 / 4, rel=1e-3)
    with pytest.raises(SystemExit, match="never wrote at the same time"):
        batch_rate([Written(0.0, 1.0, 5), Written(2.0, 3.0, 5)])


def test_a_batch_is_allowed_what_its_decoding_gains() -> None:
    one, many = Rates(prefill=100.0, decode=10.0), Rates(prefill=100.0, decode=40.0)
    assert allowed_ratio(one, many, computed=300, generated=80) == pytest.approx((3 + 8) / (3 + 2))


def test_the_two_sides_take_turns() -> None:
    seen: list[str] = []

    def side(name: str, value: float) -> float:
        seen.append(name)
        return value

    assert alternate(3, lambda _: side("a", 1.0), lambda _: side("b", 2.0)) == [(1.0, 2.0)] * 3
    assert "".join(seen) == "abbaab"


def test_the_picture_has_a_panel_for_each_model() -> None:
    report = Report()
    for model in ("one & two", "three"):
        for parallel in (1, 2, 4):
            values = {"model": model, "parallel": parallel, "pairs": [(90.0 * parallel, 100.0 * parallel)]}
            report.add(Row("a", model, "", values=values))
    drawn = ElementTree.fromstring(picture(report.rows))  # noqa: S314 - our own
    assert len([part for part in drawn.iter() if part.tag.endswith("polyline")]) == 4
    assert picture([]) == ""
