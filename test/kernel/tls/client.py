"""PORT CALLS: calls over HTTPS, one after another on one connection, by Python's http.client."""
import http.client
import json
import ssl
import sys

port, calls = int(sys.argv[1]), int(sys.argv[2])
context = ssl._create_unverified_context()
connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
for number in range(calls):
    params = {"name": "echo", "arguments": {}}
    body = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    connection.request("POST", "/mcp", json.dumps(body), {"content-type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    assert answer["id"] == number, answer
