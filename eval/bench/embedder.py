"""Chunks per second of the embedder against a plain loop over `Llama.embed`, on the chunks of one sample page.

Both run in turn, seven times, with the same threads; the ratio of each pair is what counts, the machine being noisy.
The loop gives chunk vectors only; ours gives the vectors of all sentences as well, from the same pass.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from llama_cpp import Llama

from eval.data import EMBEDDER
from eval.questions import SAMPLE_PAGES
from service.index.chunking import cut_papers
from service.llm.cores import free_cores
from service.llm.embedder import LlamaEmbedder
from service.sources import read_path
from service.types import Paper

_ROUNDS = 7


def passages_of(page: Path, embedder: LlamaEmbedder) -> list[list[str]]:
    """The chunks of a page as the index embeds them: title, then sentences."""
    papers = [paper for paper in read_path(page) if isinstance(paper, Paper)]
    return [passage for cut in cut_papers(papers, embedder) for passage in cut.passages]


def main() -> None:
    """Print chunks per second of both, and the ratio."""
    threads = free_cores()
    embedder = LlamaEmbedder(EMBEDDER, threads=threads)
    passages = passages_of(sorted(SAMPLE_PAGES.iterdir())[0], embedder)
    texts = [" ".join(passage) for passage in passages]
    plain = Llama(
        str(EMBEDDER), embedding=True, n_ctx=512, n_batch=512, n_ubatch=512, n_threads=threads,
        n_threads_batch=threads, verbose=False,
    )  # fmt: skip

    def loop() -> None:
        for text in texts:
            plain.embed(text)

    ours, theirs = [], []
    for _ in range(_ROUNDS):
        ours.append(len(texts) / _seconds(lambda: embedder.embed_passages(passages)))
        theirs.append(len(texts) / _seconds(loop))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    sys.stdout.write(
        f"embedder, {len(texts)} chunks, {threads} threads, {_ROUNDS} rounds: "
        f"ours {statistics.median(ours):.1f} chunks/s with sentence vectors, "
        f"loop over Llama.embed {statistics.median(theirs):.1f} chunks/s, "
        f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})\n"
    )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
