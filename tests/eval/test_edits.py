"""Edits of claims: each kind changes what it is named after, and the same seed makes the same ones."""

import re

import pytest

from eval.edits import Base, Editor
from eval.labels import claims_of
from eval.wordnet import WordNet, inflected

SOURCE = (
    "We propose MEFT, which significantly reduces activation memory by 84% on GLUE.",
    "When training is short, the method can outperform BERT (a strong baseline).",
    "Experiments show that it may need 32 examples.",
)
OTHER = ("Our DriveSim generates rainy streets using diffusion models of the road for planning.",)


class Words(WordNet):
    """A dictionary of a few words."""

    def __init__(self) -> None:
        self.synonyms = {"reduce": {"lower"}, "need": {"require"}}
        self.antonyms = {"strong": {"weak"}}
        self.lemmas = {"reduce", "need", "strong", "lower", "require", "train", "improve"}


def editor(seed: int = 1) -> Editor:
    return Editor(Words(), [OTHER], seed, least=0)


def edits(kind: str, claim: str) -> set[str]:
    made = editor()
    found = [made.edited(Base(claim, SOURCE), kind) for _ in range(60)]
    assert all(example is None or (not example.faithful and example.kind == kind) for example in found)
    return {example.claim for example in found if example}


CHANGED = {
    "number": (SOURCE[0], r"\b(?!84)\d+%"),
    "name": (SOURCE[0], r"DriveSim|BERT"),
    "direction": (SOURCE[0], r"raises|slightly"),
    "negation": (SOURCE[1], r"can not"),
    "qualifier": (SOURCE[2], r"will need"),
    "added": (SOURCE[2], r"diffusion models of the road"),
    "merged": (SOURCE[2], r"^(?:Experiments|Tests) show (?!that)"),
    "unrelated": (SOURCE[2], r"DriveSim"),
}


@pytest.mark.parametrize(("kind", "claim", "pattern"), [(kind, *rest) for kind, rest in CHANGED.items()])
def test_an_edit_changes_what_it_is_named_after(kind: str, claim: str, pattern: str) -> None:
    made = edits(kind, claim)
    assert claim not in made
    assert any(re.search(pattern, text) for text in made), made


def test_an_edit_that_has_nothing_to_change_is_none() -> None:
    base = Base("The method is good.", ("The method is good.",))
    assert [editor(seed).edited(base, "number") for seed in range(20)] == [None] * 20


def test_faithful_edits_have_only_numbers_and_names_of_the_source() -> None:
    made = editor()
    for _ in range(60):
        example = made.faithful(Base(SOURCE[0], SOURCE))
        assert example.faithful
        assert set(re.findall(r"\d+", example.claim)) <= {"84", "32"}
        assert set(re.findall(r"[A-Z]{3,}", example.claim)) <= {"MEFT", "GLUE", "BERT"}


def test_the_same_seed_makes_the_same_edits() -> None:
    first, second = editor(5), editor(5)
    base = Base(SOURCE[0], SOURCE)
    assert [first.faithful(base) for _ in range(20)] == [second.faithful(base) for _ in range(20)]


@pytest.mark.parametrize(
    ("word", "lemma", "ending"),
    [("reduces", "reduce", "s"), ("training", "train", "ing"), ("improved", "improve", "ed"), ("zzz", "", "")],
)
def test_a_word_is_brought_to_its_base_form_and_back(word: str, lemma: str, ending: str) -> None:
    assert Words().lemma(word) == (lemma, ending)
    if lemma:
        assert inflected(lemma, ending) == word


def test_a_summary_with_words_and_signs_apart_is_cut_into_claims() -> None:
    assert claims_of("a dog barked . the cat slept .\nit rained") == ["a dog barked .", "the cat slept .", "it rained"]
