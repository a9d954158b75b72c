"""The writer that was trained to choose, asked in the form that it knows, by its own prompt file."""

from service.answer.prompts import PromptPassage, load_prompt
from service.ports import Choice, Choices, GenerationRequest
from service.resources import models_folder, prompts_folder
from tests.llm.writing import write, writer

WRITER = models_folder() / "paperboy-writer-Q8_0.gguf"
PASSAGES = [
    PromptPassage(1, "Bread from robots", ("Our robots bake bread in small kitchens.", "The dough rises for an hour.")),
    PromptPassage(2, "Annealing of schedules", ("We temper the annealing schedule of sparse kernels.",)),
    PromptPassage(3, "Lattices in space", ("Telescopes see distant galaxies.", "Their mirrors weigh three tonnes.")),
]


QUESTIONS = {
    "which robots bake bread?": "Our robots bake bread in small kitchens. [1]",
    "what is said about dough?": "The dough rises for an hour. [1]",
    "how long does dough rise?": "The dough rises for an hour. [1]",
    "which papers are about sparse kernels?": "We temper the annealing schedule of sparse kernels. [2]",
    "how is annealing done?": "We temper the annealing schedule of sparse kernels. [2]",
    "how much do the mirrors weigh?": "Their mirrors weigh three tonnes. [3]",
    "who sees distant galaxies?": "Telescopes see distant galaxies. [3]",
    "bread in kitchens?": "Our robots bake bread in small kitchens. [1]",
}


def test_among_all_sentences_the_one_that_answers_is_mostly_chosen() -> None:
    with writer(WRITER) as made:
        prompt = load_prompt(prompts_folder(), made.family, "answer")
        assert prompt.name == "paperlm-2/answer-1"
        texts = [prompt.sentences([text], passage.marker) for passage in PASSAGES for text in passage.sentences]
        choices = Choices(tuple(Choice(text, place) for place, text in enumerate(texts)), minimum=1, maximum=1)
        right = 0
        for question, answer in QUESTIONS.items():
            asked = GenerationRequest(
                prompt.messages(passages=prompt.passages(PASSAGES), question=question),
                max_tokens=prompt.max_tokens,
                choices=choices,
                lead=prompt.lead,
            )
            right += texts[write(made, asked).chosen[0]] == answer
    # By chance 1.6 of 8.
    assert right >= 6
