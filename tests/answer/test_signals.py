"""What speaks for and against a claim: numbers between 0 and 1, each moved by what it is named after."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answer.judge import weights_for
from service.answer.reading import bearing, evidence, number_of, reader, runs
from service.answer.relations import relations
from service.answer.signals import Values, cased, counted, signals, view
from service.checking import terms

READ = reader(terms)
SOURCE = (
    "We propose MEFT, which reduces activation memory by 84% on GLUE. "
    "The method does not need additional pre-training. "
    "It may be slower than full fine-tuning with a batch of 32 examples. "
    "Accuracy improves by 1.5 points at a cost of $800."
)


def of(claim: str, source: str = SOURCE) -> Values:
    return signals(view(READ.claim(claim), READ.source(source)))


MOVED = {
    "a passage taken over": ("coverage", "Accuracy improves by 1.5 points.", "Precision gets up by some points."),
    "a long passage": ("longest", "The method does not need additional pre-training.", "Additional training method."),
    "missing number": ("number_missing", "Memory is reduced by 48%.", "Memory is reduced by 84%."),
    "number of something else": ("number_owner", "A cost of 84 is stated.", "Activation memory falls by 84% on GLUE."),
    "another unit": ("number_unit", "Activation memory is reduced by $84.", "Activation memory is reduced by 84%."),
    "negation added": ("negation_added", "Accuracy never improves.", "Accuracy improves."),
    "negation lost": ("negation_lost", "The method needs additional pre-training.", "It needs no pre-training."),
    "direction": ("direction_turned", "MEFT increases activation memory.", "MEFT reduces activation memory."),
    "hedge lost": ("hedge_lost", "It is slower than full fine-tuning.", "It may be slower than full fine-tuning."),
    "only": ("only", "Only accuracy improves.", "Accuracy improves."),
    "new word": ("new", "MEFT reduces carbon emissions.", "MEFT reduces activation memory."),
    "new name": ("new_name", "It is tested on SuperGLUE.", "It is tested on GLUE."),
    "exchanged number": ("swapped_number", "Accuracy improves by 84 points.", "Accuracy improves by 1.5 points."),
    "exchanged word": ("swapped_known", "We propose MEFT, which reduces accuracy memory.",
                       "We propose MEFT, which reduces activation memory."),
    "word put in": ("put_in", "The method does not need any additional expensive pre-training.",
                    "The method does not need additional pre-training."),
    "unknown token": ("unknown_token", "The [UNK] improves accuracy.", "The method improves accuracy."),
    "repetition": ("repeats", "It is so fast it is so fast it is so fast.", "It is so fast."),
}  # fmt: skip


@pytest.mark.parametrize(("name", "more", "less"), MOVED.values(), ids=MOVED.keys())
def test_a_signal_is_moved_by_what_it_is_named_after(name: str, more: str, less: str) -> None:
    assert of(more)[name] > of(less)[name]


@given(st.text(alphabet="abc MEFT not 84% only $1.5,.-", min_size=1, max_size=80), st.text(max_size=160))
def test_signals_are_between_0_and_1_and_always_the_same_ones(claim: str, source: str) -> None:
    ours, theirs = READ.claim(claim), READ.source(source)
    if ours.content and theirs.content:
        found = signals(view(ours, theirs))
        assert all(0 <= value <= 1 for value in found.values()), found
        assert list(found) == list(of("MEFT reduces memory."))


@pytest.mark.parametrize("claim", ["MEFT reduces memory.", "meft reduces memory ."])
def test_the_weights_have_a_value_for_every_signal_and_no_other(claim: str) -> None:
    assert list(weights_for(claim).names) == list(of(claim))
    assert 0 < weights_for(claim).probability(of(claim)) < 1


def test_texts_without_capitals_have_weights_of_their_own() -> None:
    assert weights_for("a [UNK] was seen in london .") is weights_for("the queen slipped .")
    assert weights_for("The queen slipped.") is not weights_for("the queen slipped .")
    assert cased("MEFT")
    assert not cased("UNK meft")


NUMBERS = {"9,120": "9120", "1.50": "1.5", "three": "3", "80": "80", "2.0": "2", "3.5.1": "3.5.1", "memory": ""}


@pytest.mark.parametrize(("text", "number"), NUMBERS.items())
def test_a_number_has_one_form(text: str, number: str) -> None:
    assert number_of(text) == number


def test_a_number_has_its_unit_and_what_it_counts() -> None:
    text = READ.claim("It costs $1.5 million for 32 large examples and saves 84\\% of memory.")
    units = [counted(text, place).unit for place, word in enumerate(text.words) if word.digits]
    assert units == ["$m", "", "%"]
    place = next(place for place, word in enumerate(text.words) if word.text == "32")
    assert {READ.stem("examples"), READ.stem("large")} <= counted(text, place).owners


def test_the_sentences_that_bear_a_claim_are_found_and_the_best_stands_first_as_evidence() -> None:
    source = READ.source(SOURCE)
    borne = bearing(READ.claim("Accuracy improves while activation memory falls by 84%."), source)
    assert {borne.first, borne.second} == {0, 3}
    assert evidence(source, borne).startswith(SOURCE[slice(*source.spans[borne.first])])
    assert 0 < borne.first_share < borne.both_share <= borne.whole_share <= 1


def test_passages_taken_over_are_counted_as_grusky_does() -> None:
    source = READ.source("a b c d e f g")
    assert runs(READ.claim("a b c x e f y"), source) == [3, 2]
    assert runs(READ.claim("x y"), source) == []


def test_relations_know_opposites_and_synonyms_by_their_stems() -> None:
    known = relations()
    assert READ.stem("decrease") in known.opposite(READ.stem("increased"))
    assert READ.stem("customer") in known.same(READ.stem("clients"))
    assert known.same("no such stem") == frozenset()


def test_a_word_for_the_opposite_of_one_beside_it_is_told_from_one_for_the_same() -> None:
    source = "Losses decrease for most customers."
    assert of("Losses increase for most customers.", source)["antonym_near"] > 0
    assert of("Losses increase for most customers.", source)["swapped_opposite"] > 0
    same = of("Losses decrease for most clients.", source)
    assert (same["synonym_near"] > 0, same["swapped_same"] > 0, same["antonym_near"]) == (True, True, 0)
