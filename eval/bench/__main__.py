"""`python -m eval.bench [embedder|startup|nearties|engine]`: speed against named alternatives, median of ratios.

Without a name the first two, a minute together. `engine` takes an hour and has options: `engine --help`.
"""

import sys

from eval.bench import embedder, nearties, startup

QUICK = {"embedder": embedder.main, "startup": startup.main}
BENCHES = {**QUICK, "nearties": nearties.main}


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
