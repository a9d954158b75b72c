"""`python -m eval.bench [embedder|startup|nearties|lexical|filters|search|engine]`: speed, alternatives as ratios.

Without a name the first two, a minute together. `lexical` takes ten minutes; `engine` an hour, and it has options:
`engine --help`.
"""

import sys

from eval.bench import embedder, filters, lexical, nearties, search, startup

QUICK = {"embedder": embedder.main, "startup": startup.main}
BENCHES = {
    **QUICK,
    "nearties": nearties.main,
    "lexical": lexical.main,
    "filters": filters.main,
    "search": search.main,
}


def main(arguments: list[str]) -> int:
    """Run the benches named, or the quick ones."""
    if arguments[:1] == ["engine"]:
        # Not above: what it needs is loaded only where it is asked for.
        from eval.bench import engine

        return engine.main(arguments[1:])
    for name in arguments or list(QUICK):
        if name not in BENCHES:
            sys.stderr.write(f"no bench {name}: {', '.join([*BENCHES, 'engine'])}\n")
            return 2
        BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
