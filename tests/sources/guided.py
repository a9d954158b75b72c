"""Gives each parser inputs that are led by its own branches: `python -m tests.sources.guided [FORMAT…] [--inputs N]`.

atheris (`pip install atheris`; for Linux and macOS) keeps the inputs that reach new code and changes them further, so
that it comes deeper into a parser than chance does, at a thousand inputs a second and more. It begins with the files of
`written` and the recorded responses. What an input must not do is what `fuzzing.Watch` looks for. Status 1: some did.

The reader of PDF files, a process of its own in earnest, is called in this one.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from unittest import mock

from service.child import module_command
from service.sources import FORMATS
from tests.sources import written
from tests.sources.fuzzing import Watch
from tests.sources.pdf_files import paper_pdf

INPUTS = 100_000
_LONGEST = 8_192
_MEMORY_MB = 2_048
_SEED = 7
# What no chance puts together from single bytes.
_WORDS = (
    "\ufeff", "\u202e", "\U000e0041", "\r\n", "\n\n", "]]>", "<!--", "-->", "<![CDATA[", "&lt;", "&#x202e;", "&x;",
    "<!DOCTYPE a>", "<!ENTITY", "<entry>", "</entry>", "<item>", "<record>", "<summary>", "<arXivRaw>", "@misc{a,",
    "@string{", "@comment{", "TY  - ", "ER  - ", "AB  - ", "T1  - ", "title", "abstract", "authors", "notes", "data",
    "\\u0000", "\\ud800", "null", "1e999", "9999-12-31", "2024-02-30", "0000-00-00", "$\\alpha$", "\\frac{", "\\%",
    "<jats:p>", "<script>", "javascript:", "Abstract", "byAK and the research community", "Mar 11", "/Kids", "endobj",
    "stream", "FlateDecode", "/Length", "/Contents",
)  # fmt: skip


def seeds(name: str) -> list[bytes]:
    """What the inputs of a format are made from."""
    # Not above: it brings all of the service along, before its parsers can be made to tell of their branches.
    from tests.sources.conftest import recorded_files

    if name == "pdf":
        return [paper_pdf(), paper_pdf(metadata="The Title", stamp="arXiv:2404.12345v2  [cs.CL]  5 Apr 2024")]
    return [text.encode()[:_LONGEST] for text in (written.FILES[name], *recorded_files(name))]


def check_of(name: str) -> Callable[[bytes], None]:
    """Parses one input of a format and raises what is wrong with what comes of it."""
    watch = Watch(name)
    if name != "pdf":
        return watch.parse

    def check(data: bytes) -> None:
        with mock.patch("service.sources.pdf.run_module", _page_here):
            watch.parse(data)

    return check


def _page_here(_module: str, path: str, **_options: object) -> "subprocess.CompletedProcess[str]":
    page = import_module("service.sources.pdf_page")
    try:
        return subprocess.CompletedProcess([], 0, json.dumps(page.read_page(path)))
    except Exception:  # noqa: BLE001 - whatever it is ends the process there and is told as "its reader failed"
        return subprocess.CompletedProcess([], 1, "")


def run(name: str, inputs: int) -> None:
    """Parse so many inputs of a format in this process, which ends with them: that is how libFuzzer works."""
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["service"]):
        import_module(f"service.sources.{FORMATS[name]}")
        import_module("service.sources.pdf_page")
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(seeds(name)):
            (corpus / str(number)).write_bytes(seed)
        words = Path(folder) / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in _WORDS))
        options = [f"-runs={inputs}", f"-seed={_SEED}", f"-max_len={_LONGEST}", f"-rss_limit_mb={_MEMORY_MB}"]
        # The input that fails is printed as well: no file of it is left behind.
        places = [f"-artifact_prefix={folder}/", f"-dict={words}", str(corpus)]
        atheris.Setup([sys.argv[0], *options, *places], check_of(name))
        atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode(errors="surrogatepass"))


def main(arguments: Sequence[str]) -> int:
    """Each format in a process of its own; 1 where one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.sources.guided", description=__doc__)
    parser.add_argument("formats", nargs="*", choices=[*sorted(FORMATS), []], metavar="FORMAT")
    parser.add_argument("--inputs", type=int, default=INPUTS, help="for each format; 100,000 without it")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.here:
        run(options.formats[0], options.inputs)
    failed = []
    for name in options.formats or sorted(FORMATS):
        command = [*module_command("tests.sources.guided"), name, "--inputs", str(options.inputs), "--here"]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
        told = [line for line in done.stderr.splitlines() if line.startswith(("Done ", "    #", "SUMMARY"))]
        sys.stdout.write(f"{name}: {told[-1] if told else 'no end'}; status {done.returncode}\n")
        if done.returncode:
            failed.append(name)
            sys.stderr.write(done.stderr[-6_000:])
        sys.stdout.flush()
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
