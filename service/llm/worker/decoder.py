"""A llama.cpp context with many sequences: one batch per step, for each sequence cells of its own.

llama.cpp computes sequences of a batch together only where their numbers follow each other without a gap, and first one
token of each, then what is left; so tokens are put in by ascending sequence.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from service.errors import EngineError
from service.llm.worker.native import NativeModel, new_context

Logits = NDArray[np.float32]

_ABORTED = 2
BATCH_TOKENS = 512
"""Tokens that are computed at once, and tokens of prompts in a step. More at once are no faster on a processor, and a
new request waits for the end of the step."""
_CELL_BLOCK = 256
"""llama.cpp rounds the cells of a sequence up to this."""
CACHE_TYPES = {"f16": llama_cpp.GGML_TYPE_F16, "q8_0": llama_cpp.GGML_TYPE_Q8_0, "q4_0": llama_cpp.GGML_TYPE_Q4_0}


class Place(NamedTuple):
    """Where logits of a sequence stand: place in the batch and row of the first."""

    batch: int
    row: int
    ahead: Sequence[int] = ()
    """Tokens, each the best one of its turn, that `Decoder.go_on` has computed since the batch was put together."""


class InterruptedStepError(EngineError):
    """The step was interrupted; what its sequences hold of it is not known, and has to be cut."""


class Decoder:
    """Computes batches of tokens of several sequences."""

    def __init__(
        self,
        model: NativeModel,
        *,
        cells: int,
        sequences: int,
        outputs: int,
        threads: int,
        cache_type: str = "f16",
        flash_attention: bool | None = None,
    ) -> None:
        """Make a context.

        Args:
            model: the weights.
            cells: tokens that each sequence has room for.
            sequences: number of sequences, numbered from 0.
            outputs: positions of one step that may ask for logits.
            threads: of the processor.
            cache_type: precision of keys and values: f16, q8_0 or q4_0.
            flash_attention: `None` leaves it to llama.cpp.

        Raises:
            ModelError: it does not fit the memory.
        """
        # Beside a whole part of a prompt there is room for a token, or a draft, of everyone else.
        capacity = BATCH_TOKENS + outputs + sequences
        flash = llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO if flash_attention is None else int(flash_attention)
        self._model = model
        self._handle: Any = new_context(
            model,
            n_ctx=-(-cells // _CELL_BLOCK) * _CELL_BLOCK * sequences,
            n_batch=capacity,
            n_ubatch=BATCH_TOKENS,
            n_seq_max=sequences,
            # Reserved memory grows with it: 512 rows of a vocabulary of 152,000 are 311 MB.
            n_outputs_max=min(outputs, BATCH_TOKENS),
            n_threads=threads,
            n_threads_batch=threads,
            kv_unified=False,
            flash_attn_type=flash,
            type_k=CACHE_TYPES[cache_type],
            type_v=CACHE_TYPES[cache_type],
        )
        self._memory: Any = llama_cpp.llama_get_memory(self._handle)
        self._threads = threads
        self.outputs, self.capacity = min(outputs, BATCH_TOKENS), capacity
        self._batch_tokens: list[int] = []
        self._batch_positions: list[int] = []
        self._batch_sequences: list[int] = []
        self._batch_wanted: list[int] = []
        self._tokens = np.zeros(capacity, np.int32)
        self._positions = np.zeros(capacity, np.int32)
        self._sequences = np.zeros(capacity, np.int32)
        self._wanted = np.zeros(capacity, np.int8)
        self._ones = np.ones(capacity, np.int32)
        self._pointers = self._sequences.ctypes.data + 4 * np.arange(capacity, dtype=np.uint64)
        self._batch = self._make_batch()
        self._interrupt = (ctypes.c_char * 2)()
        self._listen_for_interrupts()
        self._n_wanted = 0
        self._best: list[int] = []
        self._address = 0
        self._rows: Logits = np.empty((0, 0), np.float32)
        """Rows of logits from their address on; only as many as were asked for are llama.cpp's."""

    def begin(self) -> None:
        """Start an empty batch."""
        self._n_wanted = 0
        for values in (self._batch_tokens, self._batch_positions, self._batch_sequences, self._batch_wanted):
            values.clear()

    def add(self, sequence: int, start: int, tokens: Sequence[int], wanted: int) -> Place:
        """Put tokens of a sequence into the batch.

        Args:
            sequence: which one.
            start: position of the first.
            tokens: as many as there is room for.
            wanted: how many of the last ones give logits.

        Returns:
            where the first position stands that gives logits.
        """
        count, row = len(tokens), self._n_wanted
        self._batch_tokens += tokens
        self._batch_positions += range(start, start + count)
        self._batch_sequences += [sequence] * count
        self._batch_wanted += [0] * (count - wanted) + [1] * wanted
        self._n_wanted += wanted
        return Place(len(self._batch_tokens) - wanted, row)

    def run(self) -> None:
        """Compute the batch.

        Raises:
            InterruptedStepError: `interrupt` was called.
            EngineError: llama.cpp failed; what the sequences hold is not known any more.
        """
        # One assignment for each array: one for each sequence took longer than all the rest of a step.
        size = self._batch.n_tokens = len(self._batch_tokens)
        self._tokens[:size] = self._batch_tokens
        self._positions[:size] = self._batch_positions
        self._sequences[:size] = self._batch_sequences
        self._wanted[:size] = self._batch_wanted
        self._compute()

    def go_on(self, most: int, may_go_on: Callable[[], bool]) -> list[list[int]]:
        """Compute the batch again and again, each time one position further and with the best tokens of the last time.

        For a batch of one token of each sequence, all with logits.

        Args:
            most: how many times at most.
            may_go_on: asked before each.

        Returns:
            the tokens of each time, in the order of the batch; before a token that ends a text it stops.

        Raises:
            EngineError: llama.cpp failed; what the sequences hold is not known any more.
        """
        size, found = self._n_wanted, list[list[int]]()
        tokens, positions = self._tokens[:size], self._positions[:size]
        while len(found) < most and may_go_on():
            best = self._rows[:size].argmax(axis=1)
            listed: list[int] = best.tolist()
            if any(map(self._model.is_end, listed)):
                break
            tokens[:] = best
            positions += 1
            found.append(listed)
            self._compute()
        return found

    def _compute(self) -> None:
        self._best = []
        status = int(llama_cpp.llama_decode(self._handle, self._batch))
        self._interrupt[0] = b"\0"
        if status == _ABORTED:
            raise InterruptedStepError("the step was interrupted")
        if status != 0:
            size = self._batch.n_tokens
            raise EngineError(f"{self._model.path.name} failed on {size} tokens (llama_decode status {status})")
        if self._n_wanted:
            self._look_at(llama_cpp.llama_get_logits(self._handle))
        else:
            # The computation may still run where nobody asks for its results.
            llama_cpp.llama_synchronize(self._handle)

    def _look_at(self, rows: Any) -> None:
        """See the rows of logits as an array; llama.cpp seldom moves them, and a new array type takes 0.1 ms."""
        address = ctypes.addressof(rows.contents)
        if address != self._address:
            self._address = address
            self._rows = np.ctypeslib.as_array(rows, shape=(self.capacity, self._model.n_vocab))

    def use_threads(self, threads: int) -> None:
        """Compute the next batches with so many threads."""
        if threads != self._threads:
            self._threads = threads
            llama_cpp.llama_set_n_threads(self._handle, threads, threads)

    def logits(self, row: int) -> Logits:
        """The logits of one row, shape (vocabulary,); until the next `run`."""
        found: Logits = self._rows[row]
        return found

    def best(self, row: int) -> int:
        """The token with the highest logit of one row; all rows are searched together."""
        if not self._best:
            self._best = self._rows[: self._n_wanted].argmax(axis=1).tolist()
        return self._best[row]

    def sample(self, sampler: object, place: int) -> int:
        """A token drawn by a llama.cpp sampler from the logits at a place of the batch."""
        return int(llama_cpp.llama_sampler_sample(sampler, self._handle, place))

    def interrupt(self) -> None:
        """Make the step that is being computed end at once, from another thread; layers on a GPU do not hear it."""
        self._interrupt[0] = b"!"

    def copy(self, source: int, target: int) -> None:
        """Give a sequence all that another has; its own is forgotten. A part cannot be copied, but cut afterwards."""
        llama_cpp.llama_memory_seq_rm(self._memory, target, -1, -1)
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def cut(self, sequence: int, length: int) -> bool:
        """Forget what a sequence has from position `length` on; False where the model cannot forget a part."""
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1))

    def clear(self) -> None:
        """Forget all sequences."""
        llama_cpp.llama_memory_clear(self._memory, True)

    def close(self) -> None:
        """Free the context; a second call does nothing."""
        if self._handle:
            llama_cpp.llama_free(self._handle)
            self._handle = None

    def _listen_for_interrupts(self) -> None:
        """Let llama.cpp ask between two operations whether to go on.

        It asks hundreds of times a step, too often for a Python function, which would also need the interpreter. So it
        is given `strlen` of the C library, and as its argument a text that is empty as long as nobody interrupts.
        """
        ask = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p).value or 0
        self._ask = llama_cpp.ggml_abort_callback(ask)
        llama_cpp.llama_set_abort_callback(self._handle, self._ask, ctypes.cast(self._interrupt, ctypes.c_void_p))

    def _make_batch(self) -> Any:
        """A `llama_batch` over our own arrays, which are filled by slices instead of element by element."""
        batch: Any = llama_cpp.llama_batch()
        int32, int8 = ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_int8)
        batch.token = self._tokens.ctypes.data_as(int32)
        batch.pos = self._positions.ctypes.data_as(int32)
        batch.n_seq_id = self._ones.ctypes.data_as(int32)
        batch.seq_id = self._pointers.ctypes.data_as(ctypes.POINTER(int32))
        batch.logits = self._wanted.ctypes.data_as(int8)
        return batch
