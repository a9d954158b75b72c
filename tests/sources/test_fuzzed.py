"""Every parser on inputs that hypothesis makes: bytes, changed real files, sound documents with hostile values.

`PARSER_EXAMPLES` sets how many inputs of each kind a parser is given; a third of 100,000 takes half an hour a parser.
PDF files are in `test_pdf.py`: their reader is a process of its own.
"""

import codecs
import gzip
import itertools
import json
import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sources import read_path
from tests.sources import written
from tests.sources.conftest import many_inputs, recorded_files
from tests.sources.fuzzing import HangError, Watch, deadline, parse, sound

FORMATS = sorted(written.FILES)


@pytest.mark.parametrize("name", FORMATS)
def test_no_bytes_are_an_exception(name: str) -> None:
    watch = Watch(name)

    @given(st.binary(max_size=400))
    @many_inputs
    def check(data: bytes) -> None:
        watch.parse(data)

    check()


PIECES = st.sampled_from(
    ["\0", "\ufeff", "\u202e", "\u2028", "\U000e0041", "\r", "\n", "\n\n", "\t", '"', "'", "<", ">", "]]>", "<!--",
     "&", "&x;", "{", "}", "[", "]", ",", ":", "\\", "\\u0000", "\\ud800", "null", "1e999", "9" * 400, "-", "@",
     "@misc{a,", "@string{", "TY  - JOUR", "ER  - ", "AB  - ", "$", "\\alpha", "%", "2024-13-45", "9999-12-31",
     "<entry>", "</entry>", "<item/>", "<record>", "<!DOCTYPE a>", "javascript:alert(1)", "x" * 500, "é", "漢字",
     "Abstract", "Title:"]
)  # fmt: skip
CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES | st.text(max_size=8)), max_size=6
)  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_no_change_of_a_sound_file_is_an_exception(name: str) -> None:
    watch, files = Watch(name), [written.FILES[name], *recorded_files(name)]

    @given(st.sampled_from(files), CHANGES, st.floats(0, 1) | st.none())
    @many_inputs
    def check(text: str, changes: list[tuple[float, int, str]], cut: float | None) -> None:
        for share, length, piece in changes:
            place = round(share * len(text))
            text = text[:place] + piece + text[place + length :]
        kept = text if cut is None else text[: round(cut * len(text))]
        watch.parse(kept.encode("utf-8", errors="surrogatepass"))

    check()


HOSTILE_TEXTS = st.sampled_from(
    ["\u202eright to left\u202c", "\u2066isolated\u2069", "zero\u200bwidth", "\U000e0041\U000e0042", "bell\u0007",
     "\x1b[31m", "a\r\nBcc: all@example.org", "a\nSubject: b", "<script>alert(1)</script>", "<b>bold</b>", "&lt;b&gt;",
     "&amp;amp;", "<jats:p>We.</jats:p>", "x" * 20_000, "word " * 4_000, "\\frac{" * 50, "$" * 99, "$\\alpha$",
     "{" * 200, "\\\\", "{{7*7}}", "${x}", "%s%n", "<|im_end|>", "\ud800", "\ufdd0", "\uffff",
     "e" + "\u0301" * 500, "😀" * 50, "", "Title\u2028with\u2029ends", "=cmd|' /C calc'!A0",
     "]]>", "-->", "@article{b,", "ER  - \nTY  - JOUR", '"', '",,"', "\t"]
) | st.text(max_size=60)  # fmt: skip
DATES = st.sampled_from(
    ["9999-12-31", f"{date.today().year + 3}-01-01", "0000-00-00", "2024-02-30", "1e9", "-1", "2024", "24-4-5",
     "2024-04-05T99:99:99Z", "yesterday", "9" * 5_000]
) | st.dates().map(str)  # fmt: skip
IDS = st.sampled_from(
    ["javascript:alert(1)", "../../etc/passwd", "' OR 1=1 --", "urn:isbn:123", "12.3", "hep-th/9901001v3",
     "2404.99999v0", "arXiv:2404.12345v999999999999", "http://[", "https://evil.example/\nx", "10.1000/" + "x" * 3_000,
     "", "\0"]
) | st.text(max_size=30)  # fmt: skip
HOSTILE = st.fixed_dictionaries(
    {},
    optional={
        written.TITLE: HOSTILE_TEXTS,
        written.ABSTRACT: HOSTILE_TEXTS,
        "Ada Lovelace": HOSTILE_TEXTS,
        "cs.CL": HOSTILE_TEXTS,
        "2404.12345": IDS,
        "10.1000/ABC": IDS,
        "2024-04-05": DATES,
    },
)
DOCTYPE = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
MARKS = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
ENCODINGS = st.sampled_from(["utf-8"] * 8 + ["utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7"])
ENDS = st.sampled_from(["\n"] * 4 + ["\r\n", "\r", "\n\n", " \n", ""])


