"""A question and a text as the one sequence of tokens that a cross-encoder reads.

Put together as llama-server does for `/rerank` (`format_prompt_rerank` in llama.cpp's server-common.cpp), but neither
of the two is searched for control tokens: an abstract that contains `<|im_end|>` must not end anything.
"""

import re

import llama_cpp

from service.errors import ModelError
from service.llm.worker.native import NativeModel

_TEMPLATE_KEY = "tokenizer.chat_template.rerank"
_QUESTION, _TEXT = "{query}", "{document}"
_SLOTS = re.compile(rf"{re.escape(_QUESTION)}|{re.escape(_TEXT)}")
_QUESTION_SHARE = 4
"""A question may have this part of the window: a longer one would leave no room for the text."""


class SeparatedPairs:
    """`[BOS] question [EOS] [SEP] text [EOS]`, of which the model's metadata say what there is: BERT, XLM-RoBERTa."""

    def __init__(self, model: NativeModel, window: int) -> None:
        """Look up the separators.

        Raises:
            ModelError: the file does not say how a question and a text are kept apart.
        """
        vocab = model.vocab
        separator = int(llama_cpp.llama_vocab_sep(vocab))
        end = int(llama_cpp.llama_vocab_eos(vocab))
        ends = [end if end >= 0 else separator] if llama_cpp.llama_vocab_get_add_eos(vocab) else []
        self._begin = [int(llama_cpp.llama_vocab_bos(vocab))] if llama_cpp.llama_vocab_get_add_bos(vocab) else []
        self._between = ends + ([separator] if llama_cpp.llama_vocab_get_add_sep(vocab) else [])
        self._end = ends
        special = {*self._begin, *self._between, *self._end}
        if not self._between or not all(0 <= token < model.n_vocab for token in special):
            raise ModelError(
                f"{model.path.name} does not say how a question and a text are put together: it has no chat template "
                'named "rerank" and no usable separator; choose another reranker, see models.md'
            )
        self._model, self._window = model, window

    def tokens(self, question: str, text: str) -> list[int]:
        """The tokens of a pair; of what exceeds the window the end is cut, first the text's."""
        asked = self._model.tokenize(question)[: self._window // _QUESTION_SHARE]
        begin = [*self._begin, *asked, *self._between]
        room = max(self._window - len(begin) - len(self._end), 0)
        return [*begin, *self._model.tokenize(text)[:room], *self._end]


class TemplatedPairs:
    """A prompt with a place for each, out of the model file: Qwen3-Reranker."""

    def __init__(self, model: NativeModel, window: int, template: str) -> None:
        """Find the control tokens of the template.

        Raises:
            ModelError: it has no place for one of the two, or leaves them no room.
        """
        self._model, self._window = model, window
        controls = sorted(_controls(model, template), key=len, reverse=True)
        # Between two control tokens llama.cpp tokenizes for itself, so in one piece, as words merge across the slots.
        self._parts = re.split(f"({'|'.join(map(re.escape, controls))})", template) if controls else [template]
        plain = "".join(self._parts[::2])
        if not (_QUESTION in plain and _TEXT in plain) or len(self._filled("", "")) > window // 2:
            raise ModelError(
                f'the chat template named "rerank" of {model.path.name} cannot be used: {_QUESTION} and {_TEXT} are '
                f"expected in it, and {window // 2} tokens at most; choose another reranker, see models.md"
            )

    def tokens(self, question: str, text: str) -> list[int]:
        """The tokens of a pair; of what exceeds the window the end is cut, first the text's."""
        asked = self._beginning(question, self._window // _QUESTION_SHARE)
        tokens, kept = self._filled(asked, text), len(self._model.tokenize(text))
        while len(tokens) > self._window and kept:
            # Cutting may change how the tokens at the cut merge, so one round is not always enough.
            kept = max(kept - (len(tokens) - self._window), 0)
            tokens = self._filled(asked, self._beginning(text, kept))
        return tokens[: self._window]

    def _filled(self, question: str, text: str) -> list[int]:
        values = {_QUESTION: question, _TEXT: text}
        tokens: list[int] = []
        for position, part in enumerate(self._parts):
            if position % 2:
                tokens += self._model.tokenize(part, special=True)
            elif part:
                tokens += self._model.tokenize(_SLOTS.sub(lambda slot: values[slot[0]], part))
        return tokens

    def _beginning(self, text: str, most: int) -> str:
        """As much of a text as has so many tokens."""
        tokens = self._model.tokenize(text)
        if len(tokens) <= most:
            return text
        return b"".join(self._model.piece(token) for token in tokens[:most]).decode("utf-8", errors="ignore")


def pairs_of(model: NativeModel, window: int) -> SeparatedPairs | TemplatedPairs:
    """How this model wants its pairs, in `window` tokens at most.

    Raises:
        ModelError: the file does not say.
    """
    template = model.metadata.get(_TEMPLATE_KEY)
    return TemplatedPairs(model, window, template) if template else SeparatedPairs(model, window)


def _controls(model: NativeModel, template: str) -> list[str]:
    """The control tokens that stand in the template."""
    control = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN
    found = []
    for token in range(model.n_vocab):
        if int(llama_cpp.llama_vocab_get_attr(model.vocab, token)) & control:
            text = llama_cpp.llama_vocab_get_text(model.vocab, token).decode("utf-8", errors="replace")
            if text and text in template:
                found.append(text)
    return found
