#!/usr/bin/env python3
"""What an attack costs the gateway, what it costs who attacks, and what a good client beside it notices.

The yardstick is Envoy's: above a fixed cost for each connection and each handshake no client costs the gateway more than 100 times its
own bytes in memory, nor more than 100 times its own CPU time. The fixed cost is measured first, with clients that do nothing wrong: what
an idle connection takes, plain and with TLS, and one whose request waits for its origin; what it takes to accept a connection and end it,
and to shake hands. One thing has a bound instead, stated below: the piece of a response that waits for its reader. Attackers send bytes
made beforehand, in large pieces, wherever the attack allows it, so that their own time is what the kernel takes for it.

The gateway (release build) and a small origin run on free ports of this machine; every attack is bounded in count and time. With
slowhttptest installed its three slow attacks are measured as well.

Floods over HTTP/2 (http2_attacks.py; `--only h2` for them alone) come from one connection and from fifty: told is how they were stopped
as well, by a GOAWAY's code and after how many bytes. One that isn't stopped as it should be is a failure.
"""

import argparse
import contextlib
import ctypes
import json
import multiprocessing
import os
import pathlib
import resource
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import http2_attacks
from bench import Failure, Program, free_port, process_ns

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RATIO_MAX = 100
# What the gateway holds at the most of a response that its reader does not take: the rest of one long read (Limits.longReadBytes). A
# request of forty bytes may ask for gigabytes, so this has a bound, and no ratio.
RESPONSE_BYTES = 64 * 1024
# The same over HTTP/2: a window of the stream, with the read that filled it (Limits.streamOutputHighBytes, Limits.readBytes), and 2 KB for
# its head ...
STREAM_BYTES = 66 * 1024
# ... and once for all of a connection's streams what waits for its socket: Limits.outputHighBytes and the frame that reached it, in a buffer
# of the next power of two.
OUTPUT_BYTES = 128 * 1024
# A worker keeps freed buffers for the next who needs some (Limits.pooledBytesMax). Who attacks on one connection after the other finds
# them there, or makes another worker take as many of its own.
WORKERS = 2
POOLED_BYTES = 8 << 20
HEAD_TIMEOUT_S = 3
BIG = 4 << 20

CONFIG = """
workers {workers};
error_log {dir}/error.log info;
access_log off;
admin 127.0.0.1:{admin} {{ allow 127.0.0.0/8; }}
limit_handshakes {handshakes};
upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; }}
upstream good {{ server 127.0.0.1:{good}; keepalive 64; }}
server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{tls} ssl;
    ssl_certificate {dir}/localhost.pem;
    ssl_certificate_key {dir}/localhost.key;
    client_header_timeout {timeout}s;
    client_body_timeout {timeout}s;
    send_timeout {timeout}s;
    client_max_body_size 0;
    location / {{ proxy_pass http://origin; }}
    location = /good {{ proxy_pass http://good; }}
    location = /here {{ return 200 "ok\\n"; }}
}}
"""


# ---- the origin ----------------------------------------------------------------------------------------------


def serve_origin(listener):
    """Answers every request once its head is there; /big with four megabytes. The rest of a body is read and dropped."""
    waiting = threading.Event()
    small, big = (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size for size in (100, BIG))

    def serve(connection):
        with contextlib.suppress(OSError), connection:
            data = b""
            while received := connection.recv(65536):
                data += received
                while (end := data.find(b"\r\n\r\n")) >= 0:
                    head, data = data[:end], data[end + 4 :]
                    if head.startswith(b"GET /wait"):
                        waiting.wait()
                    if head.startswith(b"POST"):
                        while connection.recv(1 << 20):
                            pass
                        return
                    connection.sendall(big if head.startswith(b"GET /big") else small)

    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


# ---- attacks: each takes the ports and a deadline, and returns its connections -------------------------------


