"""Choosing the next token: greedy, or by a chain of llama.cpp's samplers, with or without a grammar.

A grammar is asked about the chosen token only. Where it refuses, the allowed tokens are searched in the vocabulary
tree and one of them is chosen: checking the whole vocabulary first, as llama-cpp-python does, took 14 ms a token.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import llama_cpp
import numpy as np

from service.errors import EngineError
from service.llm.worker.decoder import Decoder, Logits
from service.llm.worker.gbnf import check_grammar, without_texts
from service.llm.worker.native import NativeModel
from service.llm.worker.vocabulary import TokenIds, VocabularyTree, candidate_array, candidates
from service.ports import GenerationRequest

_MOST_REPEATED = 2_000
"""Repetitions in a schema, which are written out one by one; llama.cpp has the same bound for those in a grammar."""
_SEEDS = 0xFFFFFFFF
"""This number itself tells llama.cpp to take a seed of its own, another one each time."""
_REPETITIONS = ("minItems", "maxItems", "minLength", "maxLength")


class Sampler:
    """Chooses the tokens of one request. Holds memory of llama.cpp until it is closed."""

    def __init__(
        self, model: NativeModel, decoder: Decoder, request: GenerationRequest, tree: Callable[[], VocabularyTree]
    ) -> None:
        """Build the chain; `tree` is asked for when a grammar first refuses a token.

        Raises:
            EngineError: the grammar or the schema cannot be read.
        """
        self._decoder, self._tree, self._logprobs = decoder, tree, request.logprobs
        grammar = grammar_of(request)
        self._by_number = "<" in without_texts(grammar)
        """Whether the grammar names tokens by their numbers, which a search by texts does not see."""
        self._grammar: Any = _new_grammar(model, grammar) if grammar else None
        self._chain: Any = _new_chain(request) if request.temperature > 0 else None
        self._follows = False
        """Whether a token has been accepted by the grammar."""
        self.logprobs: list[float] = []

    @property
    def greedy(self) -> bool:
        """Whether it always takes the best token, and nobody wants to know more of it."""
        return not (self._chain or self._grammar or self._logprobs)

    def pick(self, place: int, row: int) -> int | None:
        """Choose from the logits at a place of the batch, and take note of the token.

        Returns:
            the token; `None` where the grammar is at its end and the model has no token that ends a text.

        Raises:
            EngineError: the grammar allows no token at all.
        """
        token = self._decoder.sample(self._chain, place) if self._chain else self._decoder.best(row)
        if self._grammar:
            if not self._passing(np.array([token], np.int32)).size:
                allowed = self._allowed(self._decoder.logits(row))
                if allowed is None:
                    return None
                token = allowed
            self._follows = True
            llama_cpp.llama_sampler_accept(self._grammar, token)
        if self._logprobs:
            self.logprobs.append(logprob(self._decoder.logits(row), token))
        return token

    def close(self) -> None:
        """Free the memory; a second call does nothing."""
        for sampler in (self._chain, self._grammar):
            if sampler:
                llama_cpp.llama_sampler_free(sampler)
        self._chain = self._grammar = None

    def _allowed(self, logits: Logits) -> int | None:
        """The best of the tokens that the grammar allows, or one drawn from them; `None` where it allows no further."""
        tree = self._tree()
        tokens = self._passing(tree.everything) if self._by_number else tree.search(self._passing)
        if not tokens.size:
            if self._follows:
                return None
            raise EngineError("the grammar allows no token of this model to begin with")
        if not self._chain:
            return int(tokens[logits[tokens].argmax()])
        rows = candidates(tokens, logits[tokens])
        array = candidate_array(rows)
        llama_cpp.llama_sampler_apply(self._chain, array)
        return int(array.data[array.selected].id)

    def _passing(self, tokens: TokenIds) -> TokenIds:
        """Those of the tokens that the grammar allows next."""
        rows = candidates(tokens, np.zeros(len(tokens), np.float32))
        llama_cpp.llama_sampler_apply(self._grammar, candidate_array(rows))
        passing: TokenIds = tokens[rows["logit"] == 0]
        return passing


def logprob(logits: Logits, token: int) -> float:
    """Natural logarithm of the probability of a token."""
    top = float(logits.max())
    return float(logits[token]) - top - float(np.log(np.exp(logits - top).sum(dtype=np.float64)))


def grammar_of(request: GenerationRequest) -> str:
    """The GBNF that a request asks for, or nothing.

    Raises:
        EngineError: the schema cannot be read, or the grammar would be the end of this process.
    """
    grammar = request.grammar
    if request.json_schema:
        from llama_cpp.llama_grammar import json_schema_to_gbnf

        try:
            most = _most_repeated(json.loads(request.json_schema))
            if most > _MOST_REPEATED:
                raise ValueError(f"{most:,} repetitions, at most {_MOST_REPEATED:,}")
            grammar = str(json_schema_to_gbnf(request.json_schema))
        except Exception as error:  # noqa: BLE001 - the converter raises whatever the schema makes it stumble over
            raise EngineError(f"the JSON schema cannot be used: {type(error).__name__}: {error}") from None
    check_grammar(grammar)
    return grammar


def _most_repeated(schema: object) -> int:
    """The largest number of repetitions in a JSON schema; those that stand behind each other in a pattern multiply."""
    if isinstance(schema, list):
        return max(map(_most_repeated, schema), default=0)
    if not isinstance(schema, dict):
        return 0
    found = [schema[key] for key in _REPETITIONS if isinstance(schema.get(key), int)]
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        found.append(math.prod(max(1, int(number)) for number in re.findall(r"[{,]\s*(\d+)", pattern)))
    return max([*found, *map(_most_repeated, schema.values())], default=0)


def _new_grammar(model: NativeModel, grammar: str) -> Any:
    made = llama_cpp.llama_sampler_init_grammar(model.vocab, grammar.encode(errors="replace"), b"root")
    if not made:
        raise EngineError(
            "the grammar cannot be read: GBNF with a rule named root, without left recursion, is expected"
        )
    return made


def _new_chain(request: GenerationRequest) -> Any:
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    parts = [llama_cpp.llama_sampler_init_top_k(request.top_k)] if request.top_k else []
    parts += [
        llama_cpp.llama_sampler_init_top_p(request.top_p, 1),
        llama_cpp.llama_sampler_init_min_p(request.min_p, 1),
        llama_cpp.llama_sampler_init_temp(request.temperature),
        llama_cpp.llama_sampler_init_dist(request.seed % _SEEDS),
    ]
    for part in parts:
        llama_cpp.llama_sampler_chain_add(chain, part)
    return chain
