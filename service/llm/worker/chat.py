"""Chat prompts as tokens, with the template that the model file brings.

A message is untrusted: it may contain `<|im_end|>` or whatever this vocabulary uses. The template is rendered with a
random word in place of each message, so that control tokens are recognized in the template's own text only; the
messages are tokenized apart, as plain text.
"""

import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NoReturn

import jinja2
import llama_cpp
from jinja2.sandbox import ImmutableSandboxedEnvironment

from service.errors import ModelError
from service.llm.worker.native import REASON_LENGTH, NativeModel
from service.ports import Message
from service.text import one_line

_TEMPLATE_KEY = "tokenizer.chat_template"


class ChatTemplate:
    """The chat template of one model."""

    def __init__(self, model: NativeModel) -> None:
        """Compile and try the template.

        Raises:
            ModelError: the file has none, or it does not render.
        """
        source = model.metadata.get(_TEMPLATE_KEY)
        if not source:
            raise ModelError(
                f"{model.path.name} has no chat template, so it is no chat model: choose an instruct model, "
                "see models.md"
            )
        self._model = model
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals |= {
            "raise_exception": _raise,
            "strftime_now": lambda form: datetime.now(UTC).strftime(form),
        }
        self._variables = {
            "bos_token": _token_text(model, int(llama_cpp.llama_vocab_bos(model.vocab))),
            "eos_token": _token_text(model, int(llama_cpp.llama_vocab_eos(model.vocab))),
            "add_generation_prompt": True,
            # Models that can think before they answer are asked not to: the answer is checked, the thought is not.
            "enable_thinking": False,
        }
        try:
            self._template = environment.from_string(source)
        except Exception as error:  # noqa: BLE001 - a template is a program out of a file: it can fail in any way
            raise self._unusable(error) from None
        # The shapes that requests have, so that a template which fails on one is found while the file is tried.
        self.tokens([Message("user", "try")])
        self.tokens([Message("system", "try"), Message("user", "try")])

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of the prompt, up to where the answer begins.

        Raises:
            ModelError: the template fails on these messages or leaves one out.
        """
        try:
            return self._tokens(messages)
        except ModelError:
            # Some templates know no system role.
            others = _without_system(messages)
            if len(others) == len(messages):
                raise
            return self._tokens(others)

    def _tokens(self, messages: Sequence[Message]) -> list[int]:
        word = secrets.token_hex(8)
        slots = [{"role": m.role, "content": f"{word}n{index}e"} for index, m in enumerate(messages)]
        try:
            rendered = self._template.render(messages=slots, **self._variables)
        except Exception as error:  # noqa: BLE001 - as above
            raise self._unusable(error) from None
        parts = re.split(rf"{word}n(\d+)e", rendered)
        if {int(index) for index in parts[1::2]} != set(range(len(messages))):
            raise ModelError(f"the chat template of {self._model.path.name} leaves out what the user says")
        tokens: list[int] = []
        for position, part in enumerate(parts):
            if position % 2:
                tokens += self._model.tokenize(messages[int(part)].content)
            elif part:
                tokens += self._model.tokenize(part, special=True)
        begin = int(llama_cpp.llama_vocab_bos(self._model.vocab))
        if llama_cpp.llama_vocab_get_add_bos(self._model.vocab) and begin >= 0 and tokens[:1] != [begin]:
            tokens.insert(0, begin)
        return tokens

    def _unusable(self, error: Exception) -> ModelError:
        # The message may be the template's own: as untrusted as the rest of the file.
        reason = one_line(f"{type(error).__name__}: {error}", REASON_LENGTH)
        return ModelError(f"the chat template of {self._model.path.name} cannot be used: {reason}")


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The instructions of the system put before the first thing that the user says."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    others = [message for message in messages if message.role != "system"]
    if system and others:
        others[0] = Message(others[0].role, f"{system}\n\n{others[0].content}")
    return others


def _token_text(model: NativeModel, token: int) -> str:
    if not 0 <= token < model.n_vocab:
        return ""
    text: bytes = llama_cpp.llama_vocab_get_text(model.vocab, token)
    return text.decode("utf-8", errors="replace")


def _raise(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)
