#!/usr/bin/env python3
"""What a request costs: the gateway beside nginx and HAProxy, as reverse proxies before the same origin, under the same load.

Each proxy has one worker, pinned to core 0; the origin (nginx, `return 200` with 100 bytes) and the load generator (wrk) have
core 1. CPU per request is what the proxy's processes spent, user and system, divided by the answers that wrk counted. Of
handshakes each is a connection of its own with one request, by tls_client.c: a full one, or one resumed by a ticket. The
rounds of the proxies are interleaved, so that a machine that slows down slows all of them; the table shows medians.

The gateway runs with its access log (JSON, to a file) and its metrics on; nginx and HAProxy write no log, and nginx with
`--all` a second time with a buffered one.

Memory per idle connection is what a fresh proxy has more (PSS) with thousands of TLS connections, each after one request.
"""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import re
import resource
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

PROXY_CORE = 0
LOAD_CORE = 1
BODY = "x" * 99 + "\n"
LONG_BODY_BYTES = 64 * 1024
LISTENERS = ("plain", "tls")
# Idle connections, and what else a proxy has open.
CONNECTIONS_MAX = 12_000
FILES_MAX = 16_384


@dataclasses.dataclass
class Case:
    title: str
    listener: str
    path: str = "/"
    # What tls_client does; wrk where it is None.
    handshake: str = None


CASES = {
    "plain": Case("HTTP/1.1, plain, 100-byte answers", "plain"),
    "tls": Case("HTTP/1.1, TLS 1.3, 100-byte answers", "tls"),
    "plain-64k": Case("HTTP/1.1, plain, 64 KB answers", "plain", "/64k"),
    "tls-64k": Case("HTTP/1.1, TLS 1.3, 64 KB answers", "tls", "/64k"),
    "new": Case("TLS 1.3, ECDSA P-256: a full handshake and one request", "tls", handshake="new"),
    "resumed": Case("TLS 1.3, ECDSA P-256: a resumed handshake and one request", "tls", handshake="resumed"),
}
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Failure(Exception):
    """Something that makes the numbers worthless."""


# ---- programs ------------------------------------------------------------------------------------------------


class Program:
    """A process of ours, pinned to a core. It ends with the bench, by its own id."""

    def __init__(self, name, arguments, core, environment=None):
        self.name = name
        self.lines = []
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            arguments,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **(environment or {})},
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def fail(self, what):
        raise Failure(f"{self.name}: {what}\n" + "\n".join(self.lines[-20:]))

    def wait_until(self, what, found, timeout=10):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if value := found():
                return value
            if self.process.poll() is not None:
                self.reader.join(1)
                self.fail(f"ended with status {self.process.returncode} before {what}")
            time.sleep(0.0005)
        self.fail(f"no {what} after {timeout} s")

    def cpu_ns(self):
        return sum(task_ns(task) for pid in family(self.process.pid) for task in pathlib.Path(f"/proc/{pid}/task").iterdir())

    def memory_bytes(self):
        """Proportional: what processes share counts once."""
        return sum(proportional_bytes(pid) for pid in family(self.process.pid))

    def end(self):
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def family(pid):
    """A process and all that descend from it."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found


def task_ns(task):
    """User and system time of a thread in nanoseconds; in ticks of 10 ms where the kernel has no schedstat."""
    with contextlib.suppress(OSError):
        return int((task / "schedstat").read_text().split()[0])
    fields = (task / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def proportional_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise Failure(f"the kernel tells no Pss of {pid}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---- clients -------------------------------------------------------------------------------------------------


def connect(port, case):
    """A connection that speaks TLS 1.3, or nothing below HTTP."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if case == "plain":
        return connection
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(connection, server_hostname="localhost")


