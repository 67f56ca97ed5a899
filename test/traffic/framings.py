"""A client, and a server that it starts, which talk over pipes, each text framed as the first argument says; three calls.

`docker`: between them is a daemon on a Unix socket, which speaks as Docker's does.
`pty`: the server has a terminal, which echoes what is written to it, as `script -qfec SERVER` makes it.
Prints the client's and the server's process ids, and those between.
"""

import json
import os
import pty
import socket
import struct
import subprocess
import sys
import tempfile
import time

CALLS = 3


def plain(message):
    return json.dumps(message).encode() + b"\n"


def pretty(message):
    return json.dumps(message, indent=2).encode() + b"\n"


def headed(message):
    text = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n" % len(text) + text


def bare(message):
    return json.dumps(message).encode()


class Reader:
    """Messages out of a stream of JSON texts, whatever is between them."""

    def __init__(self, read):
        self.read = read
        self.text = ""

    def next(self):
        while True:
            start = self.text.find("{")
            if start >= 0:
                try:
                    value, end = json.JSONDecoder().raw_decode(self.text, start)
                    self.text = self.text[end:]
                    return value
                except ValueError:
                    pass
            more = self.read()
            if not more:
                return None
            self.text += more.decode()


def answer(request, mean=0.5):
    return {"jsonrpc": "2.0", "id": request["id"], "result": {"content": [], "mean": mean}}


def serve(kind):
    frame = FRAMES.get(kind, plain)
    requests = Reader(lambda: os.read(0, 65536))
    while (request := requests.next()) is not None:
        mean = float("nan") if kind == "nan" else 0.5
        text = answer(request, mean)
        # lines and heads on one channel
        is_mixed = kind == "mixed" and request["id"] % 2 == 0
        os.write(1, headed(text) if is_mixed else frame(text))
        if kind == "gives-up":
            time.sleep(600)


def ask(kind, write, read):
    frame = FRAMES.get(kind, plain)
    answers = Reader(read)
    for number in range(1 if kind == "gives-up" else CALLS):
        params = {"name": "framed-%s" % kind, "arguments": {}}
        request = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        write(frame(request))
        while True:
            message = answers.next()
            assert message is not None
            if "method" not in message:
                break
        assert message["id"] == number


def start_server(kind, **pipes):
    return subprocess.Popen([sys.executable, __file__, kind, "server"], **pipes)


def attach(kind, path):
    """The daemon: one attachment, then it ends."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    connection, _ = listener.accept()
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    server = start_server(kind, stdin=-1, stdout=-1)
    print(os.getpid(), server.pid, flush=True)
    connection.sendall(
        b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n"
        b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    )
    connection.sendall(struct.pack(">BxxxI", 2, 8) + b"started\n")
    while text := connection.recv(65536):
        server.stdin.write(text)
        server.stdin.flush()
        output = server.stdout.readline()
        for piece in (output[:30], output[30:]):
            connection.sendall(struct.pack(">BxxxI", 1, len(piece)) + piece)
    server.stdin.close()
    server.wait()


def output_of(connection):
    """The next piece of the container's output."""
    stream = 2
    while stream == 2:
        stream, length = struct.unpack(">BxxxI", connection.recv(8, socket.MSG_WAITALL))
        piece = connection.recv(length, socket.MSG_WAITALL)
    return piece


def attached(kind):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "docker.sock")
        daemon = subprocess.Popen([sys.executable, __file__, kind, "daemon", path])
        connection = socket.socket(socket.AF_UNIX)
        while connection.connect_ex(path) != 0:
            time.sleep(0.01)
        connection.sendall(
            b"POST /v1.47/containers/4f5e/attach?stderr=1&stdin=1&stdout=1&stream=1 HTTP/1.1\r\n"
            b"Host: api.moby.localhost\r\nConnection: Upgrade\r\nContent-Length: 0\r\nUpgrade: tcp\r\n\r\n"
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        ask(kind, connection.sendall, lambda: output_of(connection))
        connection.shutdown(socket.SHUT_WR)
        daemon.wait()


def relay_terminal(kind):
    """What script(1) does: the server's terminal, and the own pipes."""
    pty.spawn([sys.executable, __file__, kind, "server"])


def main(kind, role="client", *rest):
    if role == "server":
        serve(kind)
    elif role == "daemon":
        attach(kind, *rest)
    elif role == "relay":
        relay_terminal(kind)
    elif kind == "docker":
        print(os.getpid(), flush=True)
        attached(kind)
    else:
        role = "relay" if kind == "pty" else "server"
        between = subprocess.Popen([sys.executable, __file__, kind, role], stdin=-1, stdout=-1)
        print(os.getpid(), between.pid, flush=True)
        out = between.stdout.fileno()
        write = lambda text: os.write(between.stdin.fileno(), text)
        ask(kind, write, lambda: os.read(out, 65536))
        if kind in ("gives-up", "pty"):
            between.kill()
        between.stdin.close()
        between.wait()


FRAMES = {"pretty": pretty, "headed": headed, "bare": bare, "gives-up": bare}

if __name__ == "__main__":
    main(*sys.argv[1:])
