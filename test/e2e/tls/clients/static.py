"""A client whose OpenSSL is linked into a module, with its names as local symbols: that of the package cryptography, by
pyOpenSSL. So it is in the Pythons that uv installs. One connection, kept.   static.py --url URL
"""

import argparse
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from OpenSSL import SSL

sys.path.insert(0, str(Path(__file__).parents[2] / "http"))
from record import Exchange  # noqa: E402

CALLS = 23

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
given = parser.parse_args()
parts = urlsplit(given.url)
session: dict[str, str] = {}

context = SSL.Context(SSL.TLS_CLIENT_METHOD)
context.load_verify_locations(os.environ["SSL_CERT_FILE"])
context.set_verify(SSL.VERIFY_PEER)
connection = SSL.Connection(context, socket.create_connection((parts.hostname, parts.port)))
connection.set_connect_state()
connection.do_handshake()


class Answer:
    """The answer on the connection: with a length or in chunks."""

    def __init__(self) -> None:
        self.rest = b""
        head = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        self.status = int(head[0].split(" ")[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:])}
        self.body = b"".join(self.chunks()) if "transfer-encoding" in self.headers else self.take(self.length())

    def length(self) -> int:
        return int(self.headers.get("content-length", "0"))

    def chunks(self) -> Any:
        while size := int(self.until(b"\r\n"), 16):
            yield self.take(size)
            self.until(b"\r\n")
        self.until(b"\r\n")

    def until(self, mark: bytes) -> bytes:
        while mark not in self.rest:
            self.rest += connection.recv(65536)
        found, self.rest = self.rest.split(mark, 1)
        return found

    def take(self, size: int) -> bytes:
        while len(self.rest) < size:
            self.rest += connection.recv(65536)
        found, self.rest = self.rest[:size], self.rest[size:]
        return found


def send(method: str, message: dict[str, Any] | None) -> str:
    text = b"" if message is None else json.dumps({"jsonrpc": "2.0", **message}).encode()
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Content-Length": str(len(text)),
        **session,
    }
    exchange = Exchange("client", method, parts.path, session.get("Mcp-Session-Id"))
    if text:
        body = exchange.request()
        body.chunk(text)
        body.end()
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(f"{method} {parts.path} HTTP/1.1\r\n{head}\r\n".encode() + text)
    answer = Answer()
    if answer.status >= 300:
        raise RuntimeError(f"{answer.status} {answer.body[:300]!r}")
    body = exchange.response(answer.status, answer.headers.get("mcp-session-id"), answer.headers.get("content-type"))
    body.chunk(answer.body)
    body.end()
    if "mcp-session-id" in answer.headers:
        session["Mcp-Session-Id"] = answer.headers["mcp-session-id"]
    return answer.body.decode()


info = {"name": "static", "version": "1.0.0"}
params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
send("POST", {"id": 0, "method": "initialize", "params": params})
session["Mcp-Protocol-Version"] = "2025-06-18"
send("POST", {"method": "notifications/initialized"})
for n in range(1, CALLS + 1):
    call = {"name": "echo", "arguments": {"message": f"call {n} ü 𝄞"}}
    answered = send("POST", {"id": n, "method": "tools/call", "params": call})
    if '"content"' not in answered:
        raise RuntimeError(answered)
if "Mcp-Session-Id" in session:
    send("DELETE", None)
connection.shutdown()
print("client: tools/call", file=sys.stderr)
