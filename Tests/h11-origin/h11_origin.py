"""An origin for the tests that parses with h11, strictly, and keeps what it received.

What h11 can't parse was forwarded wrongly. It serves any number of ports, one for each test, and is told what to do over one control
connection, a line of JSON for each line:

    open           a new port that answers every request        {"port": 40001}
    report PORT    the connections to that port until now       {"connections": [...]}

Its first line of output names the control port. It ends when the control connection does.
"""

import asyncio
import base64
import itertools
import json
import os

import h11

# What the gateway must not pass on, in heads and in trailers alike (RFC 9110 § 7.6.1).
HOP_BY_HOP = [
    (b"Connection", b"X-Hop"),
    (b"X-Hop", b"leaked"),
    (b"Keep-Alive", b"timeout=9"),
    (b"Proxy-Authenticate", b"Basic"),
    (b"Proxy-Connection", b"keep-alive"),
]
TRAILERS = [(b"X-Checked", b"1"), (b"X-Hop", b"leaked"), (b"Keep-Alive", b"leaked"), (b"Content-Range", b"leaked")]
# More than the gateway lets pass: what is too large for it must not be for the origin.
HEAD_BYTES_MAX = 128 * 1024
CONTROL_SECONDS = 30

connections_by_port = {}
# Requests of one client may come on several connections: their numbers tell the order.
numbers = itertools.count()


def pairs(fields):
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in fields]


class Connection(asyncio.Protocol):
    def __init__(self, connections):
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
        self.raw = bytearray()
        self.requests = []
        self.error = None
        self.ended = False
        connections.append(self)

    def report(self):
        return {
            "raw": base64.b64encode(self.raw).decode(),
            "requests": self.requests,
            "error": self.error,
            "ended": self.ended,
            "waiting": self.http.their_state is h11.SEND_BODY or bool(self.http.trailing_data[0]),
        }

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.raw += data
        if self.error:
            return
        self.http.receive_data(data)
        self.read_on()

    def eof_received(self):
        # An end within a message is no error of form: the gateway breaks off what it can't finish.
        self.ended = True
        self.transport.close()

    def connection_lost(self, exception):
        self.ended = True

    def read_on(self):
        try:
            while self.take(self.http.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            self.error = str(error)
            self.transport.close()

    def take(self, event):
        """Whether there may be another event."""
        if event is h11.NEED_DATA:
            if self.http.they_are_waiting_for_100_continue:
                self.send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
            return False
        if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            return False
        if isinstance(event, h11.Request):
            self.requests.append(
                {
                    "method": event.method.decode("latin-1"),
                    "target": event.target.decode("latin-1"),
                    "fields": pairs(event.headers.raw_items()),
                    "body": "",
                    "trailers": [],
                    "complete": False,
                    "number": next(numbers),
                }
            )
        elif isinstance(event, h11.Data):
            self.requests[-1]["body"] += bytes(event.data).decode("latin-1")
        elif isinstance(event, h11.EndOfMessage):
            self.requests[-1]["trailers"] = pairs(event.headers.raw_items())
            self.requests[-1]["complete"] = True
            self.answer(self.requests[-1])
        return True

    def answer(self, request):
        body = "{method} {target} {length}".format(length=len(request["body"]), **request).encode("latin-1")
        head = [(b"Content-Type", b"text/plain"), (b"X-Origin", b"h11"), (b"Trailer", b"X-Checked")] + HOP_BY_HOP
        self.send(h11.Response(status_code=200, headers=head, reason=b"OK"))
        self.send(h11.Data(data=body))
        self.send(h11.EndOfMessage(headers=TRAILERS if request["method"] != "HEAD" else []))
        if self.http.our_state is h11.MUST_CLOSE:
            self.transport.close()
        else:
            self.http.start_next_cycle()

    def send(self, event):
        data = self.http.send(event)
        if data:
            self.transport.write(data)


async def open_port():
    connections = []
    server = await asyncio.get_running_loop().create_server(lambda: Connection(connections), "127.0.0.1", 0, backlog=512)
    port = server.sockets[0].getsockname()[1]
    connections_by_port[port] = connections
    return {"port": port}


async def control(reader, writer):
    while line := (await reader.readline()).split():
        if line[0] == b"open":
            reply = await open_port()
        else:
            reply = {"connections": [connection.report() for connection in connections_by_port[int(line[1])]]}
        writer.write(json.dumps(reply).encode() + b"\n")
    os._exit(0)


async def main():
    is_controlled = asyncio.Event()

    async def begin(reader, writer):
        is_controlled.set()
        await control(reader, writer)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    print("control port", server.sockets[0].getsockname()[1], flush=True)
    # Whoever started it may have died.
    await asyncio.wait_for(is_controlled.wait(), CONTROL_SECONDS)
    await asyncio.Event().wait()


asyncio.run(main())
