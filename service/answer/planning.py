"""The plan of a question: by rules, or as a capable writer proposes it, with the rules to fall back on."""

from datetime import date

from service.answer.running import Steps
from service.answer.workbench import Workbench
from service.errors import EngineError, InputError
from service.index.plan import Plan, make_plan
from service.index.plan_reply import plan_schema, read_plan
from service.ports import GenerationRequest
from service.settings import Planner


def planned(bench: Workbench, question: str, today: date, planner: Planner) -> Steps[Plan]:
    """The plan; the writer's counts only where it is sound and of this question.

    Raises:
        InputError: the question names a day that does not exist.
    """
    try:
        by_rules = make_plan(question, today)
    except ValueError as error:
        raise InputError(str(error)) from None
    if planner == "rules":
        return by_rules
    prompt = bench.prompt("plan")
    request = GenerationRequest(
        prompt.messages(question=f"Today is {today:%A}, {today.isoformat()}.\nQuestion: {question}"),
        max_tokens=prompt.max_tokens,
        seed=bench.seed,
        json_schema=plan_schema(),
    )
    try:
        made = yield request
    except EngineError:
        return by_rules
    return read_plan(made.text, question) or by_rules
