"""Part (e) of the engine's benchmark: decode steps in quotes mode, with given tokens fed together and one by one.

A step is a pass through the model that ends in a decision (`Generation.steps`). Without forced tokens there is one for
each token, as under a grammar. The shipped writer quotes three sentences of an abstract, any of its sentences allowed:
more choice than Paperboy's own summaries leave it, where the selector has narrowed it down before.
"""

from eval.bench.measure import Report, Row, Setup, alternate, ratios, spread
from eval.bench.papers import SHIPPED, quoting_requests
from eval.bench.workload import open_engine, writer_spec
from service.llm.engine import LlamaEngine
from service.ports import Generation, GenerationRequest

_PAPERS = 40
_PARALLEL = 4
_TIMES_FEWER = 3.0


def quotes(setup: Setup, report: Report) -> None:
    """Part (e)."""
    requests = quoting_requests(0, setup.count(_PAPERS, 10))
    forced, walking = (
        open_engine(writer_spec(SHIPPED, setup, parallel=_PARALLEL, context=2_048, forced=wanted))
        for wanted in (True, False)
    )
    made: dict[bool, list[Generation]] = {}

    def rate(engine: LlamaEngine, which: bool) -> float:
        made[which] = _write(engine, requests)
        return sum(each.output_tokens / each.seconds for each in made[which])

    try:
        pairs = alternate(setup.times(3), lambda _: rate(forced, True), lambda _: rate(walking, False))
    finally:
        forced.close()
        walking.close()
    steps = {which: sum(each.steps for each in texts) for which, texts in made.items()}
    same = sum(one.text == other.text for one, other in zip(made[True], made[False], strict=True))
    fewer = steps[False] / steps[True]
    report.add(
        Row(
            "e",
            f"quoting 3 sentences of {len(requests)} papers, forced tokens",
            f"{steps[True]:,} steps instead of {steps[False]:,} for {sum(each.output_tokens for each in made[True]):,} "
            f"tokens: {fewer:.1f} times fewer; {spread(ratios(pairs))} times as fast; {same} texts the same",
            f">= {_TIMES_FEWER:.0f} times fewer",
            fewer >= _TIMES_FEWER,
            {"steps": [steps[True], steps[False]], "pairs": pairs, "same_texts": same},
        )
    )


def _write(engine: LlamaEngine, requests: list[GenerationRequest]) -> list[Generation]:
    return [future.result() for future in [engine.submit(request) for request in requests]]
