"""A small server by the official Python SDK, both protocol eras; tools named as server-everything's.

    server.py [--log FILE] [--name NAME] [--port PORT] [--tls DIRECTORY]   with a port: over HTTP, by uvicorn

--tls: over HTTPS, with the key.pem and certificate.pem of that directory.
"""

import argparse
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import anyio
import mcp_types as types
from mcp.server.mcpserver import Context, Elicit, ListRoots, MCPServer, Resolve, Sample
from pydantic import BaseModel

sys.path.insert(0, str(Path(__file__).parent.parent))
from truth import record_self  # noqa: E402

warnings.simplefilter("ignore")

parser = argparse.ArgumentParser()
parser.add_argument("--log")
parser.add_argument("--name", default="python-server")
parser.add_argument("--port", type=int)
parser.add_argument("--tls", type=Path)
given = parser.parse_args()
if given.log:
    record_self(given.log)

server = MCPServer(given.name, version="1.0.0")


class Person(BaseModel):
    name: str


async def ask_model(prompt: str) -> Sample:
    content = types.TextContent(type="text", text=prompt)
    return Sample([types.SamplingMessage(role="user", content=content)], max_tokens=5)


async def ask_person() -> Elicit[Person]:
    return Elicit("Who are you?", Person)


async def ask_roots() -> ListRoots:
    return ListRoots()


@server.tool(name="echo")
def echo(message: str) -> str:
    return f"Echo: {message}"


@server.tool(name="get-sum")
def get_sum(a: float, b: float) -> float:
    return a + b


@server.tool(name="trigger-long-running-operation")
async def long_running(duration: float, steps: int, ctx: Context) -> str:
    for step in range(1, steps + 1):
        await anyio.sleep(duration / steps)
        await ctx.report_progress(step, steps)
    return f"done in {steps} steps"


@server.tool(name="toggle-simulated-logging")
async def log(ctx: Context) -> str:
    await ctx.info({"said": "ünï", "level": 1})
    return "logged"


@server.tool(name="trigger-sampling-request")
async def sample(prompt: str, maxTokens: int, answer: Annotated[Any, Resolve(ask_model)]) -> str:
    return f"{maxTokens}: {answer}"


@server.tool(name="trigger-elicitation-request")
async def elicit(answer: Annotated[Person, Resolve(ask_person)]) -> str:
    return answer.name


@server.tool(name="get-roots-list")
async def roots(answer: Annotated[Any, Resolve(ask_roots)]) -> str:
    return str(answer)


@server.resource("test://note")
def note() -> str:
    return "a note"


@server.prompt()
def greet() -> str:
    return "Hello"


if given.port is None:
    server.run()
elif given.tls is None:
    server.run("streamable-http", port=given.port)
else:
    import uvicorn

    files = {"ssl_keyfile": given.tls / "key.pem", "ssl_certfile": given.tls / "certificate.pem"}
    # seconds: tests of what was open before have overhear start meanwhile
    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=given.port, timeout_keep_alive=60, **files)
