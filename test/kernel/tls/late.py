"""PORT CALLS: says "waits"; loads TLS at the first line of its input, and calls as client.py does at its end."""
import runpy
import sys

print("waits", flush=True)
sys.stdin.readline()
import ssl  # noqa: E402

sys.stdin.read()
runpy.run_path(__file__.replace("late.py", "client.py"), run_name="__main__")
