import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm.constraints import ChoiceState, TrieNode, build_trie
from service.ports import Choice, Choices

token_lists = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), unique_by=tuple, max_size=12)


@st.composite
def rules(draw: st.DrawFn) -> Choices:
    groups = draw(st.lists(st.integers(0, 4), min_size=1, max_size=8))
    minimum = draw(st.integers(0, 4))
    return Choices(
        options=tuple(Choice(f"text {index}", group) for index, group in enumerate(groups)),
        minimum=minimum,
        maximum=draw(st.integers(minimum, 9)),
        per_group=draw(st.integers(1, 3)),
        ordered=draw(st.booleans()),
    )


def written(node: TrieNode, before: tuple[int, ...] = ()) -> list[tuple[int, tuple[int, ...]]]:
    """Every (option, tokens) that a trie allows."""
    here = [] if node.option is None else [(node.option, before)]
    return here + [pair for token, child in node.children.items() for pair in written(child, (*before, token))]


@given(token_lists)
def test_a_trie_allows_exactly_the_texts_it_was_built_from(texts: list[list[int]]) -> None:
    trie = build_trie(list(enumerate(texts)))
    assert sorted(written(trie)) == sorted((number, tuple(tokens)) for number, tokens in enumerate(texts))


@given(token_lists)
def test_no_way_through_a_trie_ends_without_a_text(texts: list[list[int]]) -> None:
    def leaves(node: TrieNode) -> list[TrieNode]:
        return [leaf for child in node.children.values() for leaf in leaves(child)] if node.children else [node]

    trie = build_trie(list(enumerate(texts)))
    assert all(leaf.option is not None for leaf in leaves(trie)) == bool(texts)


@given(rules(), st.data())
def test_whatever_is_taken_of_what_is_available_keeps_the_rules(choices: Choices, data: st.DataObject) -> None:
    state = ChoiceState(choices)
    while available := state.available():
        assert available == sorted(set(available) - set(state.chosen))
        state.take(data.draw(st.sampled_from(available)))
    groups = [choices.options[index].group for index in state.chosen]
    everything = sorted({option.group for option in choices.options})
    assert len(state.chosen) <= choices.maximum
    if choices.ordered:
        assert groups == everything[: choices.maximum]
    else:
        assert max((groups.count(group) for group in groups), default=0) <= choices.per_group
        possible = sum(
            min(choices.per_group, sum(option.group == group for option in choices.options)) for group in everything
        )
        assert len(state.chosen) == min(possible, choices.maximum)


@given(rules(), st.data())
def test_nothing_allowed_is_withheld(choices: Choices, data: st.DataObject) -> None:
    state = ChoiceState(choices)
    for _ in range(data.draw(st.integers(0, 4))):
        if available := state.available():
            state.take(data.draw(st.sampled_from(available)))
    groups = [choices.options[index].group for index in state.chosen]
    for index, option in enumerate(choices.options):
        free = index not in state.chosen and len(groups) < choices.maximum
        if choices.ordered:
            waiting = sorted({other.group for other in choices.options} - set(groups))
            free = free and option.group in waiting[:1]
        else:
            free = free and groups.count(option.group) < choices.per_group
        assert (index in state.available()) == free


@given(rules(), st.data())
def test_a_text_may_end_from_the_minimum_on_or_with_an_order_after_every_group(
    choices: Choices, data: st.DataObject
) -> None:
    state = ChoiceState(choices)
    while True:
        if choices.ordered:
            assert state.may_end() == (not state.available())
        else:
            assert state.may_end() == (len(state.chosen) >= choices.minimum)
        if not (available := state.available()):
            break
        state.take(data.draw(st.sampled_from(available)))


@pytest.mark.parametrize(
    "choices",
    [
        Choices(()),
        Choices((Choice("a", 0),), minimum=3, maximum=2),
        Choices((Choice("a", 0),), per_group=0),
        Choices((Choice("a", 0), Choice("a", 1))),
    ],
    ids=["no texts", "minimum above maximum", "none of a group", "two equal texts"],
)
def test_rules_that_make_no_sense_are_refused(choices: Choices) -> None:
    with pytest.raises(ValueError, match=r"nothing can be written|equal"):
        ChoiceState(choices)
