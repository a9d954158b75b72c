"""Deliveries while a service owns the home: the same as without one, from the same rows."""

import json
from pathlib import Path

from tests.command_line import paperboy, served
from tests.delivery.mail_server import PASSWORD, Certificates, MailServerRun

ANN = "ann@example.org"
DAY = "2024-05-07"


def test_what_was_sent_with_a_service_is_not_sent_without_it_and_opinions_count_in_both(
    tmp_path: Path, trusted: Certificates, mails: MailServerRun
) -> None:
    home, papers = tmp_path / "home", tmp_path / "papers.jsonl"
    records = [
        {"id": f"p{number}", "title": f"Quick {number}", "abstract": f"Slow. We cut time by {number}0%.", "listed": DAY}
        for number in range(1, 4)
    ]
    papers.write_text("".join(json.dumps(record) + "\n" for record in records))
    home.mkdir()
    (home / "settings.toml").write_text('mode = "extractive"\n')
    given = {f"PAPERBOY_{name.upper()}": str(value) for name, value in mails.settings().items()}
    secrets = {"SSL_CERT_FILE": str(trusted.authority), "PAPERBOY_SMTP_PASSWORD": PASSWORD}
    send = ("send", DAY, "--to", ANN, "--json")
    with served(home):
        assert paperboy(home, "run", papers, "--to", ANN, "--json", **given, **secrets).document["sent"] == [ANN]
        assert "liked" in paperboy(home, "like", "p3", **given).out
        shared = paperboy(home, "digest", DAY, "--format", "txt", **given)
        assert paperboy(home, *send, **given, **secrets).document["already"] == [ANN]
        assert paperboy(home, "like", "p3", "--forget", **given).status == 0
    assert shared.out.index("Quick 3") < shared.out.index("Quick 1")
    assert "you like it" in shared.out
    again = paperboy(home, *send, **given, **secrets)
    assert (again.status, again.document["already"], len(mails.post.envelopes)) == (0, [ANN], 1)
    assert "you like it" not in paperboy(home, "digest", DAY, "--format", "txt").out
