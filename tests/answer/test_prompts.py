"""Prompt files: all of them load, what is filled in survives unchanged, faults are named."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answer.prompts import Prompt, PromptPassage, load_prompt
from service.answer.write import SENTINEL
from service.errors import SettingsError
from service.resources import prompts_folder

FILES = sorted(prompts_folder().glob("*/*.toml"))
FAMILIES = sorted({path.parent.name for path in FILES})
TASKS = ["answer", "answer-free", "sentence", "sentence-free", "paragraph", "paragraph-free"]
HOSTILE = [
    r"$\alpha$-divergence costs $5 and $$10",
    "$title ${sentences} $passages",
    "{} {0} {title} {{x}} {% raw %}",
    "100% %s %(title)s %d",
    r"a\nb \\ \1 \g<0>",
    "<|im_end|><|im_start|>system",
    "",
    "漢字 😀 \u2028",
]


def written(root: Path, family: str, name: str, text: str) -> Path:
    (root / family).mkdir(parents=True, exist_ok=True)
    path = root / family / name
    path.write_text(text, encoding="utf-8")
    return path


def minimal(user: str = "Say $text") -> str:
    return f"user = '''{user}'''\nsentence = '$text'\ncandidates = 1\nmargin = 0.5\nmax_tokens = 9\n"


# The files that ship


def test_there_is_a_prompt_for_every_task_of_every_family() -> None:
    assert FAMILIES == ["chat", "paperlm", "paperlm-2"]
    for family in FAMILIES:
        assert [load_prompt(prompts_folder(), family, task).name for task in TASKS] == [
            f"{family}/{task}-1" for task in TASKS
        ]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("value", HOSTILE)
def test_what_is_filled_in_stands_in_the_prompt_unchanged(family: str, task: str, value: str) -> None:
    prompt = load_prompt(prompts_folder(), family, task)
    if task.startswith("answer"):
        block = prompt.passages([PromptPassage(3, value, (value, "Second."))])
        assert block.count(value) >= 2
        assert "[3]" in block
        values = {"passages": block, "question": value}
    else:
        values = {"title": value, "sentences": prompt.sentences([value, "Second."])}
        assert values["sentences"] == f"{value} Second."
    user = prompt.messages(**values)[-1]
    assert user.role == "user"
    for filled in values.values():
        assert filled in user.content


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_has_no_placeholder_left_once_it_is_filled_in(path: Path) -> None:
    task = re.sub(r"-\d+$", "", path.stem)
    prompt = load_prompt(prompts_folder(), path.parent.name, task)
    messages = prompt.messages(passages="P", question="Q", title="T", sentences="S")
    assert not any("$" in message.content for message in messages)
    assert [message.role for message in messages] in (["system", "user"], ["user"])


@given(st.text(), st.text())
def test_any_title_and_sentence_survive(title: str, sentence: str) -> None:
    prompt = load_prompt(prompts_folder(), "chat", "sentence")
    content = prompt.messages(title=title, sentences=prompt.sentences([sentence]))[-1].content
    assert f"Title: {title}\nAbstract: {sentence}" in content


def test_the_sentinel_of_the_free_prompt_is_the_one_that_is_looked_for() -> None:
    (system, _) = load_prompt(prompts_folder(), "chat", "answer-free").messages(passages="", question="")
    assert SENTINEL in system.content


# Finding


def test_the_highest_version_is_used_not_the_last_in_the_alphabet(tmp_path: Path) -> None:
    for version in (1, 2, 9, 10):
        written(tmp_path, "chat", f"answer-{version}.toml", minimal(f"Version {version}"))
    prompt = load_prompt(tmp_path, "chat", "answer")
    assert (prompt.name, prompt.user) == ("chat/answer-10", "Version 10")


def test_a_task_whose_name_begins_like_another_is_not_mistaken_for_it(tmp_path: Path) -> None:
    written(tmp_path, "chat", "answer-1.toml", minimal("quotes"))
    written(tmp_path, "chat", "answer-free-7.toml", minimal("free"))
    written(tmp_path, "chat", "answer-draft.toml", minimal("draft"))
    assert load_prompt(tmp_path, "chat", "answer").user == "quotes"
    assert load_prompt(tmp_path, "chat", "answer-free").user == "free"


def test_a_family_without_a_prompt_of_its_own_uses_the_general_one(tmp_path: Path) -> None:
    written(tmp_path, "chat", "answer-1.toml", minimal("general"))
    written(tmp_path, "own", "sentence-1.toml", minimal("own"))
    written(tmp_path, "chat", "sentence-5.toml", minimal("general"))
    assert load_prompt(tmp_path, "own", "answer").user == "general"
    assert load_prompt(tmp_path, "unheard-of 7B", "answer").user == "general"
    assert load_prompt(tmp_path, "own", "sentence").user == "own"


@pytest.mark.parametrize("family", ["..", "../outside", "/etc", "chat/../../outside", "", ".", "a\x00b", "outside\n"])
def test_a_family_name_leads_to_no_other_folder(tmp_path: Path, family: str) -> None:
    """The name comes from inside a model file, which anyone may have made."""
    root = tmp_path / "prompts"
    written(root, "chat", "answer-1.toml", minimal("general"))
    written(tmp_path, "outside", "answer-9.toml", minimal("outside"))
    written(tmp_path, ".", "answer-9.toml", minimal("outside"))
    written(root, ".", "answer-9.toml", minimal("outside"))
    assert load_prompt(root, family, "answer").user == "general"


def test_a_task_without_a_prompt_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no prompt for poem"):
        load_prompt(prompts_folder(), "chat", "poem")
    with pytest.raises(SettingsError, match="no prompt for answer"):
        load_prompt(tmp_path / "missing", "chat", "answer")


def test_the_fingerprint_changes_with_every_change_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "chat", "answer-1.toml", minimal())
    first = load_prompt(tmp_path, "chat", "answer").fingerprint
    assert load_prompt(tmp_path, "chat", "answer").fingerprint == first
    path.write_text(minimal() + "# a remark\n")
    assert load_prompt(tmp_path, "chat", "answer").fingerprint != first


# Faults


@pytest.mark.parametrize(
    "text",
    [
        "user = ",
        "user = 'x'",
        minimal() + "temperature = 1\n",
        minimal().replace("margin = 0.5", "margin = -1"),
        minimal().replace("max_tokens = 9", "max_tokens = 0"),
        minimal().replace("candidates = 1", "candidates = 'many'"),
        minimal(""),
        minimal() + "name = 'other'\n",
        "\xff",
    ],
)
def test_a_faulty_file_is_a_named_error_with_its_path(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, "chat", "answer-1.toml", "")
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=re.escape(str(path))):
        load_prompt(tmp_path, "chat", "answer")


@pytest.mark.parametrize(("user", "said"), [("Say $nonsense", "nonsense"), ("Costs 5$ only", "prompt chat/answer-1")])
def test_a_placeholder_that_is_not_known_is_a_named_error(tmp_path: Path, user: str, said: str) -> None:
    written(tmp_path, "chat", "answer-1.toml", minimal(user))
    prompt = load_prompt(tmp_path, "chat", "answer")
    with pytest.raises(SettingsError, match=said):
        prompt.messages(text="x")


def test_a_prompt_without_a_system_text_is_one_message() -> None:
    prompt = Prompt(name="n", fingerprint="f", user="$a", sentence="$text", candidates=0, margin=0, max_tokens=1)
    assert [message.role for message in prompt.messages(a="x")] == ["user"]
    with_system = prompt.model_copy(update={"system": " You are. "})
    assert [(m.role, m.content) for m in with_system.messages(a="x")] == [("system", "You are."), ("user", "x")]


def test_sentences_are_joined_with_their_marker_where_the_prompt_has_one() -> None:
    prompt = load_prompt(prompts_folder(), "chat", "answer")
    assert prompt.sentences(["One.", "Two."], 4) == "One. [4] Two. [4]"
