#!/usr/bin/env python3
"""What a zone of the cache takes of memory, and how often it has the answer, under a Zipf load of a million questions.

    cache_zipf.py [--seconds 60] [--memory 64] [--alpha 1.0]

wrk asks questions in the order of one trace, over and over as long as the time lasts, of a gateway with a zone of 64 MB, and then of one
with a zone of 1 MB: what the first has more of resident memory is what its zone takes. The answers have 0.3, 1, 4 or 16 KB. The hit
rate is beside that of LRU on the same trace, with entries of the same size and the same overhead.
"""

import argparse
import collections
import contextlib
import itertools
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import urllib.request

import bench

KEYS = 1_000_000
ANSWER = '{"choices":[{"message":{"content":""}}],"usage":{"prompt_tokens":20,"completion_tokens":10}}'
# In pieces of a hundred bytes, as nginx takes no long words. Which answer a key gets its last two bits say.
PIECES = (2, 9, 39, 159)
SIZES = [len(ANSWER) + 100 * count for count in PIECES]
TRACE_REQUESTS = 3_000_000

ORIGIN = (
    """
    server {{
        listen 127.0.0.1:{origin};
        default_type application/json;
        set $x '{piece}';
"""
    + "".join(f"        location /v1/{number} {{{{ return 200 '{{answer{number}}}'; }}}}\n" for number in range(len(SIZES)))
    + "    }}\n"
)

GATEWAY = """
workers 1;
error_log stderr info;
access_log off;
admin 127.0.0.1:{admin} {{ }}
cache_zone ai memory={memory}m entry_max=64k;
upstream origin {{
    server 127.0.0.1:{origin};
    keepalive 512;
    keepalive_timeout 600s;
}}
server {{
    listen 127.0.0.1:{plain};
    location / {{ return 200 "{body}"; }}
    location /v1/ {{ proxy_pass http://origin; api openai; cache ai ttl=1h scope=shared; }}
}}
"""

# The trace is read as it is needed: four bytes for each request, the lowest first.
LOAD = """
local file = assert(io.open("{trace}", "rb"))
local buffer, place = "", 1
local function next_key()
    if place > #buffer then
        buffer, place = file:read(65536), 1
        if not buffer then file:seek("set", 0); buffer = file:read(65536) end
    end
    local a, b, c, d = buffer:byte(place, place + 3)
    place = place + 4
    return a + 256 * b + 65536 * c + 16777216 * d
end
local fields = {{ ["Content-Type"] = "application/json" }}
request = function()
    local key = next_key()
    local body = '{{"model":"demo","messages":[{{"role":"user","content":"What is the square of ' .. key .. '?"}}],"temperature":0}}'
    return wrk.format("POST", "/v1/" .. key % 4, fields, body)
end
"""


def write_trace(path, alpha):
    """Keys in the order of the requests; which key is asked how often has nothing to do with the size of its answer."""
    chance = random.Random(7)
    weights = list(itertools.accumulate(rank**-alpha for rank in range(1, KEYS + 1)))
    names = list(range(KEYS))
    chance.shuffle(names)
    trace = [names[rank] for rank in chance.choices(range(KEYS), cum_weights=weights, k=TRACE_REQUESTS)]
    path.write_bytes(struct.pack(f"<{len(trace)}I", *trace))
    return trace


def least_recently_used(trace, requests, memory_bytes, overhead_bytes):
    """The hit rate of LRU on the first so many requests."""
    entries, used, hits = collections.OrderedDict(), 0, 0
    for key in itertools.islice(itertools.cycle(trace), requests):
        if key in entries:
            entries.move_to_end(key)
            hits += 1
            continue
        size = SIZES[key % 4] + overhead_bytes
        entries[key] = size
        used += size
        while used > memory_bytes:
            used -= entries.popitem(last=False)[1]
    return hits / requests


def resident_bytes(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) * 1024


