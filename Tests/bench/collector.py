#!/usr/bin/env python3
"""A collector of spans that costs next to nothing: what OTLP over HTTP brings is counted by its length and dropped in the kernel.

The first message of each connection is read: what isn't spans as OpenTelemetry has them in JSON gets 400, and the bench fails. It says on
standard error how many of them were good."""

import json
import re
import socket
import sys
import threading

TAKEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PIECE_BYTES = 1024 * 1024


def serve(connection):
    buffer = bytearray(PIECE_BYTES)
    received = b""
    is_first = True
    while True:
        while b"\r\n\r\n" not in received:
            more = connection.recv(4096)
            if not more:
                return
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        left = int(re.search(rb"(?im)^content-length: *(\d+)", head)[1]) - len(body)
        if is_first:
            while left > 0:
                count = connection.recv_into(buffer, min(left, PIECE_BYTES))
                if not count:
                    return
                body, left = body + buffer[:count], left - count
            if not are_spans(body):
                connection.sendall(REFUSED)
                return
            is_first = False
        while left > 0:
            # A stream's bytes are dropped, and not copied (tcp(7)).
            count = connection.recv_into(buffer, min(left, PIECE_BYTES), socket.MSG_TRUNC)
            if not count:
                return
            left -= count
        connection.sendall(TAKEN)
        received = b""


def are_spans(body):
    try:
        spans = [span for scope in json.loads(body)["resourceSpans"][0]["scopeSpans"] for span in scope["spans"]]
        kinds = {span["kind"] for span in spans}
        good = all(len(span["traceId"]) == 32 and span["startTimeUnixNano"] <= span["endTimeUnixNano"] for span in spans)
    except (ValueError, KeyError, IndexError) as error:
        print(f"no spans: {error}", file=sys.stderr, flush=True)
        return False
    print(f"{len(spans)} spans of kinds {sorted(kinds)} in {len(body)} bytes", file=sys.stderr, flush=True)
    return good and kinds == {2, 3}


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
