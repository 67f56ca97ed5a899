"""The independent record for the Python peers: the same lines as truth.mjs writes, see there."""

import codecs
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import mcp.client.stdio as client_stdio
import mcp.server.stdio as server_stdio


def _recorder(file: str) -> Callable[..., None]:
    def record(**entry: Any) -> None:
        stamped = {"ns": str(time.monotonic_ns()), "self": os.getpid(), **entry}
        with open(file, "a", encoding="utf-8") as out:
            out.write(json.dumps(stamped) + "\n")

    return record


class _LineCutter:
    """Cuts chunks of bytes, split anywhere, into lines; `take` gets each without its line end."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._take = take

    def push(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + self._decoder.decode(chunk)).split("\n")
        for line in lines:
            self._take(line.removesuffix("\r"))


def record_children(file: str) -> None:
    """Records both directions of every server that the SDK's stdio client starts from now on."""
    record = _recorder(file)
    create = client_stdio._create_platform_compatible_process

    async def create_recorded(command: str, args: list[str], *rest: Any, **named: Any) -> Any:
        process = await create(command, args, *rest, **named)
        peer = process.pid
        record(event="spawn", peer=peer, command=[command, *args])
        sent = _LineCutter(lambda text: record(event="line", peer=peer, direction="sent", text=text))
        received = _LineCutter(lambda text: record(event="line", peer=peer, direction="received", text=text))
        send, receive = process.stdin.send, process.stdout.receive

        async def recorded_send(item: bytes) -> None:
            sent.push(item)
            await send(item)

        async def recorded_receive(*bounds: int) -> bytes:
            chunk = await receive(*bounds)
            received.push(chunk)
            return chunk

        process.stdin.send, process.stdout.receive = recorded_send, recorded_receive
        return process

    client_stdio._create_platform_compatible_process = create_recorded


class _RecordedFile:
    """An anyio file whose lines are recorded as they pass."""

    def __init__(self, file: Any, record: Callable[..., None]) -> None:
        self._file, self._record = file, record

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    async def __aiter__(self) -> AsyncIterator[str]:
        async for line in self._file:
            self._record(event="line", peer=os.getppid(), direction="received", text=line.rstrip("\r\n"))
            yield line

    async def write(self, text: str) -> int:
        self._record(event="line", peer=os.getppid(), direction="sent", text=text.rstrip("\r\n"))
        return await self._file.write(text)


def record_self(file: str) -> None:
    """Records both directions of this process's own stdin and stdout, as the SDK's server uses them."""
    record = _recorder(file)
    wrap_file = anyio.wrap_file
    server_stdio.anyio.wrap_file = lambda opened: _RecordedFile(wrap_file(opened), record)
