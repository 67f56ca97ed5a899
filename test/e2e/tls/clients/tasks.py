"""A client of many tasks of one thread, each with a connection of its own that it keeps: httpx, whose TLS is in memory.

    tasks.py --url URL… [--connections N] [--calls N] [--wait FILE]

Of several URLs each task takes the next one. With --wait all are connected, then they wait.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import anyio
import httpx2

parser = argparse.ArgumentParser()
parser.add_argument("--url", action="append", required=True)
parser.add_argument("--connections", type=int, default=1)
parser.add_argument("--calls", type=int, default=23)
parser.add_argument("--wait", type=Path)
given = parser.parse_args()

here = 0
go_on = anyio.Event()


async def send(client: httpx2.AsyncClient, url: str, session: dict[str, str], message: dict[str, Any] | None) -> str:
    headers = {"Accept": "application/json, text/event-stream", **session}
    json = None if message is None else {"jsonrpc": "2.0", **message}
    answer = await client.request("DELETE" if json is None else "POST", url, json=json, headers=headers)
    answer.raise_for_status()
    if "mcp-session-id" in answer.headers:
        session["Mcp-Session-Id"] = answer.headers["mcp-session-id"]
    return answer.text


async def all_here() -> None:
    """The last one to come waits for all."""
    global here
    here += 1
    if here == given.connections:
        given.wait.write_text("waiting")
        while given.wait.read_text() != "go":
            await anyio.sleep(0.02)
        go_on.set()
    await go_on.wait()


async def run(number: int) -> None:
    url, name = given.url[number % len(given.url)], f"tasks-{number}"
    session: dict[str, str] = {}
    async with httpx2.AsyncClient(timeout=60) as client:
        info = {"name": name, "version": "1.0.0"}
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
        await send(client, url, session, {"id": 0, "method": "initialize", "params": params})
        session["Mcp-Protocol-Version"] = "2025-06-18"
        await send(client, url, session, {"method": "notifications/initialized"})
        if given.wait:
            await all_here()
        for n in range(1, given.calls + 1):
            call = {"name": "echo", "arguments": {"message": f"{name} {n} ü 𝄞 "}}
            answer = await send(client, url, session, {"id": n, "method": "tools/call", "params": call})
            if '"content"' not in answer:
                raise RuntimeError(f"{name}: {answer[:300]}")
        if "Mcp-Session-Id" in session:
            await send(client, url, session, None)


async def main() -> None:
    async with anyio.create_task_group() as group:
        for number in range(given.connections):
            group.start_soon(run, number)


anyio.run(main)
print("client: tools/call", file=sys.stderr)
