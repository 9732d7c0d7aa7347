import Foundation
import TestSupport
import Testing

/// Whom the admin listener serves when there are many, or one that wants everything.
@Suite struct AdminPlacesTests {
    private static let conf = """
        workers 1;
        access_log off;
        admin 127.0.0.1:0 { allow 127.0.0.1; }
        upstream checked { health_check interval=500ms timeout=400ms; version a weight=1 { server 127.0.0.1:{ORIGIN}; } }
        server { listen 127.0.0.1:0; location / { proxy_pass http://checked; } }
        """

    private let origin: ScriptedOrigin
    private let gateway: Gateway

    init() throws {
        origin = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        gateway = try Gateway(conf: Self.conf, values: ["ORIGIN": "\(origin.port)"])
    }

    private func connect(from source: String? = nil, receiveBufferBytes: Int32? = nil) throws -> TCPClient {
        try TCPClient(port: gateway.adminPort ?? 0, from: source, receiveBufferBytes: receiveBufferBytes)
    }

    private static let scrape = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Asks and asks, and reads what it is told, as fast as it can; until the gateway ends.
    private func beginHog() throws {
        let client = try connect()
        let requests = Array(String(repeating: Self.scrape, count: 500).utf8)
        Thread.detachNewThread { while (try? client.send(requests, timeout: 120)) != nil {} }
        Thread.detachNewThread { while (try? client.receiveSome(until: Deadline(seconds: 120)))?.isEmpty == false {} }
    }

    @Test func `one who asks and asks holds up nobody else, no health check and no signal`() throws {
        for _ in 0..<3 { try beginHog() }
        for _ in 0..<10 { #expect(try gateway.admin("/healthz").text == "ok\n") }
        let kept = try connect()
        for _ in 0..<10 { #expect(try kept.get("/readyz").status == 200) }
        try origin.waitForConnections(origin.connectionCount + 3)
        #expect(try gateway.reload().contains("reloaded"))
        #expect(try gateway.stop() == .exited(0))
    }

    @Test func `forty questions are answered long before the ten thousand that came before them`() throws {
        let client = try connect()
        let last = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        let requests = Array((String(repeating: Self.scrape, count: 10_000) + last).utf8)
        let hog = Monitor((bytes: 0, hasEnded: false))
        Thread.detachNewThread { try? client.send(requests, timeout: 120) }
        Thread.detachNewThread {
            while let bytes = try? client.receiveSome(until: Deadline(seconds: 120)), !bytes.isEmpty {
                hog.update { $0.bytes += bytes.count }
            }
            hog.update { $0.hasEnded = true }
        }
        try eventually("the first answers") { hog.value.bytes > 100_000 }
        let other = try connect()
        for _ in 0..<40 { #expect(try other.get("/healthz").text == "ok\n") }
        #expect(!hog.value.hasEnded)
        // Their client sees the end here, and its threads with it.
        try gateway.stop()
        try eventually("the end of them") { hog.value.hasEnded }
    }

    @Test func `who asks now and then keeps its connection while others come and say nothing`() throws {
        let kept = try connect()
        #expect(try kept.get("/metrics").status == 200)
        let silent = try (0..<100).map { _ in try connect() }
        #expect(try kept.get("/metrics").status == 200)
        #expect(silent[0].isEndedByPeer(), "the one that has said nothing for longest")
        // They stand in nobody's way.
        #expect(try gateway.admin("/healthz").status == 200)
        #expect(try kept.get("/metrics").status == 200)
    }

    @Test func `of those that have asked the one idle for longest makes room`() throws {
        let kept = try (0..<64).map { _ in try connect() }
        for client in kept { #expect(try client.get("/healthz").status == 200) }
        // The first has asked anew: the second is the one.
        #expect(try kept[0].get("/healthz").status == 200)
        #expect(try gateway.admin("/healthz").status == 200)
        #expect(kept[1].isEndedByPeer())
        for client in [kept[0]] + kept[2...] { #expect(try client.get("/healthz").status == 200) }
    }

    @Test func `who may not ask takes no place from who may`() throws {
        let kept = try (0..<64).map { _ in try connect() }
        for client in kept { #expect(try client.get("/healthz").status == 200) }
        let strangers = try (0..<80).map { _ in try connect(from: "127.0.0.8") }
        #expect(strangers[0].isEndedByPeer())
        for client in kept { #expect(try client.get("/healthz").status == 200) }
    }

    @Test func `an answer under way is not cut off by those that come`() throws {
        let slow = try connect(receiveBufferBytes: 1)
        try slow.send(String(repeating: Self.scrape, count: 50))
        let others = try (0..<100).map { _ in try connect() }
        #expect(try gateway.admin("/healthz").status == 200)
        for _ in 0..<50 { #expect(try slow.readResponse().status == 200) }
        withExtendedLifetime(others) {}
    }

    @Test func `those that read nothing of their answers make room in the end`() throws {
        let deaf = try (0..<100).map { _ in try connect(receiveBufferBytes: 1) }
        for client in deaf { try? client.send(String(repeating: Self.scrape, count: 50)) }
        #expect(try gateway.admin("/metrics").status == 200)
        withExtendedLifetime(deaf) {}
    }
}

/// Readers of events that do not read.
@Suite struct DeafReaderTests {
    @Test func `readers of events that take nothing are dropped, those that read stay`() throws {
        // Names make the events long: nothing between here and there takes two of them.
        let limits = (0..<1_000).map { "rate_limit limit_\($0)_\(String(repeating: "x", count: 50)) key=ip rate=1r/s;" }
        let gateway = try Gateway(
            conf: """
                workers 1; access_log off; admin 127.0.0.1:0 { }
                \(limits.joined(separator: "\n"))
                server { listen 127.0.0.1:0; return 200 ok; }
                """)
        func open(receiveBufferBytes: Int32? = nil) throws -> (client: TCPClient, status: Int) {
            let client = try TCPClient(port: gateway.adminPort ?? 0, receiveBufferBytes: receiveBufferBytes)
            try client.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return (client, try client.readHead().status)
        }
        let reader = try open()
        let deaf = try (0..<15).map { _ in
            _ = try reader.client.receive(through: "\n\n")
            return try open(receiveBufferBytes: 1)
        }
        #expect(reader.status == 200 && deaf.allSatisfy { $0.status == 200 })
        // There are sixteen places, and all who had one still hold on to their ends.
        try eventually("places of those that were dropped", timeout: 90) {
            _ = try reader.client.receive(through: "\n\n")
            return try open().status == 200
        }
        _ = try reader.client.receive(through: "\n\n")
        #expect(deaf.count == 15)
    }
}
