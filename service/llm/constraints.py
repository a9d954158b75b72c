"""Writing restricted to whole texts: a token trie per step, and the rules about which text may come next."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from service.ports import Choices


@dataclass
class TrieNode:
    """One position in the trie; `option` is the text that ends here."""

    children: dict[int, "TrieNode"] = field(default_factory=dict)
    option: int | None = None


def build_trie(tokenized: Sequence[tuple[int, Sequence[int]]]) -> TrieNode:
    """A trie of (option, tokens)."""
    root = TrieNode()
    for option, tokens in tokenized:
        node = root
        for token in tokens:
            node = node.children.setdefault(token, TrieNode())
        node.option = option
    return root


class ChoiceState:
    """Which texts may be written next, and whether writing may end."""

    def __init__(self, choices: Choices) -> None:
        """Check the rules.

        Raises:
            ValueError: they leave nothing to write, or two texts are equal.
        """
        texts = [option.text for option in choices.options]
        if not texts or choices.minimum > choices.maximum or choices.per_group < 1:
            raise ValueError("nothing can be written under these rules")
        if len(set(texts)) != len(texts):
            raise ValueError("two texts are equal")
        self._choices = choices
        self._groups = sorted({option.group for option in choices.options})
        self.chosen: list[int] = []

    def available(self) -> list[int]:
        """Indices of the options that may come next."""
        if len(self.chosen) >= self._choices.maximum:
            return []
        used = [self._choices.options[index].group for index in self.chosen]
        if self._choices.ordered:
            waiting = [group for group in self._groups if group not in used]
            allowed = set(waiting[:1])
        else:
            allowed = {group for group in self._groups if used.count(group) < self._choices.per_group}
        return [
            index
            for index, option in enumerate(self._choices.options)
            if index not in self.chosen and option.group in allowed
        ]

    def may_end(self) -> bool:
        """Whether the text may end here; with `ordered`, only after every group."""
        if self._choices.ordered:
            return not self.available()
        return len(self.chosen) >= self._choices.minimum

    def take(self, option: int) -> None:
        """Note that an option was written."""
        self.chosen.append(option)
