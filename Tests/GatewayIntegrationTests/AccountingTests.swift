import Foundation
import TestSupport
import Testing

/// What clients have seen, what the log says and what the counters say is the same.
@Suite struct AccountingTests {
    /// So many times each answer came, as "status version", with the version empty where no origin answered.
    typealias Tally = [String: Int]

    /// A load of 100,000 requests takes some minutes: GATEWAY_ACCOUNTING_REQUESTS=100000 asks for it.
    private static let requests = ProcessInfo.processInfo.environment["GATEWAY_ACCOUNTING_REQUESTS"].flatMap(Int.init) ?? 3_000
    private static let clients = 8

    private static let conf = """
        workers 2;
        access_log {DIR}/access.log json;
        admin 127.0.0.1:0 { allow 127.0.0.1; }
        rate_limit all key=all rate=1r/h burst=50;
        upstream api {
            version stable weight=7 { server 127.0.0.1:{STABLE}; }
            version canary weight=3 { server 127.0.0.1:{CANARY}; }
        }
        server {
            listen 127.0.0.1:0;
            location /limited/ { limit all; proxy_pass http://api/; }
            location /closed { deny all; return 200; }
            location /moved { return 301 https://localhost/; }
            location /dead { proxy_pass http://127.0.0.1:1; }
            location / { client_max_body_size 10; proxy_pass http://api; }
        }
        """

    private static let targets = [
        ("GET", "/bytes?count=10"), ("GET", "/bytes?count=70000"), ("POST", "/echo"), ("GET", "/status/404"), ("GET", "/status/503"),
        ("GET", "/limited/"), ("GET", "/closed"), ("GET", "/moved"), ("GET", "/dead"), ("HEAD", "/bytes?count=5"),
        ("GET", "/events?count=3"),
        ("POST", "/echo?large"),
    ]

    @Test func `clients, the log and the counters agree on a load, by status and by version`() throws {
        let stable = try DemoOrigin(name: "stable", ["--event-interval", "1ms"])
        let canary = try DemoOrigin(name: "canary", ["--event-interval", "1ms"])
        let gateway = try Gateway(conf: Self.conf, values: ["STABLE": "\(stable.port)", "CANARY": "\(canary.port)"])
        let seen = try load(gateway)
        #expect(seen.values.reduce(0, +) == Self.requests)
        #expect(Set(seen.keys.map { $0.split(separator: " ")[0] }) == ["200", "301", "403", "404", "413", "429", "502", "503"])

        try gateway.waitForMetrics("all requests") { $0.sum("http_requests_total") == Double(Self.requests) }
        var logged = Tally()
        for entry in try gateway.accessLog(waitingFor: Self.requests) {
            let answers = entry.number("upstream_status").map { $0 == entry.number("status") } ?? false
            let version = answers ? entry["version"] ?? "" : ""
            logged["\(Int(entry.number("status") ?? 0)) \(version)", default: 0] += 1
        }
        #expect(logged == seen)

        let metrics = try gateway.metrics()
        for (status, count) in Self.sums(of: seen, by: 0) {
            #expect(metrics.sum("http_requests_total", ["status": status]) == Double(count), "\(status)")
        }
        for version in ["stable", "canary"] {
            for (status, count) in Self.sums(of: seen.filter { $0.key.hasSuffix(" " + version) }, by: 0) {
                let labels = ["upstream": "api", "version": version, "status": status]
                #expect(metrics.sum("gateway_upstream_requests_total", labels) == Double(count), "\(version) \(status)")
            }
        }
        #expect(metrics.sum("http_request_duration_seconds_count") == Double(Self.requests))
        #expect(metrics.sum("gateway_log_lines_dropped_total") == 0)
    }

    private static func sums(of tally: Tally, by part: Int) -> Tally {
        var sums = Tally()
        for (key, count) in tally { sums[String(key.split(separator: " ")[part]), default: 0] += count }
        return sums
    }

    /// Each client sends one request after another on its connection.
    private func load(_ gateway: Gateway) throws -> Tally {
        let result = Monitor((tally: Tally(), failures: [String]()))
        let port = gateway.port
        DispatchQueue.concurrentPerform(iterations: Self.clients) { client in
            do {
                let tally = try Self.run(client, port)
                result.update { $0.tally.merge(tally, uniquingKeysWith: +) }
            } catch {
                result.update { $0.failures.append("\(error)") }
            }
        }
        #expect(result.value.failures == [])
        return result.value.tally
    }

    private static func run(_ client: Int, _ port: UInt16) throws -> Tally {
        var tally = Tally()
        var connection = try TCPClient(port: port)
        for number in stride(from: client, to: requests, by: clients) {
            let (method, target) = targets[(number / clients + client) % targets.count]
            let body: [UInt8]? = method == "POST" ? Array(repeating: 0x61, count: target.hasSuffix("large") ? 11 : 4) : nil
            let answer = try connection.request(method, target, body: body, timeout: 60)
            tally["\(answer.status) \(answer["X-Version"] ?? "")", default: 0] += 1
            if answer["Connection"]?.lowercased() == "close" { connection = try TCPClient(port: port) }
        }
        return tally
    }
}
