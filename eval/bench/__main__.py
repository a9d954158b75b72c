"""`python -m eval.bench [embedder|startup]`: speed against named alternatives, interleaved, median of ratios."""

import sys

from eval.bench import embedder, startup

BENCHES = {"embedder": embedder.main, "startup": startup.main}


def main(arguments: list[str]) -> int:
    """Run the benches named, or all."""
    for name in arguments or list(BENCHES):
        if name not in BENCHES:
            sys.stderr.write(f"no bench {name}: {', '.join(BENCHES)}\n")
            return 2
        BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
