"""Whether the text of an abstract can become a control token of the writer."""

from pathlib import Path

import llama_cpp

from service.llm.worker.native import NativeModel

_CONTROL = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN


def reachable_controls(path: Path) -> tuple[list[str], int]:
    """Control tokens that text gives when it is read as abstracts are, and how many there are in all.

    Raises:
        ModelError: the file is no model.
    """
    model = NativeModel(path, vocab_only=True)
    controls = {
        token: llama_cpp.llama_vocab_get_text(model.vocab, token).decode("utf-8", errors="replace")
        for token in range(model.n_vocab)
        if int(llama_cpp.llama_vocab_get_attr(model.vocab, token)) & _CONTROL
    }
    reached = [
        text
        for token, text in controls.items()
        if any(token in model.tokenize(form) for form in (text, f"a {text} b", f"a{text}b"))
    ]
    return reached, len(controls)
