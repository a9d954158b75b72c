"""`paperboy send`, killed at every point: whatever happens, nobody gets a digest twice, and what is unsure is told."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import Done, one_clear_line, paperboy
from tests.delivery.mail_server import PASSWORD, USER, Certificates, MailServerRun

ANN, BOB = "ann@example.org", "bob@example.org"
DAY = "2024-05-07"
# A real kill, in the process itself, before or after a row of a delivery or a look is written.
KILLED_AT = """
import os, signal, service.cli as c, service.index.deliveries as d, service.index.reader as r
of, method, state, when = {point!r}
kind = {{"delivery": d.Deliveries, "look": r.Looks}}[of]
original = getattr(kind, method)

def put(self, *given):
    hit = state in (None, str(given[-1]))
    if hit and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    original(self, *given)
    if hit and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)

setattr(kind, method, put)
c.main()
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("filled") / "home"
    papers = home.parent / "papers.jsonl"
    records = [
        {"id": f"p{number}", "title": f"Quick {number}", "abstract": f"Slow. We cut time by {number}0%.", "listed": DAY}
        for number in range(1, 4)
    ]
    papers.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert paperboy(home, "ingest", papers).status == 0
    return home


@pytest.fixture
def home(filled: Path, tmp_path: Path, mails: MailServerRun) -> Path:
    home = tmp_path / "home"
    shutil.copytree(filled, home)
    (home / "settings.toml").write_text(
        "".join(f"{name} = {json.dumps(value)}\n" for name, value in mails.settings().items())
        + f'mode = "extractive"\nmail_to = ["{ANN}"]\n'
    )
    return home


def environment(trusted: Certificates) -> dict[str, str]:
    return {"SSL_CERT_FILE": str(trusted.authority), "PAPERBOY_SMTP_PASSWORD": PASSWORD}


def send(home: Path, trusted: Certificates, *arguments: str) -> Done:
    return paperboy(home, "send", DAY, *arguments, "--json", **environment(trusted))


