"""One small file of each format that is text, written here, with the same paper in it."""

import json
from collections.abc import Iterator

TITLE = "Sparse Adapters for Dense Problems"
ABSTRACT = (
    "We study adapters of large models. On twelve tasks they reach 97.3% of full fine-tuning with few parameters."
)

ATOM = f"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom">
<title>arXiv Query</title><entry><id>http://arxiv.org/abs/2404.12345v2</id><published>2024-04-05T10:00:00Z</published>
<title>{TITLE}</title><summary> {ABSTRACT}
</summary><author><name>Ada Lovelace</name></author><author><name>Charles Babbage</name></author>
<arxiv:doi>10.1000/ABC</arxiv:doi><category term="cs.CL"/><category term="cs.LG"/></entry></feed>"""
RSS = f"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel>
<title>cs.CL updates on arXiv.org</title><link>http://rss.arxiv.org/rss/cs.CL</link>
<pubDate>Tue, 09 Apr 2024 00:00:00 -0400</pubDate>
<item><title>{TITLE}</title><link>https://arxiv.org/abs/2404.12345</link>
<description>arXiv:2404.12345v1 Announce Type: new
Abstract: {ABSTRACT}</description><guid isPermaLink="false">oai:arXiv.org:2404.12345v1</guid>
<category>cs.CL</category><category>cs.LG</category><arxiv:announce_type>new</arxiv:announce_type>
<dc:creator>Ada Lovelace, Charles Babbage</dc:creator></item></channel></rss>"""
OAI = f"""<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2024-04-10T01:00:00Z</responseDate><ListRecords>
<record><header><identifier>oai:arXiv.org:2404.12345</identifier><datestamp>2024-04-09</datestamp></header>
<metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>2404.12345</id>
<version version="v1"><date>Fri, 5 Apr 2024 10:00:00 GMT</date></version><title>{TITLE}</title>
<authors>Ada Lovelace (London), and Charles Babbage</authors><categories>cs.CL cs.LG</categories>
<abstract>  {ABSTRACT}
</abstract></arXivRaw></metadata></record></ListRecords></OAI-PMH>"""
SNAPSHOT = json.dumps(
    {
        "id": "2404.12345", "submitter": "A", "authors": "Ada Lovelace and Charles Babbage", "title": TITLE,
        "comments": "8 pages", "doi": None, "categories": "cs.CL cs.LG", "abstract": f"  {ABSTRACT}\n",
        "versions": [{"version": "v1", "created": "Fri, 5 Apr 2024 10:00:00 GMT"},
                     {"version": "v2", "created": "Mon, 6 May 2024 10:00:00 GMT"}],
        "update_date": "2024-05-07", "authors_parsed": [["Lovelace", "Ada", ""], ["Babbage", "Charles", ""]],
    }
)  # fmt: skip
DAILY = json.dumps(
    [
        {
            "paper": {
                "id": "2404.12345", "title": TITLE, "summary": ABSTRACT, "upvotes": 7, "publishedAt": "2024-04-05",
                "submittedOnDailyAt": "2024-04-09T03:00:00Z", "discussionId": "0",
                "authors": [{"name": "Ada Lovelace"}, {"name": "Charles Babbage", "hidden": True}],
            },
            "publishedAt": "2024-04-09T03:00:00Z", "numComments": 2,
        }
    ]
)  # fmt: skip
SCHOLAR = json.dumps(
    {
        "total": 1, "token": None,
        "data": [{"paperId": "0" * 40, "externalIds": {"ArXiv": "2404.12345", "DOI": "10.1000/ABC"}, "title": TITLE,
                  "abstract": ABSTRACT, "year": 2024, "publicationDate": "2024-04-05",
                  "authors": [{"name": "Ada Lovelace"}, {"name": "Charles Babbage"}]}],
    }
)  # fmt: skip
NOTES = json.dumps(
    {
        "notes": [{"id": "n1", "forum": "f1", "cdate": 1712311200000,
                   "content": {"title": {"value": TITLE}, "abstract": {"value": ABSTRACT},
                               "authors": {"value": ["Ada Lovelace", "Charles Babbage"]}, "TLDR": {"value": "Good."}}}]
    }
)  # fmt: skip
CSL = json.dumps(
    [
        {
            "id": "1", "type": "article", "title": TITLE, "abstract": ABSTRACT, "DOI": "10.1000/ABC",
            "issued": {"date-parts": [["2024", 4, 5]]}, "URL": "http://arxiv.org/abs/2404.12345",
            "author": [{"family": "Lovelace", "given": "Ada"}, {"family": "Babbage", "given": "Charles"}],
        }
    ]
)  # fmt: skip
JSONL = json.dumps(
    {"id": "2404.12345v2", "title": TITLE, "abstract": ABSTRACT, "authors": "Ada Lovelace, Charles Babbage"}
)
BIBTEX = f"""@string{{here = "Nowhere"}}
@misc{{lovelace2024sparse,
  title = {{{{Sparse}} Adapters for {{Dense Problems}}}},
  author = {{Lovelace, Ada and Babbage, Charles}},
  eprint = {{2404.12345}}, archiveprefix = {{arXiv}}, date = {{2024-04-05}}, publisher = here,
  abstract = {{{ABSTRACT.replace("%", chr(92) + "%")}}}
}}
"""
RIS = f"""TY  - JOUR
TI  - {TITLE}
AU  - Lovelace, Ada
AU  - Babbage, Charles
AB  - {ABSTRACT}
DO  - 10.1000/ABC
PY  - 2024/04/05/
UR  - https://arxiv.org/abs/2404.12345
ER  -
"""
TABLE = (
    f'Title,"Abstract Note",Author,Date,DOI,Url\n"{TITLE}","{ABSTRACT}","Ada Lovelace; Charles Babbage",2024-04-05,,\n'
)
PLAIN = f"{TITLE}\n\nAbstract: {ABSTRACT}\n"
PAGE = f"new\n\nbyAK and the research community\n\n{TITLE}\n\n{ABSTRACT}\n"

