"""The writer through llama.cpp: one request at a time, with the prompt's common beginning kept between requests.

Restricted writing needs the model only where the trie branches: between two branches the tokens are given, so they
are fed as part of the next prompt batch and cost no sampling.
"""

import codecs
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from service.errors import EngineError, ModelError, RequestTooLargeError
from service.llm.chat import ChatTemplate
from service.llm.constraints import ChoiceState, TrieNode, build_trie
from service.llm.native import NativeModel, free_cores, new_context, supports_gpu
from service.ports import Choices, Generation, GenerationRequest, Message

_BATCH_TOKENS = 512
_LARGEST_DEFAULT_CONTEXT = 8_192

OnText = Callable[[str], None]
Logits = NDArray[np.float32]


class LlamaEngine:
    """One chat model in this process. Not safe to share between threads: the caller serializes."""

    def __init__(
        self,
        path: Path,
        *,
        fingerprint: str,
        gpu_layers: int | None = None,
        context: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Load a model.

        Args:
            path: a GGUF file with a chat template.
            fingerprint: hash of the file.
            gpu_layers: layers to offload; `None`: all that fit, where this build can.
            context: window in tokens; `None`: the model's own, at most 8,192.
            threads: processor threads; `None`: the cores that are free now.

        Raises:
            ModelError: missing, damaged, no chat model, or too large for the memory.
        """
        self._model = _load(path, gpu_layers)
        self._handle: Any = None
        try:
            self._template = ChatTemplate(self._model)
            window = min(context or _LARGEST_DEFAULT_CONTEXT, self._model.n_ctx_train)
            threads = threads or free_cores()
            self._handle = new_context(
                self._model,
                n_ctx=window,
                n_batch=_BATCH_TOKENS,
                n_ubatch=_BATCH_TOKENS,
                n_seq_max=1,
                n_threads=threads,
                n_threads_batch=threads,
            )
        except ModelError:
            self._model.close()
            raise
        self.name = path.stem
        self.family = self._model.metadata.get("general.name", "")
        self.fingerprint = fingerprint
        self.context = window
        self._memory: Any = llama_cpp.llama_get_memory(self._handle)
        self._batch = llama_cpp.llama_batch_init(_BATCH_TOKENS, 0, 1)
        self._kept: list[int] = []

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt as it would be sent."""
        return len(self._template.tokens(messages))

    def generate(self, request: GenerationRequest, on_text: OnText | None = None) -> Generation:
        """Write.

        Raises:
            RequestTooLargeError: prompt and output do not fit the context.
            EngineError: llama.cpp failed on the request.
        """
        start = time.perf_counter()
        prompt = self._template.tokens(request.messages)
        options = self._tokenized(request) if request.choices else []
        room = sum(sorted(map(len, (t for _, t in options)))[-request.choices.maximum :]) if request.choices else 0
        needed = len(prompt) + (room + 1 if request.choices else request.max_tokens)
        if needed > self.context:
            raise RequestTooLargeError(
                f"prompt and answer need {needed} tokens and {self.name} has a context of {self.context}: "
                "ask for fewer papers (-k) or use a model with a larger context"
            )
        self._reuse_prefix(prompt)
        if request.choices:
            text, chosen, written = self._write_choices(prompt, options, request.choices, on_text)
        else:
            text, written = self._write_freely(prompt, request, on_text)
            chosen = ()
        return Generation(text, chosen, len(prompt), written, time.perf_counter() - start)

    def close(self) -> None:
        """Free the model; a second call does nothing."""
        if self._handle:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._handle)
            self._handle = None
            self._model.close()

    def _reuse_prefix(self, prompt: Sequence[int]) -> None:
        """Keep what the prompt shares with the last one; at least its last token is computed anew for its logits."""
        same = 0
        for kept, new in zip(self._kept, prompt[:-1], strict=False):
            if kept != new:
                break
            same += 1
        if not llama_cpp.llama_memory_seq_rm(self._memory, 0, same, -1):
            # Recurrent models cannot forget a part.
            llama_cpp.llama_memory_clear(self._memory, True)
            same = 0
        self._kept = list(prompt[:same])

    def _feed(self, tokens: Sequence[int]) -> Logits:
        """Compute tokens behind what is kept; the logits after the last one."""
        batch = self._batch
        for begin in range(0, len(tokens), _BATCH_TOKENS):
            part = tokens[begin : begin + _BATCH_TOKENS]
            for index, token in enumerate(part):
                batch.token[index] = token
                batch.pos[index] = len(self._kept) + index
                batch.n_seq_id[index] = 1
                batch.seq_id[index][0] = 0
                batch.logits[index] = int(begin + index == len(tokens) - 1)
            batch.n_tokens = len(part)
            status = int(llama_cpp.llama_decode(self._handle, batch))
            if status != 0:
                self._kept = []
                llama_cpp.llama_memory_clear(self._memory, True)
                raise EngineError(f"{self.name} failed on {len(part)} tokens (llama_decode status {status})")
            self._kept += part
        logits: Any = llama_cpp.llama_get_logits_ith(self._handle, -1)
        return np.ctypeslib.as_array(logits, shape=(self._model.n_vocab,))

    def _write_freely(
        self, prompt: Sequence[int], request: GenerationRequest, on_text: OnText | None
    ) -> tuple[str, int]:
        sampler = _Sampler(request)
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        pending = list(prompt[len(self._kept) :])
        # What may be the beginning of a stop text is shown only when it has turned out to be none.
        held = max(map(len, request.stop), default=1) - 1
        text, shown, count = "", 0, 0
        try:
            while count < request.max_tokens:
                logits = self._feed(pending)
                token = sampler.pick(self._handle, logits)
                if self._model.is_end(token):
                    break
                count += 1
                text += decoder.decode(self._model.piece(token))
                stops = [text.find(stop) for stop in request.stop if stop in text]
                if stops:
                    text = text[: min(stops)]
                    break
                if on_text and len(text) - held > shown:
                    on_text(text[shown : len(text) - held])
                    shown = len(text) - held
                pending = [token]
        finally:
            sampler.close()
        if on_text and text[shown:]:
            on_text(text[shown:])
        return text, count

    def _tokenized(self, request: GenerationRequest) -> list[tuple[int, list[int]]]:
        options = request.choices.options if request.choices else ()
        return [(i, self._model.tokenize(request.lead + option.text)) for i, option in enumerate(options)]

    def _write_choices(
        self,
        prompt: Sequence[int],
        tokenized: list[tuple[int, list[int]]],
        choices: Choices,
        on_text: OnText | None,
    ) -> tuple[str, tuple[int, ...], int]:
        state = ChoiceState(choices)
        pending = list(prompt[len(self._kept) :])
        count = 0
        while available := state.available():
            trie = build_trie([tokenized[index] for index in available])
            option, tokens = self._walk(trie, pending, state.may_end())
            if option is None:
                break
            count += len(tokenized[option][1])
            pending = tokens
            if on_text:
                on_text((" " if state.chosen else "") + choices.options[option].text)
            state.take(option)
        text = " ".join(choices.options[index].text for index in state.chosen)
        return text, tuple(state.chosen), count

    def _walk(self, node: TrieNode, pending: list[int], may_end: bool) -> tuple[int | None, list[int]]:
        """Go down the trie, asking the model at branches only.

        Returns:
            the option reached, or `None` where the model ends the text; and the tokens that are not computed yet.
        """
        at_root = True
        while node.children:
            may_stop = may_end if at_root else node.option is not None
            if len(node.children) == 1 and not may_stop:
                token: int | None = next(iter(node.children))
            else:
                token = self._best(self._feed(pending), node, may_stop, at_root)
                pending = []
            if token is None:
                break
            pending = [*pending, token]
            node = node.children[token]
            at_root = False
        return (None if at_root else node.option), pending

    def _best(self, logits: Logits, node: TrieNode, may_stop: bool, at_root: bool) -> int | None:
        """The best allowed token; `None` where stopping is allowed and the model would rather write none of them."""
        if may_stop:
            free = int(np.argmax(logits))
            if free not in node.children and (not at_root or self._model.is_end(free)):
                return None
        allowed = list(node.children)
        return allowed[int(np.argmax(logits[allowed]))]


