"""`python -m eval.bench [NAME]`: speed, alternatives as ratios.

NAME is one of embedder, startup, nearties, lexical, filters, search, digest, identity; without it the first two, a
minute together. `lexical` and `digest` take ten minutes. `service`, ten minutes, `engine`, an hour, and `ingest`, two
hours, have options: `engine --help`.
"""

import sys
from importlib import import_module

from eval.bench import digest, embedder, filters, identity, lexical, nearties, search, startup

QUICK = {"embedder": embedder.main, "startup": startup.main}
BENCHES = {
    **QUICK,
    "nearties": nearties.main,
    "lexical": lexical.main,
    "filters": filters.main,
    "search": search.main,
    "digest": digest.main,
    "identity": identity.main,
}
LONG = ("engine", "ingest", "service")
"""Those with options of their own."""


def main(arguments: list[str]) -> int:
    """Run the benches named, or the quick ones."""
    if arguments and arguments[0] in LONG:
        # Not above: what they need is loaded only where they are asked for.
        return int(import_module(f"eval.bench.{arguments[0]}").main(arguments[1:]))
    for name in arguments or list(QUICK):
        if name not in BENCHES:
            sys.stderr.write(f"no bench {name}: {', '.join([*BENCHES, *LONG])}\n")
            return 2
        BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
