"""Definitions of the words of titles: in the sense of the field, short, without the word itself, or none."""

from typing import Any, cast

import pytest

from eval.wordnet import Sense

pytest.importorskip("torch", reason="torch is not installed: pip install '.[training]'")
pytest.importorskip("gguf", reason="gguf is not installed: pip install '.[training]'")

TITLES = [f"speech model {number}" for number in range(200)] + [f"crane control {number}" for number in range(20)]
TITLES += [f"other title {number}" for number in range(2_000)]
SENSES = {
    "speech": [
        Sense(0, "n", "the act of delivering a formal spoken communication to an audience"),
        Sense(1, "n", 'the exchange of spoken words; "they were perturbed by her"'),
        Sense(2, "n", "speech that is said"),
    ],
    "crane": [Sense(0, "n", "long-necked wading bird of marshes"), Sense(9, "n", "a machine that lifts")],
}


class Words:
    """As much of WordNet as is asked for."""

    senses = SENSES

    def lemma(self, word: str) -> tuple[str, str]:
        return (word, "") if word in SENSES else ("", "")


class Model:
    """Sees two things: whether a text is about talk, and whether about birds."""

    def encode(self, texts: list[str]) -> Any:
        import torch

        talk = [float(any(word in text for word in ("speech model", "exchange"))) for text in texts]
        bird = [float("bird" in text) for text in texts]
        rest = [float(not (a or b)) for a, b in zip(talk, bird, strict=True)]
        return torch.tensor([talk, bird, rest]).T


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    from training import definitions

    monkeypatch.setattr(definitions, "wordnet", Words)
    return definitions.definitions(TITLES, cast(Any, Model()))


def test_the_sense_is_the_one_nearest_to_the_titles_that_have_the_word(found: dict[str, str]) -> None:
    assert found["speech"] == "the exchange of spoken words"


def test_a_word_of_few_titles_or_of_nearly_all_has_no_definition(found: dict[str, str]) -> None:
    assert set(found) <= {"speech", "crane"}


def test_where_no_sense_is_near_there_is_no_definition(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, str]
) -> None:  # fmt: skip
    from training import definitions

    monkeypatch.setitem(SENSES, "crane", SENSES["crane"][:1])
    assert "crane" not in definitions.definitions(TITLES, cast(Any, Model()))
    assert found["crane"] == "a machine that lifts"


def test_a_long_definition_and_one_with_the_word_itself_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    from training import definitions

    monkeypatch.setattr(definitions, "wordnet", Words)
    monkeypatch.setitem(SENSES, "speech", [Sense(0, "n", "exchange " * 13), Sense(1, "n", "an exchange by speech")])
    assert "speech" not in definitions.definitions(TITLES, cast(Any, Model()))
