"""A client of many threads, each with a connection of its own that it keeps: http.client over the ssl module.

    threads.py --url URL… [--connections N] [--calls N] [--wait FILE] [--send N]

Of several URLs each thread takes the next one. With --wait all are connected, then they wait. --send: sends so many bytes
in each call, and gets them back.
"""

import argparse
import http.client
import json
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2] / "http"))
from record import Exchange  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--url", action="append", required=True)
parser.add_argument("--connections", type=int, default=1)
parser.add_argument("--calls", type=int, default=23)
parser.add_argument("--wait", type=Path)
parser.add_argument("--send", type=int, default=0)
given = parser.parse_args()

here = threading.Barrier(given.connections)
failed: list[BaseException] = []


class Client:
    def __init__(self, name: str, url: str) -> None:
        self.name, self.parts = name, urlsplit(url)
        self.connection = http.client.HTTPSConnection(self.parts.netloc, context=ssl.create_default_context())
        self.session: dict[str, str] = {}

    def send(self, method: str, message: dict[str, Any] | None) -> str:
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **self.session}
        text = None if message is None else json.dumps({"jsonrpc": "2.0", **message})
        exchange = Exchange("client", method, self.parts.path, self.session.get("Mcp-Session-Id"))
        if text is not None:
            body = exchange.request()
            body.chunk(text.encode())
            body.end()
        self.connection.request(method, self.parts.path, text and text.encode(), headers)
        answer = self.connection.getresponse()
        got = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{self.name}: {answer.status} {got[:300]!r}")
        session = answer.headers.get("Mcp-Session-Id")
        body = exchange.response(answer.status, session, answer.headers.get("Content-Type"))
        body.chunk(got)
        body.end()
        if session is not None:
            self.session["Mcp-Session-Id"] = session
        return got.decode()

    def begin(self) -> None:
        info = {"name": self.name, "version": "1.0.0"}
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
        self.send("POST", {"id": 0, "method": "initialize", "params": params})
        self.session["Mcp-Protocol-Version"] = "2025-06-18"
        self.send("POST", {"method": "notifications/initialized"})

    def call(self, n: int) -> None:
        message = f"{self.name} {n} ü 𝄞 ".ljust(given.send, "x")
        params = {"name": "echo", "arguments": {"message": message}}
        answer = self.send("POST", {"id": n, "method": "tools/call", "params": params})
        if '"content"' not in answer:
            raise RuntimeError(f"{self.name}: {answer[:300]}")

    def end(self) -> None:
        if "Mcp-Session-Id" in self.session:
            self.send("DELETE", None)
        self.connection.close()


def wait_for(file: Path) -> None:
    file.write_text("waiting")
    while file.read_text() != "go":
        time.sleep(0.02)


def run(number: int) -> None:
    try:
        client = Client(f"threads-{number}", given.url[number % len(given.url)])
        client.begin()
        if given.wait:
            if here.wait() == 0:
                wait_for(given.wait)
            here.wait()
        for n in range(1, given.calls + 1):
            client.call(n)
        client.end()
    except BaseException as error:
        failed.append(error)
        here.abort()


threads = [threading.Thread(target=run, args=(number,)) for number in range(given.connections)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
if failed:
    raise failed[0]
print("client: tools/call", file=sys.stderr)
