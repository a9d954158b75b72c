"""Drafts copied from the prompt, and tokens that are given: fewer steps, and the same text up to near-ties."""

import math
from itertools import islice, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm.worker.lookup import LONGEST_DRAFT, Lookup, StepCosts, worthwhile
from service.llm.worker.native import NativeModel
from service.llm.worker.sizing import Size
from service.ports import Choices
from tests.llm.bench import NOISE, SMALL, Reference, bench
from tests.llm.writing import ABSTRACT, OTHER, SENTENCES, asking, options

ALONE = Size(1, 0, 512)
CONTENTS = [
    " ".join(parts) for parts in islice(permutations([ABSTRACT, OTHER, *SENTENCES, "Nothing else."], 3), 0, None, 16)
]


def test_text_that_is_copied_takes_fewer_steps_and_every_token_is_the_best_one(
    model: NativeModel, reference: Reference
) -> None:
    with bench(model, ALONE, lookup=True) as drafting, bench(model, ALONE, lookup=False) as plain:
        steps = tokens = same = 0
        for number, content in enumerate(CONTENTS):
            request = asking(content, max_tokens=80)
            made, without = drafting.write(request), plain.write(request)
            for writer in (drafting, plain):
                gaps = reference.gaps(writer.prompt(request), writer.written(number + 1))
                assert gaps.max(initial=0) <= NOISE
            assert without.steps >= without.output_tokens
            steps, tokens = steps + made.steps, tokens + made.output_tokens
            same += made.text == without.text
        assert same >= len(CONTENTS) - 1, "near-ties are rare"
        assert steps < tokens / 2


def test_drafts_do_not_change_what_a_seed_draws_at_a_temperature(model: NativeModel) -> None:
    """A draft is only a guess: each token is drawn from the probabilities that it has after those before it."""
    with bench(model, ALONE, lookup=True) as drafting, bench(model, ALONE, lookup=False) as plain:
        requests = [asking(content, temperature=0.5, seed=seed) for seed, content in enumerate(CONTENTS)]
        same = sum(drafting.write(request).text == plain.write(request).text for request in requests)
        assert same >= len(CONTENTS) - 1


def test_a_stop_text_and_the_bound_hold_in_the_middle_of_a_draft(model: NativeModel) -> None:
    with bench(model, ALONE, lookup=True) as drafting:
        whole = drafting.write(asking(max_tokens=60)).text
        for most in range(1, 20):
            made = drafting.write(asking(max_tokens=most))
            assert made.output_tokens == most
            assert whole.startswith(made.text)
        made = drafting.write(asking(max_tokens=60, stop=("reduces",)))
        assert made.text == whole[: whole.index("reduces")]


def test_the_same_text_always_is_written_without_drafts(model: NativeModel) -> None:
    with bench(model, ALONE._replace(deterministic=True), lookup=True) as one:
        made = one.write(asking(max_tokens=50))
        assert made.steps == made.output_tokens
        assert all(len(fed.tokens) == 1 for step in one.decoder.steps[1:] for fed in step)


def test_with_more_writers_than_positions_nobody_drafts(model: NativeModel) -> None:
    many = SMALL._replace(parallel=12)
    with bench(model, many, lookup=True) as crowded:
        for number in range(12):
            crowded.add(number, asking(f"{number} {ABSTRACT}", max_tokens=40))
        crowded.run()
        full = [step for step in crowded.decoder.steps if len(step) == 12 and all(fed.start > 60 for fed in step)]
        assert all(len(fed.tokens) == 1 for step in full for fed in step)


@pytest.mark.parametrize("name", ["Quick", "Slow", "GraphMix"])
def test_tokens_that_are_given_need_no_steps_and_the_choice_is_the_same(model: NativeModel, name: str) -> None:
    names = ("Slow", "Quick", "GraphMix")
    parts = options(*(f"We propose {option}, a method that reduces memory by 84%." for option in names), group=0)
    request = asking(ABSTRACT.replace("Quick", name), choices=Choices(parts))
    with bench(model, ALONE) as given_together, bench(model, ALONE, forced=False) as one_by_one:
        quick, slow = given_together.write(request), one_by_one.write(request)
        assert quick.chosen == slow.chosen == (names.index(name),)
        assert quick.output_tokens == slow.output_tokens == slow.steps
        assert quick.steps * 3 <= slow.steps


def test_only_one_possible_text_is_no_decision_at_all(model: NativeModel) -> None:
    with bench(model, ALONE) as alone:
        made = alone.write(asking(choices=Choices(options(SENTENCES[1]), minimum=1, maximum=1)))
        assert (made.text, made.steps) == (SENTENCES[1], 0)
        assert alone.decoder.steps == []


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 12))
def test_a_draft_is_what_stood_behind_the_last_three_tokens_where_they_were_newest(
    tokens: list[int], most: int
) -> None:
    draft = Lookup(tokens).draft(most, 0.0)
    places = [place for place in range(3, len(tokens)) if tokens[place - 3 : place] == tokens[-3:]]
    wanted = tokens[places[-1] :][: min(most, LONGEST_DRAFT)] if places else []
    assert draft == wanted


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=50))
def test_whatever_was_learned_a_draft_is_no_longer_than_pays(history: list[tuple[int, int]]) -> None:
    lookup = Lookup([1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3])
    for proposed, right in history:
        lookup.learn(proposed, min(right, proposed))
    lengths = [len(lookup.draft(8, cost)) for cost in (0.0, 0.2, 0.5, 0.9, 1.0)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] == 0


def test_drafts_that_are_always_wrong_end_and_those_that_are_right_come_back() -> None:
    lookup = Lookup([1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3])
    for _ in range(100):
        lookup.learn(len(lookup.draft(8, 0.3)), 0)
    # Now and then a short one is tried again.
    tried = [len(lookup.draft(8, 0.3)) for _ in range(20)]
    assert sum(tried) <= 20
    for _ in range(200):
        proposed = len(lookup.draft(8, 0.3))
        lookup.learn(proposed, proposed)
    assert len(lookup.draft(8, 0.3)) >= 4


@given(st.floats(0, 1), st.floats(0, 1.5))
def test_a_token_is_drafted_while_the_chance_that_it_is_used_exceeds_what_it_costs(trust: float, cost: float) -> None:
    length = worthwhile(trust, cost)
    assert 0 <= length <= LONGEST_DRAFT
    trust = min(trust, 0.999)
    if length > 0 and cost > 0:
        assert trust**length >= cost * (1 - 1e-9)
    if length < LONGEST_DRAFT and trust > 0:
        assert trust ** (length + 1) <= cost * (1 + 1e-9)


@given(st.floats(1e-4, 1e-1), st.floats(1e-6, 1e-2), st.integers(1, 32))
def test_the_cost_of_one_more_token_is_the_slope_of_what_was_measured(fixed: float, each: float, tokens: int) -> None:
    costs = StepCosts()
    for number in range(40):
        costs.add(1 + number % 9, fixed + each * (1 + number % 9))
    exact = each * tokens / (fixed + each * tokens)
    assert math.isclose(costs.share(tokens), exact, rel_tol=0.02)


def test_costs_that_were_not_measured_enough_are_nothing_and_never_negative() -> None:
    costs = StepCosts()
    assert costs.share(1) == 0
    for _ in range(50):
        costs.add(1, 0.01)
    assert costs.share(1) == 0, "steps of one size do not tell what one more token costs"
    costs.add(500, 1e9)
    assert costs.share(1) == 0, "a step with a prompt in it says nothing"
    for number in range(20):
        costs.add(1 + number % 5, 0.01 - 0.001 * (number % 5))
    assert costs.share(3) == 0