class Attacker:
    def __init__(self, ports, seconds):
        self.ports = ports
        self.deadline = time.monotonic() + seconds
        self.bytes = 0
        self.connections = 0
        self.requests = 0
        self.responses = 0
        self.handshakes = 0

    def connect(self, kind="plain", receive_buffer=None):
        connection = socket.socket()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.connect(("127.0.0.1", self.ports[kind]))
        self.connections += 1
        return connection

    def send(self, connection, data):
        connection.sendall(data)
        self.bytes += len(data)

    def is_over(self):
        return time.monotonic() >= self.deadline

    def trickle(self, beginning, piece, count=300, pause=0.2):
        """`count` connections that send `piece` now and then. Those that the gateway ends stay ended."""
        open_ones = []
        for _ in range(count):
            connection = self.connect()
            self.send(connection, beginning)
            open_ones.append(connection)
        while not self.is_over() and open_ones:
            time.sleep(pause)
            ended = set(select.select(open_ones, [], [], 0)[0])
            for connection in open_ones:
                if connection not in ended:
                    with contextlib.suppress(OSError):
                        self.send(connection, piece)
            open_ones = [connection for connection in open_ones if connection not in ended]

    def flood(self, data, connections=4, kind="plain"):
        """Sends `data` over and over, as fast as it is taken, and drops what is answered."""
        open_ones = {}
        sink = bytearray(1 << 20)
        view = memoryview(data)
        while not self.is_over():
            while len(open_ones) < connections:
                connection = self.connect(kind)
                connection.setblocking(False)
                open_ones[connection] = 0
            readable, writable, _ = select.select(list(open_ones), list(open_ones), [], 0.1)
            for connection in readable:
                with contextlib.suppress(OSError):
                    if connection.recv_into(sink) == 0:
                        del open_ones[connection]
                        connection.close()
            for connection in writable:
                if connection not in open_ones:
                    continue
                try:
                    sent = connection.send(view[open_ones[connection] :])
                except BlockingIOError:
                    continue
                except OSError:
                    del open_ones[connection]
                    connection.close()
                    continue
                self.bytes += sent
                open_ones[connection] = (open_ones[connection] + sent) % len(data)


def slow_heads(attacker):
    attacker.trickle(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"x")


