"""A choice between whole texts, put to a chat server as a question about numbers.

A server cannot be held to a token trie from outside. It can be held to a JSON schema: one member per place, whose
value is the number of one of the texts that may stand there. What comes back is checked by the same rules as ever.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from service.errors import EngineError
from service.llm.constraints import ChoiceState
from service.ports import Choices, Message
from service.text import clean_text, one_line

_TOKENS_PER_PLACE = 48
"""A name and a number, and the white space that small models put between them under a grammar."""
_NONE = 0
"""The number for: nothing more."""


class ChoiceQuestion:
    """The places of a text, and the options for each."""

    def __init__(self, choices: Choices) -> None:
        """Lay out the places.

        Raises:
            EngineError: the rules leave nothing to write.
        """
        try:
            ChoiceState(choices)
        except ValueError as error:
            raise EngineError(f"the writer was given a choice that cannot be made: {error}") from None
        self._choices = choices
        self._places = _ordered_places(choices) if choices.ordered else _free_places(choices)
        self._open = [f"place_{number}" for number, place in enumerate(self._places, 1) if len(place) > 1]

    @property
    def forced(self) -> bool:
        """Whether there is only one text that can be written."""
        return not self._open

    @property
    def max_tokens(self) -> int:
        """Tokens that the reply may need."""
        return 16 + _TOKENS_PER_PLACE * len(self._open)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the reply."""
        return {
            "type": "object",
            "properties": {name: {"type": "integer", "enum": self._numbers(name)} for name in self._open},
            "required": self._open,
            "additionalProperties": False,
        }

    def asked(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The messages with the question behind the last thing that the user says."""
        lines = [
            "A program now writes the text for you. For each place it copies one of the sentences listed there: give "
            "the number of the one that serves the task above best. Answer with a JSON object and nothing else:",
            json.dumps(dict.fromkeys(self._open, "NUMBER")).replace('"NUMBER"', "NUMBER"),
        ]
        for name in self._open:
            lines.append(f"\n{name}:")
            lines += [self._line(number) for number in self._numbers(name)]
        question = "\n".join(lines)
        asked = list(messages)
        last = max((i for i, message in enumerate(asked) if message.role == "user"), default=None)
        if last is None:
            return *asked, Message("user", question)
        asked[last] = Message("user", f"{asked[last].content}\n\n{question}")
        return tuple(asked)

    def chosen(self, reply: str) -> tuple[int, ...]:
        """The options that a reply stands for, in the order of the text.

        Raises:
            EngineError: it is no reply to this question, or breaks a rule.
        """
        picked = self._read(reply)
        state = ChoiceState(self._choices)
        ended = False
        for number, place in enumerate(self._places, 1):
            option = picked.get(f"place_{number}", place[0])
            ended = ended or option is None
            if option is None:
                continue
            if ended or option not in state.available():
                raise EngineError(f"the endpoint chose a text that may not stand there: {one_line(reply)}")
            state.take(option)
        if not state.may_end() and state.available():
            raise EngineError(f"the endpoint chose too few texts: {one_line(reply)}")
        return tuple(state.chosen)

    def text(self, chosen: Sequence[int]) -> str:
        """The text that is made of options."""
        return " ".join(self._choices.options[index].text for index in chosen)

    def _read(self, reply: str) -> dict[str, int | None]:
        try:
            document = json.loads(reply)
        except (ValueError, RecursionError):
            raise EngineError(
                f"the endpoint did not choose by number but wrote: {one_line(reply)} (does it support JSON schemas?)"
            ) from None
        if not isinstance(document, dict) or document.keys() != set(self._open):
            raise EngineError(f"the endpoint did not fill in the places asked for: {one_line(reply)}")
        for name, number in document.items():
            # `True` and `1.0` are equal to a number that may stand here and are none.
            if type(number) is not int or number not in self._numbers(name):
                raise EngineError(f"the endpoint chose a number that was not offered: {one_line(reply)}")
        return {name: None if number == _NONE else number - 1 for name, number in document.items()}

    def _numbers(self, name: str) -> list[int]:
        place = self._places[int(re.sub(r"\D", "", name)) - 1]
        return [_NONE if index is None else index + 1 for index in place]

    def _line(self, number: int) -> str:
        if number == _NONE:
            return f"{_NONE}: (nothing more)"
        # On one line: a text with line breaks could pretend to be several options.
        return f"{number}: {clean_text(self._choices.options[number - 1].text)}"


Place = list[int | None]
"""Indices of the options that may stand at one place; `None`: the text may have ended before it."""


def _ordered_places(choices: Choices) -> list[Place]:
    groups = sorted({option.group for option in choices.options})[: choices.maximum]
    return [[i for i, option in enumerate(choices.options) if option.group == group] for group in groups]


def _free_places(choices: Choices) -> list[Place]:
    """As many places as the rules allow, each with every option: that none comes twice is checked afterwards."""
    sizes: dict[int, int] = {}
    for option in choices.options:
        sizes[option.group] = min(choices.per_group, sizes.get(option.group, 0) + 1)
    most = min(choices.maximum, sum(sizes.values()))
    everything: Place = list(range(len(choices.options)))
    return [everything if number < choices.minimum else [None, *everything] for number in range(most)]
