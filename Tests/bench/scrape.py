#!/usr/bin/env python3
"""What a scrape of many series costs, and whether those who send requests notice it.

    scrape.py [--series 10000] [--seconds 10]

A gateway with one worker and as many locations as it takes answers a request at each, so that the series are there. Then /metrics is asked
for in each format, with gzip and without; and wrk's latency is told, alone and while scrapes follow one another without a pause.
"""

import argparse
import contextlib
import gzip
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

GATEWAY = pathlib.Path(__file__).resolve().parents[2] / ".build/release/gateway"
LOCATIONS_PER_SERVER = 50
# Requests, bytes both ways, and twice 17 buckets, sum and count.
SERIES_PER_LOCATION = 41
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configuration(plain, admin, locations):
    servers = []
    for first in range(0, locations, LOCATIONS_PER_SERVER):
        lines = [
            f'    location /api/v1/resource-{number}/ {{ return 200 "ok\\n"; }}'
            for number in range(first, min(locations, first + LOCATIONS_PER_SERVER))
        ]
        name = f"tenant-{first // LOCATIONS_PER_SERVER}.example.com"
        servers.append(f"server {{\n    listen 127.0.0.1:{plain};\n    server_name {name};\n" + "\n".join(lines) + "\n}\n")
    return f"workers 1;\naccess_log off;\nadmin 127.0.0.1:{admin} {{ }}\n" + "".join(servers)


def make_series(plain, locations):
    """Asks for something at each location."""
    requests = []
    for number in range(locations):
        host = f"tenant-{number // LOCATIONS_PER_SERVER}.example.com"
        requests.append(f"GET /api/v1/resource-{number}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    with socket.create_connection(("127.0.0.1", plain)) as connection:
        for request in requests:
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b"ok\n"):
                received = connection.recv(4096)
                if not received:
                    raise SystemExit(f"no answer: {answer!r}")
                answer += received


def scrape(admin, fields):
    """The page and the milliseconds until its last byte."""
    request = urllib.request.Request(f"http://127.0.0.1:{admin}/metrics", headers=fields)
    start = time.perf_counter()
    with urllib.request.urlopen(request) as answer:
        page = answer.read()
    return page, (time.perf_counter() - start) * 1e3


def report_scrapes(admin):
    print(f"{'format':<22} {'series':>8} {'KB':>8} {'ms, median':>11} {'ms, worst':>10}")
    for name, fields in {
        "text 0.0.4": {},
        "text 0.0.4, gzip": {"Accept-Encoding": "gzip"},
        "OpenMetrics": {"Accept": OPENMETRICS},
        "OpenMetrics, gzip": {"Accept": OPENMETRICS, "Accept-Encoding": "gzip"},
    }.items():
        times = []
        for _ in range(21):
            page, milliseconds = scrape(admin, fields)
            times.append(milliseconds)
        text = gzip.decompress(page) if "gzip" in name else page
        series = sum(1 for line in text.split(b"\n") if line and not line.startswith(b"#"))
        print(f"{name:<22} {series:>8} {len(page) / 1024:>8.0f} {statistics.median(times):>11.1f} {max(times):>10.1f}")


def report_latency(plain, admin, seconds):
    print(f"\n{'a client meanwhile':<22} {'requests/s':>10} {'p50':>9} {'p99':>9} {'scrapes':>8}")
    for name in ("alone", "with scrapes", "alone", "with scrapes"):
        end = threading.Event()
        count = 0

        def scrapes():
            nonlocal count
            while not end.is_set():
                scrape(admin, {"Accept": OPENMETRICS, "Accept-Encoding": "gzip"})
                count += 1

        thread = threading.Thread(target=scrapes)
        if name != "alone":
            thread.start()
        run = subprocess.run(
            ["wrk", "--latency", "-t1", "-c8", f"-d{seconds}s", "-H", "Host: tenant-0.example.com"]
            + [f"http://127.0.0.1:{plain}/api/v1/resource-0/"],
            capture_output=True,
            text=True,
            check=True,
        )
        end.set()
        if name != "alone":
            thread.join()
        rate = re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)[1]
        p50, p99 = (re.search(rf"\n\s+{p}%\s+(\S+)", run.stdout)[1] for p in (50, 99))
        print(f"{name:<22} {float(rate):>10.0f} {p50:>9} {p99:>9} {count:>8}")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--series", type=int, default=10_000)
    options.add_argument("--seconds", type=int, default=10, help="how long each load lasts")
    options = options.parse_args()
    locations = -(-options.series // SERIES_PER_LOCATION)
    plain, admin = free_port(), free_port()
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        conf = pathlib.Path(directory) / "gateway.conf"
        conf.write_text(configuration(plain, admin, locations), encoding="utf-8")
        gateway = subprocess.Popen([GATEWAY, "-c", conf], stderr=subprocess.PIPE, text=True)
        stack.callback(gateway.wait)
        stack.callback(gateway.terminate)
        for line in gateway.stderr:
            if "ready" in line:
                break
        else:
            sys.exit("the gateway has not started")
        make_series(plain, locations)
        print(f"{locations} locations\n")
        report_scrapes(admin)
        report_latency(plain, admin, options.seconds)


if __name__ == "__main__":
    main()
