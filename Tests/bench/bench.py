#!/usr/bin/env python3
"""What a request costs: the gateway beside nginx and HAProxy, as reverse proxies before the same origin, under the same load;
with HTTP/2 beside h2o and nghttpx too.

Each proxy has one worker, pinned to core 0; the origin (nginx, `return 200` with 100 bytes) and the load generator (wrk, h2load
for HTTP/2) have core 1. CPU per request is what the proxy's processes spent, user and system, divided by the answers that were
counted. Of handshakes each is a connection of its own with one request, by tls_client.c: a full one, or one resumed by a ticket.
The proxies take turns, so that a machine that slows down slows all of them, and each other turn goes backwards. With HTTP/2 a turn is
a second, and a case has its turns beside those of the case that differs only in the origin: there both cores work on the same requests at
the same time, and what neighbours take of a virtual machine changes the cost by half within seconds. (Of a turn's cost one to three
hundredths are its handshakes, ten or fifty.) Elsewhere a turn is a round. The table shows medians of the turns. How a cost stands to
another is the median of what it was in each turn, beside the other's in the same one: what slows a machine for seconds moves that less
than the quotient of two medians.

An origin that speaks HTTP/2 is h2o, the cheapest of those at hand, with the same body and the same fields as nginx. Proxies that
speak HTTP/2 to origins are measured with it; nginx 1.22 and h2o 2.2 don't.

The row "AI cache hit" is a question of 700 bytes in JSON, by POST, whose answer is there: the gateway knows it by its canonical form,
nginx (proxy_cache, its files on tmpfs) by $request_body as it stands. Behind it stands what keys cost, in MB of JSON per second.

The gateway runs with its access log (JSON, to a file, emptied between turns) and its metrics on; the others write no log, and nginx
with `--all` a second time with a buffered one. All keep their connections to the origin.

With policies on, both nginx and the gateway ask for an API key, have two limits, by address and by key, that refuse nobody, send five
security headers and CORS, pass a request id on, and write a log in JSON with the same members. nginx compares keys by a map, as they are;
the gateway has their SHA-256. nginx writes its log from a buffer of 64 KB, which is the cheapest that it offers.

In "gateway-10%" and "gateway-all" all is on that watches besides: active checks, outliers, retries with a budget, and traces, which
begin here; of a tenth of the requests, or of all, the spans are sent to a collector (collector.py, on core 1). The gateway's CPU is that of
the whole process, so that of sending them too. A span that is dropped makes the bench fail.

Memory per idle connection is what a fresh proxy has more (PSS) with thousands of TLS connections, each after one request.
"""

import argparse
import contextlib
import dataclasses
import hashlib
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
import urllib.request

PROXY_CORE = 0
LOAD_CORE = 1
BODY = "x" * 99 + "\n"
LONG_BODY_BYTES = 64 * 1024
CHAT_PATH = "/v1/chat/completions"
QUESTION = (
    '{"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are a helpful assistant of a shop for bicycles. Answer in at most '
    "three sentences, and never tell prices that are not in the list below.\\n\\n- Trekking bicycle: 799\\n- City bicycle: 549\\n- Repair "
    'kit: 25"},{"role":"user","content":"My rear wheel makes a \\"clicking\\" noise once in each turn, also when I don\'t pedal. I have '
    'looked at the spokes and at the brakes and found nothing. What may it be, and which of your articles do I need? '
    'It does so on the stand, too, and the chain is new. I would like to ride to work with it on Monday."}],"temperature":0,'
    '"top_p":1,"max_tokens":512,"response_format":{"type":"text"},"user":"customer-48151623"}'
)
ANSWER = (
    '{"id":"chatcmpl-1","object":"chat.completion","created":1763770000,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":'
    '"assistant","content":"' + "A worn bearing clicks like that. " * 22 + '"},"finish_reason":"stop"}],'
    '"usage":{"prompt_tokens":151,"completion_tokens":160,"total_tokens":311}}'
)
# Those of HTTP/2 speak it over TLS; that behind the last of them has an origin that speaks HTTP/2 in clear.
LISTENERS = ("plain", "tls", "policies", "h2", "h2-origin")
# Who has which.
NGINX_LISTENERS = ("plain", "tls", "policies", "h2")
HAPROXY_LISTENERS = ("plain", "tls", "h2", "h2-origin")
WARM_UP_REQUESTS = 10_000
HTTP2_TURN_SECONDS = 1
# As many requests as come at once: none of the proxies shall close a connection to the origin.
KEPT_CONNECTIONS = 512
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
    # How many connections of h2load, and how many requests at once on each.
    streams: tuple = None
    # The case that differs only in the origin, which speaks HTTP/1.1 there.
    counterpart: str = None
    # Fields of the requests.
    fields: tuple = ()
    # What is asked of the gateway's CPU per request: at most so much of nginx's, of the best of the others', and, with an origin that
    # speaks HTTP/2, of its own with one that doesn't.
    goals: dict = dataclasses.field(default_factory=dict)
    # Whether QUESTION is asked, by POST, and answered from a cache.
    cached: bool = False
    # Whether the gateway with all on that watches is measured, too.
    watched: bool = False


