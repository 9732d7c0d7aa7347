import Foundation
import TestSupport
import Testing

/// When worker_connections or file descriptors run out: who is connected goes on, what is idle goes first, the others are told.
@Suite struct ScarcityTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private func expectRefused(_ response: HTTPResponse, _ errorType: String) throws {
        #expect(response.status == 503)
        #expect(response["Retry-After"] == "2")
        #expect(response["Connection"] == "close")
        #expect(try response.json()["error_type"] as? String == errorType)
    }

    private func refusals(_ gateway: Gateway, _ reason: String) throws -> Double {
        try gateway.metrics().sum("gateway_connections_refused_total", ["reason": reason])
    }

    private func closed(_ gateway: Gateway, _ reason: String) throws -> Double {
        try gateway.metrics().sum("gateway_connections_closed_total", ["reason": reason])
    }

    // MARK: worker_connections

    @Test(arguments: Transport.allCases) func `the client that has been idle for longest makes room for the next`(_ transport: Transport)
        throws
    {
        let edge = try Edge(
            ScriptedOrigin.answering(Self.answer), main: "worker_connections 4;", server: "location = /here { return 200 here; }")
        let clients = try (0..<4).map { _ in try edge.connect(transport) }
        for index in [1, 0, 2, 3] { #expect(try clients[index].get("/here").text == "here") }
        let fifth = try edge.connect(transport)
        #expect(try fifth.get("/here").text == "here")
        // It is told of its end, over TLS by a close_notify.
        #expect(try clients[1].receiveToEnd() == [])
        for index in [0, 2, 3] { #expect(try clients[index].get("/here").text == "here") }
        #expect(try fifth.get("/here").text == "here")
        #expect(try closed(edge.gateway, "idle_evicted") == 1)
        #expect(try edge.gateway.metrics().sum("gateway_connections_refused_total") == 0)
    }

    @Test func `a connection to an origin that waits in the pool goes before any client`() throws {
        let edge = try Edge(
            ScriptedOrigin.answering(Self.answer), main: "worker_connections 4;", server: "location = /here { return 200 here; }")
        let clients = try (0..<3).map { _ in try edge.gateway.connect() }
        for client in clients { #expect(try client.get("/here").text == "here") }
        #expect(try clients[0].get("/").text == "ok")
        try edge.gateway.waitForMetrics("one idle") { $0.sum("gateway_upstream_connections", ["state": "idle"]) == 1 }
        #expect(try edge.gateway.get("/here").text == "here")
        #expect(try edge.gateway.metrics().sum("gateway_upstream_connections") == 0)
        for client in clients { #expect(try client.get("/here").text == "here") }
        #expect(try closed(edge.gateway, "idle_evicted") == 0)
    }

    @Test func `without anybody idle a plain client is told to come again, a TLS client is closed, and those connected go on`() throws {
        let held = try HeldOrigin()
        let edge = try Edge(held.origin, main: "worker_connections 8;")
        // Four requests: eight connections.
        let streams = try (0..<4).map { _ in try RunningStream(edge.gateway.connect()) }
        for _ in 0..<3 { try expectRefused(edge.gateway.get("/x"), "connections_exhausted") }
        #expect(throws: (any Error).self) { try edge.gateway.connectTLS(1) }
        try edge.gateway.waitForMetrics("four refusals") {
            $0.sum("gateway_connections_refused_total", ["reason": "worker_connections"]) == 4
        }
        try edge.gateway.program.stderr.waitForLine(containing: "connections refused")
        held.release()
        for stream in streams { try stream.finish() }
        #expect(try edge.gateway.get("/x").text == "/x")
        for stream in streams { stream.client.close() }
        try edge.gateway.waitForMetrics("no connection") { $0.sum("gateway_connections") == 0 }
    }

    @Test func `a client that is in the middle of a head is not idle`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), main: "worker_connections 2;")
        let half = try edge.gateway.connect()
        try half.send("GET / HTTP/1.1\r\nHo")
        try edge.gateway.waitForMetrics("a head has begun") { $0.sum("gateway_connections", ["state": "active"]) == 1 }
        let other = try edge.gateway.connect()
        try other.send("GET / HT")
        try edge.gateway.waitForMetrics("two heads") { $0.sum("gateway_connections", ["state": "active"]) == 2 }
        try expectRefused(edge.gateway.get("/"), "connections_exhausted")
        other.close()
        try edge.gateway.waitForMetrics("one head") { $0.sum("gateway_connections", ["state": "active"]) == 1 }
        try half.send("st: localhost\r\n\r\n")
        #expect(try half.readResponse().text == "ok")
    }

    @Test func `a request that finds no connection left for its origin is told so, and its client stays`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), main: "worker_connections 2;")
        let client = try edge.gateway.connect()
        let half = try edge.gateway.connect()
        try half.send("GET / HTTP/1.1\r\nHo")
        try edge.gateway.waitForMetrics("a head has begun") { $0.sum("gateway_connections", ["state": "active"]) == 1 }
        let response = try client.get("/")
        #expect(response.status == 503 && response["Connection"] == nil)
        #expect(try response.json()["error_type"] as? String == "connections_exhausted")
        half.close()
        try edge.gateway.waitForMetrics("one connection") { $0.sum("gateway_connections") == 1 }
        #expect(try client.get("/").text == "ok")
        #expect(try edge.gateway.metrics().sum("gateway_upstream_connections") == 1)
    }

    /// It was idle until its request came, and the longest of all.
    @Test(arguments: Transport.allCases) func `an HTTP/2 client is not closed for the room that its own request needs`(
        _ transport: Transport
    )
        throws
    {
        let held = try HeldOrigin()
        let edge = try Edge(held.origin, main: "worker_connections 16;")
        let idle = try edge.http2(transport)
        let busy = try edge.http2(transport)
        let streams = try (0..<14).map { _ in try busy.request(.request("GET", "/late")) }
        try held.origin.waitForConnections(14)
        for _ in 0..<2 {
            let refused = try idle.get("/late")
            #expect(refused.status == 503 && refused.text.contains("connections_exhausted"))
        }
        #expect(idle.goAways.isEmpty)
        held.release()
        for stream in streams { #expect(try busy.response(on: stream).text == "late") }
        #expect(try idle.get("/x").text == "/x")
    }

    @Test func `clients leave the last eighth to connections to origins`() throws {
        let held = try HeldOrigin()
        let edge = try Edge(held.origin, main: "worker_connections 16;")
        let halves = try (0..<14).map { _ in
            let client = try edge.gateway.connect()
            try client.send("GET /stream HTTP/1.1\r\nHo")
            return client
        }
        try edge.gateway.waitForMetrics("all heads have begun") { $0.sum("gateway_connections", ["state": "active"]) == 14 }
        try expectRefused(edge.gateway.get("/x"), "connections_exhausted")
        for client in halves.prefix(2) {
            try client.send("st: localhost\r\n\r\n")
            #expect(try client.readHead().status == 200)
        }
        held.release()
    }

    @Test func `clients that say nothing make room for those that do`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), main: "worker_connections 20;")
        let silent = try (0..<200).map { index in try edge.gateway.connect(index % 2) }
        for _ in 0..<10 { #expect(try edge.gateway.get("/").text == "ok") }
        #expect(try edge.gateway.connectTLS(1).get("/").text == "ok")
        #expect(try edge.gateway.metrics().sum("gateway_connections_refused_total") == 0)
        #expect(silent.count == 200)
    }

    @Test func `a client that has its last answer, and still sends, makes room`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), main: "worker_connections 2;", server: "location = /no { return 403; }")
        let refused = try (0..<2).map { _ in
            let client = try edge.gateway.connect()
            try client.send("POST /no HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc")
            #expect(try client.readResponse(to: "POST").status == 403)
            return client
        }
        // Both would stay for a moment, for what they still send.
        for _ in 0..<2 { #expect(try edge.gateway.connect().get("/no").status == 403) }
        #expect(try edge.gateway.metrics().sum("gateway_connections_refused_total") == 0)
        #expect(refused.count == 2)
    }

    // MARK: File descriptors

    /// A gateway that may open few files, started by a shell that says so.
    private struct Confined {
        let directory: TemporaryDirectory
        let program: Program
        /// Lives as long as the gateway before it.
        let origin: ScriptedOrigin
        let port: UInt16
        let adminPort: UInt16

        init(files: Int, origin: ScriptedOrigin, main: String = "", server: String = "") throws {
            self.origin = origin
            directory = try TemporaryDirectory()
            let conf = """
                workers 1; error_log stderr info; access_log off; admin 127.0.0.1:0 { allow 127.0.0.0/8; } \(main)
                server { listen 127.0.0.1:0; \(server) location / { proxy_pass http://127.0.0.1:\(origin.port); } location = /here { return 200 here; } }
                """
            let file = try directory.write(conf, to: "gateway.conf")
            let script = "ulimit -n \(files); exec \"$0\" -c \"$1\""
            program = try Program("/bin/sh", ["-c", script, try Program.find("gateway"), file])
            try program.stderr.waitForLine(containing: "ready", timeout: 20)
            let ports = program.stderr.lines.compactMap { line -> UInt16? in
                UInt16(line.components(separatedBy: "address=127.0.0.1:").dropFirst().first?.prefix(while: \.isNumber) ?? "")
            }
            guard ports.count == 2 else { throw TestError.invalid("no ports in: \(program.stderr.text)") }
            (port, adminPort) = (ports[0], ports[1])
        }

        func metrics() throws -> Metrics {
            try Metrics(text: TCPClient(port: adminPort).get("/metrics", fields: ["Connection: close"]).text)
        }
    }

    @Test func `without free descriptors nobody waits, who is connected goes on, and all is well again afterwards`() throws {
        let confined = try Confined(files: 128, origin: ScriptedOrigin.answering(Self.answer), server: "client_header_timeout 10m;")
        let good = try TCPClient(port: confined.port)
        #expect(try good.get("/").text == "ok")
        let halves = try (0..<300).map { _ in
            let client = try TCPClient(port: confined.port)
            try? client.send("GET / HTTP/1.1\r\nHo")
            return client
        }
        try eventually("all are accepted") { try confined.metrics()["gateway_connections_accepted_total"] ?? 0 >= 301 }
        let late = try TCPClient(port: confined.port)
        try? late.send("GET /here HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try expectRefused(late.readResponse(), "connections_exhausted")
        // The origin is reached by what clients leave in reserve. (It was idle, so it has made room.)
        let inside = halves[0]
        try inside.send("st: localhost\r\n\r\n")
        #expect(try inside.readResponse().text == "ok")
        #expect(throws: TestError.self) { try halves[1].receiveSome(until: Deadline(seconds: 2)) }
        #expect(try confined.metrics().sum("gateway_connections_refused_total", ["reason": "file_descriptors"]) > 100)
        for client in halves { client.close() }
        try eventually("there is room again") { try confined.metrics().sum("gateway_connections") < 10 }
        #expect(try TCPClient(port: confined.port).get("/").text == "ok")
    }

    @Test func `clients that make room for one another leave the reserve alone`() throws {
        let confined = try Confined(files: 128, origin: ScriptedOrigin.answering(Self.answer))
        let clients = try (0..<140).map { _ in
            let client = try TCPClient(port: confined.port)
            #expect(try client.get("/here").text == "here")
            return client
        }
        // Of 128 files an eighth is the reserve.
        #expect(try ProcessFigures(confined.program).openFiles() <= 112)
        #expect(try confined.metrics().sum("gateway_connections_closed_total", ["reason": "idle_evicted"]) >= 28)
        #expect(try confined.metrics().sum("gateway_connections_refused_total") == 0)
        #expect(try clients[139].get("/").text == "ok")
    }

    @Test func `clients that are refused go before those that are idle`() throws {
        let confined = try Confined(files: 128, origin: ScriptedOrigin.answering(Self.answer), main: "limit_connections 3;")
        func clients(_ count: Int, from first: Int) throws -> [TCPClient] {
            try (0..<count).map { index in
                let client = try TCPClient(port: confined.port, from: "127.0.1.\(first + index)")
                #expect(try client.get("/here").text == "here")
                return client
            }
        }
        let idle = try clients(40, from: 1)
        let many = try (0..<100).map { _ in try TCPClient(port: confined.port, from: "127.0.0.7") }
        try eventually("97 are refused") {
            try confined.metrics().sum("gateway_connections_refused_total", ["reason": "limit_connections"]) == 97
        }
        let late = try clients(20, from: 101)
        #expect(try confined.metrics().sum("gateway_connections_closed_total", ["reason": "idle_evicted"]) == 0)
        for client in idle + late { #expect(try client.get("/here").text == "here") }
        #expect(many.count == 100)
    }

    @Test func `without a single descriptor everybody is refused, and the admin listener answers`() throws {
        let confined = try Confined(files: 64, origin: ScriptedOrigin.answering(Self.answer), server: "client_header_timeout 10m;")
        let program = ProcessFigures(confined.program)
        // As many as there is room for: of further ones each would take what a worker sets free to refuse somebody.
        var held: [TCPClient] = []
        try eventually("no file is left") {
            let free = try 64 - program.openFiles()
            for _ in 0..<free {
                let client = try TCPClient(port: confined.adminPort)
                #expect(try client.get("/healthz").status == 200)
                held.append(client)
            }
            return free == 0
        }
        let clients = try (0..<6).map { _ in
            let client = try TCPClient(port: confined.port)
            try expectRefused(client.readResponse(), "connections_exhausted")
            return client
        }
        #expect(try confined.metrics().sum("gateway_connections_refused_total", ["reason": "file_descriptors"]) >= 6)
        // Whoever stayed, for the two seconds of a lingering close, would keep its descriptor from the next.
        try eventually("the last one is gone", timeout: 1) { try confined.metrics().sum("gateway_connections", ["state": "idle"]) == 0 }
        #expect(held.count > 20 && clients.count == 6)
    }

    @Test func `a request that finds no descriptor for its origin is told so, and all is well again afterwards`() throws {
        let held = try HeldOrigin()
        let confined = try Confined(files: 66, origin: held.origin)
        let clients = try (0..<30).map { _ in try TCPClient(port: confined.port) }
        for client in clients { try client.send("GET /stream HTTP/1.1\r\nHo") }
        try eventually("all heads have begun") { try confined.metrics().sum("gateway_connections", ["state": "active"]) == 30 }
        var streams: [TCPClient] = []
        var refused: [TCPClient] = []
        for client in clients {
            try client.send("st: localhost\r\n\r\n")
            let head = try client.readHead()
            if head.status == 200 {
                #expect(try client.readChunk() == Array("a".utf8))
                streams.append(client)
            } else {
                #expect(head.status == 503 && head["Retry-After"] == "2" && head["Connection"] == nil)
                #expect(try client.receive(through: "}\n").contains("connections_exhausted"))
                refused.append(client)
            }
        }
        // Who was refused is idle, and makes room for the next: once the reserve is used up, every other one is served.
        #expect(streams.count >= 10 && refused.count >= 3, "\(streams.count)")
        #expect(
            try confined.metrics().sum("gateway_refusals_total", ["error_type": "connections_exhausted"]) == Double(refused.count))
        held.release()
        for client in streams { #expect(try client.readChunk() == Array("b".utf8)) }
        for client in streams { client.close() }
        try eventually("there is room again") { try TCPClient(port: confined.port).get("/x").text == "/x" }
    }

    // MARK: Addresses

    @Test func `an address has so many connections and no more`() throws {
        let edge = try Edge(
            ScriptedOrigin.answering(Self.answer), main: "limit_connections 3; trusted_proxies 127.0.0.9;", workers: 2)
        let clients = try (0..<3).map { _ in try edge.gateway.connect(0, from: "127.0.0.7") }
        for client in clients { #expect(try client.get("/").text == "ok") }
        try expectRefused(edge.gateway.connect(0, from: "127.0.0.7").get("/"), "connection_limit")
        let tls = try edge.gateway.connect(1, from: "127.0.0.7")
        #expect(throws: (any Error).self) { try TLSClient(over: tls) }
        #expect(try refusals(edge.gateway, "limit_connections") == 2)
        // Others are not concerned, and trusted proxies have no limit.
        #expect(try edge.gateway.connect(0, from: "127.0.0.8").get("/").text == "ok")
        let proxied = try (0..<10).map { _ in try edge.gateway.connect(0, from: "127.0.0.9") }
        for client in proxied { #expect(try client.get("/").text == "ok") }
        clients[0].close()
        try eventually("a place is free") { try edge.gateway.connect(0, from: "127.0.0.7").get("/").status == 200 }
        for client in clients.dropFirst() { #expect(try client.get("/").text == "ok") }
    }

    @Test func `a reload keeps count of the connections of an address`() throws {
        let conf = "workers 2; error_log stderr info; access_log off; limit_connections {N}; server { listen 127.0.0.1:0; return 200 ok; }"
        func with(_ limit: Int) -> String { conf.replacingOccurrences(of: "{N}", with: "\(limit)") }
        let gateway = try Gateway(conf: with(2))
        let clients = try (0..<2).map { _ in try gateway.connect() }
        for client in clients { #expect(try client.get("/").text == "ok") }
        #expect(try gateway.get("/").status == 503)
        #expect(try gateway.reload(conf: with(3)).contains("reloaded"))
        let third = try gateway.connect()
        #expect(try third.get("/").text == "ok")
        #expect(try gateway.get("/").status == 503)
        for client in clients + [third] { client.close() }
        try eventually("all places are free") {
            let all = try (0..<3).map { _ in try gateway.connect() }
            return try all.allSatisfy { try $0.get("/").status == 200 }
        }
    }

    @Test func `an address begins so many TLS connections in a second and no more`() throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer), main: "limit_handshakes 1 burst=5;", workers: 2)
        var refused = 0
        let clients = (0..<40).compactMap { _ -> TLSClient? in
            let client = try? TLSClient(over: edge.gateway.connect(1, from: "127.0.0.7"))
            if client == nil { refused += 1 }
            return client
        }
        #expect(clients.count >= 5 && refused >= 1)
        for client in clients { #expect(try client.get("/").text == "ok") }
        #expect(try refusals(edge.gateway, "limit_handshakes") == Double(refused))
        #expect(try edge.gateway.connectTLS(1).get("/").text == "ok")
        // It is about TLS alone.
        for _ in 0..<20 { #expect(try edge.gateway.connect(0, from: "127.0.0.7").get("/").text == "ok") }
        try eventually("a token comes back") { (try? TLSClient(over: edge.gateway.connect(1, from: "127.0.0.7"))) != nil }
    }

    // MARK: TLS behind the handshake

    @Test(arguments: [false, true]) func `new keys may come now and then`(_ asksForAnswer: Bool) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        let client = try edge.gateway.connectTLS(1) { $0.minimum = .tls13 }
        for _ in 0..<12 {
            try client.updateKeys(asksForAnswer: asksForAnswer)
            #expect(try client.get("/").text == "ok")
        }
        #expect(try closed(edge.gateway, "key_updates") == 0)
    }

    @Test(arguments: [false, true]) func `new keys over and over end the connection`(_ asksForAnswer: Bool) throws {
        let edge = try Edge(ScriptedOrigin.answering(Self.answer))
        let client = try edge.gateway.connectTLS(1) { $0.minimum = .tls13 }
        #expect(try client.get("/").text == "ok")
        do {
            for _ in 0..<10_000 { try client.updateKeys(asksForAnswer: asksForAnswer) }
        } catch {
            // The end has come before all of them were sent.
        }
        try edge.gateway.waitForMetrics("an end") { $0.sum("gateway_connections_closed_total", ["reason": "key_updates"]) == 1 }
        #expect(try edge.gateway.metrics().sum("gateway_connections") == 0)
        #expect(try edge.gateway.connectTLS(1).get("/").text == "ok")
    }
}