def ask(connection):
    """One request on a connection that stays open; the answer's body."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += receive(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    if not head.startswith(b"HTTP/1.1 200") or not length:
        raise Failure(f"an answer that is none: {head!r}")
    while len(body) < int(length[1]):
        body += receive(connection)
    return body.decode()


def receive(connection):
    received = connection.recv(65536)
    if not received:
        raise Failure("the connection ended before the answer")
    return received


def is_answering(port):
    with contextlib.suppress(OSError), connect(port, "plain") as connection:
        return ask(connection) == BODY
    return False


def load(port, case, connections, seconds):
    """Runs wrk; its numbers. Errors make them worthless."""
    url = f"http{'s' if case.listener == 'tls' else ''}://127.0.0.1:{port}{case.path}"
    run = subprocess.run(
        ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s", url],
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
    )
    wrong = [line.strip() for line in run.stdout.splitlines() if re.search(r"Socket errors|Non-2xx", line)]
    if run.returncode != 0 or wrong:
        raise Failure(f"wrk {url}: {' '.join(wrong) or run.stderr or run.stdout}")
    requests, elapsed = re.search(r"(\d+) requests in ([\d.]+\w+)", run.stdout).groups()
    return {
        "requests": int(requests),
        "per_second": int(requests) / milliseconds(elapsed) * 1000,
        "p50_ms": milliseconds(re.search(r"50%\s+([\d.]+\w+)", run.stdout)[1]),
        "p99_ms": milliseconds(re.search(r"99%\s+([\d.]+\w+)", run.stdout)[1]),
    }


def shake_hands(client, port, kind, seconds):
    """Runs tls_client for as many connections as it can have."""
    run = subprocess.run(
        [client, kind, str(port), str(seconds), "8"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
    )
    if run.returncode != 0:
        raise Failure(run.stderr)
    count = int(run.stdout)
    return {"requests": count, "per_second": count / seconds}


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m|h)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}[unit]


# ---- the proxies ---------------------------------------------------------------------------------------------


class Proxy:
    """A running proxy with a port for each case, and the time it took to its first answer."""

    def __init__(self, program, ports):
        self.program = program
        self.ports = ports
        program.wait_until("its first answer", lambda: is_answering(ports["plain"]))
        self.start_ms = (time.monotonic() - program.started) * 1000
        with connect(ports["tls"], "tls") as connection:
            if connection.version() != "TLSv1.3" or ask(connection) != BODY:
                program.fail("does not answer by TLS 1.3")


NGINX = """
worker_processes 1;
daemon off;
{user}
pid {dir}/{name}.pid;
error_log stderr warn;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
    access_log {log};
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_temp_path {dir}/{name}.body;
    proxy_temp_path {dir}/{name}.proxy;
    fastcgi_temp_path {dir}/{name}.fastcgi;
    uwsgi_temp_path {dir}/{name}.uwsgi;
    scgi_temp_path {dir}/{name}.scgi;
    {http}
}}
"""

NGINX_ORIGIN = """
    server {{
        listen 127.0.0.1:{origin};
        location / {{ return 200 "{body}"; }}
        location = /64k {{ root {dir}; }}
    }}
"""

NGINX_PROXY = """
    upstream origin {{
        server 127.0.0.1:{origin};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffers 16 8k;
            proxy_set_header Host $host;
        }}
    }}
"""

HAPROXY = """
global
    nbthread 1
    maxconn {connections}
    no strict-limits
    tune.ssl.cachesize 0
defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout server 60s
    http-reuse always
frontend bench
    bind 127.0.0.1:{plain}
    bind 127.0.0.1:{tls} ssl crt {pair} alpn http/1.1 ssl-min-ver TLSv1.3
    default_backend origin
backend origin
    server origin 127.0.0.1:{origin}