# Of what the gateway with all on costs, beside what it costs with its access log and its metrics.
WATCHED_GOAL = 1.10
HTTP2_GOALS = {"nginx": 0.80, "the best other": 1.00}
API_KEY = "0123456789abcdef" * 4
POLICY_FIELDS = (f"X-API-Key: {API_KEY}", "Origin: https://app.example.com")
CASES = {
    "plain": Case("HTTP/1.1, plain, 100-byte answers", "plain", goals={"nginx": 0.90}, watched=True),
    "tls": Case("HTTP/1.1, TLS 1.3, 100-byte answers", "tls", goals={"nginx": 0.90}, watched=True),
    "plain-64k": Case("HTTP/1.1, plain, 64 KB answers", "plain", "/64k"),
    "tls-64k": Case("HTTP/1.1, TLS 1.3, 64 KB answers", "tls", "/64k"),
    "policies": Case("HTTP/1.1, TLS 1.3, 100-byte answers, policies on", "policies", fields=POLICY_FIELDS, goals={"nginx": 0.80}),
    "cache": Case(
        "AI cache hit: HTTP/1.1, TLS 1.3, POST of a 700-byte question, 1 KB answers", "tls", CHAT_PATH, cached=True, goals={"nginx": 0.50}
    ),
    "new": Case("TLS 1.3, ECDSA P-256: a full handshake and one request", "tls", handshake="new"),
    "resumed": Case("TLS 1.3, ECDSA P-256: a resumed handshake and one request", "tls", handshake="resumed"),
    "h2-10x20": Case("HTTP/2, TLS 1.3, 100-byte answers, an HTTP/1.1 origin", "h2", streams=(10, 20), goals=HTTP2_GOALS),
    "h2-50x10": Case("HTTP/2, TLS 1.3, 100-byte answers, an HTTP/1.1 origin", "h2", streams=(50, 10), goals=HTTP2_GOALS),
    "h2-origin": Case(
        "HTTP/2, TLS 1.3, 100-byte answers, an HTTP/2 origin", "h2-origin", "/h2", streams=(10, 20), counterpart="h2-10x20",
        goals={"the best other": 1.00, "its own with an HTTP/1.1 origin": 0.70},
    ),
}
PROXIES = {
    "nginx": "proxy_pass to an upstream with keepalive, HTTP/1.1, no access log but with policies on",
    "haproxy": "mode http, http-reuse always, no log; proto h2 to the HTTP/2 origin",
    "h2o": "proxy.reverse.url with kept connections, HTTP/1.1, no access log; of the HTTP/2 rows only",
    "nghttpx": "one worker, no access log; proto=h2 to the HTTP/2 origin; of the HTTP/2 rows only",
    "gateway": "proxy_pass to an upstream with keepalive, JSON access log to a file, metrics; protocol h2 to the HTTP/2 origin",
    "gateway-10%": "the gateway with health_check, outlier, retry with a budget, and tracing, share=10%",
    "gateway-all": "the same with share=100%",
}
# The gateway with all on that watches, and the share of the requests whose spans are sent.
WATCHED = {"gateway-10%": 0.1, "gateway-all": 1}
HTTP2_ONLY = ("h2o", "nghttpx")
# Who can answer a POST from a cache, by its body.
CACHES = ("nginx", "nginx, log", "gateway")
VERSION_COMMANDS = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "h2o": ["h2o", "--version"], "nghttpx": ["nghttpx", "--version"]}
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
        return sum(map(process_ns, family(self.process.pid)))

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


