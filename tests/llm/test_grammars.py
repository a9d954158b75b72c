"""Texts that follow a grammar or a schema, and grammars that cannot be followed: one error, and the others go on."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import llama_cpp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import EngineError
from service.llm.worker.native import NativeModel
from service.llm.worker.sampling import grammar_of
from service.llm.worker.vocabulary import TokenIds, VocabularyTree, candidate_array, candidates
from service.ports import Generation
from tests.llm.bench import Bench, bench
from tests.llm.writing import ABSTRACT, asking


class Rule(NamedTuple):
    """One language, as GBNF and as a regular expression."""

    gbnf: str
    regex: str


words = st.sampled_from(["We", " propose", "84%", "é", "論文", "a", ' "so" ', "\\", "(", "]", "😀"])


def literal(text: str) -> Rule:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return Rule(f'"{quoted}"', re.escape(text))


def extended(inner: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda parts: Rule(" ".join(p.gbnf for p in parts), "".join(p.regex for p in parts))),
        several.map(
            lambda parts: Rule(f"({' | '.join(p.gbnf for p in parts)})", f"(?:{'|'.join(p.regex for p in parts)})")
        ),
        inner.map(lambda part: Rule(f"({part.gbnf})?", f"(?:{part.regex})?")),
        st.tuples(inner, st.integers(0, 2), st.integers(0, 2)).map(
            lambda made: Rule(
                f"({made[0].gbnf}){{{made[1]},{made[1] + made[2]}}}",
                f"(?:{made[0].regex}){{{made[1]},{made[1] + made[2]}}}",
            )
        ),
    )


classes = st.sampled_from([Rule("[a-f]", "[a-f]"), Rule("[^a-z]", "[^a-z]"), Rule("[0-9%]", "[0-9%]")])
rules = st.recursive(words.map(literal) | classes, extended, max_leaves=8)


@pytest.fixture(scope="module")
def writing(model: NativeModel) -> Iterator[Bench]:
    with bench(model) as made:
        yield made


@pytest.fixture(scope="module")
def tree(model: NativeModel) -> VocabularyTree:
    return VocabularyTree(model)


@given(rule=rules, temperature=st.sampled_from([0.0, 1.0]), lookup=st.booleans())
@settings(max_examples=80, deadline=None)
def test_what_is_written_follows_the_grammar(model: NativeModel, rule: Rule, temperature: float, lookup: bool) -> None:
    with bench(model, lookup=lookup) as alone:
        made = alone.write(asking(max_tokens=400, grammar=f"root ::= {rule.gbnf}", temperature=temperature))
    # A character class may be met by a half of a character that has not its other half yet.
    assert re.fullmatch(rule.regex, made.text, re.DOTALL), (rule, made.text)


SCHEMAS: list[dict[str, Any]] = [
    {"type": "boolean"},
    {"type": "null"},
    {"enum": ["Quick", "GraphMix", 3]},
    {"const": "a “quoted” text"},
    {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "maxItems": 4},
    {"type": "array", "items": {"type": "boolean"}, "maxItems": 300},
    {
        "type": "object",
        "properties": {"name": {"enum": ["Quick", "Slow"]}, "fast": {"type": "boolean"}, "rank": {"type": "integer"}},
        "required": ["name", "fast", "rank"],
        "additionalProperties": False,
    },
    {"oneOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "null"}, "minItems": 1, "maxItems": 1}]},
    {"$defs": {"leaf": {"type": "boolean"}}, "type": "array", "items": {"$ref": "#/$defs/leaf"}, "maxItems": 2},
]


def follows(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a document follows one of the schemas above."""
    if "$ref" in schema:
        return follows(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "oneOf" in schema:
        return any(follows(value, other, root) for other in schema["oneOf"])
    if "enum" in schema or "const" in schema:
        return value in schema.get("enum", [schema.get("const")])
    if schema["type"] == "array":
        bounds = schema.get("minItems", 0) <= len(value) <= schema["maxItems"]
        return bounds and all(follows(item, schema["items"], root) for item in value)
    if schema["type"] == "object":
        fields = schema["properties"]
        return set(value) == set(schema["required"]) and all(follows(value[key], fields[key], root) for key in value)
    return type(value) in {"boolean": (bool,), "null": (type(None),), "integer": (int,)}[schema["type"]]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: str(schema)[:40])
@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_what_is_written_parses_and_follows_the_schema(
    writing: Bench, schema: dict[str, Any], temperature: float
) -> None:
    for seed in range(3):
        request = asking(max_tokens=450, json_schema=json.dumps(schema), temperature=temperature, seed=seed)
        made = writing.write(request)
        if made.output_tokens < 450:
            assert follows(json.loads(made.text), schema, schema), made.text