class Zipf(bench.Bench):
    """Borrows the programs of the other bench, not its cases."""

    def __init__(self, options, directory, ending):
        self.options = options
        self.directory = pathlib.Path(directory)
        self.ending = ending
        self.values = {"dir": directory, "origin": bench.free_port(), "body": bench.BODY.replace("\n", "\\n"), "files": bench.FILES_MAX}
        self.values["connections"] = bench.CONNECTIONS_MAX
        self.values["piece"] = "x" * 100
        self.values.update({f"answer{number}": ANSWER.replace('""', '"' + "$x" * count + '"') for number, count in enumerate(PIECES)})
        self.trace = self.directory / "trace"

    def metrics(self, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            found = re.findall(r'(?m)^gateway_cache_(\w+)\{zone="ai"(?:,\w+="(\w+)")?\} (\S+)$', page.read().decode())
        return {"_".join(filter(None, (name.removesuffix("_total"), label))): float(value) for name, label, value in found}

    def measure(self, memory):
        ports = {name: bench.free_port() for name in ("plain", "admin")}
        config = self.write(f"gateway-{memory}.conf", GATEWAY, memory=memory, **ports)
        program = self.start("gateway", [self.options.gateway, "-c", config], bench.PROXY_CORE)
        program.wait_until("its first answer", lambda: bench.is_answering(ports["plain"]))
        fresh = resident_bytes(program.process.pid)
        script = self.write("load.lua", LOAD, trace=self.trace)
        run = subprocess.run(
            ["wrk", "-t1", "-c50", f"-d{self.options.seconds}s", "-s", script, f"http://127.0.0.1:{ports['plain']}/"],
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {bench.LOAD_CORE}),
        )
        wrong = re.findall(r"Socket errors.*|Non-2xx.*", run.stdout)
        if run.returncode != 0 or wrong:
            raise bench.Failure(f"wrk: {' '.join(wrong) or run.stderr or run.stdout}")
        metrics = self.metrics(ports["admin"])
        resident = resident_bytes(program.process.pid)
        program.end()
        requests = sum(value for name, value in metrics.items() if name.startswith("requests_"))
        if requests != metrics["requests_hit"] + metrics["requests_miss"] + metrics["requests_collapsed"]:
            raise bench.Failure(f"not all were hits, misses or collapsed: {metrics}")
        return {"fresh": fresh, "resident": resident, "requests": int(requests), **metrics}

    def run(self):
        trace = write_trace(self.trace, self.options.alpha)
        origin = self.nginx("origin", ORIGIN, bench.LOAD_CORE)
        origin.wait_until("its first answer", lambda: self.is_there())
        rows = {memory: self.measure(memory) for memory in (self.options.memory, 1)}
        for memory, row in rows.items():
            hits = (row["requests_hit"] + row["requests_collapsed"]) / row["requests"]
            print(
                f"zone of {memory} MB: {row['requests']} requests in {self.options.seconds} s, hit rate {hits:.4f}; "
                f"{row['entries']:.0f} entries in {row['bytes'] / 2**20:.1f} MB, {row['evicted']:.0f} evicted; "
                f"resident {row['fresh'] / 2**20:.1f} MB at first, {row['resident'] / 2**20:.1f} MB then"
            )
        large, small = rows[self.options.memory], rows[1]
        taken = (large["resident"] - small["resident"]) / 2**20
        ratio = taken / (self.options.memory - 1)
        verdict = "reached" if ratio <= 1.10 else "missed"
        print(f"resident memory for {self.options.memory - 1} MB more of zone: {taken:.1f} MB, {ratio:.2f} of it, goal 1.10: {verdict}")
        mean = sum(SIZES) / len(SIZES)
        rate = least_recently_used(trace, large["requests"], self.options.memory << 20, self.options.overhead)
        own = (large["requests_hit"] + large["requests_collapsed"]) / large["requests"]
        verdict = "reached" if own >= rate else "missed"
        print(f"LRU on the same trace, {self.options.overhead} bytes of overhead for answers of {mean:.0f}: {rate:.4f}; own not below: {verdict}")

    def is_there(self):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.values['origin']}/v1/0", timeout=5) as page:
            return len(page.read()) == SIZES[0]
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--memory", type=int, default=64, help="of the zone, in MB")
    parser.add_argument("--alpha", type=float, default=1.0, help="the exponent of Zipf's law")
    parser.add_argument("--overhead", type=int, default=500, help="what LRU's entries take besides their content")
    parser.add_argument("--gateway", default=str(bench.ROOT / ".build/release/gateway"))
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory, contextlib.ExitStack() as ending:
            Zipf(options, directory, ending).run()
    except bench.Failure as failure:
        sys.exit(f"cache_zipf: {failure}")


if __name__ == "__main__":
    main()
