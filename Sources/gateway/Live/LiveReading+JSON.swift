import GatewayTelemetry

/// As `/events` tells it.
extension LiveReading {
    var json: JSONValue {
        [
            "time": .number(time), "clock": .number(clock), "gateway": .string(gateway), "draining": .bool(isDraining),
            "verdict": verdict.json, "requests": requests.json, "seconds": durations.json, "refusals": Self.json(refusals),
            "upstreams": .array(upstreams.map(\.json)), "cache": .array(zones.map(\.json)), "limits": .array(limits.map(\.json)),
            "tokens": ["input": .count(inputTokens), "output": .count(outputTokens)],
            "certificates": .array(certificates.map(\.json)),
            "connections": [
                "active": .count(connectionsActive), "idle": .count(connectionsIdle), "accepted": .count(connectionsAccepted),
                "refused": .count(connectionsRefused),
            ],
            "loop": loopLag.json, "maintenance": .array(maintenance.map { .string($0) }), "config": configuration.json,
            "process": process.json,
        ]
    }

    /// What is not there is nothing: an older gateway tells less.
    init(_ json: JSONValue) {
        time = json["time"].double ?? 0
        clock = json["clock"].double ?? 0
        gateway = json["gateway"].string ?? ""
        isDraining = json["draining"].isTrue
        verdict = LiveVerdict(json["verdict"])
        requests = StatusClasses(json["requests"])
        durations = Durations(json["seconds"])
        refusals = Self.counts(json["refusals"])
        upstreams = json["upstreams"].array.map(Upstream.init)
        zones = json["cache"].array.map(Zone.init)
        limits = json["limits"].array.map(Limit.init)
        inputTokens = json["tokens"]["input"].count
        outputTokens = json["tokens"]["output"].count
        certificates = json["certificates"].array.map(Certificate.init)
        connectionsActive = Int(json["connections"]["active"].count)
        connectionsIdle = Int(json["connections"]["idle"].count)
        connectionsAccepted = json["connections"]["accepted"].count
        connectionsRefused = json["connections"]["refused"].count
        loopLag = Durations(json["loop"])
        maintenance = json["maintenance"].array.compactMap(\.string)
        configuration = Configuration(json["config"])
        process = Process(json["process"])
    }

    fileprivate static func json(_ counts: [String: UInt64]) -> JSONValue {
        .object(counts.sorted { $0.key < $1.key }.map { JSONValue.Member(name: $0.key, value: .count($0.value)) })
    }

    fileprivate static func counts(_ json: JSONValue) -> [String: UInt64] {
        Dictionary(json.members.map { ($0.name, $0.value.count) }) { $1 }
    }
}

extension StatusClasses {
    var json: JSONValue { .object(zip(Self.names, counts).map { JSONValue.Member(name: $0, value: .count($1)) }) }
    init(_ json: JSONValue) { self.init { json[$0].count } }
}

extension Durations {
    var json: JSONValue {
        ["bounds": .array(bounds.map { .number($0) }), "counts": .array(counts.map { .count($0) }), "sum": .number(sumSeconds)]
    }

    init(_ json: JSONValue) {
        let bounds = json["bounds"].array.compactMap(\.double)
        self = Durations(bounds: bounds, counts: json["counts"].array.map(\.count), sumSeconds: json["sum"].double ?? 0) ?? Durations()
    }
}

extension LiveReading.Version {
    var json: JSONValue {
        [
            "name": .string(name), "weight": .count(weight), "statuses": statuses.json, "seconds": durations.json,
            "diverted": .count(diverted),
        ]
    }

    init(_ json: JSONValue) {
        self.init(
            name: json["name"].string ?? "", weight: Int(json["weight"].count), statuses: StatusClasses(json["statuses"]),
            durations: Durations(json["seconds"]), diverted: json["diverted"].count)
    }
}

extension LiveReading.Server {
    var json: JSONValue {
        .present([
            "version": .string(version), "server": .string(name), "state": .string(state), "check": check.json,
            "latency_ms": latencyMs.json, "reason": reason.json, "returns_in_ms": returnsInMs.map { .count($0) } ?? .null,
            "weighted": .bool(hasWeight),
        ])
    }

