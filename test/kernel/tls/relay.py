"""PORT: connects, sends what looks like the beginning of a TLS handshake, says "sent", and ends when its input does."""
import socket
import sys

connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(bytes([22, 3, 1, 0, 5, 1, 0, 0, 1, 0]))
print("sent", flush=True)
sys.stdin.read()
