"""A client by the official Python SDK; the same command line and the same steps as the .mjs clients.

    client.py [--log FILE] [--mode legacy|auto|modern] [--directory DIR] [--wait FILE] [--name NAME] -- SERVER…
    client.py … --url URL [--sse]
"""

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError

sys.path.insert(0, str(Path(__file__).parent.parent))
from truth import record_children  # noqa: E402

warnings.simplefilter("ignore")  # sampling, roots and logging are deprecated, and heard all the same

CALLS = 23
HOSTILE_TEXT = 'quote " backslash \\ newline \n tab \t nul \0 escape \x1b[31m ü € 𝄞 \u2028 </script>'
MODES = {"legacy": "legacy", "auto": "auto", "modern": "auto"}


def say(step: str) -> None:
    print(f"client: {step}", file=sys.stderr, flush=True)


class Asks:
    """Answers what a server asks, and counts it."""

    def __init__(self) -> None:
        self.counts = {"sampling": 0, "elicitation": 0, "roots": 0}
        self.logged = anyio.Event()

    async def sampling(self, _context: Any, _params: Any) -> types.CreateMessageResult:
        self.counts["sampling"] += 1
        content = types.TextContent(type="text", text="blue")
        return types.CreateMessageResult(role="assistant", model="test-model", content=content)

    async def elicitation(self, _context: Any, _params: Any) -> types.ElicitResult:
        self.counts["elicitation"] += 1
        return types.ElicitResult(action="accept", content={"name": "Ada"})

    async def roots(self, _context: Any) -> types.ListRootsResult:
        self.counts["roots"] += 1
        return types.ListRootsResult(roots=[types.Root(uri="file:///usr/share", name="share")])

    async def log(self, _params: Any) -> None:
        self.logged.set()


def ordinary_call(tools: set[str], directory: str, n: int) -> tuple[str, dict[str, Any]]:
    if "echo" in tools:
        return "echo", {"message": f"call {n}: {HOSTILE_TEXT}"}
    if "list_directory" in tools:
        return "list_directory", {"path": directory}
    return "create_entities", {"entities": [{"name": f"e{n}", "entityType": "n", "observations": [HOSTILE_TEXT]}]}


async def call_tools(client: Client, tools: set[str], directory: str) -> None:
    for n in range(7):
        await client.call_tool(*ordinary_call(tools, directory, n))
    async with anyio.create_task_group() as group:
        for n in range(7, 15):
            group.start_soon(client.call_tool, *ordinary_call(tools, directory, n))
    for n in range(15, CALLS - 1):
        await client.call_tool(*ordinary_call(tools, directory, n))
    if "echo" in tools:
        await client.call_tool("echo", {"message": "large " + "ä0123456789" * 30_000})
    else:
        await client.call_tool(*ordinary_call(tools, directory, CALLS))
    say("tools/call")


async def read_resources(client: Client) -> None:
    if client.server_capabilities.resources:
        resources = (await client.list_resources()).resources
        if resources:
            await client.read_resource(str(resources[0].uri))
        await client.list_resource_templates()
        say("resources")
    if client.server_capabilities.prompts:
        prompts = (await client.list_prompts()).prompts
        plain = next((p for p in prompts if not p.arguments), None)
        if plain:
            await client.get_prompt(plain.name)
        say("prompts")


async def fail_on_purpose(client: Client, tools: set[str]) -> None:
    try:
        await client.get_prompt("no such prompt")
        raise RuntimeError("an unknown prompt was given")
    except MCPError:
        say("error")
    bad: tuple[str, dict[str, Any]] = ("add_observations", {"observations": [{"entityName": "nobody", "contents": ["x"]}]})
    if "get-sum" in tools:
        bad = ("get-sum", {"a": "one", "b": 2})
    elif "read_text_file" in tools:
        bad = ("read_text_file", {"path": "/no/such/file"})
    try:
        result = await client.call_tool(*bad)
        if not result.is_error:
            raise RuntimeError(f"{bad[0]} did not fail")
    except MCPError:
        pass
    say("tool error")


async def ask_for_more(client: Client, tools: set[str], asks: Asks, legacy: bool) -> None:
    if "trigger-long-running-operation" in tools:
        steps: list[float] = []

        async def on_progress(progress: float, _total: float | None, _message: str | None) -> None:
            steps.append(progress)

        await client.call_tool("trigger-long-running-operation", {"duration": 0.2, "steps": 4}, progress_callback=on_progress)
        if not steps:
            raise RuntimeError("no progress came")
        say("progress")
    if "toggle-simulated-logging" in tools:
        if legacy and client.server_capabilities.logging:
            await client.set_logging_level("debug")
        meta = None if legacy else {"io.modelcontextprotocol/logLevel": "debug"}
        await client.call_tool("toggle-simulated-logging", {}, meta=meta)
        with anyio.fail_after(5):
            await asks.logged.wait()
        await client.call_tool("toggle-simulated-logging", {}, meta=meta)
        say("logging")
    for tool, arguments, step in [
        ("trigger-sampling-request", {"prompt": "say blue", "maxTokens": 5}, "sampling"),
        ("trigger-elicitation-request", {}, "elicitation"),
        ("get-roots-list", {}, "roots"),
    ]:
        if tool not in tools:
            continue
        result = await client.call_tool(tool, arguments)
        if result.is_error or asks.counts[step] == 0:
            raise RuntimeError(f"{tool}: {result}")
        say(step)
    if "trigger-long-running-operation" in tools:
        with anyio.move_on_after(0.05) as scope:
            await client.call_tool("trigger-long-running-operation", {"duration": 0.3, "steps": 1})
        if not scope.cancelled_caught:
            raise RuntimeError("the cancelled call was answered")
        say("cancel")


async def wait_for(file: str) -> None:
    path = Path(file)
    path.write_text("waiting")
    while path.read_text() != "go":
        await anyio.sleep(0.02)


def server_of(given: argparse.Namespace) -> Any:
    if given.url is None:
        return StdioServerParameters(command=given.server[0], args=given.server[1:], env=None)
    return sse_client(given.url) if given.sse else given.url


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--log")
    parser.add_argument("--mode", default="legacy", choices=MODES)
    parser.add_argument("--directory", default="/usr/share")
    parser.add_argument("--wait")
    parser.add_argument("--name", default="python-client")
    parser.add_argument("--url")
    parser.add_argument("--sse", action="store_true")
    parser.add_argument("server", nargs="*")
    given = parser.parse_args()
    if given.log:
        record_children(given.log)
    asks = Asks()
    client = Client(
        server_of(given),
        mode=MODES[given.mode],
        client_info=types.Implementation(name=given.name, version="2.3.0"),
        sampling_callback=asks.sampling,
        elicitation_callback=asks.elicitation,
        list_roots_callback=asks.roots,
        logging_callback=asks.log,
        cache=None,
    )
    async with client:
        legacy = client.protocol_version != "2026-07-28"
        tools = {tool.name for tool in (await client.list_tools()).tools}
        say("tools/list")
        if given.wait:
            await wait_for(given.wait)
        await call_tools(client, tools, given.directory)
        await read_resources(client)
        await fail_on_purpose(client, tools)
        await ask_for_more(client, tools, asks, legacy)
        await client.list_tools()


anyio.run(main)
