#!/usr/bin/env python3
"""Connects in every way that ends differently, and says what each process saw of it, one JSON object a line.

usage: outcomes.py DIRECTORY [PEER UNREACHABLE PROHIBITED BLACKHOLE SILENT]: where Unix sockets go; addresses of another host that
refuses, of routes of these kinds, and of a neighbour that never answers.
"""
import errno
import json
import os
import socket
import struct
import sys
import threading
import time

TCP_SYNCNT = 7


def say(case, **seen):
    print(json.dumps({"case": case, "pid": os.getpid(), **seen}), flush=True)


def name_of(error):
    return errno.errorcode[error] if error else None


def ends(sock):
    return {"local": list(sock.getsockname()[:2]), "remote": list(sock.getpeername()[:2])}


def in_child(case, work):
    """Runs in a process of its own, whose pid is the case's."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            seen = work() or {}
            say(case, **seen)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if status:
        sys.exit(f"{case} failed")


def listen(family=socket.AF_INET, host="127.0.0.1"):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind((host, 0))
    sock.listen(16)
    return sock


def serve(sock, work):
    """Accepts one and does its work with it, beside the client."""

    def run():
        accepted, _ = sock.accept()
        work(accepted)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def read_all(sock, most=1 << 30):
    count = 0
    while count < most:
        data = sock.recv(min(65536, most - count))
        if not data:
            break
        count += len(data)
    return count


def pair(case, family, host, target, server, client):
    sock = listen(family, host)
    port = sock.getsockname()[1]
    thread = serve(sock, server)

    def work():
        # the listening socket is the parent's
        own = socket.socket(family, socket.SOCK_STREAM)
        own.connect((target, port))
        seen = ends(own)
        seen.update(client(own))
        return seen

    in_child(case, work)
    thread.join()
    sock.close()


def echo(reply):
    def work(sock):
        read_all(sock, 1000)
        sock.sendall(b"y" * reply)
        read_all(sock)
        sock.close()

    return work


def ask(sock):
    sock.sendall(b"x" * 1000)
    received = read_all(sock, 300)
    sock.close()
    return {"sent": 1000, "received": received}


def close_first(sock):
    sock.sendall(b"z" * 55)
    sock.close()


def close_second(sock):
    received = read_all(sock)
    time.sleep(0.05)
    sock.close()
    return {"sent": 0, "received": received}


def reset(sock):
    read_all(sock, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def be_reset(sock):
    sock.sendall(b"q")
    error = 0
    try:
        sock.recv(10)
    except OSError as caught:
        error = caught.errno
    sock.close()
    return {"sent": 1, "received": 0, "errno": name_of(error)}


def send_unread(sock):
    sock.sendall(b"u" * 99)
    try:
        sock.recv(1)
    except OSError:
        pass
    sock.close()


def leave_unread(sock):
    time.sleep(0.1)
    # it ends with bytes unread
    return {"sent": 0, "received": 99}


def half_close(sock):
    sock.sendall(b"h" * 10)
    sock.shutdown(socket.SHUT_WR)
    received = read_all(sock)
    sock.close()
    return {"sent": 10, "received": received}


def answer_half(sock):
    count = read_all(sock)
    sock.sendall(b"z" * 45 + b"h" * count)
    sock.close()


def take_much(sock):
    read_all(sock)
    sock.close()


def give_much(sock):
    sock.sendall(b"b" * 20_000_000)
    sock.close()
    return {"sent": 20_000_000, "received": 0}


def attempt(case, target, port=41999, family=socket.AF_INET, prepare=None):
    def work():
        sock = socket.socket(family, socket.SOCK_STREAM)
        if prepare:
            prepare(sock)
        error = sock.connect_ex((target, port))
        return {"errno": name_of(error), "remote": [target, port]}

    in_child(case, work)


def closed_port():
    with listen() as sock:
        return sock.getsockname()[1]


def refused_later():
    sock = socket.socket()
    sock.setblocking(False)
    port = closed_port()
    begun = sock.connect_ex(("127.0.0.1", port))
    time.sleep(0.05)
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    sock.close()
    return {"errno": name_of(error), "begun": name_of(begun), "remote": ["127.0.0.1", port]}


def twice():
    """A socket that was refused is connected again."""
    sock = socket.socket()
    sock.connect_ex(("127.0.0.1", closed_port()))
    with listen() as server:
        sock.connect(server.getsockname())
        seen = ends(sock)
        accepted, _ = server.accept()
        sock.close()
        accepted.close()
    return seen


def abandoned(target):
    def work():
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex((target, 41999))
        time.sleep(0.1)
        sock.close()
        return {"errno": None, "remote": [target, 41999]}

    return work


def tcp_cases():
    inet, inet6 = socket.AF_INET, socket.AF_INET6
    pair("client_closes", inet, "127.0.0.1", "127.0.0.1", echo(300), ask)
    pair("server_closes", inet, "127.0.0.1", "127.0.0.1", close_first, close_second)
    pair("reset_by_server", inet, "127.0.0.1", "127.0.0.1", reset, be_reset)
    pair("exit_unread", inet, "127.0.0.1", "127.0.0.1", send_unread, leave_unread)
    pair("half_close", inet, "127.0.0.1", "127.0.0.1", answer_half, half_close)
    pair("much", inet, "127.0.0.1", "127.0.0.1", take_much, give_much)
    pair("ipv6", inet6, "::1", "::1", echo(300), ask)
    pair("mapped", inet6, "::", "::ffff:127.0.0.1", echo(300), ask)
    attempt("refused", "127.0.0.1", closed_port())
    attempt("refused_ipv6", "::1", closed_port(), inet6)
    in_child("refused_later", refused_later)
    in_child("twice", twice)


def never_accepted():
    """The client says all there is to say; the other end is never accepted."""
    server = listen()

    def work():
        sock = socket.socket()
        sock.connect(server.getsockname())
        seen = ends(sock)
        sock.sendall(b"n" * 7)
        sock.close()
        return {**seen, "sent": 7, "received": 0}

    in_child("never_accepted", work)
    time.sleep(0.05)
    server.close()


def udp_cases():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    target = server.getsockname()

    def connected():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(target)
        sock.send(b"u" * 20)
        _, back = server.recvfrom(100)
        server.sendto(b"v" * 30, back)
        received = len(sock.recv(100))
        seen = ends(sock)
        sock.close()
        return {**seen, "sent": 20, "received": received}

    def unconnected():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for size in (20, 30, 40):
            sock.sendto(b"u" * size, target)
        seen = {"remote": list(target), "sent": 90, "received": 0}
        sock.close()
        return seen

    def messages():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.sendmsg([b"a" * 5, b"b" * 6], [], 0, target)
        seen = {"remote": list(target), "sent": 11, "received": 0}
        sock.close()
        return seen

    def refused():
        port = closed_port()
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(("127.0.0.1", port))
        sock.send(b"u" * 20)
        error = 0
        try:
            sock.recv(10)
        except OSError as caught:
            error = caught.errno
        sock.close()
        return {"remote": ["127.0.0.1", port], "errno": name_of(error)}

    in_child("udp_connected", connected)
    in_child("udp_unconnected", unconnected)
    in_child("udp_messages", messages)
    in_child("udp_refused", refused)


def unix_cases(directory):
    path = f"{directory}/listens"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(4)

    def stream(target):
        def work():
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(target)
            sock.sendall(b"x" * 17)
            accepted, _ = accepting.accept()
            accepted.recv(100)
            accepted.sendall(b"y" * 19)
            received = len(sock.recv(100))
            sock.close()
            return {"sent": 17, "received": received}

        return work

    accepting = server
    in_child("unix", stream(path))
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0overhear-{os.getpid()}")
    abstract.listen(4)
    accepting = abstract
    in_child("unix_abstract", stream(abstract.getsockname()))
    silent = socket.socket(socket.AF_UNIX)
    silent.bind(f"{directory}/silent")
    for case, target in (("unix_missing", f"{directory}/missing"), ("unix_refused", f"{directory}/silent")):

        def work(target=target):
            sock = socket.socket(socket.AF_UNIX)
            return {"errno": name_of(sock.connect_ex(target)), "path": target}

        in_child(case, work)


def network_cases(peer, unreachable, prohibited, blackhole, silent):
    attempt("no_route", "10.98.0.1")
    attempt("refused_by_peer", peer)
    attempt("unreachable", unreachable)
    attempt("prohibited", prohibited)
    attempt("blackhole", blackhole)
    in_child("abandoned", abandoned(silent))
    attempt(
        "timed_out",
        silent,
        prepare=lambda sock: sock.setsockopt(socket.IPPROTO_TCP, TCP_SYNCNT, 1),
    )


def main():
    directory, *addresses = sys.argv[1:]
    say("server")
    if addresses:
        network_cases(*addresses)
        return
    tcp_cases()
    never_accepted()
    udp_cases()
    unix_cases(directory)


main()
