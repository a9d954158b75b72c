"""The tools for language models, through the protocol's own client, as a process on stdin and stdout."""

import sys
from pathlib import Path
from typing import Any

import anyio
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import get_default_environment

from service.child import module_environment
from tests.web.conftest import RECORDS

QUESTION = "which papers reduce activation memory?"


def call(home: Path, *calls: tuple[str, dict[str, Any]]) -> tuple[set[str], list[Any]]:
    """The names of the tools, and what calls of them give: a document, or the text of an error."""

    async def talk() -> tuple[set[str], list[Any]]:
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "service.cli", "--home", str(home), "mcp"],
            env={**get_default_environment(), "PYTHONPATH": module_environment()["PYTHONPATH"]},
        )
        async with Client(command) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            results = [await client.call_tool(name, arguments) for name, arguments in calls]
        return names, [
            result.content[0].text if result.is_error else result.structured_content  # type: ignore[union-attr]
            for result in results
        ]

    return anyio.run(talk)


def test_the_tools_give_documents_with_verified_quotes(small_home: Path) -> None:
    names, (found, answer, day, summary, digest, missing) = call(
        small_home,
        ("search", {"query": "activation memory", "papers": 1}),
        ("ask", {"question": QUESTION}),
        ("list_of_a_day", {}),
        ("summarize", {"paper": "gamma"}),
        ("digest", {"day": "2026-01-05"}),
        ("summarize", {"paper": "nothing of the kind"}),
    )
    assert names == {"search", "ask", "list_of_a_day", "summarize", "digest"}
    assert len(found["hits"]) == 1
    abstracts = {record["id"]: record["abstract"] for record in RECORDS}
    quotes = [quote for claim in answer["claims"] for quote in claim["quotes"]]
    assert quotes
    assert all(quote["text"] in abstracts[quote["paper_id"]] for quote in quotes)
    assert (day["day"], {paper["paper_id"] for paper in day["papers"]}) == ("2026-01-06", {"beta/1", "gamma"})
    assert summary["text"] in abstracts["gamma"]
    assert [one["paper_id"] for one in digest["summaries"]] == ["alpha"]
    assert "no paper" in missing.lower()
