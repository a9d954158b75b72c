"""Grammars that would hang or crash llama.cpp's reader are found before it gets them.

It reads parentheses by recursion, takes the difference of `{3,1}` for a huge number, and finds left recursion only
where nothing stands before the rule: behind a part that may be empty it expands for ever and takes all memory.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.errors import EngineError

_LONGEST = 250_000
"""Characters: llama.cpp takes a second for as many in the worst case, in which the others wait."""
_DEEPEST = 1_000
"""Parentheses inside each other; at 20,000 llama.cpp ran out of stack."""
_TEXT = re.compile(r'"(?:\\.|[^"\\])*"?|\[(?:\\.|[^\]\\])*\]?|#[^\n]*', re.DOTALL)
"""Literals, classes of characters, and remarks: parentheses and braces in them mean nothing."""
_HEAD = re.compile(r"([A-Za-z0-9-]+)\s*::=")
_PART = re.compile(r"[A-Za-z0-9-]+|[()|*+?\"'.]|<[^>]*>|\{[^}]*\}")


def check_grammar(grammar: str) -> None:
    """Refuse what must not reach llama.cpp; whether the rest can be read, it says itself.

    Raises:
        EngineError: too large, a repetition that cannot be, or left recursion.
    """
    bare = without_texts(grammar)
    depth = deepest = 0
    for character in bare:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if len(grammar) > _LONGEST or deepest > _DEEPEST:
        raise EngineError(
            f"the grammar is too large: {len(grammar):,} characters and {deepest:,} parentheses inside each other, "
            f"at most {_LONGEST:,} and {_DEEPEST:,}"
        )
    for least, most in re.findall(r"\{\s*(\d{1,18})\s*,\s*(\d{1,18})\s*\}", bare):
        if int(least) > int(most):
            raise EngineError(f"the grammar cannot be read: {{{least},{most}}} is a repetition that cannot be")
    name = _left_recursive(bare)
    if name:
        raise EngineError(f"the grammar cannot be read: rule {name[:80]} begins with itself (left recursion)")


def without_texts(grammar: str) -> str:
    """A grammar without remarks, its texts and classes replaced by `"`, an empty text by `'`."""
    return _TEXT.sub(lambda found: "" if found[0][0] == "#" else "'" if found[0] == '""' else '"', grammar)


@dataclass
class _Sequence:
    """What was read of alternatives: the rules that they may begin with, and whether they may be empty."""

    firsts: set[str] = field(default_factory=set)
    other_empty: bool = False
    empty: bool = True
    """Of the alternative being read."""
    before: bool = True
    """The same without its last part."""

    def add(self, firsts: set[str], *, empty: bool) -> None:
        self.before = self.empty
        if self.empty:
            self.firsts |= firsts
        self.empty = self.empty and empty


def _left_recursive(bare: str) -> str | None:
    """The name of a rule that begins with itself, through whatever may be empty before it."""
    heads = list(_HEAD.finditer(bare))
    ends = [*(head.start() for head in heads), len(bare)][1:]
    bodies = {head[1]: _PART.findall(bare[head.end() : end]) for head, end in zip(heads, ends, strict=True)}
    users: dict[str, set[str]] = defaultdict(set)
    for name, parts in bodies.items():
        for part in parts:
            if part in bodies:
                users[part].add(name)
    empty: set[str] = set()
    waiting = set(bodies)
    while waiting:
        found = {name for name in waiting - empty if _read(bodies[name], empty).empty}
        empty |= found
        waiting = {user for name in found for user in users[name]}
    return _on_a_circle({name: _read(parts, empty).firsts & set(bodies) for name, parts in bodies.items()})


def _read(parts: list[str], empty: set[str]) -> _Sequence:
    """One rule, where these others may be empty."""
    outer = [_Sequence()]
    for part in parts:
        now = outer[-1]
        if part == "(":
            outer.append(_Sequence())
        elif part == ")" and len(outer) > 1:
            inner = outer.pop()
            outer[-1].add(inner.firsts, empty=inner.other_empty or inner.empty)
        elif part == "|":
            now.other_empty, now.empty, now.before = now.other_empty or now.empty, True, True
        elif part in "*?" or re.match(r"\{\s*0+\s*[,}]", part):
            now.empty = now.before
        elif part == "'" or part in empty:
            now.add({part}, empty=True)
        elif part != "+" and part[0] != "{":
            now.add({part}, empty=False)
    outer[0].empty = outer[0].empty or outer[0].other_empty
    return outer[0]


def _on_a_circle(following: Mapping[str, set[str]]) -> str | None:
    """A node from which a way leads back to it."""
    done: set[str] = set()
    for start in following:
        way, on_way = [(start, iter(following[start]))], {start}
        while way:
            name, others = way[-1]
            other = next((found for found in others if found not in done), None)
            if other is None:
                done.add(name)
                on_way.discard(name)
                way.pop()
            elif other in on_way:
                return other
            else:
                on_way.add(other)
                way.append((other, iter(following[other])))
    return None