FILES = {
    "arxiv-atom": ATOM,
    "arxiv-rss": RSS,
    "arxiv-oai": OAI,
    "arxiv-snapshot": SNAPSHOT,
    "hf": DAILY,
    "s2": SCHOLAR,
    "venue": NOTES,
    "csl": CSL,
    "jsonl": JSONL,
    "bibtex": BIBTEX,
    "ris": RIS,
    "table": TABLE,
    "plain": PLAIN,
    "page": PAGE,
}
XML = ("arxiv-atom", "arxiv-rss", "arxiv-oai")
JSON = ("hf", "s2", "venue", "csl", "jsonl", "arxiv-snapshot")
_BIBTEX_TITLE = "{{Sparse} Adapters for {Dense Problems}}"


def with_values(name: str, values: dict[str, str]) -> str:
    """The file of a format with other texts in place of some of its own, as its syntax writes them."""
    text = FILES[name]
    for old, new in values.items():
        if name in JSON:
            text = text.replace(old, json.dumps(new)[1:-1])
        elif name in XML:
            text = text.replace(old, new.replace("&", "&amp;").replace("<", "&lt;"))
        elif name == "table":
            text = text.replace(old, new.replace('"', '""'))
        elif name == "bibtex" and old in (TITLE, ABSTRACT):
            written = _BIBTEX_TITLE if old == TITLE else ABSTRACT.replace("%", "\\%")
            text = text.replace(written, written if new == old else f"{{{new}}}" if old == TITLE else new)
        else:
            text = text.replace(old, new)
    return text


# What stands before and behind the records of a file, and between them.
_AROUND = {
    "arxiv-atom": ("<entry>", "</entry>", "\n"),
    "arxiv-rss": ("<item>", "</item>", "\n"),
    "arxiv-oai": ("<record>", "</record>", "\n"),
    "hf": ('{"paper"', '"numComments": 2}', ",\n"),
    "s2": ('{"paperId"', '"Charles Babbage"}]}', ",\n"),
    "venue": ('{"id"', '{"value": "Good."}}}', ",\n"),
    "csl": ('{"id"', '"given": "Charles"}]}', ",\n"),
    "arxiv-snapshot": ("{", '"Charles", ""]]}', "\n"),
    "jsonl": ("{", '"}', "\n"),
    "bibtex": ("@misc", "\n}", "\n"),
    "ris": ("TY  - ", "ER  -", "\n"),
    "table": (f'"{TITLE}"', "2024-04-05,,", "\n"),
    "page": (TITLE, ABSTRACT, "\n\n"),
}
SEVERAL = tuple(_AROUND)
"""Formats of which a file may have any number of records."""


def repeated(name: str, count: int) -> Iterator[str]:
    """The file of a format with its record so many times, in pieces; each title has the number of its record."""
    begin, end, between = _AROUND[name]
    before, _, rest = FILES[name].partition(begin)
    inner, _, after = rest.rpartition(end)
    for number in range(count):
        record = f"{begin}{inner}{end}".replace("Dense", f"{number} Dense")
        yield f"{between if number else before}{record}"
    yield f"{after}\n"
