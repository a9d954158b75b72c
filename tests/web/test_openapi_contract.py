"""The service answers as its OpenAPI document says, whatever is sent: schemathesis makes up the requests.

`make contract` makes more than 10,000 of them (`PAPERBOY_CONTRACT_EXAMPLES` for each route); without it, as many as
30 seconds allow.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from service.ports import Generation, GenerationRequest
from tests.fakes import ScriptedEngine
from tests.web.serving import running, until_ready

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = os.environ.get("PAPERBOY_CONTRACT_EXAMPLES")
BOUNDS = ("--max-examples", EXAMPLES) if EXAMPLES else ("--max-examples", "3", "--max-time", "30")
LEAST = 10_000 if EXAMPLES else 100


class TalkingEngine(ScriptedEngine):
    """A writer that never runs out of words."""

    def write(self, request: GenerationRequest) -> Generation:
        self._replies = ["It reduces activation memory by 84%. [1]"]
        return super().write(request)


def test_whatever_is_sent_is_answered_as_the_document_says(home: Path, tmp_path: Path) -> None:
    with running(home, writer=TalkingEngine()) as run:
        until_ready(run)
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "--no-color", "run"]
        # Ten seconds without it, which a busy machine may need.
        patience = ["--request-timeout", "300", "--max-response-time", "300"]
        checks = ["--checks", "all", "--continue-on-failure", "--generation-deterministic"]
        address = f"http://127.0.0.1:{run.port}/openapi.json"
        done = subprocess.run(
            [*command, address, *checks, *patience, *BOUNDS],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    made = re.search(r"([\d,]+) generated", done.stdout)
    assert made, done.stdout
    assert int(made.group(1).replace(",", "")) >= LEAST
    assert "Stateful" in done.stdout
