"""What people see: tables, answers with their citations, progress on stderr. With JSON, stdout has one document."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console as RichConsole
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from service.answer import render
from service.answer.render_html import to_html
from service.contract import digest_document
from service.errors import InputError
from service.text import clean_text, counted, one_line

if TYPE_CHECKING:
    from service.answer.edition import Edition
    from service.answer.watching import Feed
    from service.doctor import DoctorReport
    from service.index.watches import Watch
    from service.newsstand import DeliveryReport
    from service.speed import Machine, Speed
    from service.types import (
        Answer,
        Claim,
        Digest,
        Failure,
        Hit,
        IngestReport,
        NearDuplicate,
        Passage,
        Summary,
        Verification,
    )

_VERDICT_STYLE = {"supported": "green", "unsupported": "red", "uncited": "yellow", "miscited": "red"}
_MANY = 20


class Console:
    """Prints for people, or one JSON document."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._out = RichConsole(highlight=False, soft_wrap=True)
        self._err = RichConsole(stderr=True, highlight=False)

    def show(self, document: Mapping[str, Any], for_people: Callable[[], None]) -> None:
        """Print the document, or call what prints for people."""
        if self.as_json:
            click.echo(json.dumps(document, ensure_ascii=False))
        else:
            for_people()

    def note(self, text: str) -> None:
        """A remark on stderr."""
        self._err.print(f"[yellow]{escape(text)}[/]")

    def line(self, text: str) -> None:
        """A line on stdout; untrusted text in it is shown as it is."""
        self._out.print(Text(text))

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, int, int], None]]:
        """A bar on stderr for each kind of work; it goes when the work is done."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._err, transient=True, disable=not self._err.is_terminal) as bars:
            tasks: dict[str, Any] = {}

            def update(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(what)
                bars.update(tasks[what], completed=done, total=total or None)

            yield update

    def write_file(self, path: Path, text: str) -> None:
        """Write a file whole or not at all; a link is followed, a device or a pipe is written to and never replaced.

        Raises:
            InputError: it cannot be written.
        """
        try:
            if path.exists() and not path.is_file():
                path.write_text(text, encoding="utf-8")
                return
            target = Path(os.path.realpath(path))
            unfinished = target.with_name(f".{target.name}.unfinished")
            try:
                unfinished.write_text(text, encoding="utf-8")
                unfinished.replace(target)
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from None

    def ingest_report(self, report: IngestReport) -> None:
        """What an ingest did."""
        self.line(
            f"{report.papers} papers in the catalog: {report.added} added, {report.updated} updated, "
            f"{report.unchanged} unchanged, {report.duplicates} duplicates merged, in {report.seconds:.1f} s."
        )
        for pair in report.near_duplicates[:_MANY]:
            self.note(near_duplicate_text(pair))
        if len(report.near_duplicates) > _MANY:
            self.note(f"… and {len(report.near_duplicates) - _MANY} more such pairs; `paperboy doctor` counts them.")
        self._failures(report.failures)

    def hits(self, hits: Sequence[Hit]) -> None:
        """Search results."""
        if not hits:
            self.note("no paper fits")
        for rank, hit in enumerate(hits, start=1):
            self._out.print(Text.assemble((f"{rank:2} ", "dim"), (hit.paper.title, "bold")))
            self._out.print(Text(f"   {render.facts(hit.paper)}", style="dim"))
            self._out.print(Text(f"   {hit.quote.text}"))

    def answer(self, answer: Answer) -> None:
        """An answer: of a list each paper with its reason, else claims with markers and then the papers."""
        if answer.abstained:
            self._out.print(Text(answer.text, style="yellow"))
            return
        if answer.kind == "list":
            self._papers_with_reasons(answer)
        else:
            # Several papers with their dates and authors are told by their entries below.
            if answer.kind != "metadata" or len(answer.claims) == 1:
                for claim in answer.claims:
                    self._claim(claim)
                self._out.print()
            for passage in answer.passages:
                self._paper(passage)
        made = answer.provenance
        searched = f"searched {made.searched} papers, judged {made.judged}, listed {made.listed}"
        writer = f"{made.engine} ({made.mode})" if made.mode != "extractive" else "no language model"
        self._out.print()
        self._out.print(Text(f"{searched} · {writer} · {made.seconds:.2f} s", style="dim"))

    def _papers_with_reasons(self, answer: Answer) -> None:
        """Each paper of a list with what was written about it."""
        for passage in answer.passages:
            self._paper(passage)
            for claim in answer.claims:
                if claim.citations[:1] == (passage.marker,):
                    self._claim(claim, indent="    ")
        for claim in answer.claims:
            if not claim.citations:
                self._claim(claim)

    def _paper(self, passage: Passage) -> None:
        paper = passage.hit.paper
        facts = render.facts(paper)
        relevance = f" · relevance {passage.hit.score:.2f}" if passage.hit.score < 1 else ""
        self._out.print(Text.assemble((f"[{passage.marker}] ", "cyan"), (paper.title, "bold")))
        self._out.print(Text(f"    {facts}{relevance}", style="dim"))

    def summary(self, summary: Summary) -> None:
        """A summary under the paper's title."""
        if summary.title:
            self._out.print(Text(summary.title, style="bold"))
        if all(claim.verdict == "supported" for claim in summary.claims):
            self.line(summary.text)
        else:
            for claim in summary.claims:
                self._claim(claim)

    def digest(self, digest: Digest, text: str, out: Path | None) -> None:
        """The digest, or where it was written."""
        if out is None:
            click.echo(text, nl=False)
        else:
            self.line(f"{out}: {len(digest.summaries)} of {digest.papers} papers of {digest.day}.")
        self._failures(digest.failures)

    def deliveries(self, report: DeliveryReport) -> None:
        """Who got a digest, and who did not."""
        count = counted(report.papers, "paper")
        for outcome in report.outcomes:
            if outcome.result in ("sent", "already"):
                before = " before" if outcome.result == "already" else ""
                self.line(f"{outcome.recipient} got the digest of {report.day}{before} ({count}).")
        for path in report.written:
            self.line(f"{path} has the message ({count} of {report.day}).")
        if not report.outcomes and not report.written:
            self.line(f"The digest of {report.day} is made ({count}); nobody is to get it.")
        self._failures(report.problems())

    def watches(self, watches: Sequence[Watch], feeds: Sequence[Feed], *, quiet: bool) -> None:
        """Saved questions, with the papers that are new."""
        papers = {feed.watch.number: feed.papers for feed in feeds}
        for one in watches:
            new = [found for found in papers.get(one.number, ()) if found.new]
            count = "" if quiet else f" ({len(new) or 'nothing'} new)"
            self._out.print(Text.assemble((f"{one.number:2} ", "dim"), (one.question, "bold"), count))
            for found in new:
                self._out.print(Text(f"   {found.paper.title}"))
                self._out.print(Text(f"   {found.quote}", style="dim"))
        if not watches:
            self.line('No question is saved: paperboy watch "which papers …"')

    def verification(self, verification: Verification) -> None:
        """Each claim with its verdict."""
        for claim in verification.claims:
            self._claim(claim)
        word = "faithful" if verification.faithful else "not faithful"
        self.line(f"{word}, score {verification.score:.2f}")

    def models(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Known models."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading, justify in (
            ("name", "left"),
            ("here", "left"),
            ("file", "right"),
            ("memory", "right"),
            ("licence", "left"),
        ):
            table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for row in rows:
            here = Text("yes", style="green") if row["path"] else Text("no", style="dim")
            size, memory = f"{row['size'] / 2**20:,.0f} MiB", f"{row['memory_gib']:.1f} GiB"
            table.add_row(row["name"], here, size, memory, row["licence"])
        self._out.print(table)
        self.line("Fetch one with `paperboy models pull NAME`, use it with `--model NAME`; models.md says more.")

    def speeds(self, machine: Machine, speeds: Sequence[Speed]) -> None:
        """How fast writers are."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("writer", "first token", "tokens/s", "together", "summaries/h"):
            table.add_column(heading, justify="left" if heading == "writer" else "right", no_wrap=True)
        for speed in speeds:
            about = "" if speed.measured else "~"
            table.add_row(
                speed.name,
                f"{about}{speed.first_token_seconds:.2f} s",
                f"{about}{speed.tokens_per_second:,.0f}",
                f"{about}{speed.together_tokens_per_second:,.0f}",
                f"{about}{speed.summaries_per_hour:,.0f}",
                style="" if speed.measured else "dim",
            )
        self._out.print(table)
        self.line(
            f"This machine reads {machine.read_gb:.0f} GB/s and multiplies at {machine.multiply_gflops:.0f} GFLOP/s; "
            "what has a ~ is worked out from that and the size of the file. Together: many requests at a time, the "
            "reading of their prompts included."
        )

    def model_checks(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """What is wrong with which model file."""
        for row in rows:
            mark = Text(row["problem"], style="red") if row["problem"] else Text("sound", style="green")
            self._out.print(Text.assemble(f"{row['name']}: ", mark, (f"  {row['path']}", "dim")))

    def doctor(self, report: DoctorReport) -> None:
        """The state of the home directory and of the machine."""
        for name, value in report.facts:
            self._out.print(Text.assemble((f"{name:<12}", "dim"), value))
        for problem in report.problems:
            self._out.print(Text(problem, style="red"))
        for action in report.mended:
            self._out.print(Text(action, style="yellow"))
        if report.sound:
            self._out.print(Text("All is well.", style="green"))

    def _claim(self, claim: Claim, indent: str = "") -> None:
        markers = " ".join(f"[{marker}]" for marker in claim.citations)
        # The text of a claim to verify comes from any file and may hold control characters.
        line = Text(clean_text(claim.text))
        if markers:
            line.append(f" {markers}", style="cyan")
        if claim.verdict != "supported":
            reason = f" ({claim.reason})" if claim.reason else ""
            line.append(f"  {claim.verdict.value}{reason}", style=_VERDICT_STYLE[claim.verdict])
        self._out.print(Padding(line, (0, 0, 0, len(indent))), soft_wrap=False)

    def _failures(self, failures: Sequence[Failure]) -> None:
        for failure in failures[:_MANY]:
            self._err.print(Text(f"{failure.where}: {failure.reason}", style="red"))
        if len(failures) > _MANY:
            self._err.print(Text(f"… and {len(failures) - _MANY} more; --json lists them all.", style="red"))


def near_duplicate_text(pair: NearDuplicate) -> str:
    """What a person is told about two papers of nearly one abstract."""
    return (
        f"nearly the same abstract ({pair.resemblance:.0%}): {pair.first} “{one_line(pair.first_title, 60)}” and "
        f"{pair.second} “{one_line(pair.second_title, 60)}”; both are kept"
    )


def digest_text(form: str, edition: Edition) -> str:
    """A digest in one of the formats of `paperboy digest`."""
    if form == "json":
        return json.dumps(digest_document(edition.digest), ensure_ascii=False, indent=1) + "\n"
    made = {"html": to_html, "atom": render.to_atom, "txt": render.to_text}
    return made.get(form, render.to_markdown)(edition)
