import Foundation
import TestSupport
import Testing

/// What clients saw, what the log says and what the metrics count is one and the same.
extension LoadTests {
    @Suite struct AccountTests {
        private static let conf = """
            workers 2;
            access_log {DIR}/access.log json;
            admin 127.0.0.1:0 { }
            upstream api {
                version stable weight=75 { server {STABLE}; }
                version canary weight=25 { server {CANARY}; }
            }
            upstream dead { server 127.0.0.1:1; }
            server {
                listen 127.0.0.1:0;
                client_max_body_size 100;
                location /local { return 200 local; }
                location /api { proxy_pass http://api; }
                location /dead { proxy_pass http://dead; }
                location /moved { return 308 https://$host/; }
                location /late { proxy_pass http://{HELD}; }
            }
            """

        private let held: HeldOrigin
        private let gateway: Gateway

        init() throws {
            let stable = try QuickOrigin("stable")
            let canary = try QuickOrigin("canary")
            held = try HeldOrigin()
            origins = [stable, canary]
            gateway = try Gateway(conf: Self.conf, values: ["STABLE": stable.address, "CANARY": canary.address, "HELD": held.address])
        }

        private let origins: [QuickOrigin]

        /// One of each kind of request, and the statuses they got.
        private static func round(_ port: UInt16, _ statuses: inout [Int: Int]) throws {
            let client = try TCPClient(port: port)
            for target in ["/local", "/api", "/nothing", "/moved", "/dead", "/api/2", "/local?q=1"] {
                statuses[try client.get(target).status, default: 0] += 1
            }
            statuses[try client.request("HEAD", "/local").status, default: 0] += 1
            statuses[try client.request("POST", "/local", body: Array("body".utf8)).status, default: 0] += 1
            statuses[try TCPClient(port: port).request("POST", "/local", body: [UInt8](repeating: 0, count: 101)).status, default: 0] += 1
            try client.send("nonsense\r\n\r\n")
            statuses[try client.readResponse().status, default: 0] += 1
        }

        @Test func `clients, log and metrics agree over a mixed load`() throws {
            let port = gateway.port
            let threads = (0..<8).map { _ in
                Background { () throws -> [Int: Int] in
                    var statuses: [Int: Int] = [:]
                    for _ in 0..<30 { try Self.round(port, &statuses) }
                    return statuses
                }
            }
            var seen: [Int: Int] = [:]
            for thread in threads { seen.merge(try thread.value(timeout: 60), uniquingKeysWith: +) }
            // And some who leave before they are answered.
            for _ in 0..<10 {
                let client = try gateway.connect()
                try client.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
                try gateway.waitForMetrics("a request on its way") { $0.sum("gateway_connections", ["state": "active"]) == 1 }
                client.reset()
                try gateway.waitForMetrics("its end") { $0.sum("gateway_connections", ["state": "active"]) == 0 }
                seen[499, default: 0] += 1
            }
            #expect(seen == [200: 30 * 8 * 6, 404: 240, 308: 240, 502: 240, 413: 240, 400: 240, 499: 10])
            try expectAccount(seen)
            held.release()
        }

        private func expectAccount(_ seen: [Int: Int]) throws {
            let total = seen.values.reduce(0, +)
            let entries = try gateway.accessLog(waitingFor: total)
            let logged = entries.reduce(into: [:]) { $0[Int($1.number("status") ?? 0), default: 0] += 1 }
            #expect(logged == seen)
            let metrics = try gateway.metrics()
            for (status, count) in seen {
                #expect(metrics.sum("http_requests_total", ["status": "\(status)"]) == Double(count), "status \(status)")
            }
            #expect(metrics.sum("http_requests_total") == Double(total))
            #expect(metrics.sum("http_request_duration_seconds_count") == Double(total))
            try expectUpstreams(entries, metrics)
            try expectRefusals(entries, metrics)
            #expect(metrics.sum("gateway_log_lines_dropped_total") == 0)
            try gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
        }

        private func expectUpstreams(_ entries: [LogEntry], _ metrics: Metrics) throws {
            for version in ["stable", "canary"] {
                let count = entries.count { $0["version"] == version && $0.number("upstream_status") == 200 }
                #expect(metrics.sum("gateway_upstream_requests_total", ["version": version, "status": "200"]) == Double(count))
            }
            let answered = metrics.sum("gateway_upstream_requests_total", ["upstream": "api", "status": "200"])
            #expect(answered == 480)
            #expect(metrics.sum("gateway_upstream_requests_total", ["upstream": "dead", "status": "502"]) == 240)
            #expect(metrics.sum("gateway_upstream_requests_total", ["status": "499"]) == 10)
        }

        private func expectRefusals(_ entries: [LogEntry], _ metrics: Metrics) throws {
            let types = entries.reduce(into: [:]) { $0[$1["error_type"] ?? "", default: 0] += 1 }
            for (type, count) in types where !type.isEmpty {
                #expect(metrics.sum("gateway_refusals_total", ["error_type": type]) == Double(count), "\(type)")
            }
            #expect(types["not_found"] == 240 && types["body_too_large"] == 240 && types["client_closed"] == 10)
            #expect(metrics.sum("gateway_refusals_total") == Double(types.filter { !$0.key.isEmpty }.values.reduce(0, +)))
        }

        @Test func `a log line is valid JSON in UTF-8, whatever bytes a client sends`() throws {
            let hostile: [[UInt8]] = [
                Array("\"},{\"status\":200,\"x\":\"".utf8), Array("\\u0000\\".utf8), [0x80, 0xff, 0xfe], [0xc3, 0x28], [0xed, 0xa0, 0x80],
                [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x80, 0xa8], Array("a\tb".utf8), Array("ä€😀".utf8),
                Array("</script>&\u{7f}".utf8.dropLast()),
            ]
            let client = try gateway.connect()
            for bytes in hostile {
                let head = Array("GET /local?a=%22%5C%00 HTTP/1.1\r\nHost: localhost\r\nReferer: ".utf8)
                try client.send(head + bytes + Array("\r\nUser-Agent: ".utf8) + bytes + Array("\r\n\r\n".utf8))
                #expect(try client.readResponse().status == 200, "\(bytes)")
            }
            let targets = ["/local/%22%0a%5c", "/local/\"", "/local/'<>{}|^`", "/local?\"\\"]
            for target in targets { _ = try gateway.get(target) }
            let broken: [[UInt8]] = [Array("GET /\u{1}\" HTTP/1.1\r\nHost: a\r\n\r\n".utf8), [0x22, 0xff, 0x0a, 0x0d, 0x0a, 0x0d, 0x0a]]
            for bytes in broken {
                let client = try gateway.connect()
                try client.send(bytes)
                #expect(try client.readResponse().status == 400)
            }
            let entries = try gateway.accessLog(waitingFor: hostile.count + targets.count + broken.count)
            #expect(entries.count == hostile.count + targets.count + broken.count)
            let data = try Data(contentsOf: URL(fileURLWithPath: gateway.directory.file("access.log")))
            #expect(String(data: data, encoding: .utf8) != nil)
            // Workers write their lines as their buffers come due: the order holds for one connection alone.
            let agents = entries.filter { $0["user_agent"] != nil }
            #expect(agents[0]["user_agent"] == "\"},{\"status\":200,\"x\":\"" && agents[1]["user_agent"] == "\\u0000\\")
            #expect(agents[8]["user_agent"] == "ä€😀" && agents[7]["referer"] == "a\tb")
        }
    }
}