    init(_ json: JSONValue) {
        self.init(
            version: json["version"].string ?? "", name: json["server"].string ?? "", state: json["state"].string ?? "",
            check: json["check"].string, latencyMs: json["latency_ms"].double, reason: json["reason"].string,
            returnsInMs: json["returns_in_ms"].double.flatMap { Int(exactly: $0) }, hasWeight: json["weighted"].isTrue)
    }
}

extension LiveReading.Upstream {
    var json: JSONValue {
        [
            "name": .string(name), "status": .string(status), "versions": .array(versions.map(\.json)),
            "servers": .array(servers.map(\.json)), "active": .count(connectionsActive), "idle": .count(connectionsIdle),
            "retries": .count(retries),
        ]
    }

    init(_ json: JSONValue) {
        self.init(
            name: json["name"].string ?? "", status: json["status"].string ?? "",
            versions: json["versions"].array.map(LiveReading.Version.init), servers: json["servers"].array.map(LiveReading.Server.init),
            connectionsActive: Int(json["active"].count), connectionsIdle: Int(json["idle"].count), retries: json["retries"].count)
    }
}

extension LiveReading.Zone {
    var json: JSONValue {
        [
            "zone": .string(name), "entries": .count(entries), "bytes": .count(bytes), "capacity": .count(capacityBytes),
            "evicted": .count(evicted), "results": LiveReading.json(results), "hits": .count(hits), "lookups": .count(lookups),
            "saved_tokens": ["input": .count(savedInputTokens), "output": .count(savedOutputTokens)],
            "saved_seconds": .number(savedSeconds),
        ]
    }

    init(_ json: JSONValue) {
        self.init(
            name: json["zone"].string ?? "", entries: Int(json["entries"].count), bytes: Int(json["bytes"].count),
            capacityBytes: Int(json["capacity"].count), evicted: json["evicted"].count, results: LiveReading.counts(json["results"]),
            savedInputTokens: json["saved_tokens"]["input"].count, savedOutputTokens: json["saved_tokens"]["output"].count,
            savedSeconds: json["saved_seconds"].double ?? 0)
    }
}

extension LiveReading.Limit {
    var json: JSONValue {
        ["name": .string(name), "passed": .count(passed), "refused": .count(refused), "dry_run": .count(dryRun)]
    }

    init(_ json: JSONValue) {
        self.init(
            name: json["name"].string ?? "", passed: json["passed"].count, refused: json["refused"].count, dryRun: json["dry_run"].count)
    }
}

extension LiveReading.Certificate {
    var json: JSONValue { ["server": .string(server), "file": .string(file), "ends": .number(ends)] }

    init(_ json: JSONValue) {
        self.init(server: json["server"].string ?? "", file: json["file"].string ?? "", ends: json["ends"].double ?? 0)
    }
}

extension LiveReading.Configuration {
    var json: JSONValue {
        .present([
            "number": .count(number), "accepted_at": .number(acceptedAt), "warnings": .count(warnings), "refused_at": refusedAt.json,
            "refusal": refusal.json,
        ])
    }

    init(_ json: JSONValue) {
        self.init(
            number: Int(json["number"].count), acceptedAt: json["accepted_at"].double ?? 0, warnings: Int(json["warnings"].count),
            refusedAt: json["refused_at"].double, refusal: json["refusal"].string)
    }
}

extension LiveReading.Process {
    var json: JSONValue {
        [
            "cpu_seconds": .number(cpuSeconds), "memory_bytes": .number(memoryBytes), "files": .count(files), "files_max": .count(filesMax),
            "workers": .count(workers), "started_at": .number(startedAt), "log_lines_dropped": .count(linesDropped),
        ]
    }

    init(_ json: JSONValue) {
        self.init(
            cpuSeconds: json["cpu_seconds"].double ?? 0, memoryBytes: json["memory_bytes"].double ?? 0, files: Int(json["files"].count),
            filesMax: Int(json["files_max"].count), workers: Int(json["workers"].count), startedAt: json["started_at"].double ?? 0,
            linesDropped: json["log_lines_dropped"].count)
    }
}
