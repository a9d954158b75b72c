"""The reranker as the service sees it; the model itself is in a process of its own."""

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from service.llm.model_file import check_model_file, unchanged
from service.llm.process import Call, ModelProcess
from service.llm.wire import RerankerSpec


class LlamaReranker:
    """A cross-encoder with a rank head, such as bge-reranker-v2-m3. Safe to share between threads."""

    def __init__(self, spec: RerankerSpec) -> None:
        """Start loading a model; the first use waits for it.

        Raises:
            ModelError: the file is missing or no model file.
        """
        path = Path(spec.path)
        check_model_file(path)
        self._process = ModelProcess("reranker", spec._asdict(), name=path.name, check=unchanged(path))

    @property
    def max_tokens(self) -> int:
        """Tokens that question and text may have together, special ones included; more are cut."""
        return int(self._process.ready()["max_tokens"])

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """The logit of each text: that it answers the question.

        Raises:
            ModelError: the file is no reranker.
            EngineCrashedError: the process ended twice over these texts.
        """
        future: Future[list[float]] = Future()
        self._process.call(Call({"op": "scores", "question": question, "texts": list(texts)}, future))
        return future.result()

    def close(self) -> None:
        """End the process."""
        self._process.close()
