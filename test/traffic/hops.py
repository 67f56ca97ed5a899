"""Hops over stdio as people build them, one a run: sys.argv[1] names it. Each ends by itself, and says on its standard
output, as one JSON object, who took part and what came back to the client, by the client's own log."""

import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
import time

INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "hops", "version": "1"},
}
WELCOME = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "hop", "version": "1"}}


def line(**members):
    return (json.dumps({"jsonrpc": "2.0", **members}) + "\n").encode()


def ask(id, method, params=None):
    return line(id=id, method=method, params=params or {})


# --- servers: this file again, with another name


def answer_to(request):
    result = WELCOME if request["method"] == "initialize" else {"tools": []}
    return line(id=request["id"], result=result)


def serve(out=1, copies=None):
    for text in sys.stdin.buffer:
        request = json.loads(text)
        if copies is not None:
            os.write(copies, text)
        answer = answer_to(request)
        if copies is not None:
            os.write(copies, answer)
        os.write(out, answer)


def serve_and_trace():
    serve(copies=2)


def serve_elsewhere():
    """Keeps its standard output for itself, as servers do whose libraries print, and traces to standard error."""
    out = os.dup(1)
    os.dup2(2, 1)
    os.write(1, b"serving\n")
    serve(out=out, copies=1)


def serve_on_stderr():
    serve(out=2)


def serve_once_and_die():
    """The handshake; the request after that is its end."""
    requests = iter(sys.stdin.buffer.readline, b"")
    os.write(1, answer_to(json.loads(next(requests))))
    next(requests)
    os._exit(3)


def supervise():
    """Starts its server again on the pipes that it was given itself; slowly, as an interpreter with many modules does."""
    first = start("serve_once_and_die")
    first.wait()
    time.sleep(float(os.environ.get("HOPS_PAUSE", "3")))
    second = start("serve")
    os.write(2, json.dumps({"first": first.pid, "second": second.pid}).encode() + b"\n")
    second.wait()


def serve_with_child():
    """A child takes a part of a line that was not meant for it."""
    child = os.fork()
    if child == 0:
        os.read(0, 16)
        os.write(2, b"taken\n")
        os._exit(0)
    os.waitpid(child, 0)
    os.write(2, json.dumps({"child": child}).encode() + b"\n")
    sys.stdin.buffer.readline()
    os.write(1, line(id=1, result={"tools": []}))
    serve()


# --- clients


def start(name, **streams):
    return subprocess.Popen([sys.executable, "-u", __file__, name], **streams)


def start_piped(name, **streams):
    return start(name, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **streams)


class Client:
    def __init__(self, server):
        self.server = server
        self.received = []

    def write(self, text):
        self.server.stdin.write(text)
        self.server.stdin.flush()

    def call(self, id, method, params=None):
        self.write(ask(id, method, params))
        self.received.append(json.loads(self.server.stdout.readline())["id"])

    def close(self):
        self.server.stdin.close()
        self.server.wait()


def report(client, **facts):
    print(json.dumps({"client": os.getpid(), "received": client.received, **facts}))


def traced(name):
    server = start_piped(name, stderr=subprocess.PIPE)
    drained = []
    reader = threading.Thread(target=lambda: drained.append(server.stderr.read()))
    reader.start()
    client = Client(server)
    client.call(0, "initialize", INITIALIZE)
    for id in (1, 2, 3):
        client.call(id, "tools/list")
    client.close()
    reader.join()
    copies = [each for each in drained[0].splitlines(keepends=True) if each.startswith(b"{")]
    report(client, server=server.pid, copies=len(copies), copied_bytes=sum(map(len, copies)))


def copies_on_stderr():
    traced("serve_and_trace")


def moved_stdout():
    traced("serve_elsewhere")


def answers_on_stderr():
    server = start_piped("serve_on_stderr", stderr=subprocess.PIPE)
    client = Client(server)
    client.write(ask(1, "tools/list"))
    server.stderr.readline()
    client.close()
    report(client, server=server.pid)


def silent(stdout):
    server = start("serve", stdin=subprocess.PIPE, stdout=stdout)
    client = Client(server)
    client.write(ask(1, "tools/list"))
    client.close()
    report(client, server=server.pid)


def stdout_terminal():
    master, slave = pty.openpty()
    silent(slave)
    os.close(master)


def stdout_file():
    with tempfile.TemporaryFile() as log:
        silent(log)


def tee_on_both_sides():
    with tempfile.TemporaryDirectory() as logs:
        command = 'tee "$0/in" | "$1" -u "$2" serve | tee "$0/out"'
        arguments = ["sh", "-c", command, logs, sys.executable, __file__]
        pipeline = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        client = Client(pipeline)
        client.call(0, "initialize", INITIALIZE)
        for id in (1, 2, 3):
            client.call(id, "tools/list")
        client.close()
    report(client)


def tees_of_its_own():
    """The same without a shell, all three as children of the client."""
    tee = ["tee", "/dev/null"]
    before = subprocess.Popen(tee, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    server = start("serve", stdin=before.stdout, stdout=subprocess.PIPE)
    after = subprocess.Popen(tee, stdin=server.stdout, stdout=subprocess.PIPE)
    before.stdout.close()
    server.stdout.close()
    client = Client(before)
    before.stdout = after.stdout
    for id in (1, 2, 3):
        client.call(id, "tools/list")
    client.close()
    server.wait()
    after.wait()
    report(client)


def restarted():
    supervisor = start_piped("supervise", stderr=subprocess.PIPE)
    client = Client(supervisor)
    client.call(0, "initialize", INITIALIZE)
    client.write(ask(1, "tools/list", {"of": "the first"}))
    servers = json.loads(supervisor.stderr.readline())
    client.call(0, "initialize", INITIALIZE)
    client.call(1, "tools/list", {"of": "the second"})
    client.close()
    report(client, **servers)


def client_becomes_another():
    """The client of a session that goes on is replaced by another program, with the same pid."""
    server = start_piped("serve")
    client = Client(server)
    client.call(0, "initialize", INITIALIZE)
    ends = [server.stdin.fileno(), server.stdout.fileno()]
    for end in ends:
        os.set_inheritable(end, True)
    # what was said until now is told with the name that it was said by
    time.sleep(0.5)
    arguments = ["-u", __file__, "go_on", *map(str, ends), str(server.pid)]
    os.execv(sys.executable, [sys.executable, *arguments])


def go_on():
    to_server, from_server, pid = map(int, sys.argv[2:])
    os.write(to_server, ask(1, "tools/list"))
    answer = os.read(from_server, 65536)
    os.close(to_server)
    os.waitpid(pid, 0)
    print(json.dumps({"client": os.getpid(), "received": [json.loads(answer)["id"]], "server": pid}))


def shared_line():
    server = start_piped("serve_with_child", stderr=subprocess.PIPE)
    client = Client(server)
    text = ask(1, "tools/list")
    client.write(text[:16])
    server.stderr.readline()
    child = json.loads(server.stderr.readline())["child"]
    client.write(text[16:])
    client.received.append(json.loads(server.stdout.readline())["id"])
    client.call(2, "tools/list")
    client.close()
    report(client, server=server.pid, child=child)


globals()[sys.argv[1]]()
