"""A digest whose writer is killed again and again at random moments is complete, with each paper in it once.

Sixteen kills, half of them in each way of writing, or as many as `TEST_KILLS` says (100 take about two minutes). A
digest that is done before its writer was killed so often is made again in a new home.
"""

import contextlib
import os
import shutil
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from service.library import Library
from service.llm.engine import LlamaEngine
from service.llm.process import ModelProcess
from service.settings import Mode, Settings
from service.types import Digest, Filter

KILLS = int(os.environ.get("TEST_KILLS", "16"))
SEED = int(os.environ.get("TEST_SEED", "7"))
PAPERS = 60
LONGEST_WAIT = 0.25
"""Seconds after loading or, now and then, after the start, within which a process is killed."""


class Killer:
    """Kills the writer's process at random moments, in a thread of its own."""

    def __init__(self, kills: int) -> None:
        self.left = kills
        self._random = np.random.default_rng(SEED)
        self._while_loading = 0

    def work(self, library: Library, done: threading.Event) -> None:
        """Go on until the digest is done or nothing is left to do."""
        last = 0
        while self.left and not done.wait(0.002):
            engine = library._engine
            if not isinstance(engine, LlamaEngine) or engine.pid == last:
                continue
            self._wait(engine._process, done)
            last = engine.pid
            # It may just have been closed.
            with contextlib.suppress(ProcessLookupError):
                os.kill(last, signal.SIGKILL)
                self.left -= 1

    def _wait(self, process: ModelProcess, done: threading.Event) -> None:
        """A random moment: of loading, but not many times in a row, or of writing."""
        if self._random.random() < 0.25 and self._while_loading < 3:
            self._while_loading += 1
        else:
            self._while_loading = 0
            while not (process._up and process.waiting) and not done.wait(0.002):
                pass
        done.wait(float(self._random.random()) * LONGEST_WAIT)


def digest(home: Path, mode: Mode, killer: Killer | None = None) -> Digest:
    """Make a digest of sixty papers of the sample, while its writer is being killed."""
    done = threading.Event()
    with Library.open(Settings(home=home, threads=1, context=1_024), together=True) as library:
        thread = threading.Thread(target=killer.work, args=(library, done)) if killer else None
        if thread:
            thread.start()
        try:
            dated = [paper.paper_id for paper in library.workbench().stores.catalog.select(Filter()) if paper.day]
            made, papers = library.digest("", Filter(paper_ids=tuple(sorted(dated)[:PAPERS])), mode)
        finally:
            done.set()
            if thread:
                thread.join()
    assert made.papers == len(papers) == PAPERS
    return made


@pytest.mark.parametrize("mode", ["free", "quotes"])
def test_a_digest_is_complete_however_often_its_writer_is_killed(sample_home: Path, tmp_path: Path, mode: Mode) -> None:
    killer = Killer(KILLS // 2)
    rounds = 0
    while killer.left:
        home = tmp_path / f"home-{rounds}"
        shutil.copytree(sample_home, home)
        made = digest(home, mode, killer)
        assert made.failures == (), SEED
        ids = [summary.paper_id for summary in made.summaries]
        assert len(ids) == len(set(ids)) == PAPERS
        assert all(summary.text for summary in made.summaries)
        # What was made is kept: nothing is written a second time.
        again = digest(home, mode)
        assert [summary.text for summary in again.summaries] == [summary.text for summary in made.summaries]
        rounds += 1
        assert rounds <= KILLS, "no digest lasts long enough to be killed"
