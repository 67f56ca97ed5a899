#!/usr/bin/env python3
"""An MCP client and its server over pipes whose calls do not end well, and what each of them knows of it.

usage: unwell.py CASE LOG: both append one JSON object a line to LOG. The client says "ready" on its standard output when
the case stands, and leaves when its standard input ends.

equal    two calls with one id in flight; the later one is answered first
probe    server/discover, which the server ignores, then initialize with the same id
cancel   a call that is cancelled and answered afterwards
crash    a server that dies in the middle of its answer
hang     a server that reads a call and then nothing more; the client goes on asking
socket   the same over a socketpair
stuffed  the same, and what it asks is more than the pipe takes: its write waits for room
"""
import json
import os
import socket
import subprocess
import sys
import threading
import time

CASE, LOG = sys.argv[1], sys.argv[2]
IS_SERVER = len(sys.argv) > 3


def log(what, **seen):
    line = json.dumps({"what": what, "pid": os.getpid(), "at": time.monotonic(), **seen}) + "\n"
    with open(LOG, "a", encoding="utf-8") as file:
        file.write(line)


def wait_for(what):
    while f'"what": "{what}"' not in open(LOG, encoding="utf-8").read():
        time.sleep(0.01)


def text_of(message):
    return (json.dumps({"jsonrpc": "2.0", **message}) + "\n").encode()


def initialized(message_id):
    info = {"name": f"unwell-{CASE}", "version": "1"}
    capabilities = {"tools": {}}
    result = {"protocolVersion": "2025-06-18", "capabilities": capabilities, "serverInfo": info}
    return text_of({"id": message_id, "result": result})


def called(message):
    name = message["params"]["name"]
    return text_of({"id": message["id"], "result": {"content": [{"type": "text", "text": name}]}})


def serve():
    calls = []
    while line := sys.stdin.buffer.readline():
        message = json.loads(line)
        method = message.get("method")
        log("asked", method=method, id=message.get("id"))
        if method == "initialize":
            os.write(1, initialized(message["id"]))
        elif method == "notifications/cancelled":
            time.sleep(0.3)
            log("answered", name=calls[-1]["params"]["name"])
            os.write(1, called(calls[-1]))
        elif method == "tools/call":
            calls.append(message)
            answer(calls)


def answer(calls):
    if CASE == "equal" and len(calls) == 2:
        for call in reversed(calls):
            time.sleep(0.2)
            log("answered", name=call["params"]["name"])
            os.write(1, called(call))
    elif CASE == "crash":
        whole = called(calls[-1])
        half = len(whole) // 2
        os.write(1, whole[:half])
        log("crashed", bytes=half)
        os._exit(3)
    elif calls[-1]["params"]["name"] == "hangs":
        log("hangs")
        time.sleep(600)


def ask(server, message):
    text = text_of(message)
    server.stdin.write(text)
    log("sent", method=message["method"], id=message.get("id"), bytes=len(text))


def call(server, message_id, name):
    params = {"name": name, "arguments": {}}
    ask(server, {"id": message_id, "method": "tools/call", "params": params})


def begin(server, message_id):
    params = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "unwell", "version": "1"},
    }
    ask(server, {"id": message_id, "method": "initialize", "params": params})
    server.stdout.readline()


def talk(server):
    if CASE == "probe":
        version = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
        ask(server, {"id": 0, "method": "server/discover", "params": {"_meta": version}})
        time.sleep(0.5)
        begin(server, 0)
        return
    begin(server, 0)
    if CASE == "equal":
        call(server, 7, "slow")
        call(server, 7, "quick")
        server.stdout.readline()
        server.stdout.readline()
    elif CASE == "cancel":
        call(server, 5, "given-up")
        time.sleep(0.1)
        ask(server, {"method": "notifications/cancelled", "params": {"requestId": 5}})
        server.stdout.readline()
    elif CASE == "crash":
        call(server, 6, "crashes")
        server.stdout.read()
    else:
        call(server, 8, "hangs")
        wait_for("hangs")
        if CASE == "stuffed":
            threading.Thread(target=call, args=(server, 9, "x" * 200_000), daemon=True).start()
            time.sleep(0.2)
            return
        call(server, 9, "never-read")
        call(server, 10, "never-read-either")


def main():
    if IS_SERVER:
        serve()
        return
    argv = [sys.executable, __file__, CASE, LOG, "serve"]
    if CASE == "socket":
        ours, theirs = socket.socketpair()
        server = subprocess.Popen(argv, stdin=theirs, stdout=theirs)
        theirs.close()
        server.stdin, server.stdout = ours.makefile("wb", 0), ours.makefile("rb", 0)
    else:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
        server = subprocess.Popen(argv, **pipes)
    log("began", server=server.pid)
    talk(server)
    print("ready", flush=True)
    sys.stdin.read()
    server.kill()
    server.wait()


main()
