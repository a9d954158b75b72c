"""`paperboy eval COMMAND`, or `python -m eval COMMAND`: what the figures in models.md were measured with.

What only some commands need is imported inside them, so that the others run where it is not installed.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from rich import box
from rich.console import Console as RichConsole
from rich.table import Table

from eval import answers as answering
from eval.collections import COLLECTIONS, open_sample
from eval.data import ROOT, STOCK_EMBEDDER
from eval.heldout import held_out
from eval.questions import development_questions, own_lists, own_questions
from service.console import Console
from service.errors import InputError, PaperboyError
from service.llm.embedder import LlamaEmbedder
from service.settings import Mode, load_settings

_TABLE_WIDTH = 120
"""No cell is cut, also where the output is no terminal."""
_MODES = click.Choice(["quotes", "free", "extractive"])
_SHOWN = ("recall@10", "recall@20", "recall@50", "MRR", "precision", "F1")
"""What the terminal shows beside nDCG@10."""
_work = click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=ROOT / "build" / "eval",
    help="Folder for catalogs that are kept.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--home", metavar="DIR", help="Directory of a catalog of your own, for `retrieval` and `summaries`.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only; of `retrieval`.")
@click.pass_context
def main(context: click.Context, home: str | None, as_json: bool) -> None:
    """Measure Paperboy on questions, abstracts and summaries with known answers."""
    context.obj = (home, as_json)


@main.command()
@click.option("--home", metavar="DIR", help="Measure on the papers of this catalog.")
@click.option("--set", "names", metavar="NAME", multiple=True, help="What to ask, see above; may stand several times.")
@click.option("--collections", is_flag=True, help="The same as --set cacm --set cisi --set scifact.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="Sentences, and titles, to ask.")
@click.option(
    "--papers", type=click.IntRange(2), default=1_000, show_default=True, help="Papers to draw from the catalog."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of draws and resampling.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the reports; WORK/report.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@_work
@click.pass_obj
def retrieval(
    inherited: tuple[str | None, bool],
    /,
    home: str | None,
    names: tuple[str, ...],
    collections: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Measure how well papers are found, against BM25, MiniLM chunks, and both fused, in the same run.

    Writes report.md and report.html with nDCG@10, recall, MRR, precision and F1 of the papers an answer lists, each
    with its 95 % interval, plots, and the worst questions. `eval/README.md` says how to read them.

    \b
    Sets (--set NAME, or --set all for all that are here):
      own          the project's questions over the sample pages
      development  the 29 development questions, where PAPERS_DATA has them
      sentences    a sentence must find its paper, which lacks it
      titles       a title must find its abstract; no paper has its title
      cacm, cisi, scifact   collections, where PAPERS_DATA has them; they are
                   taken in at the first call (12 minutes)

    `sentences` and `titles` need no judgments. With --home DIR (or PAPERBOY_HOME) they are asked of your papers,
    otherwise of the sample pages. Without --set: these two with a home, `development` and `own` without.
    """  # noqa: D301 - the sign is meant for click: it leaves the lines of the list as they are
    # First of all: a missing package is better known before the measuring than after it.
    from eval import report, summary
    from eval.retrieval import Plan, run

    start = time.perf_counter()
    console = Console(as_json or inherited[1])
    settings = load_settings({"home": home or inherited[0]})
    own = settings if home or inherited[0] or "PAPERBOY_HOME" in os.environ else None
    plan = Plan(
        _sets(names, collections, own_home=own is not None),
        options["work"],
        own,
        options["limit"],
        options["papers"],
        options["seed"],
    )
    with console.progress() as progress:
        outcomes = run(plan, progress)
    summaries = summary.summarize(outcomes, plan.seed)
    source = f"the papers of {own.home}" if own else "the sample pages"
    about = f"Sets: {', '.join(plan.sets)}. Sentences and titles are taken from {source}. Seed: {plan.seed}."
    paths = report.write(options["out"] or plan.work / "report", summaries, about)
    document = summary.document(summaries, plan.seed)
    document |= {"sets": list(plan.sets), "reports": [str(path) for path in paths]}
    document["seconds"] = round(time.perf_counter() - start, 1)
    console.show(document, lambda: _show_retrieval(summaries, paths))
    return 0


@main.command()
@click.option("--mode", type=_MODES, default="quotes", show_default=True)
@click.option("--show", is_flag=True, help="Print every answer.")
@_work
def answers(mode: Mode, show: bool, work: Path) -> None:
    """Right papers, quoted support, real citations, refusals: development questions, then the project's own."""
    with open_sample(work) as library:
        for name, questions in (("development", development_questions()), ("own", [*own_questions(), *own_lists()])):
            judged = answering.evaluate(library, questions, mode)
            if show:
                for item in judged:
                    click.echo(f"\n{item.question.id} {item.question.kind}: {item.question.text}\n{item.answer.text}")
            click.echo(f"{name}: {json.dumps(answering.summary(judged), indent=1)}")


