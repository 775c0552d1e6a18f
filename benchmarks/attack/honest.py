"""Twilio, while somebody attacks: one signed webhook after another, from a process of its own, so
that what is measured is not how busy the attackers' is.

    python benchmarks/attack/honest.py HOST PORT     the request on standard input, then a newline
                                                     and its end when it is enough

Says on standard output, as JSON, how long each answer took and how many did not come.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
import threading
import time

EVERY_S = 0.05
ANSWER_S = 30.0


def ask(address: tuple[str, int], request: bytes) -> bool:
    """One request on a connection of its own; whether it was answered as it should be."""
    try:
        with socket.create_connection(address, ANSWER_S) as connection:
            connection.sendall(request)
            return connection.recv(100).startswith(b"HTTP/1.1 204")
    except OSError:
        return False


def main() -> None:
    """Until standard input ends."""
    address = (sys.argv[1], int(sys.argv[2]))
    request = base64.b64decode(sys.stdin.readline())
    is_enough = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        is_enough.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    took_ms: list[float] = []
    failed = 0
    while not is_enough.wait(EVERY_S):
        began_s = time.perf_counter()
        failed += not ask(address, request)
        took_ms.append((time.perf_counter() - began_s) * 1000)
    print(json.dumps({"took_ms": took_ms, "failed": failed}), flush=True)


if __name__ == "__main__":
    main()