def slow_bodies(attacker):
    attacker.requests = 300
    attacker.trickle(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n", b"x")


def slow_readers(attacker):
    attacker.requests = attacker.responses = 300
    readers = []
    for _ in range(300):
        connection = attacker.connect(receive_buffer=4096)
        attacker.send(connection, b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        readers.append(connection)
    while not attacker.is_over():
        time.sleep(0.2)
        for connection in readers:
            with contextlib.suppress(OSError):
                connection.recv(1, socket.MSG_DONTWAIT)


def tiny_chunks(attacker):
    attacker.requests = 4
    for_all = [attacker.connect() for _ in range(4)]
    for connection in for_all:
        attacker.send(connection, b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    data = b"1\r\nx\r\n" * 20_000
    while not attacker.is_over():
        for connection in for_all:
            attacker.send(connection, data)


def one_byte_segments(attacker):
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 8000
    while not attacker.is_over():
        connection = attacker.connect()
        for byte in head:
            attacker.send(connection, bytes((byte,)))
            if attacker.is_over():
                break
        connection.close()


def pipelined_flood(attacker):
    attacker.requests = 4
    attacker.flood(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)


def pipelined_flood_here(attacker):
    attacker.requests = 4
    attacker.flood(b"GET /here HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)


def small_fields(attacker):
    attacker.requests = 4
    attacker.flood(b"GET /here HTTP/1.1\r\nHost: localhost\r\n" + b"a:b\r\n" * 98 + b"\r\n")


def too_many_fields(attacker):
    attacker.flood(b"GET /here HTTP/1.1\r\nHost: localhost\r\n" + b"a:b\r\n" * 6000)


def big_cookies(attacker):
    attacker.requests = 4
    attacker.flood((b"GET /here HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"a=b; " * 6000 + b"\r\n\r\n") * 8)


def many_connections(attacker):
    idle = [attacker.connect() for _ in range(4000)]
    while not attacker.is_over():
        time.sleep(0.1)
    attacker.bytes += 40 * len(idle)  # the handshakes of TCP: there is nothing else


def client_hello():
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def handshake_flood(attacker):
    """The same ClientHello over and over: the server signs, the client does not even look."""
    hello = client_hello()
    while not attacker.is_over():
        with contextlib.suppress(OSError):
            connection = attacker.connect("tls")
            attacker.send(connection, hello)
            attacker.handshakes += 1
            connection.settimeout(0.5)
            connection.recv(1)
            connection.close()


def key_updates(attacker):
    """By libssl itself: Python's ssl has no KeyUpdate."""
    lib = ctypes.CDLL("libssl.so.3")
    for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
        getattr(lib, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(lib.TLS_client_method())))
    while not attacker.is_over():
        connection = attacker.connect("tls")
        attacker.handshakes += 1
        tls = ctypes.c_void_p(lib.SSL_new(context))
        lib.SSL_set_fd(tls, connection.fileno())
        if lib.SSL_connect(tls) == 1:
            for _ in range(20_000):
                if lib.SSL_key_update(tls, 0) != 1 or lib.SSL_do_handshake(tls) != 1 or attacker.is_over():
                    break
                attacker.bytes += 27
        lib.SSL_free(tls)
        connection.close()


ATTACKS = {
    "slow heads": slow_heads,
    "slow bodies": slow_bodies,
    "slow readers": slow_readers,
    "tiny chunks": tiny_chunks,
    "1-byte segments": one_byte_segments,
    "pipelined, proxied": pipelined_flood,
    "pipelined, own": pipelined_flood_here,
    "small fields": small_fields,
    "too many fields": too_many_fields,
    "big cookies": big_cookies,
    "idle connections": many_connections,
    "handshake flood": handshake_flood,
    "KeyUpdate flood": key_updates,
}


def run_flood(name, connections, ports, seconds, result):
    flood = http2_attacks.FLOODS[name]
    data = flood.make()
    attacker = Attacker(ports, seconds)
    before = time.process_time()
    stopped = (http2_attacks.run_slow if flood.is_slow else http2_attacks.run)(flood, data, attacker, connections)
    result.send({"bytes": attacker.bytes, "connections": attacker.connections, "cpu": time.process_time() - before, **stopped})


def run_attack(name, ports, seconds, result):
    attacker = Attacker(ports, seconds)
    before = time.process_time()
    with contextlib.suppress(ConnectionError):
        ATTACKS[name](attacker)
    result.send({**{key: getattr(attacker, key) for key in ("bytes", "connections", "requests", "responses", "handshakes")},
                 "cpu": time.process_time() - before})


# ---- the good client -----------------------------------------------------------------------------------------


class GoodConnection:
    REQUEST = b"GET /good HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)

    def ask(self):
        """Whether a request was answered with 200 and all its content."""
        self.socket.sendall(self.REQUEST)
        answer = b""
        while b"\r\n\r\n" not in answer or len(answer.partition(b"\r\n\r\n")[2]) < 100:
            received = self.socket.recv(65536)
            if not received:
                raise ConnectionError
            answer += received
        return answer.startswith(b"HTTP/1.1 200")

    def close(self):
        self.socket.close()


class GoodClient(threading.Thread):
    """One request after the other on a connection that lives on; how long each took, refusals and new connections included."""

    def __init__(self, port, connect=None):
        super().__init__(daemon=True)
        self.port = port
        self.connect = connect or GoodConnection
        self.latencies = []
        self.refusals = 0
        self.longest_without = 0.0
        self.is_wanted = True

    def run(self):
        connection, served_at = None, time.monotonic()
        while self.is_wanted:
            began = time.monotonic()
            try:
                connection = connection or self.connect(self.port)
                if not connection.ask():
                    raise ConnectionError
                now = time.monotonic()
                self.latencies.append(now - began)
                served_at = now
            except OSError:
                self.refusals += 1
                if connection:
                    connection.close()
                connection = None
            self.longest_without = max(self.longest_without, time.monotonic() - served_at)
            time.sleep(0.005)

    def end(self):
        self.is_wanted = False
        self.join(35)
        return self

    def p99_ms(self):
        ordered = sorted(self.latencies)
        return ordered[int(len(ordered) * 0.99)] * 1000 if ordered else float("nan")


# ---- the gateway ---------------------------------------------------------------------------------------------


class Gateway:
    def __init__(self, binary, directory, origins, cores, files=None, handshakes="500 burst=1000"):
        self.ports = {kind: free_port() for kind in ("plain", "tls", "admin")}
        path = pathlib.Path(directory) / "gateway.conf"
        values = {**self.ports, "dir": directory, "origin": origins[0], "good": origins[1], "timeout": HEAD_TIMEOUT_S, "handshakes": handshakes,
                  "workers": WORKERS}
        path.write_text(CONFIG.format(**values))
        arguments = [binary, "-c", str(path)]
        if files:
            arguments = ["/bin/sh", "-c", f'ulimit -n {files}; exec "$0" "$@"', *arguments]
        self.program = Program("gateway", arguments, cores[0])
        self.pid = self.program.process.pid
        os.sched_setaffinity(self.pid, cores)
        self.program.wait_until("its first answer", self.is_answering)

    def is_answering(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{self.ports['admin']}/healthz", timeout=5).status == 200

    def cpu_s(self):
        return process_ns(self.pid) / 1e9

    def memory(self, name):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise Failure(f"no {name}")

    def reset_peak(self):
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def counters(self):
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.ports['admin']}/metrics", timeout=5).read().decode()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in text.splitlines() if line[:1] != "#")}


# ---- measuring -----------------------------------------------------------------------------------------------


class Range:
    def __init__(self, options, directory, ending):
        self.options, self.directory, self.ending = options, directory, ending
        self.cores = sorted(os.sched_getaffinity(0))[:2]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2", "-subj"]
            + ["/CN=localhost", "-keyout", f"{directory}/localhost.key", "-out", f"{directory}/localhost.pem"],
            check=True, capture_output=True)
        self.origins = []

    def start_origin(self):
        """Its port."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(4096)
            origin = multiprocessing.Process(target=serve_origin, args=(listener,), daemon=True)
            origin.start()
            self.origins.append(origin)
            self.ending.callback(origin.terminate)
            return listener.getsockname()[1]

    def start(self, **options):
        # Anew for each gateway: one that has still to do with the connections of the last would spare it the next attack.
        while self.origins:
            self.origins.pop().kill()
        # The good client has one of its own: it is the gateway that is attacked here, not what is behind it.
        ports = [self.start_origin() for _ in range(2)]
        gateway = Gateway(self.options.gateway, self.directory, ports, self.cores, **options)
        self.ending.callback(gateway.program.end)
        return gateway

    def quiet(self, gateway, connect):
        """The good client alone: its p99, and what one of its requests costs the gateway."""
        before = gateway.cpu_s()
        client = GoodClient(gateway.ports["plain"], connect)
        client.start()
        time.sleep(2)
        client.end()
        return client.p99_ms(), (gateway.cpu_s() - before) / len(client.latencies)

    def measure_fixed(self):
        """What clients cost that do nothing wrong: (bytes of an idle connection, more with TLS, more with a request that waits for its
        origin, seconds for a connection, more for a handshake)."""
        gateway = self.start()
        context = ssl.create_default_context(cafile=f"{self.directory}/localhost.pem")
        context.check_hostname = False

        def connect(kind):
            connection = socket.create_connection(("127.0.0.1", gateway.ports[kind]))
            return context.wrap_socket(connection) if kind == "tls" else connection

        def cost(count, kind, target):
            """Bytes and seconds for each of `count` connections that ask once, and then wait for something."""
            rounds = []
            for _ in range(2):  # The first is for what is kept for the next.
                resident, cpu = gateway.memory("VmRSS"), gateway.cpu_s()
                connections = [connect(kind) for _ in range(count)]
                for connection in connections:
                    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                    if target != "/wait":
                        connection.recv(4096)
                time.sleep(1)
                rounds.append((gateway.memory("VmRSS") - resident) / count)
                for connection in connections:
                    connection.close()
                time.sleep(1)
                seconds = (gateway.cpu_s() - cpu) / count
            return rounds[0], seconds

        idle, connection_s = cost(2000, "plain", "/here")
        tls, handshake_s = cost(500, "tls", "/here")
        waiting, _ = cost(300, "plain", "/wait")
        gateway.program.end()
        return idle, tls - idle, waiting - idle, connection_s, handshake_s - connection_s

    def measure_http2_fixed(self):
        """The same for HTTP/2 without TLS: (bytes of a connection that has had a request, more for each stream that waits for its origin,
        seconds for a connection with a request, seconds for a request that its client takes back, seconds for a response of which a
        window is read)."""
        gateway = self.start()

        def cost(count, waiting):
            rounds = []
            for _ in range(2):  # The first is for what is kept for the next.
                resident, cpu = gateway.memory("VmRSS"), gateway.cpu_s()
                connections = []
                for _ in range(count):
                    connections.append(http2_attacks.GoodConnection(gateway.ports["plain"]))
                    connections[-1].ask(waiting)
                time.sleep(1)
                rounds.append((gateway.memory("VmRSS") - resident) / count)
                for connection in connections:
                    connection.close()
                time.sleep(1)
                seconds = (gateway.cpu_s() - cpu) / count
            return rounds[0], seconds

        idle, connection_s = cost(500, 0)
        waiting, waiting_s = cost(20, http2_attacks.STREAMS_MAX)
        cpu = gateway.cpu_s()
        for _ in range(20):
            connection = http2_attacks.GoodConnection(gateway.ports["plain"])
            connection.read_windows(http2_attacks.STREAMS_MAX)
            connection.close()
        time.sleep(1)
        windows_s = (gateway.cpu_s() - cpu) / 20
        gateway.program.end()
        streams = http2_attacks.STREAMS_MAX
        return idle, (waiting - idle) / streams, connection_s, (waiting_s - connection_s) / streams, (windows_s - connection_s) / streams

    def measure(self, name, attack, connect=None):
        """Runs `attack`, which returns what it has spent, beside a good client. A gateway for each, so that no peak hides another."""
        gateway = self.start()
        quiet_ms, request_cpu = self.quiet(gateway, connect)
        gateway.reset_peak()
        resident, cpu = gateway.memory("VmRSS"), gateway.cpu_s()
        client = GoodClient(gateway.ports["plain"], connect)
        client.start()
        spent = attack(gateway)
        client.end()
        cpu = max(0.0, gateway.cpu_s() - cpu - request_cpu * len(client.latencies))
        growth = max(0, gateway.memory("VmHWM") - resident)
        counters = gateway.counters()
        gateway.program.end()
        return {"name": name, "quiet_ms": quiet_ms, "p99_ms": client.p99_ms(), "cpu": cpu, "growth": growth, "client": spent,
                "refusals": client.refusals, "peak": resident + growth, "counters": counters}

    def own_attack(self, run, *arguments):
        def attack(gateway):
            receiver, sender = multiprocessing.Pipe(False)
            process = multiprocessing.Process(target=run, args=(*arguments, gateway.ports, self.options.duration, sender))
            process.start()
            process.join(self.options.duration + 30)
            if process.is_alive():
                process.kill()
                raise Failure(f"{arguments[0]} does not end")
            return receiver.recv()

        return attack

    def run(self):
        only = self.options.only.split(",") if self.options.only else [*ATTACKS, "h2"]
        failures = []
        if attacks := [name for name in only if name in ATTACKS]:
            failures += self.run_attacks(attacks)
        if not self.options.only:
            self.run_slowhttptest()
            self.run_without_files()
        if floods := list(http2_attacks.FLOODS) if "h2" in only else [name for name in only if name in http2_attacks.FLOODS]:
            failures += self.run_floods(floods)
        if unknown := [name for name in only if name not in (*ATTACKS, *http2_attacks.FLOODS, "h2")]:
            failures.append(f"no attack: {', '.join(unknown)}")
        if failures:
            raise Failure("\n".join(failures))

    def run_attacks(self, wanted):
        idle, tls_more, request_more, connection_s, handshake_s = self.measure_fixed()
        print(f"fixed cost, measured: {idle / 1024:.1f} KB for an idle connection, {tls_more / 1024:.1f} KB more with TLS, {request_more / 1024:.1f} KB more "
              f"with a request that waits;\n{connection_s * 1e6:.0f} µs for a connection with a request, {handshake_s * 1e6:.0f} µs more for a handshake. "
              f"Bound: {RESPONSE_BYTES >> 10} KB for a response that waits for its reader.\n×all is with the fixed cost, ×bytes and ×CPU are above it\n")
        print(f"{'attack':<20} {'conns':>6} {'sent KB':>8} {'grown KB':>9} {'×bytes':>7} {'×all':>6} {'client s':>9} {'gateway s':>10} {'×CPU':>6} "
              f"{'×all':>6} {'p99 quiet':>10} {'attacked':>9} {'refused':>8}")
        beyond = []
        for name in wanted:
            row = self.measure(name, self.own_attack(run_attack, name))
            client = row["client"]
            tls = client["connections"] if client["handshakes"] else 0
            fixed = (idle * min(client["connections"], 20_000) + tls_more * min(tls, 1000) + request_more * client["requests"]
                     + RESPONSE_BYTES * client["responses"])
            bytes_ratio = max(0, row["growth"] - fixed) / max(1, client["bytes"])
            fixed_cpu = connection_s * client["connections"] + handshake_s * client["handshakes"]
            cpu_ratio = max(0.0, row["cpu"] - fixed_cpu) / client["cpu"]
            print(f"{name:<20} {client['connections']:>6} {client['bytes'] / 1024:>8.0f} {row['growth'] / 1024:>9.0f} {bytes_ratio:>7.2f} "
                  f"{row['growth'] / max(1, client['bytes']):>6.2f} "
                  f"{client['cpu']:>9.3f} {row['cpu']:>10.3f} {cpu_ratio:>6.1f} {row['cpu'] / client['cpu']:>6.1f} {row['quiet_ms']:>7.1f} ms "
                  f"{row['p99_ms']:>6.1f} ms {row['refusals']:>8}", flush=True)
            if bytes_ratio > RATIO_MAX or cpu_ratio > RATIO_MAX:
                beyond.append(name)
        return [f"beyond {RATIO_MAX} times: {', '.join(beyond)}"] if beyond else []

    # ---- HTTP/2

    def run_floods(self, wanted):
        fixed = self.measure_http2_fixed()
        print(f"\nHTTP/2, fixed cost, measured: {fixed[0] / 1024:.1f} KB for a connection, {fixed[1] / 1024:.1f} KB more for each stream that waits; "
              f"{fixed[2] * 1e6:.0f} µs for a connection with a request, {fixed[3] * 1e6:.0f} µs for a request that is taken back, "
              f"{fixed[4] * 1e6:.0f} µs for a response of which a window is read.\nBound: {STREAM_BYTES >> 10} KB for a response that waits for its reader, {OUTPUT_BYTES >> 10} KB for a connection that has some, and "
              f"as much again, up to {POOLED_BYTES >> 20} MB a worker,\nfor those before it. ×all is with the fixed cost, ×bytes and ×CPU are above it\n")
        print(f"{'flood':<24} {'from':>4} {'opened':>6} {'sent KB':>8} {'grown KB':>9} {'×bytes':>7} {'×all':>6} {'client s':>8} {'gateway s':>9} {'×CPU':>6} "
              f"{'×all':>6} {'p99 quiet':>10} {'attacked':>10} {'refused':>7}  ended by")
        beyond, wrong = [], []
        for name in wanted:
            flood = http2_attacks.FLOODS[name]
            for connections in [300] if flood.is_slow else map(int, self.options.connections.split(",")):
                try:
                    row = self.measure(name, self.own_attack(run_flood, name, connections), http2_attacks.GoodConnection)
                except (Failure, OSError, EOFError) as failure:
                    wrong.append(f"{name} from {connections}: {failure!r}")
                    print(f"{name:<24} {connections:>4} {failure!r}")
                    continue
                if self.report_flood(name, flood, connections, row, fixed):
                    beyond.append(f"{name} from {connections}")
                if not is_ended_as(flood.end, row["client"]["ends"]):
                    wrong.append(f"{name} from {connections}: ended by {row['client']['ends'] or 'nothing'}, not {flood.end}")
        return ([f"beyond {RATIO_MAX} times: {', '.join(beyond)}"] if beyond else []) + wrong

    def report_flood(self, name, flood, connections, row, fixed):
        """Prints the row; whether it is beyond the yardstick."""
        client = row["client"]
        connection_bytes, stream_bytes, connection_s, request_s, response_s = fixed
        waiting = STREAM_BYTES * flood.responses + (OUTPUT_BYTES if flood.responses else 0)
        at_once = connection_bytes + stream_bytes * flood.streams + waiting
        kept = min(WORKERS * POOLED_BYTES, waiting * max(0, client["connections"] - connections))
        bytes_ratio = max(0, row["growth"] - at_once * connections - kept) / max(1, client["bytes"])
        requests = sum(value for key, value in row["counters"].items() if key.startswith("http_requests_total"))
        cpu_ratio = max(0.0, row["cpu"] - connection_s * client["connections"] - (response_s if flood.responses else request_s) * requests) / client["cpu"]
        counters = {key.partition('"')[2].partition('"')[0]: int(value) for key, value in row["counters"].items()
                    if key.startswith("gateway_http2_connection_errors_total") and value}
        ends = ", ".join(f"{count} × {code}" for code, count in client["ends"].items()) or "nothing"
        if client["ends"]:
            ends += f", after {client['median_bytes'] / 1024:.1f} KB and {client['median_ms']:.0f} ms (medians)"
        print(f"{name:<24} {connections:>4} {client['connections']:>6} {client['bytes'] / 1024:>8.0f} {row['growth'] / 1024:>9.0f} {bytes_ratio:>7.2f} "
              f"{row['growth'] / max(1, client['bytes']):>6.2f} {client['cpu']:>8.3f} {row['cpu']:>9.3f} {cpu_ratio:>6.1f} {row['cpu'] / client['cpu']:>6.1f} "
              f"{row['quiet_ms']:>7.1f} ms {row['p99_ms']:>7.1f} ms {row['refusals']:>7}  {ends}; {counters or 'no flood'} counted", flush=True)
        return bytes_ratio > RATIO_MAX or cpu_ratio > RATIO_MAX

    # ---- slowhttptest

    def run_slowhttptest(self):
        if not shutil.which("slowhttptest"):
            print("\nslowhttptest is not installed: its attacks are left out")
            return
        print(f"\nslowhttptest, 300 connections, all deadlines {HEAD_TIMEOUT_S} s")
        print(f"{'attack':<14} {'p99 quiet':>10} {'attacked':>9} {'refused':>8} {'VmHWM':>9} {'CPU s':>7}  ended as")
        for name, arguments in {
            "slow heads": ["-H", "-i", "1"],
            "slow bodies": ["-B", "-i", "10", "-s", "8192"],
            "slow readers": ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "1"],
        }.items():
            def attack(gateway, arguments=arguments):
                target = "/big" if "-X" in arguments else "/"
                subprocess.run(
                    ["slowhttptest", *arguments, "-c", "300", "-r", "300", "-l", "12", "-u", f"http://127.0.0.1:{gateway.ports['plain']}{target}"],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

            row = self.measure(name, attack)
            ends = {key.partition("error_type=")[2].strip('"}'): int(value) for key, value in row["counters"].items()
                    if key.startswith("gateway_refusals_total") and value}
            print(f"{name:<14} {row['quiet_ms']:>7.1f} ms {row['p99_ms']:>6.1f} ms {row['refusals']:>8} {row['peak'] / 1048576:>6.1f} MB "
                  f"{row['cpu']:>7.2f}  {json.dumps(ends)}", flush=True)

    # ---- file descriptors

    def run_without_files(self):
        gateway = self.start(files=128)
        client = GoodClient(gateway.ports["plain"])
        halves = []
        for _ in range(300):
            connection = socket.create_connection(("127.0.0.1", gateway.ports["plain"]))
            with contextlib.suppress(OSError):
                connection.sendall(b"GET / HTTP/1.1\r\nHo")
            halves.append(connection)
        began, before = time.monotonic(), gateway.cpu_s()
        client.start()
        while not client.latencies and time.monotonic() < began + 30:
            time.sleep(0.01)
        served = time.monotonic() - began
        cpu = gateway.cpu_s() - before
        client.end()
        gateway.program.end()
        print(f"\n128 files, 300 half-open requests, client_header_timeout {HEAD_TIMEOUT_S} s: a new client is served after {served:.2f} s and "
              f"{client.refusals} refusals; the gateway's CPU meanwhile {cpu:.3f} s, of two workers")
        if served > HEAD_TIMEOUT_S + 1 or cpu > served * 0.5:
            raise Failure("without files the good client waits, or a worker spins")


def is_ended_as(wanted, ends):
    """Whether connections of a flood ended as they should, all of them. A reset of the connection may come before its GOAWAY is read."""
    if wanted is None:
        return True
    if wanted == "ended":
        return bool(ends)
    codes = set(wanted) if isinstance(wanted, tuple) else {wanted}
    return bool(codes & ends.keys()) and not ends.keys() - codes - {"ended"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--duration", type=float, default=5, help="seconds of each attack")
    parser.add_argument("--only", help="attacks, with commas between them: h2, " + ", ".join([*ATTACKS, *http2_attacks.FLOODS]))
    parser.add_argument("--connections", default="1,50", help="how many connections floods over HTTP/2 come from")
    parser.add_argument("--gateway", default=str(ROOT / ".build/release/gateway"))
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="gateway-attacks-") as directory, contextlib.ExitStack() as ending:
            Range(options, directory, ending).run()
    except Failure as failure:
        sys.exit(f"\nattacks: {failure}")
    except KeyboardInterrupt:
        sys.exit("\nattacks: interrupted")


if __name__ == "__main__":
    main()
