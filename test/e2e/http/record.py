"""The independent record of HTTP for Python programs: the same lines as record.mjs writes, see there.

    record.py SCRIPT ARGUMENT…        runs a script
    record.py -m MODULE ARGUMENT…     runs a module
"""

import itertools
import json
import os
import re
import runpy
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

_exchanges = itertools.count(1)


def note(**entry: Any) -> None:
    stamped = {"ns": str(time.monotonic_ns()), "self": os.getpid(), **entry}
    with open(os.environ["OVERHEAR_RECORD"], "a", encoding="utf-8") as out:
        out.write(json.dumps(stamped) + "\n")


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


class Body:
    """Takes a body's chunks, tells the JSON texts in it: events as they end, all else at the end."""

    def __init__(self, content_type: str, take: Callable[[str], None], coding: str = "") -> None:
        self._events = content_type.startswith("text/event-stream")
        self._take = take
        self._bytes = b""
        self._inflate = zlib.decompressobj(31) if coding == "gzip" else None

    def chunk(self, chunk: bytes) -> None:
        self._bytes += self._inflate.decompress(chunk) if self._inflate else chunk
        while self._events and (end := re.search(rb"\r\n\r\n|\n\n|\r\r", self._bytes)):
            event, self._bytes = self._bytes[: end.start()], self._bytes[end.end() :]
            lines = re.split(r"\r\n|\n|\r", event.decode())
            data = [line[5:].removeprefix(" ") for line in lines if line.startswith("data:")]
            self._tell("\n".join(data))

    def end(self) -> None:
        if not self._events:
            self._tell(self._bytes.decode())
        self._bytes = b""

    def _tell(self, text: str) -> None:
        if _is_json(text):
            self._take(text)


class Exchange:
    """One exchange, seen from one end."""

    def __init__(self, role: str, method: str, path: str, session: str | None) -> None:
        self._number = next(_exchanges)
        self._role, self._method, self._path, self._session = role, method, path, session

    def request(self) -> Body:
        return Body("", lambda text: self._message("request", text))

    def response(self, status: int, session: str | None, content_type: str | None, coding: str | None = None) -> Body:
        self._session = session or self._session
        note(
            event="exchange",
            exchange=self._number,
            role=self._role,
            method=self._method,
            path=self._path,
            status=status,
            session=self._session,
        )
        return Body(content_type or "", lambda text: self._message("response", text), coding or "")

    def _message(self, side: str, text: str) -> None:
        sent = (side == "request") == (self._role == "client")
        direction = "sent" if sent else "received"
        note(event="message", exchange=self._number, direction=direction, side=side, session=self._session, text=text)


def record_client(httpx: Any) -> None:
    """Every exchange of the asynchronous clients of httpx, or of the fork of it that the SDK uses."""
    send, aiter_bytes = httpx.AsyncClient.send, httpx.Response.aiter_bytes

    async def recorded_send(self: Any, request: Any, *rest: Any, **named: Any) -> Any:
        path = request.url.raw_path.decode()
        exchange = Exchange("client", request.method, path, request.headers.get("mcp-session-id"))
        body = exchange.request()
        body.chunk(await request.aread())
        body.end()
        request.extensions["overhear-exchange"] = exchange
        return await send(self, request, *rest, **named)

    async def recorded_bytes(self: Any, *rest: Any, **named: Any) -> Any:
        exchange = None if hasattr(self, "_content") else self.request.extensions.pop("overhear-exchange", None)
        if exchange is None:
            async for chunk in aiter_bytes(self, *rest, **named):
                yield chunk
            return
        headers = self.headers
        body = exchange.response(self.status_code, headers.get("mcp-session-id"), headers.get("content-type"))
        async for chunk in aiter_bytes(self, *rest, **named):
            body.chunk(chunk)
            yield chunk
        body.end()

    httpx.AsyncClient.send, httpx.Response.aiter_bytes = recorded_send, recorded_bytes


def record_app(app: Any) -> Any:
    """An ASGI application whose exchanges are recorded."""

    async def recorded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope.get("query_string", b"").decode()
        path = scope["path"] + (f"?{query}" if query else "")
        exchange = Exchange("server", scope["method"], path, headers.get("mcp-session-id"))
        asked, answered = exchange.request(), None

        async def recorded_receive() -> Any:
            event = await receive()
            if event["type"] == "http.request":
                asked.chunk(event.get("body", b""))
                if not event.get("more_body"):
                    asked.end()
            return event

        async def recorded_send(event: Any) -> None:
            nonlocal answered
            if event["type"] == "http.response.start":
                given = {name.decode().lower(): value.decode("latin-1") for name, value in event["headers"]}
                kind, coding = given.get("content-type"), given.get("content-encoding")
                answered = exchange.response(event["status"], given.get("mcp-session-id"), kind, coding)
            elif event["type"] == "http.response.body" and answered:
                answered.chunk(event.get("body", b""))
                if not event.get("more_body"):
                    answered.end()
            await send(event)

        await app(scope, recorded_receive, recorded_send)

    return recorded


def record_uvicorn(uvicorn: Any) -> None:
    init = uvicorn.Config.__init__

    def recorded_init(self: Any, app: Any, *rest: Any, **named: Any) -> None:
        init(self, record_app(app), *rest, **named)

    uvicorn.Config.__init__ = recorded_init


def record_all() -> None:
    for name, record in [("httpx", record_client), ("httpx2", record_client), ("uvicorn", record_uvicorn)]:
        try:
            record(__import__(name))
        except ImportError:
            pass  # this program has none


if __name__ == "__main__":
    if "OVERHEAR_RECORD" in os.environ:
        record_all()
    sys.argv.pop(0)
    if sys.argv[0] == "-m":
        sys.argv.pop(0)
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
        runpy.run_path(sys.argv[0], run_name="__main__")
