"""A small server by fastmcp; its one argument is the port. Tools named as server-everything's."""

import asyncio
import sys

from fastmcp import Context, FastMCP

server = FastMCP("fastmcp-server", version="1.0.0")


@server.tool(name="echo")
def echo(message: str) -> str:
    return f"Echo: {message}"


@server.tool(name="get-sum")
def get_sum(a: float, b: float) -> float:
    return a + b


@server.tool(name="trigger-long-running-operation")
async def long_running(duration: float, steps: int, ctx: Context) -> str:
    for step in range(1, steps + 1):
        await asyncio.sleep(duration / steps)
        await ctx.report_progress(step, steps)
    return f"done in {steps} steps"


@server.resource("test://note")
def note() -> str:
    return "a note"


@server.prompt()
def greet() -> str:
    return "Hello"


server.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
