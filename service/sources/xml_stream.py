"""Untrusted XML: the elements that are records, one at a time, in constant memory.

A document type is refused (entities, and so their bombs, need one), and so is a tag or comment of more than a megabyte:
Expat reads those again with every chunk. A record that is too large or nested too deeply is passed over and said so.
"""

from collections.abc import Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from service.types import Failure

_CHUNK_BYTES = 65_536
_LONGEST_TOKEN = 2**20
_MOST_OPEN = 1_000
# Of one record.
_MOST_CHARACTERS = 2**20
_MOST_ELEMENTS = 20_000
_DEEPEST = 64


def xml_records(stream: BinaryIO, name: str, tags: frozenset[str]) -> Iterator[Element | Failure]:
    """Elements of the given names, without their namespaces, in the order in which they end.

    What is no XML ends the file with a failure; the records before it are there.

    Args:
        stream: bytes of the file.
        name: of the file.
        tags: local names of what is wanted; such an element within another is a part of it.
    """
    collector = _Collector(name, tags)
    parser = DefusedXMLParser(target=collector, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            parser.feed(chunk)
            yield from collector.take()
            collector.silent += len(chunk)
            if collector.silent > _LONGEST_TOKEN:
                yield Failure(where=name, reason=f"a tag or comment of more than {_LONGEST_TOKEN:,} bytes")
                return
        parser.close()
        yield from collector.take()
    except DefusedXmlException:
        yield from collector.take()
        yield Failure(where=name, reason="has a document type or entities, which no feed needs; not read further")
    except (ParseError, LookupError, ValueError) as error:
        yield from collector.take()
        yield Failure(where=name, reason=f"not valid XML ({error})")


class _Collector:
    """Target of the parser: builds the trees of the records and nothing else."""

    def __init__(self, name: str, tags: frozenset[str]) -> None:
        self._name, self._tags = name, tags
        self._done: list[Element | Failure] = []
        self._builder: TreeBuilder | None = None
        self._open = self._depth = self._records = self._elements = self._characters = 0
        self.silent = 0
        """Bytes since the parser said something."""

    def take(self) -> list[Element | Failure]:
        """What has been finished since the last call."""
        done, self._done = self._done, []
        return done

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.silent = 0
        self._open += 1
        if self._open > _MOST_OPEN:
            raise ValueError(f"more than {_MOST_OPEN} elements within each other")
        tag = _local(tag)
        if not self._depth:
            if tag not in self._tags:
                return
            self._builder = TreeBuilder()
            self._elements = self._characters = 0
        self._depth += 1
        self._elements += 1
        if self._fits():
            self._builder.start(tag, {_local(key): value for key, value in attributes.items()})  # type: ignore[union-attr]

    def data(self, text: str) -> None:
        self.silent = 0
        if self._depth:
            self._characters += len(text)
            if self._fits():
                self._builder.data(text)  # type: ignore[union-attr]

    def comment(self, _text: str) -> None:
        self.silent = 0

    def pi(self, _target: str, _text: str | None = None) -> None:
        self.silent = 0

    def end(self, tag: str) -> None:
        self.silent = 0
        self._open -= 1
        if not self._depth:
            return
        self._depth -= 1
        if self._fits():
            self._builder.end(_local(tag))  # type: ignore[union-attr]
        if not self._depth:
            self._finish()

    def close(self) -> None:
        """Nothing is left to do."""

    def _fits(self) -> bool:
        """Whether the record is small enough; once it is not, its builder is gone."""
        if self._elements > _MOST_ELEMENTS or self._characters > _MOST_CHARACTERS or self._depth > _DEEPEST:
            self._builder = None
        return self._builder is not None

    def _finish(self) -> None:
        self._records += 1
        if self._builder is None:
            reason = "a record that is larger or nested more deeply than any paper's"
            self._done.append(Failure(where=f"{self._name}#{self._records}", reason=reason))
        else:
            self._done.append(self._builder.close())
            self._builder = None


def child_text(element: Element, tag: str) -> str:
    """All text within the first child of a name; empty where there is none."""
    child = element.find(tag)
    return "".join(child.itertext()) if child is not None else ""


def _local(name: str) -> str:
    return name.rpartition("}")[2]