@pytest.mark.parametrize("name", FORMATS)
def test_no_hostile_value_in_a_sound_document_is_an_exception(name: str) -> None:
    watch = Watch(name)

    @given(HOSTILE, st.integers(1, 3), ENDS, ENCODINGS, st.booleans(), st.booleans())
    @many_inputs
    def check(values: dict[str, str], copies: int, end: str, encoding: str, marked: bool, bomb: bool) -> None:
        text = (written.with_values(name, values) + "\n") * copies
        if name in written.XML and bomb:
            text = text.replace("?>", f"?>{DOCTYPE}", 1).replace("</title>", "&b;&c;</title>")
        data = text.replace("\n", end).encode(encoding, errors="replace")
        watch.parse((MARKS.get(encoding, b"") if marked else b"") + data)

    check()


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | PIECES | HOSTILE_TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["value", "name", "given", "family", "date-parts", "created", "DOI"]), inner)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("name", written.JSON)
def test_values_of_any_type_in_any_field_are_no_exception(name: str) -> None:
    watch, document = Watch(name), json.loads(written.FILES[name])
    record = next((document[key][0] for key in ("data", "notes") if key in document), document) if isinstance(
        document, dict
    ) else document[0]  # fmt: skip

    @given(st.dictionaries(st.sampled_from(sorted(record) + sorted(record.get("paper", {}))), VALUES))
    @many_inputs
    def check(values: dict[str, object]) -> None:
        inner = {**record["paper"], **values} if "paper" in record else {}
        changed = {**record, **({"paper": inner} if inner else values)}
        watch.parse(json.dumps([changed]))

    check()


@given(st.binary(max_size=300), st.booleans())
@many_inputs
def test_whatever_a_file_is_it_is_read_or_listed(data: bytes, packed: bool) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(gzip.compress(data) if packed else data)
        file.flush()
        with deadline():
            sound(list(read_path(Path(file.name))))


@pytest.mark.parametrize("name", FORMATS)
def test_a_document_with_its_own_values_written_in_again_has_its_paper(name: str) -> None:
    values = {value: value for value in (written.TITLE, written.ABSTRACT, "Ada Lovelace", "2404.12345", "2024-04-05")}
    assert parse(name, written.with_values(name, values)) == parse(name, written.FILES[name])


def test_a_parser_that_hangs_is_noticed() -> None:
    with pytest.raises(HangError), deadline(0.05):
        any(number < 0 for number in itertools.count())


def test_a_parser_that_keeps_its_inputs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytes] = []

    def keeping(_name: str, data: bytes) -> list[object]:
        kept.append(bytes(bytearray(data)))
        return []

    monkeypatch.setattr("tests.sources.fuzzing.parse", keeping)
    watch = Watch("plain")

    def many() -> None:
        for _ in range(1_000):
            watch.parse(b"x" * 10_000)

    with pytest.raises(AssertionError, match="bytes stay"):
        many()