@main.command()
@click.option("--mode", type=_MODES, default="quotes", show_default=True)
@click.option("--model", metavar="PATH", help="Chat model that writes: a GGUF file or a name of `models list`.")
@click.option("--home", metavar="DIR", help="Draw the abstracts from this catalog; without it from arXiv's later ones.")
@click.option("--papers", type=click.IntRange(2), default=100, show_default=True, help="Abstracts to draw.")
@click.option("--injections", type=click.IntRange(1), default=200, show_default=True, help="Poisoned abstracts.")
@click.option("--limit", type=click.IntRange(0), default=0, help="Abstracts of SciTLDR dev for ROUGE; 619 for all.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of draws and resampling.")
@click.option("--compare", type=click.Path(path_type=Path, exists=True), help="What changed since a --json of before.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the reports; WORK/summaries.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@_work
@click.pass_obj
def summaries(
    inherited: tuple[str | None, bool], /, home: str | None, mode: Mode, compare: Path | None, **options: Any
) -> int:
    """Examine what is written: summaries of abstracts, held-out or your own, changed, poisoned and missing evidence.

    Writes report.md and report.html. `--compare eval/baseline.json` says what changed. Status 1: an injected
    instruction was followed, or a control token of the model can be reached from text.
    """
    from eval import summaries as summarizing
    from eval import writing_report

    console = Console(options["as_json"] or inherited[1])
    own = home or inherited[0] or os.environ.get("PAPERBOY_HOME")
    settings = load_settings({"writer": options["model"], "home": own})
    result = summarizing.examine(settings, mode, summarizing.own_abstracts(settings) if own else held_out, options)
    rouge = summarizing.on_scitldr(settings, mode, options["limit"]) if options["limit"] else None
    source = f"of {own}" if own else "held out"
    about = f"Mode {mode}, writer {settings.writer}, {options['papers']} abstracts {source}, seed {options['seed']}."
    paths = writing_report.write(options["out"] or options["work"] / "summaries", result, rouge, about)
    figures = writing_report.document(result, rouge)
    changed = list(writing_report.changes(writing_report.read(compare), figures)) if compare else []
    document = {"figures": figures, "changes": changed, "reports": [str(path) for path in paths]}
    console.show(document, lambda: _show_writing(result, rouge, changed, paths))
    return 0 if result.safe else 1


@main.command()
@click.option("--judge", "model", type=click.Path(path_type=Path, exists=True), help="GGUF of a judge to examine, too.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of edits and resampling.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the reports; WORK/judge.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@_work
@click.pass_obj
def judge(
    inherited: tuple[str | None, bool], model: Path | None, seed: int, out: Path | None, as_json: bool, work: Path
) -> int:
    """Examine the claim check on human labels and on edits of abstracts that it never saw.

    Writes report.md and report.html: balanced accuracy and ROC-AUC with 95 % intervals for each set, thresholds from
    other data, which kinds of error are noticed, and whether the probability can be believed. Needs PAPERS_DATA and
    WordNet. Status 1: the judge of --judge is worse than the built-in one.
    """
    from eval import judge_report, judging
    from service.checking import terms

    console = Console(as_json or inherited[1])
    result = judging.measure(terms, seed, judging.second_opinion(model) if model else None)
    about = f"Edits and resampling: seed {seed}." + (f" Judge model: {model.name}." if model else "")
    paths = judge_report.write(out or work / "judge", result, about)
    document = judge_report.document(result) | {"passed": result.passed, "reports": [str(path) for path in paths]}
    console.show(document, lambda: _show_judge(result, paths))
    return 0 if result.passed else 1


@main.command("precision")
@click.option(
    "--reference", type=click.Path(path_type=Path, exists=True), help="Folder of the published float32 model."
)
@click.option("--write", is_flag=True, help="Keep the reference vectors for the tests.")
def precision_of_embedder(reference: Path | None, write: bool) -> None:
    """Cosine of the quantized embedder with the same model in float32, on 100 texts."""
    from eval import precision

    inputs = precision.texts()
    wanted = precision.reference_vectors(reference, inputs) if reference else precision.kept_vectors()
    if write:
        np.savez_compressed(precision.KEPT, vectors=wanted.astype(np.float16))
    embedder = LlamaEmbedder(STOCK_EMBEDDER)
    cosines = [float(embedder.embed_query(text) @ vector) for text, vector in zip(inputs, wanted, strict=True)]
    click.echo(f"{len(cosines)} texts: cosine at least {min(cosines):.5f}, mean {sum(cosines) / len(cosines):.5f}")


def _print_rows(rows: Sequence[NamedTuple]) -> None:
    table = Table()
    for field in rows[0]._fields if rows else ():
        table.add_column(field)
    for row in rows:
        table.add_row(*("–" if value is None else str(value) for value in row))
    _wide().print(table)


def _wide() -> RichConsole:
    return RichConsole(width=max(_TABLE_WIDTH, RichConsole().width), highlight=False)


def _sets(names: Sequence[str], collections: bool, *, own_home: bool) -> list[str]:
    """The sets to ask, in the order of `SETS`.

    Raises:
        InputError: one is not known.
    """
    from eval.retrieval import SETS, has_data

    for name in names:
        if name not in (*SETS, "all"):
            raise InputError(f"--set {name}: known are {', '.join(SETS)}, and all")
    wanted = {*names, *(COLLECTIONS if collections else ())}
    if "all" in wanted:
        wanted |= {name for name in SETS if has_data(name)}
    if not wanted:
        wanted = {"sentences", "titles"} if own_home else {n for n in ("development", "own") if has_data(n)}
    return [name for name in SETS if name in wanted]


def _show_retrieval(summaries: Sequence[Any], paths: Sequence[Path]) -> None:
    from eval.retrieval import MEASURES

    shown = [MEASURES.index(name) for name in _SHOWN]
    table = Table("kind", "n", "system", "nDCG@10", "95 %", *_SHOWN, box=box.SIMPLE, collapse_padding=True)
    for column in table.columns:
        column.no_wrap = True
    for summary in summaries:
        for number, (system, row) in enumerate(summary.means.items()):
            first = (summary.kind, str(summary.questions)) if number == 0 else ("", "")
            spread = "–" if row[0].low is None else f"{row[0].low:.2f} to {row[0].high:.2f}"
            means = ["–" if row[n] is None else f"{row[n].mean:.3f}" for n in shown]
            table.add_row(*first, system, f"{row[0].mean:.3f}", spread, *means)
        table.add_section()
    _wide().print(table)
    click.echo("All intervals, paired differences, plots, and the worst questions:")
    for path in paths:
        click.echo(f"  {path}")


def _show_writing(result: Any, rouge: Any, changed: Sequence[Sequence[str]], paths: Sequence[Path]) -> None:
    table = Table("measure", *(written.length for written in result.written), box=box.SIMPLE)
    for name in result.written[0].values:
        table.add_row(name, *(str(written.values[name] or "–") for written in result.written))
    trials = Table("trial", "times", "passed", box=box.SIMPLE)
    for trial in result.trials:
        trials.add_row(trial.name, str(trial.trials), str(trial.passed or "–"))
    _wide().print(table, trials)
    if rouge:
        _print_rows([rouge])
    for name, before, after, what in changed:
        click.echo(f"{name}: {before} before, {after} now, {what}")
    click.echo("\n".join(["Plots and what went wrong:", *(f"  {path}" for path in paths)]))


def _show_judge(result: Any, paths: Sequence[Path]) -> None:
    table = Table("set", "n", "judge", "balanced accuracy", "ROC-AUC", box=box.SIMPLE)
    for row in result.measured:
        table.add_row(row.set, str(row.summaries), row.judge, str(row.accuracy), str(row.auc))
    kinds = Table("what was changed", "n", "noticed", "noticed unseen", box=box.SIMPLE)
    for row in result.kinds:
        kinds.add_row(row.kind, str(row.claims), str(row.noticed), str(row.noticed_unseen))
    _wide().print(table, kinds)
    for name, value in result.differences:
        click.echo(f"{name}: {value}")
    click.echo("\n".join(["Plots and published figures:", *(f"  {path}" for path in paths)]))


def run_commands() -> None:
    """Run a command: status 0 done, 1 some items failed, 2 not served, with one line that says why."""
    try:
        status = main(prog_name="paperboy eval", standalone_mode=False)
    except click.ClickException as error:
        status = _refuse(error.format_message())
    except PaperboyError as error:
        status = _refuse(str(error))
    except ModuleNotFoundError as error:
        status = _refuse(f"the package {error.name} is not installed; `make setup-dev` in {ROOT} installs it")
    except OSError as error:
        status = _refuse(f"reading or writing failed ({error}); --work and --out say where")
    except (click.Abort, KeyboardInterrupt):
        status = _refuse("interrupted", 130)
    sys.exit(status if isinstance(status, int) else 0)


def _refuse(message: str, status: int = 2) -> int:
    click.echo(f"paperboy eval: {' '.join(message.split())}", err=True)
    return status


if __name__ == "__main__":
    run_commands()