DEEP = 20_000
UNUSABLE = {
    "no grammar": "this is no grammar",
    "no root": 'start ::= "a"',
    "left recursion": 'root ::= root "a" | "b"',
    "hidden left recursion": 'root ::= maybe root "x" | "y"\nmaybe ::= "q"?',
    "unknown rule": "root ::= other",
    "open literal": 'root ::= "abc',
    "open class": "root ::= [abc",
    "open parenthesis": 'root ::= ("a"',
    "ends in a backslash": 'root ::= "abc\\',
    "bad escape": 'root ::= "\\xZZ"',
    "too deep": f'root ::= {"(" * DEEP}"a"{")" * DEEP}',
    "too deep behind a text of parentheses": f'root ::= "{")" * DEEP}" {"(" * DEEP}"a"{")" * DEEP}',
    "too deep with a text in each": f"root ::= {'(' * 0}" + '(")" ' * DEEP + '"a"' + ")" * DEEP,
    "too deep behind a remark": f'root ::= # {")" * DEEP}\n {"(" * DEEP}"a"{")" * DEEP}',
    "too long": 'root ::= "' + "a" * 1_000_000 + '"',
    "backward repetition": 'root ::= "a"{3,1}',
    "huge repetition": 'root ::= "a"{99999999999999999999999}',
    "repetitions of repetitions": 'root ::= (("a"{0,2000}){0,2000})',
    "nothing": "root ::= [z-a]",
    "no such token": "root ::= <[99999999]>",
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_grammar_that_cannot_be_followed_is_an_error_and_the_others_go_on(writing: Bench, kind: str) -> None:
    number = max([*writing.ended, 0]) + 1
    writing.add(number, asking(max_tokens=20))
    writing.scheduler.step()
    writing.add(number + 1, asking(max_tokens=20, grammar=UNUSABLE[kind]))
    writing.run()
    assert isinstance(writing.ended[number + 1], EngineError)
    assert len(str(writing.ended[number + 1]).splitlines()) == 1
    assert isinstance(writing.ended[number], Generation)


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "{",
        "3",
        "null",
        '{"type": "unknown"}',
        "[" * 100_000,
        '{"$ref": "#"}',
        '{"$ref": "https://example.org/schema"}',
        '{"type": "array", "items": {"type": "integer"}, "minItems": 100000000}',
        '{"type": "array", "items": {"type": "integer"}, "maxItems": 100000000}',
        '{"type": "string", "minLength": 100000000}',
        '{"type": "string", "pattern": "^a{2000}{2000}{2000}$"}',
        '{"type": "string", "pattern": "^(a"}',
    ],
    ids=lambda schema: schema[:40],
)
def test_a_schema_that_cannot_be_followed_is_an_error(schema: str) -> None:
    if not schema:
        assert grammar_of(asking(json_schema="")) == ""
        return
    with pytest.raises(EngineError) as raised:
        grammar_of(asking(json_schema=schema))
    assert len(str(raised.value)) < 300


@given(st.text(alphabet='()[]{}"\\|*+?:=#<>^- \nroot,0a', max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_for_a_grammar_gives_a_text_or_an_error(writing: Bench, text: str) -> None:
    number = max([*writing.ended, 0]) + 1
    writing.add(number, asking(max_tokens=3, grammar=f"root ::= {text}"))
    writing.run()
    assert isinstance(writing.ended[number], (Generation, EngineError))


def test_a_grammar_may_be_as_deep_as_is_read_and_a_text_in_it_may_have_any_parentheses(writing: Bench) -> None:
    deep = f'root ::= {"(" * 900}"We"{")" * 900}'
    assert writing.write(asking(grammar=deep)).text == "We"
    many = "(" * 5_000
    assert grammar_of(asking(grammar=f'root ::= "{many}" [(] # {many}')).count("(") > 10_000


def test_a_grammar_that_names_tokens_by_number_is_followed(writing: Bench, model: NativeModel) -> None:
    token = model.tokenize(" propose")[0]
    made = writing.write(asking(grammar=f'root ::= "zzzz" | <[{token}]>'))
    assert made.text == " propose"


def test_a_grammar_takes_a_stop_text_and_a_bound_like_free_writing(writing: Bench) -> None:
    grammar = 'root ::= " We propose Quick, a method that reduces memory by 84%."'
    assert writing.write(asking(ABSTRACT, grammar=grammar, max_tokens=3)).output_tokens == 3
    assert writing.write(asking(ABSTRACT, grammar=grammar, stop=("method",))).text == " We propose Quick, a "


@given(rule=rules, data=st.data())
@settings(max_examples=40, deadline=None)
def test_the_tree_finds_exactly_the_tokens_that_a_check_of_all_finds(
    model: NativeModel, tree: VocabularyTree, rule: Rule, data: st.DataObject
) -> None:
    grammar: Any = llama_cpp.llama_sampler_init_grammar(model.vocab, f"root ::= {rule.gbnf}".encode(), b"root")
    checked = 0

    def passing(tokens: TokenIds) -> TokenIds:
        nonlocal checked
        checked += len(tokens)
        rows = candidates(tokens, np.zeros(len(tokens), np.float32))
        llama_cpp.llama_sampler_apply(grammar, candidate_array(rows))
        found: TokenIds = tokens[rows["logit"] == 0]
        return found

    try:
        for _ in range(6):
            everything = set(passing(np.arange(model.n_vocab, dtype=np.int32)).tolist())
            checked = 0
            found = tree.search(passing).tolist()
            assert len(found) == len(set(found))
            assert set(found) == everything
            assert checked <= model.n_vocab
            going_on = sorted(token for token in everything if not model.is_end(token))
            if not going_on:
                break
            llama_cpp.llama_sampler_accept(grammar, data.draw(st.sampled_from(going_on)))
    finally:
        llama_cpp.llama_sampler_free(grammar)


def test_the_tree_holds_every_token_that_can_be_written_once(model: NativeModel, tree: VocabularyTree) -> None:
    writable = {token for token in range(model.n_vocab) if model.piece(token) or model.is_end(token)}
    assert set(tree.everything.tolist()) == writable
    assert len(tree.everything) == len(writable)
    looked_at = tree.search(lambda tokens: tokens).tolist()
    assert sorted(looked_at) == sorted(writable)
    narrow = tree.search(lambda tokens: tokens[[model.piece(int(token)).startswith(b"Z") for token in tokens]])
    assert {model.piece(int(token))[:1] for token in narrow} == {b"Z"}