def killed(home: Path, trusted: Certificates, code: str, begun: Callable[[int], None] = lambda _pid: None) -> None:
    """Send, in a process that is killed on the way."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--home", str(home), "send", DAY],
        env={**os.environ, **environment(trusted)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    begun(process.pid)
    said = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, said


BEFORE_IT_LEFT = [("delivery", "put", "begun", "before")]
ON_THE_WAY = [("delivery", "put", "begun", "after")]
AFTER_IT_LEFT = [("delivery", "put", "sent", "before")]
KEPT = [("delivery", "put", "sent", "after"), ("look", "put", None, "before"), ("look", "put", None, "after")]


@pytest.mark.parametrize("point", BEFORE_IT_LEFT)
def test_killed_before_anything_is_begun_it_is_sent_the_next_time(
    home: Path, trusted: Certificates, mails: MailServerRun, point: tuple[str, ...]
) -> None:
    killed(home, trusted, KILLED_AT.format(point=point))
    assert mails.post.envelopes == []
    done = send(home, trusted)
    assert (done.status, done.document["sent"], len(mails.post.envelopes)) == (0, [ANN], 1)


@pytest.mark.parametrize(("point", "arrived"), [(ON_THE_WAY[0], 0), (AFTER_IT_LEFT[0], 1)])
def test_killed_while_it_is_handed_over_it_is_told_and_not_repeated(
    home: Path, trusted: Certificates, mails: MailServerRun, point: tuple[str, ...], arrived: int
) -> None:
    killed(home, trusted, KILLED_AT.format(point=point))
    for _ in range(2):
        done = send(home, trusted, "--to", ANN)
        assert (done.status, done.document["sent"], done.document["unsure"]) == (1, [], [ANN])
        assert "may have arrived" in done.document["failures"][0]["reason"]
        assert len(mails.post.envelopes) == arrived
    done = send(home, trusted, "--again")
    assert (done.status, done.document["sent"], len(mails.post.envelopes)) == (0, [ANN], arrived + 1)


@pytest.mark.parametrize("point", KEPT)
def test_killed_once_it_is_kept_it_is_known_as_sent(
    home: Path, trusted: Certificates, mails: MailServerRun, point: tuple[str, ...]
) -> None:
    killed(home, trusted, KILLED_AT.format(point=point))
    done = send(home, trusted)
    assert (done.status, done.document["already"], len(mails.post.envelopes)) == (0, [ANN], 1)


STEPS = [("EHLO", True), ("MAIL", False), ("RCPT", False), ("DATA", False), ("accepted", False)]


@pytest.mark.parametrize(("step", "sent_later"), STEPS)
def test_killed_at_any_word_of_the_server_nobody_gets_it_twice(
    home: Path, trusted: Certificates, mails: MailServerRun, step: str, sent_later: bool
) -> None:
    client: list[int] = []

    def kill(seen: str) -> None:
        if seen == step and client:
            os.kill(client.pop(), signal.SIGKILL)

    mails.post.at = kill
    killed(home, trusted, "import service.cli as c; c.main()", client.append)
    arrived = len(mails.post.envelopes)
    done = send(home, trusted)
    assert done.document["sent" if sent_later else "unsure"] == [ANN]
    assert len(mails.post.envelopes) == arrived + sent_later <= 1


def test_the_password_is_nowhere_in_the_home_and_a_file_that_has_it_is_refused(
    home: Path, trusted: Certificates, mails: MailServerRun
) -> None:
    done = send(home, trusted)
    assert done.status == 0, done
    assert len(mails.post.envelopes) == 1
    assert PASSWORD not in done.out + done.err
    assert not [path for path in home.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    settings = home / "settings.toml"
    settings.write_text(settings.read_text() + f'smtp_password = "{PASSWORD}"\n')
    line = one_clear_line(paperboy(home, "send", DAY))
    assert "smtp_password must not stand there" in line
    assert PASSWORD not in line


def test_a_dry_run_writes_messages_and_sends_nothing(
    home: Path, trusted: Certificates, mails: MailServerRun, tmp_path: Path
) -> None:
    done = send(home, trusted, "--dry-run", "--out", str(tmp_path), "--to", ANN, "--to", BOB)
    assert done.status == 0, done
    written = [Path(path).read_text() for path in done.document["written"]]
    assert [f"To: {address}" in text for address, text in zip((ANN, BOB), written, strict=True)] == [True, True]
    assert mails.post.envelopes == []
    assert send(home, trusted).document["sent"] == [ANN]


def test_run_takes_in_digests_and_sends_and_can_be_run_again(
    home: Path, trusted: Certificates, mails: MailServerRun, tmp_path: Path
) -> None:
    more, page = tmp_path / "more.jsonl", tmp_path / "today.html"
    more.write_text(json.dumps({"title": "Late", "abstract": "We cut time by 70%.", "listed": "2024-05-08"}) + "\n")
    run = ("run", more, "--out", page, "--json")
    done = paperboy(home, *run, **environment(trusted))
    assert (done.status, done.document["day"], done.document["sent"]) == (0, "2024-05-08", [ANN]), done
    assert "Late" in page.read_text()
    again = paperboy(home, *run, **environment(trusted))
    assert (again.status, again.document["already"], len(mails.post.envelopes)) == (0, [ANN], 1)


def test_run_lists_what_could_not_be_taken_in_or_fetched_and_sends_the_rest(
    home: Path, trusted: Certificates, mails: MailServerRun, tmp_path: Path
) -> None:
    settings = home / "settings.toml"
    settings.write_text(settings.read_text() + 'fetch = ["nowhere --category cs.CL"]\n')
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{\n")
    done = paperboy(home, "run", bad, "--json", **environment(trusted))
    assert (done.status, done.document["sent"]) == (1, [ANN]), done
    assert done.document["failures"][0]["where"] == "fetch nowhere --category cs.CL"
    assert len(done.document["failures"]) == 2
    assert USER in str(mails.post.envelopes[0].mail_from)


def test_what_a_fetch_prints_is_not_on_the_stdout_of_run(home: Path, tmp_path: Path) -> None:
    (home / "settings.toml").write_text('mode = "extractive"\nfetch = ["hf --day 2024-05-09"]\n')
    code = """
import click, service.cli as c

@click.command()
@click.argument("source")
@click.option("--day")
def fetch(source, day):
    click.echo(f"{source} of {day} was fetched")
    return 1

c.paperboy.add_command(fetch)
c.main()
"""
    run = [sys.executable, "-c", code, "--home", str(home), "run", "--out", str(tmp_path / "d.html"), "--json"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done
    assert json.loads(done.stdout)["failures"][0]["where"] == "fetch hf --day 2024-05-09"
    assert "hf of 2024-05-09 was fetched" in done.stderr
