"""Prompts as the chat templates of eight families make them, each written here to do what the published one does.

What is put in is content that would break a prompt if it were taken for more than text. The vocabulary is that of the
shipped writer: most of what begins and ends a turn elsewhere is plain text here.
"""

from typing import NamedTuple

import llama_cpp
import pytest

from service.llm.worker.native import NativeModel
from service.ports import Message
from tests.llm.test_chat import Compile, compile_template, is_control, model

__all__ = ["compile_template", "model"]

SYSTEM = "Answer from the abstracts."
USER = "Title: {{ A }} {% B %}\nAbstract: It costs 5 %.  Twice."


class Family(NamedTuple):
    """A family of models, its template, and the prompts that it makes without and with instructions of the system."""

    name: str
    template: str
    user_alone: str
    with_system: str


_TURNS_OF_QWEN = """
{%- if messages[0].role != 'system' and default %}{{ '<|im_start|>system\n' + default + '<|im_end|>\n' }}{% endif %}
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\n' + message['content'] + '<|im_end|>' + '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""

QWEN_25 = Family(
    "Qwen 2.5: says who it is where nobody says otherwise",
    "{%- set default = 'You are a helpful assistant.' %}" + _TURNS_OF_QWEN,
    f"<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n{USER}<|im_end|>\n"
    "<|im_start|>assistant\n",
    f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{USER}<|im_end|>\n<|im_start|>assistant\n",
)

QWEN_3 = Family(
    "Qwen 3: a thought that is over before it begins, where it is not to think",
    "{%- set default = '' %}"
    + _TURNS_OF_QWEN
    + "{%- if add_generation_prompt and enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}",
    f"<|im_start|>user\n{USER}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
    f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{USER}<|im_end|>\n"
    "<|im_start|>assistant\n<think>\n\n</think>\n\n",
)

LLAMA_3 = Family(
    "Llama 3: headers, messages without space around them",
    """
{%- for message in messages %}
    {%- set turn = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' %}
    {{- turn + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}""",
    f"<|start_header_id|>user<|end_header_id|>\n\n{USER}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    f"<|start_header_id|>system<|end_header_id|>\n\n{SYSTEM}<|eot_id|>"
    f"<|start_header_id|>user<|end_header_id|>\n\n{USER}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
)

GEMMA = Family(
    "Gemma 2: refuses a system, calls itself model",
    """
{%- if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('roles must alternate') }}
    {%- endif %}
    {%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
    {{- '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}""",
    f"<start_of_turn>user\n{USER}<end_of_turn>\n<start_of_turn>model\n",
    f"<start_of_turn>user\n{SYSTEM}\n\n{USER}<end_of_turn>\n<start_of_turn>model\n",
)

MISTRAL = Family(
    "Mistral 7B: the system stands in what the user says, and turns alternate",
    """
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] + '\n\n' %}{% set rest = messages[1:] %}
{%- else %}{% set system = '' %}{% set rest = messages %}{% endif %}
{%- for message in rest %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('roles must alternate') }}
    {%- endif %}
    {%- set before = system if loop.first else '' %}
    {%- if message['role'] == 'user' %}{{ ' [INST] ' + before + message['content'] + ' [/INST]' }}
    {%- else %}{{ ' ' + message['content'] + eos_token }}{% endif %}
{%- endfor %}""",
    f" [INST] {USER} [/INST]",
    f" [INST] {SYSTEM}\n\n{USER} [/INST]",
)

PHI_3 = Family(
    "Phi 3: a line of its own for what begins a turn",
    """
{%- for message in messages %}
    {%- if message['role'] in ('system', 'user', 'assistant') %}
        {{- '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}""",
    f"<|user|>\n{USER}<|end|>\n<|assistant|>\n",
    f"<|system|>\n{SYSTEM}<|end|>\n<|user|>\n{USER}<|end|>\n<|assistant|>\n",
)

GRANITE = Family(
    "Granite 4: roles between two marks, an answer that is not a thought",
    """
{%- for message in messages %}
    {{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] + '<|end_of_text|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}""",
    f"<|start_of_role|>user<|end_of_role|>{USER}<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>",
    f"<|start_of_role|>system<|end_of_role|>{SYSTEM}<|end_of_text|>\n"
    f"<|start_of_role|>user<|end_of_role|>{USER}<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>",
)

DEEPSEEK = Family(
    "DeepSeek R1: gathers the system first, and gives what stands behind a thought back without it",
    """
{%- set found = namespace(system='') %}
{%- for message in messages if message['role'] == 'system' %}{% set found.system = message['content'] %}{% endfor %}
{{- found.system }}
{%- for message in messages %}
    {%- if message['role'] == 'user' %}{{ '<\uff5cUser\uff5c>' + message['content'] }}
    {%- elif message['role'] == 'assistant' %}
        {{- '<\uff5cAssistant\uff5c>' + message['content'].split('</think>')[-1] }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<\uff5cAssistant\uff5c>' }}{% endif %}""",
    f"<\uff5cUser\uff5c>{USER}<\uff5cAssistant\uff5c>",
    f"{SYSTEM}<\uff5cUser\uff5c>{USER}<\uff5cAssistant\uff5c>",
)

FAMILIES = (QWEN_25, QWEN_3, LLAMA_3, GEMMA, MISTRAL, PHI_3, GRANITE, DEEPSEEK)


def prompt_of(model: NativeModel, tokens: list[int]) -> str:
    """The prompt with its control tokens; what this model's own texts begin with is left out."""
    texts = [
        llama_cpp.llama_vocab_get_text(model.vocab, token) if is_control(model, token) else model.piece(token)
        for token in tokens
    ]
    return b"".join(texts).decode().removeprefix("<|bos|>")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name.split(":")[0])
def test_a_prompt_stands_as_the_family_was_trained_on(
    model: NativeModel, compile_template: Compile, family: Family
) -> None:
    template = compile_template(family.template)
    alone = template.tokens([Message("user", USER)])
    both = template.tokens([Message("system", SYSTEM), Message("user", USER)])
    assert prompt_of(model, alone) == family.user_alone
    assert prompt_of(model, both) == family.with_system


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name.split(":")[0])
def test_instructions_come_first_so_that_papers_share_them(
    model: NativeModel, compile_template: Compile, family: Family
) -> None:
    template = compile_template(family.template)
    first, second = (
        template.tokens([Message("system", SYSTEM), Message("user", f"Title: {title}")]) for title in ("Abc", "Xyz")
    )
    shared = next(place for place, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    assert SYSTEM in prompt_of(model, first[:shared])
