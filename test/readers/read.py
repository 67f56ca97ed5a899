"""Reads NDJSON with Python's json as it is, and uses what it read: strings are printed, ids are keys of a table."""

import json
import sys

MEMBERS = ("id", "method", "params", "result", "error")


def show(value):
    if isinstance(value, str):
        sys.stdout.write(value)
    elif isinstance(value, list):
        for item in value:
            show(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            show(key)
            show(item)


by_id = {}
for line in sys.stdin:
    value = json.loads(line)
    by_id[value.get("id")] = value
    show(value)
    texts = [value.get(f"{member}_text") for member in MEMBERS]
    print()
    print("TEXTS", json.dumps(texts))
