"""Requests as summaries of the sample papers make them, for the writer that ships."""

from functools import cache

from eval.questions import sample_papers
from service.answer.prompts import Prompt, load_prompt
from service.ports import Choice, Choices, GenerationRequest
from service.resources import models_folder, prompts_folder
from service.sentences import sentences

SHIPPED = models_folder() / "paperboy-writer-trial-f16.gguf"
_FAMILY = "paperlm"
_LEAST, _MOST = 5, 20
"""Sentences of an abstract that is taken."""
_LONGEST = 2_500
"""Characters of such an abstract: prompt and answer fit the writer's 2,048 tokens."""
_QUOTED = 3


@cache
def abstracts() -> list[tuple[str, tuple[str, ...]]]:
    """Titles and sentences of the sample papers, without those that are very short or long."""
    papers = sample_papers()
    cut = [(paper.title, tuple(sentences(paper.abstract))) for paper in papers if len(paper.abstract) <= _LONGEST]
    return [(title, parts) for title, parts in cut if _LEAST <= len(set(parts)) == len(parts) <= _MOST]


def copying_requests(first: int, count: int) -> list[GenerationRequest]:
    """Free summaries of some papers, which this writer takes from the abstract nearly word for word."""
    prompt = _prompt("paragraph-free")
    return [
        GenerationRequest(prompt.messages(title=title, sentences=prompt.sentences(parts)), max_tokens=prompt.max_tokens)
        for title, parts in _some(first, count)
    ]


def quoting_requests(first: int, count: int) -> list[GenerationRequest]:
    """Summaries of three sentences out of all that an abstract has."""
    prompt = _prompt("paragraph")
    return [
        GenerationRequest(
            prompt.messages(title=title, sentences=prompt.sentences(parts)),
            choices=Choices(
                tuple(Choice(part, number) for number, part in enumerate(parts)), minimum=_QUOTED, maximum=_QUOTED
            ),
            lead=prompt.lead,
        )
        for title, parts in _some(first, count)
    ]


@cache
def _prompt(task: str) -> Prompt:
    return load_prompt(prompts_folder(), _FAMILY, task)


def _some(first: int, count: int) -> list[tuple[str, tuple[str, ...]]]:
    known = abstracts()
    return [known[number % len(known)] for number in range(first, first + count)]