class _Sampler:
    """Greedy, or temperature with top-k 40 and top-p 0.95."""

    def __init__(self, request: GenerationRequest) -> None:
        self._chain: Any = None
        if request.temperature > 0:
            self._chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
            for part in (
                llama_cpp.llama_sampler_init_top_k(40),
                llama_cpp.llama_sampler_init_top_p(0.95, 1),
                llama_cpp.llama_sampler_init_temp(request.temperature),
                llama_cpp.llama_sampler_init_dist(request.seed),
            ):
                llama_cpp.llama_sampler_chain_add(self._chain, part)

    def pick(self, handle: object, logits: Logits) -> int:
        if self._chain is None:
            return int(np.argmax(logits))
        return int(llama_cpp.llama_sampler_sample(self._chain, handle, -1))

    def close(self) -> None:
        if self._chain is not None:
            llama_cpp.llama_sampler_free(self._chain)
            self._chain = None


def _load(path: Path, gpu_layers: int | None) -> NativeModel:
    """Load with the layers asked for; `None` offloads all where the build can, then half, and so on."""
    if gpu_layers is not None:
        if gpu_layers and not supports_gpu():
            raise ModelError(
                f"--gpu-layers {gpu_layers}: this llama.cpp was built without GPU support; "
                "build it with make setup GPU=cuda (or metal, vulkan)"
            )
        return NativeModel(path, gpu_layers=gpu_layers)
    layers = 999 if supports_gpu() else 0
    while layers:
        try:
            return NativeModel(path, gpu_layers=layers)
        except ModelError:
            layers = 32 if layers > 64 else layers // 2
    return NativeModel(path)
