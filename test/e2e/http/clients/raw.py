"""A client without an SDK, by urllib: a new connection for each POST, closed after its answer.

    raw.py --url URL [--wait FILE]      --wait: before its calls
"""

import argparse
import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))
from record import Exchange  # noqa: E402

CALLS = 23

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--wait", type=Path)
given = parser.parse_args()
session: dict[str, str] = {}


def post(message: dict[str, Any] | None, method: str = "POST") -> str:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **session}
    text = None if message is None else json.dumps({"jsonrpc": "2.0", **message})
    exchange = Exchange("client", method, urlsplit(given.url).path, session.get("Mcp-Session-Id"))
    if text is not None:
        body = exchange.request()
        body.chunk(text.encode())
        body.end()
    request = urllib.request.Request(given.url, text and text.encode(), headers, method=method)
    with urllib.request.urlopen(request) as answer:
        got = answer.read()
        session_id = answer.headers.get("Mcp-Session-Id")
        body = exchange.response(answer.status, session_id, answer.headers.get("Content-Type"))
    body.chunk(got)
    body.end()
    if session_id is not None:
        session["Mcp-Session-Id"] = session_id
    return got.decode()


info = {"name": "urllib", "version": "1.0.0"}
post({"id": 0, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}})
session["Mcp-Protocol-Version"] = "2025-06-18"
post({"method": "notifications/initialized"})
if given.wait:
    given.wait.write_text("waiting")
    while given.wait.read_text() != "go":
        time.sleep(0.02)
for n in range(1, CALLS + 1):
    message = {"id": n, "method": "tools/call", "params": {"name": "echo", "arguments": {"message": f"call {n} ü 𝄞"}}}
    answer = post(message)
    if '"content"' not in answer:
        raise RuntimeError(answer)
if "Mcp-Session-Id" in session:
    post(None, "DELETE")
print("client: tools/call", file=sys.stderr)
