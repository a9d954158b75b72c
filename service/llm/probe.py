"""Load a model file and try its chat template, then end: `python -m service.llm.probe FILE`.

Run as a child by `models.make_sure_it_loads`; a crash or an endless template costs the child only.
"""

import sys
from pathlib import Path

from service.errors import ModelError
from service.llm.chat import ChatTemplate
from service.llm.native import NativeModel


def main() -> int:
    """0 if the file is a chat model that loads; else 1 with one line on stderr."""
    try:
        model = NativeModel(Path(sys.argv[1]))
        ChatTemplate(model)
        model.close()
    except ModelError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