"""

# All load comes from one address, and the default of limit_handshakes would refuse most of its connections.
GATEWAY = """
workers 1;
worker_connections {connections};
limit_handshakes 0;
keepalive_timeout 600s;
error_log stderr info;
access_log {dir}/gateway.log json;
admin 127.0.0.1:0 {{ }}
upstream origin {{
    server 127.0.0.1:{origin};
    keepalive 64;
}}
server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{tls} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.3;
    location / {{ proxy_pass http://origin; }}
}}
"""


class Bench:
    def __init__(self, options, directory, ending):
        self.options = options
        self.directory = pathlib.Path(directory)
        self.ending = ending
        self.values = {"dir": directory, "origin": free_port(), "body": BODY.replace("\n", "\\n"), "files": FILES_MAX}
        self.values["connections"] = CONNECTIONS_MAX
        self.cases = {name: CASES[name] for name in options.cases.split(",") if name}
        (self.directory / "64k").write_bytes(os.urandom(LONG_BODY_BYTES))
        self.make_certificate()
        self.client = self.directory / "tls_client"
        source = pathlib.Path(__file__).with_name("tls_client.c")
        subprocess.run(["cc", "-O2", "-o", self.client, source, "-lssl", "-lcrypto", "-lpthread"], check=True)

    def make_certificate(self):
        certificate, key, pair = (self.directory / name for name in ("localhost.pem", "localhost.key", "pair.pem"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"]
            + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
            check=True,
            capture_output=True,
        )
        pair.write_text(certificate.read_text() + key.read_text())
        self.values.update(certificate=certificate, key=key, pair=pair)

    def write(self, file, text, **values):
        path = self.directory / file
        path.write_text(text.format(**{**self.values, **values}))
        return str(path)

    def start(self, name, arguments, core, environment=None):
        program = Program(name, arguments, core, environment)
        self.ending.callback(program.end)
        return program

    def nginx(self, name, http, core, log="off", **ports):
        user = "user root;" if os.geteuid() == 0 else ""
        text = NGINX.replace("{http}", http)
        config = self.write(f"{name}.conf", text, name=name, log=log, user=user, **ports)
        return self.start(name, ["nginx", "-p", str(self.directory), "-e", "stderr", "-c", config], core)

    def start_origin(self):
        origin = self.nginx("origin", NGINX_ORIGIN, LOAD_CORE)
        origin.wait_until("its first answer", lambda: is_answering(self.values["origin"]))

    def start_nginx(self, name, log="off"):
        ports = {listener: free_port() for listener in LISTENERS}
        return Proxy(self.nginx(name, NGINX_PROXY, PROXY_CORE, log, **ports), ports)

    def start_haproxy(self):
        ports = {listener: free_port() for listener in LISTENERS}
        config = self.write("haproxy.conf", HAPROXY, **ports)
        return Proxy(self.start("haproxy", ["haproxy", "-db", "-f", config], PROXY_CORE), ports)

    def start_gateway(self, environment=None):
        ports = {listener: free_port() for listener in LISTENERS}
        config = self.write("gateway.conf", GATEWAY, **ports)
        return Proxy(self.start("gateway", [self.options.gateway, "-c", config], PROXY_CORE, environment), ports)

    def start_proxies(self):
        wanted = self.options.only.split(",")
        proxies = {}
        if "nginx" in wanted:
            proxies["nginx"] = self.start_nginx("nginx")
            if self.options.all:
                proxies["nginx, log"] = self.start_nginx("nginx-log", f"{self.directory}/nginx.log combined buffer=64k flush=1s")
        if "haproxy" in wanted:
            proxies["haproxy"] = self.start_haproxy()
        if "gateway" in wanted:
            proxies["gateway"] = self.start_gateway()
        return proxies

    # ---- measuring

    def measure(self, proxy, case, seconds):
        before = proxy.program.cpu_ns()
        port = proxy.ports[case.listener]
        if case.handshake:
            result = shake_hands(self.client, port, case.handshake, seconds)
        else:
            result = load(port, case, self.options.connections, seconds)
        result["cpu_us"] = (proxy.program.cpu_ns() - before) / 1000 / result["requests"]
        return result

    def run(self):
        self.start_origin()
        proxies = self.start_proxies()
        for proxy in proxies.values():
            for case in self.cases.values():
                self.measure(proxy, case, 1)
        results = {(name, case): [] for name in proxies for case in self.cases}
        for number in range(self.options.rounds):
            for case in self.cases:
                for name, proxy in proxies.items():
                    progress(f"round {number + 1} of {self.options.rounds}: {name}, {case}")
                    results[name, case].append(self.measure(proxy, self.cases[case], self.options.duration))
        progress("")
        self.report(proxies, results)
        self.report_idle()
        if "gateway" in proxies:
            self.report_allocations()

    def report(self, proxies, results):
        for case in self.cases:
            title = self.cases[case].title
            clients = "" if self.cases[case].handshake else f"{self.options.connections} connections, "
            print(f"\n{title}: {clients}median of {self.options.rounds} rounds of {self.options.duration} s\n")
            print(
                f"{'proxy':<12} {'req/s':>8} {'CPU µs/req':>11} {'least-most':>15} {'req/CPU s':>10} {'× nginx':>8}"
                f" {'p50 ms':>8} {'p99 ms':>8}"
            )
            medians = {
                name: {key: statistics.median(run[key] for run in results[name, case]) for key in results[name, case][0]}
                for name in proxies
            }
            for name, row in medians.items():
                ratio = f"{row['cpu_us'] / medians['nginx']['cpu_us']:.2f}" if "nginx" in medians else "-"
                costs = [run["cpu_us"] for run in results[name, case]]
                latencies = "".join(f" {row[key]:>8.2f}" for key in ("p50_ms", "p99_ms") if key in row)
                print(
                    f"{name:<12} {row['per_second']:>8.0f} {row['cpu_us']:>11.2f} {f'{min(costs):.2f}-{max(costs):.2f}':>15} "
                    f"{1e6 / row['cpu_us']:>10.0f} {ratio:>8}{latencies}"
                )
        print("\nfrom start to the first answer: " + ", ".join(f"{name} {proxy.start_ms:.0f} ms" for name, proxy in proxies.items()))

    def report_idle(self):
        count = self.options.idle
        if count == 0:
            return
        print(f"\nmemory per idle TLS connection, with {count} of them:")
        for name, proxy in self.start_proxies().items():
            for _ in range(20):
                with connect(proxy.ports["tls"], "tls") as connection:
                    ask(connection)
            before = proxy.program.memory_bytes()
            arguments = [self.client, "idle", str(proxy.ports["tls"]), str(count)]
            with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
                if client.stdout.readline() != "ready\n":
                    raise Failure(f"{name}: the connections could not be opened")
                each = (proxy.program.memory_bytes() - before) / count
                client.stdin.close()
            print(f"{name:<12} {each / 1024:>8.2f} KB")
            proxy.program.end()

    def report_allocations(self):
        """On one warm connection, so that nothing but requests is counted."""
        library, counter = self.directory / "malloc_count.so", self.directory / "malloc_count"
        source = pathlib.Path(__file__).with_name("malloc_count.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        gateway = self.start_gateway({"LD_PRELOAD": str(library), "MALLOC_COUNT_FILE": str(counter)})
        print("\nallocations per request on a warm connection, by the program itself and in all:")
        for listener in LISTENERS:
            own, all_calls = count_allocations(gateway.ports[listener], listener, counter)
            print(f"{CASES[listener].title:<36} {own:.3f}  {all_calls:.3f}")


def count_allocations(port, case, counter, requests=5000):
    with connect(port, case) as connection:
        for _ in range(500):
            ask(connection)
        before = struct.unpack("QQ", counter.read_bytes())
        for _ in range(requests):
            ask(connection)
        after = struct.unpack("QQ", counter.read_bytes())
    return [(last - first) / requests for first, last in zip(before, after)]


def progress(text):
    """A line that the next one replaces, for a person who waits."""
    if sys.stderr.isatty():
        print("\r" + text.ljust(60), end="\r", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--duration", type=int, default=4, help="seconds of load in a round")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--all", action="store_true", help="nginx a second time, with a buffered access log")
    parser.add_argument("--only", default="nginx,haproxy,gateway", help="which proxies")
    parser.add_argument("--cases", default=",".join(CASES), help="which loads")
    parser.add_argument("--idle", type=int, default=10_000, help="how many idle connections; 0 leaves them out")
    parser.add_argument("--gateway", default=str(ROOT / ".build/release/gateway"))
    options = parser.parse_args()
    if not {PROXY_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        sys.exit("bench: cores 0 and 1 are needed, one for the proxy and one for the load")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < FILES_MAX:
        sys.exit(f"bench: {FILES_MAX} open files are needed for the idle connections, and {hard} allowed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MAX, hard))
    try:
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory, contextlib.ExitStack() as ending:
            Bench(options, directory, ending).run()
    except Failure as failure:
        sys.exit(f"\nbench: {failure}")
    except KeyboardInterrupt:
        sys.exit("\nbench: interrupted")


if __name__ == "__main__":
    main()