def process_ns(pid):
    """User and system time of a process in nanoseconds, threads that have ended meanwhile included: the clock that
    clock_getcpuclockid(3) names."""
    return time.clock_gettime_ns(~pid << 3 | 2)


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
    context.set_alpn_protocols(["h2" if case.startswith("h2") else "http/1.1"])
    return context.wrap_socket(connection, server_hostname="localhost")


def ask(connection, fields=()):
    """One request on a connection that stays open; the answer's body."""
    return exchange(connection, fields)[1]


def exchange(connection, fields=()):
    """One request on a connection that stays open; the answer's head and body."""
    connection.sendall("\r\n".join(["GET / HTTP/1.1", "Host: localhost", *fields, "", ""]).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += receive(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    if not head.startswith(b"HTTP/1.1 200") or not length:
        raise Failure(f"an answer that is none: {head!r}")
    while len(body) < int(length[1]):
        body += receive(connection)
    return head.decode(), body.decode()


def expect_hit(port, case):
    """What was measured is an answer from the cache."""
    with connect(port, case.listener) as connection:
        fields = f"Host: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {len(QUESTION)}\r\nConnection: close"
        connection.sendall(f"POST {case.path} HTTP/1.1\r\n{fields}\r\n\r\n{QUESTION}".encode())
        answer = b""
        while received := connection.recv(65536):
            answer += received
    if not re.search(rb"(?im)^cache-status: *(gateway; hit|nginx; HIT)", answer) or not answer.endswith(ANSWER.encode()):
        raise Failure(f"no hit: {answer!r}")


def receive(connection):
    received = connection.recv(65536)
    if not received:
        raise Failure("the connection ended before the answer")
    return received


def is_answering(port):
    with contextlib.suppress(OSError), connect(port, "plain") as connection:
        return ask(connection) == BODY
    return False


def is_listening(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def load(port, case, connections, seconds, script):
    """Runs wrk; its numbers. Errors make them worthless."""
    url = f"http{'' if case.listener == 'plain' else 's'}://127.0.0.1:{port}{case.path}"
    fields = [word for field in case.fields for word in ("-H", field)]
    run = subprocess.run(
        ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s", *fields, *(["-s", script] if case.cached else []), url],
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


def load_http2(port, case, requests):
    """Runs h2load; its numbers. It tells no percentiles without a log of every request, which would cost it more than the requests; and of
    clients that are not connected yet when a time is over it never ends, so that it is told how many requests there shall be.
    """
    connections, streams = case.streams
    url = f"https://127.0.0.1:{port}{case.path}"
    run = subprocess.run(
        ["h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-n{requests}", url],
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
    )
    counts = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", run.stdout)
    done, succeeded, *wrong = map(int, counts.groups()) if counts else (0, 0, 1)
    if run.returncode != 0 or any(wrong) or done != succeeded or done == 0 or "Application protocol: h2\n" not in run.stdout:
        raise Failure(f"h2load {url}: {counts[0] if counts else run.stderr + run.stdout}")
    times = re.search(r"time for request: +\S+ +(\S+) +(\S+)", run.stdout)
    return {
        "requests": succeeded,
        "per_second": float(re.search(r"finished in \S+, ([\d.]+) req/s", run.stdout)[1]),
        "mean_ms": milliseconds(times[2]),
        "max_ms": milliseconds(times[1]),
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

    def __init__(self, program, ports, admin=0):
        self.program = program
        self.ports = ports
        self.admin = admin
        self.requests = 0
        program.wait_until("its first answer", lambda: is_answering(ports["plain"]))
        self.start_ms = (time.monotonic() - program.started) * 1000
        for listener in ports.keys() - {"plain"}:
            with connect(ports[listener], listener) as connection:
                if connection.version() != "TLSv1.3":
                    program.fail("does not speak TLS 1.3")
                if listener == "tls" and ask(connection) != BODY:
                    program.fail("does not answer by TLS 1.3")
                if listener.startswith("h2") and connection.selected_alpn_protocol() != "h2":
                    program.fail("does not speak HTTP/2")
                if listener == "policies":
                    self.check_policies(connection)

    def check_policies(self, connection):
        """What is measured has to be there."""
        head, body = exchange(connection, POLICY_FIELDS)
        found = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in head.split("\r\n")[1:]}
        missing = [name for name, value in POLICY_ANSWER.items() if found.get(name.lower()) != value]
        if body != BODY or missing:
            self.program.fail(f"has policies without {missing}: {head}")
        try:
            ask(connection, POLICY_FIELDS[1:])
        except Failure:
            return
        self.program.fail("answers without a key")

    def takes(self, case):
        return case.listener in self.ports

    def metric(self, family):
        """The sum of a family's series."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=5) as answer:
            return sum(float(number) for number in re.findall(rf"(?m)^{family}(?:{{.*}})? (\S+)$", answer.read().decode()))


# The five security headers, and CORS.
SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
CORS_FIELDS = {"Access-Control-Allow-Origin": "https://app.example.com", "Access-Control-Expose-Headers": "X-Request-ID", "Vary": "Origin"}
POLICY_ANSWER = {**SECURITY_HEADERS, **CORS_FIELDS}

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
        location /v1/ {{ default_type application/json; return 200 '{answer}'; }}
    }}
"""

NGINX_PROXY = """
    map_hash_bucket_size 128;
    map $http_x_api_key $caller {{ default ""; {api_key} partner; }}
    map $http_origin $page {{ default ""; https://app.example.com $http_origin; }}
    limit_req_zone $binary_remote_addr zone=per_ip:10m rate=1000000r/s;
    limit_req_zone $caller zone=per_key:10m rate=1000000r/s;
    log_format members escape=json '{{"time":"$time_iso8601","request_id":"$request_id","remote_addr":"$remote_addr",'
        '"method":"$request_method","host":"$host","uri":"$request_uri","protocol":"$server_protocol","user_agent":"$http_user_agent",'
        '"tls":"$ssl_protocol","server":"$server_name","location":"/","key":"$caller","status":$status,"duration":$request_time,'
        '"bytes_sent":$body_bytes_sent,"upstream":"origin","upstream_server":"$upstream_addr","upstream_status":$upstream_status,'
        '"upstream_duration":$upstream_response_time}}';
    server {{
        listen 127.0.0.1:{policies} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        access_log {dir}/{name}-policies.log members buffer=64k flush=1s;
        limit_req zone=per_ip burst=1000000 nodelay;
        limit_req zone=per_key burst=1000000 nodelay;
        limit_req_status 429;
        {add_headers}
        location / {{
            if ($caller = "") {{ return 401; }}
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Request-ID $request_id;
        }}
    }}
    upstream origin {{
        server 127.0.0.1:{origin};
        keepalive {kept};
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl;
        listen 127.0.0.1:{h2} ssl http2;
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
        location /v1/ {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            client_body_buffer_size 64k;
            proxy_cache ai;
            proxy_cache_methods POST;
            proxy_cache_key $request_uri$request_body;
            proxy_cache_valid 200 1h;
            add_header Cache-Status "nginx; $upstream_cache_status";
        }}
    }}
    proxy_cache_path {cache_dir}/{name} levels=1:2 keys_zone=ai:64m max_size=64m use_temp_path=off;
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
frontend h2
    bind 127.0.0.1:{h2} ssl crt {pair} alpn h2 ssl-min-ver TLSv1.3
    default_backend origin
frontend h2-origin
    bind 127.0.0.1:{h2_origin} ssl crt {pair} alpn h2 ssl-min-ver TLSv1.3
    default_backend h2-origin
backend origin
    server origin 127.0.0.1:{origin}
backend h2-origin
    server origin 127.0.0.1:{origin2} proto h2
"""

H2O = """
num-threads: 1
{user}
http2-idle-timeout: 600
listen:
  host: 127.0.0.1
  port: {plain}
listen:
  host: 127.0.0.1
  port: {h2}
  ssl:
    certificate-file: {certificate}
    key-file: {key}
    minimum-version: TLSv1.3
hosts:
  default:
    paths:
      "/":
        proxy.reverse.url: "http://127.0.0.1:{origin}/"
        proxy.timeout.keepalive: 600000
"""

H2O_ORIGIN = """
num-threads: 1
{user}
http2-idle-timeout: 600
listen:
  host: 127.0.0.1
  port: {origin2}
hosts:
  default:
    paths:
      "/":
        file.dir: {dir}/www
        file.etag: OFF
        file.mime.setdefaulttype: text/plain
        header.unset: last-modified
        header.unset: accept-ranges
"""

# Its listeners share their backends, which are chosen by the path.
NGHTTPX = """
workers=1
frontend=127.0.0.1,{plain};no-tls
frontend=127.0.0.1,{h2}
backend=127.0.0.1,{origin};/
backend=127.0.0.1,{origin2};/h2;proto=h2
private-key-file={key}
certificate-file={certificate}
tls-min-proto-version=TLSv1.3
no-ocsp=yes
backend-keep-alive-timeout=600s
frontend-http2-read-timeout=600s
"""

WATCHING = """
    health_check interval=1s;
    outlier errors=5 eject=30s max=50%;
    retry attempts=2 on=connect,idle budget=20% floor=3;
"""

# All load comes from one address, and the default of limit_handshakes would refuse most of its connections.
GATEWAY = """
workers 1;
worker_connections {connections};
limit_handshakes 0;
keepalive_timeout 600s;
error_log stderr info;
access_log {dir}/gateway.log json;
admin 127.0.0.1:{admin} {{ }}
{tracing}
ssl_certificate {certificate};
ssl_certificate_key {key};
ssl_protocols TLSv1.3;
cache_zone ai memory=64m entry_max=1m;
upstream origin {{
    server 127.0.0.1:{origin};
    keepalive {kept};
    keepalive_timeout 600s;
    {watching}
}}
upstream h2-origin {{
    server 127.0.0.1:{origin2};
    protocol h2;
    keepalive {kept};
    keepalive_timeout 600s;
}}
server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{tls} ssl;
    listen 127.0.0.1:{h2} ssl;
    location / {{ proxy_pass http://origin; }}
    location /v1/ {{ proxy_pass http://origin; api openai; cache ai ttl=1h scope=shared; }}
}}
server {{
    listen 127.0.0.1:{h2_origin} ssl;
    location / {{ proxy_pass http://h2-origin; }}
}}
rate_limit per_ip  key=ip      rate=1000000r/s burst=1000000;
rate_limit per_key key=api_key rate=1000000r/s burst=1000000;
api_keys {{ header X-API-Key; key partner sha256={api_key_digest}; }}
server {{
    listen 127.0.0.1:{policies} ssl;
    limit per_ip per_key;
    security_headers {{
        hsts                 max-age=31536000 includeSubDomains;
        csp                  "default-src 'self'; frame-ancestors 'none'";
        frame_options        DENY;
        content_type_options nosniff;
        referrer_policy      strict-origin-when-cross-origin;
    }}
    cors {{
        origins https://app.example.com;
        headers X-API-Key;
        expose  X-Request-ID;
    }}
    location / {{
        authenticate api_key;
        proxy_pass http://origin;
    }}
}}
"""


class Bench:
    def __init__(self, options, directory, ending):
        self.options = options
        self.directory = pathlib.Path(directory)
        self.ending = ending
        self.values = {"dir": directory, "origin": free_port(), "body": BODY.replace("\n", "\\n"), "files": FILES_MAX}
        self.values.update(connections=CONNECTIONS_MAX, kept=KEPT_CONNECTIONS, origin2=free_port())
        self.values.update(api_key=API_KEY, api_key_digest=hashlib.sha256(API_KEY.encode()).hexdigest())
        cors = {**CORS_FIELDS, "Access-Control-Allow-Origin": "$page"}
        lines = [f'add_header {name} "{value}" always;' for name, value in {**SECURITY_HEADERS, **cors}.items()]
        self.values["add_headers"] = "\n        ".join(lines)
        # In memory, where files cost least.
        cache = tempfile.TemporaryDirectory(prefix="gateway-bench-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.values.update(answer=ANSWER, cache_dir=ending.enter_context(cache))
        self.values["user"] = "user: root" if os.geteuid() == 0 else ""
        self.cases = {name: CASES[name] for name in options.cases.split(",") if name}
        (self.directory / "64k").write_bytes(os.urandom(LONG_BODY_BYTES))
        (self.directory / "www").mkdir()
        for name in ("index.html", "h2"):
            (self.directory / "www" / name).write_text(BODY)
        self.question = self.directory / "question.lua"
        self.question.write_text(
            f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [==[{QUESTION}]==]\n'
        )
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
        path.write_text(text.format(**{**self.values, **{key.replace("-", "_"): value for key, value in values.items()}}))
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
        if any(case.listener == "h2-origin" for case in self.cases.values()):
            origin = self.start("h2-origin", ["h2o", "-c", self.write("h2-origin.conf", H2O_ORIGIN)], LOAD_CORE)
            origin.wait_until("its first answer", lambda: is_answering(self.values["origin2"]))

    def start_nginx(self, name, log="off"):
        ports = {listener: free_port() for listener in NGINX_LISTENERS}
        return Proxy(self.nginx(name, NGINX_PROXY, PROXY_CORE, log, **ports), ports)

    def start_haproxy(self):
        ports = {listener: free_port() for listener in HAPROXY_LISTENERS}
        config = self.write("haproxy.conf", HAPROXY, **ports)
        return Proxy(self.start("haproxy", ["haproxy", "-db", "-f", config], PROXY_CORE), ports)

    def start_h2o(self):
        ports = {listener: free_port() for listener in ("plain", "h2")}
        return Proxy(self.start("h2o", ["h2o", "-c", self.write("h2o.conf", H2O, **ports)], PROXY_CORE), ports)

    def start_nghttpx(self):
        ports = {listener: free_port() for listener in ("plain", "h2")}
        config = self.write("nghttpx.conf", NGHTTPX, **ports)
        program = self.start("nghttpx", ["nghttpx", "--conf", config], PROXY_CORE)
        return Proxy(program, {**ports, "h2-origin": ports["h2"]})

    def start_gateway(self, environment=None, name="gateway"):
        ports = {listener: free_port() for listener in LISTENERS}
        values = {"admin": 0, "tracing": "", "watching": ""}
        if name in WATCHED:
            tracing = f"tracing http://127.0.0.1:{self.start_collector()}/v1/traces share={100 * WATCHED[name]:.0f}% interval=1s;"
            values = {"admin": free_port(), "tracing": tracing, "watching": WATCHING}
        config = self.write(f"{name}.conf", GATEWAY, **ports, **values)
        program = self.start(name, [self.options.gateway, "-c", config], PROXY_CORE, environment)
        return Proxy(program, ports, values["admin"])

    def start_collector(self):
        port = free_port()
        source = pathlib.Path(__file__).with_name("collector.py")
        collector = self.start("collector", [sys.executable, str(source), str(port)], LOAD_CORE)
        collector.wait_until("its listener", lambda: is_listening(port))
        return port

    def start_proxies(self):
        wanted = self.options.only.split(",")
        proxies = {}
        if "nginx" in wanted:
            proxies["nginx"] = self.start_nginx("nginx")
            if self.options.all:
                proxies["nginx, log"] = self.start_nginx("nginx-log", f"{self.directory}/nginx.log combined buffer=64k flush=1s")
        if "haproxy" in wanted:
            proxies["haproxy"] = self.start_haproxy()
        if any(case.streams for case in self.cases.values()):
            if "h2o" in wanted:
                proxies["h2o"] = self.start_h2o()
            if "nghttpx" in wanted:
                proxies["nghttpx"] = self.start_nghttpx()
        if "gateway" in wanted:
            proxies["gateway"] = self.start_gateway()
        if any(case.watched for case in self.cases.values()):
            for name in filter(wanted.__contains__, WATCHED):
                proxies[name] = self.start_gateway(name=name)
        return proxies

    def pairs(self, proxies):
        """Which proxy is measured in which case, a case's side by side."""
        for case_name, case in self.cases.items():
            for name, proxy in proxies.items():
                # With policies on both of nginx write a log.
                is_repeated = name == "nginx, log" and case.listener == "policies"
                takes = name in CACHES if case.cached else case.streams or name not in HTTP2_ONLY
                if name in WATCHED:
                    takes = case.watched
                if takes and proxy.takes(case) and not is_repeated:
                    yield name, case_name

    # ---- measuring

    def measure(self, proxy, case, seconds, per_second=WARM_UP_REQUESTS):
        before = proxy.program.cpu_ns()
        port = proxy.ports[case.listener]
        if case.streams:
            result = load_http2(port, case, int(per_second * seconds))
        elif case.handshake:
            result = shake_hands(self.client, port, case.handshake, seconds)
        else:
            result = load(port, case, self.options.connections, seconds, self.question)
            if case.cached:
                expect_hit(port, case)
        if result["requests"] == 0:
            proxy.program.fail("has answered nothing")
        proxy.requests += result["requests"]
        result["cpu_us"] = (proxy.program.cpu_ns() - before) / 1000 / result["requests"]
        # On a virtual machine the first write to a page of memory that the host has not given yet costs more than the line: after 600 MB of
        # log a request had cost 1 µs more. So the pages are used again.
        for log in self.directory.glob("*.log"):
            os.truncate(log, 0)
        return result

    def run(self):
        self.start_origin()
        proxies = self.start_proxies()
        results = {pair: [] for pair in self.pairs(proxies)}
        warm = {pair: self.measure(proxies[pair[0]], self.cases[pair[1]], 1) for pair in results}
        for number in range(self.options.rounds):
            for pairs in self.side_by_side(results):
                seconds = self.turn_seconds(self.cases[pairs[0][1]])
                for turn in range(int(self.options.duration / seconds)):
                    for name, case in pairs[:: 1 if (number + turn) % 2 == 0 else -1]:
                        progress(f"round {number + 1} of {self.options.rounds}: {name}, {case}")
                        results[name, case].append(self.measure(proxies[name], self.cases[case], seconds, warm[name, case]["per_second"]))
        progress("")
        self.report(proxies, results)
        self.report_spans(proxies)
        self.report_idle()
        if "gateway" in proxies:
            self.report_allocations()
        if any(case.cached for case in self.cases.values()):
            self.report_keys()

    def side_by_side(self, pairs):
        """What is measured by turns: a case, and beside it those whose counterpart it is."""
        groups = {}
        for pair in pairs:
            groups.setdefault(self.cases[pair[1]].counterpart or pair[1], []).append(pair)
        return groups.values()

    def turn_seconds(self, case):
        return HTTP2_TURN_SECONDS if case.streams else self.options.duration

    def report(self, proxies, results):
        print("\n".join(f"{name}: {version(name)}{what}" for name, what in PROXIES.items() if name in proxies))
        medians = {
            pair: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for pair, runs in results.items()
        }
        for case in self.cases:
            rows = {name: row for (name, its_case), row in medians.items() if its_case == case}
            if rows:
                runs = {name: results[name, case] for name in rows}
                self.report_case(case, rows, runs)
                if "gateway" in rows:
                    self.report_goals(case, rows, runs, results.get(("gateway", self.cases[case].counterpart)))
        print("\nfrom start to the first answer: " + ", ".join(f"{name} {proxy.start_ms:.0f} ms" for name, proxy in proxies.items()))

    def report_case(self, name, rows, runs):
        case = self.cases[name]
        clients = f"{self.options.connections} connections, "
        if case.streams:
            clients = f"{case.streams[0]} connections with {case.streams[1]} requests at once, "
        elif case.handshake:
            clients = ""
        turns = f"{len(next(iter(runs.values())))} turns of {self.turn_seconds(case)} s"
        print(f"\n{name}: {case.title}: {clients}median of {turns}\n")
        latencies = [key for key in ("p50_ms", "p99_ms", "mean_ms", "max_ms") if key in next(iter(rows.values()))]
        print(
            f"{'proxy':<12} {'req/s':>8} {'CPU µs/req':>11} {'least-most':>15} {'req/CPU s':>10} {'× nginx':>8}"
            + "".join(f" {key.replace('_', ' '):>8}" for key in latencies)
        )
        for name, row in rows.items():
            ratio = f"{cost_beside(runs[name], runs['nginx']):.2f}" if "nginx" in rows else "-"
            costs = [run["cpu_us"] for run in runs[name]]
            print(
                f"{name:<12} {row['per_second']:>8.0f} {row['cpu_us']:>11.2f} {f'{min(costs):.2f}-{max(costs):.2f}':>15} "
                f"{1e6 / row['cpu_us']:>10.0f} {ratio:>8}" + "".join(f" {row[key]:>8.2f}" for key in latencies)
            )

    def report_goals(self, case, rows, runs, counterpart):
        """What the gateway's cost is beside what it shall not exceed."""
        found = {"nginx": runs["nginx"]} if "nginx" in runs else {}
        others = [name for name in rows if name not in ("gateway", *WATCHED)]
        if others:
            found["the best other"] = runs[min(others, key=lambda name: rows[name]["cpu_us"])]
        if counterpart:
            found["its own with an HTTP/1.1 origin"] = counterpart
        for what, goal in self.cases[case].goals.items():
            if what in found:
                print(f"the gateway's cost beside that of {what}: {compared(runs['gateway'], found[what], goal)}")
        for name in filter(runs.__contains__, WATCHED):
            cost = compared(runs[name], runs["gateway"], WATCHED_GOAL)
            print(f"{name}'s cost beside the gateway's own with access log and metrics: {cost}")

    def report_spans(self, proxies):
        """Two for each request, and none of them lost."""
        for name, share in WATCHED.items():
            if name not in proxies:
                continue
            proxy = proxies[name]
            proxy.program.wait_until("the last spans", lambda: proxy.metric("gateway_spans_exported_total") >= proxy.requests * share * 1.9)
            exported, dropped = (proxy.metric(f"gateway_spans_{word}_total") for word in ("exported", "dropped"))
            print(f"{name}: of {proxy.requests} requests {exported:.0f} spans were sent, {dropped:.0f} dropped")
            if dropped > 0:
                proxy.program.fail("has dropped spans")

    def report_idle(self):
        count = self.options.idle
        if count == 0:
            return
        print(f"\nmemory per idle TLS connection, with {count} of them:")
        for name, proxy in self.start_proxies().items():
            if name in HTTP2_ONLY or name in WATCHED:
                continue
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
        for name in ("plain", "tls", "policies"):
            own, all_calls = count_allocations(gateway.ports[name], CASES[name], counter)
            print(f"{CASES[name].title:<49} {own:.3f}  {all_calls:.3f}")

    def report_keys(self):
        """What makes the key of a cached question, beside the hash alone."""
        if not os.access(self.options.keys, os.X_OK):
            print(f"\nno cache keys are measured: {self.options.keys} is not built")
            return
        print("\ncache keys, on one core:")
        subprocess.run([self.options.keys], check=True, preexec_fn=lambda: os.sched_setaffinity(0, {PROXY_CORE}))


def count_allocations(port, case, counter, requests=5000):
    with connect(port, case.listener) as connection:
        for _ in range(500):
            ask(connection, case.fields)
        before = struct.unpack("QQ", counter.read_bytes())
        for _ in range(requests):
            ask(connection, case.fields)
        after = struct.unpack("QQ", counter.read_bytes())
    return [(last - first) / requests for first, last in zip(before, after)]


def cost_beside(runs, others):
    return statistics.median(run["cpu_us"] / other["cpu_us"] for run, other in zip(runs, others))


def compared(runs, others, goal):
    cost = cost_beside(runs, others)
    return f"{cost:.2f}, goal {goal:.2f}: {'reached' if cost <= goal else 'missed'}"


def version(name):
    if name not in VERSION_COMMANDS:
        return ""
    run = subprocess.run(VERSION_COMMANDS[name], capture_output=True, text=True)
    found = re.search(r"\d+\.\d+\.\d+", run.stdout + run.stderr)
    return f"{found[0]}, " if found else ""


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
    parser.add_argument("--only", default=",".join(PROXIES), help="which proxies")
    parser.add_argument("--cases", default=",".join(CASES), help="which loads")
    parser.add_argument("--idle", type=int, default=10_000, help="how many idle connections; 0 leaves them out")
    parser.add_argument("--gateway", default=str(ROOT / ".build/release/gateway"))
    parser.add_argument("--keys", default=str(ROOT / ".build/release/canonical-bench"))
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
