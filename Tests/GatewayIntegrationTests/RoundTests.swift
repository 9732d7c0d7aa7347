import Foundation
import Glibc
import TestSupport
import Testing

/// One round of a worker's loop: what hundreds of clients ask for at once is shared out, so that none of them makes all others wait.
@Suite struct RoundTests {
    private static let asked = 60

    private static func conf(_ rules: String = "") -> String {
        """
        workers 1;
        access_log {DIR}/access.log json;
        admin 127.0.0.1:0 { }
        server { listen 127.0.0.1:0; \(rules) location / { return 200 ok; } }
        """
    }

    /// Clients whose requests all wait when the worker looks, and behind them one that asks for little.
    private func placeOfLast(of crowd: [() throws -> Void], _ gateway: Gateway, _ last: TCPClient) throws -> Int {
        try gateway.program.suspend()
        for ask in crowd { try ask() }
        try last.send("GET /last HTTP/1.1\r\nHost: a\r\n\r\n")
        gateway.program.send(SIGCONT)
        #expect(try last.readResponse().status == 200)
        // A first request of each came before.
        let lines = try gateway.accessLog(waitingFor: crowd.count * (Self.asked + 1) + 2)
        return try #require(lines.firstIndex { $0["uri"] == "/last" }) - crowd.count - 1
    }

    @Test func `a request behind forty pipelines is not the last to be answered`() throws {
        let gateway = try Gateway(conf: Self.conf())
        let crowd = try (0..<40).map { _ in try gateway.connect() }
        let last = try gateway.connect()
        for client in crowd + [last] { #expect(try client.get("/").status == 200) }
        let pipeline = String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: Self.asked)
        let place = try placeOfLast(of: crowd.map { client in { try client.send(pipeline) } }, gateway, last)
        #expect(place < 40 * Self.asked / 2)
        for client in crowd { for _ in 0..<Self.asked { #expect(try client.readResponse().status == 200) } }
    }

    @Test func `a request behind forty clients with sixty streams each is not the last to be answered`() throws {
        let gateway = try Gateway(conf: Self.conf())
        let crowd = try (0..<40).map { _ in try HTTP2Client.open(gateway.connect()) }
        let last = try gateway.connect()
        for client in crowd { #expect(try client.get().status == 200) }
        #expect(try last.get("/").status == 200)
        let asking = crowd.map { client in { for _ in 0..<Self.asked { _ = try client.request() } } }
        let place = try placeOfLast(of: asking, gateway, last)
        #expect(place < 40 * Self.asked / 2)
    }

    @Test func `streams that end together have a log line each, also when their client has gone meanwhile`() throws {
        let gateway = try Gateway(conf: Self.conf())
        let staying = try HTTP2Client.open(gateway.connect())
        let connection = try gateway.connect()
        let leaving = try HTTP2Client.open(connection)
        try gateway.program.suspend()
        let stayed = try (0..<90).map { try staying.request(.request("GET", "/stayed/\($0)")) }
        for index in 0..<90 { try leaving.request(.request("GET", "/left/\(index)")) }
        connection.close()
        gateway.program.send(SIGCONT)
        for stream in stayed { #expect(try staying.response(on: stream).status == 200) }
        let lines = try gateway.accessLog(waitingFor: 180)
        #expect(Set(lines.compactMap { $0["uri"] }) == Set((0..<90).flatMap { ["/stayed/\($0)", "/left/\($0)"] }))
        #expect(lines.count == 180)
        #expect(Set(lines.compactMap { $0["request_id"] }).count == 180)
    }

    @Test func `hundreds of requests that are late at the same time all end`() throws {
        let origin = try SilentListener()
        let gateway = try Gateway(
            conf: Self.conf("request_timeout 500ms; location /late { proxy_pass http://127.0.0.1:\(origin.port); }"))
        let clients = try (0..<150).map { _ in try gateway.connect() }
        for client in clients { try client.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n") }
        for client in clients { #expect(try client.readResponse().status == 504) }
        #expect(try gateway.accessLog(waitingFor: 150).allSatisfy { $0["error_type"] == "request_timeout" })
    }

    @Test func `hundreds of bodies that are late at the same time all end`() throws {
        let origin = try ScriptedOrigin { connection, _ in
            _ = try connection.readRequest()
            _ = try connection.receiveToEnd(timeout: 60)
        }
        let gateway = try Gateway(
            conf: Self.conf("client_body_timeout 500ms; location /late { proxy_pass http://127.0.0.1:\(origin.port); }"))
        let clients = try (0..<150).map { _ in try gateway.connect() }
        for client in clients { try client.send("POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n") }
        for client in clients { #expect(try client.readResponse(to: "POST").status == 408) }
        #expect(try gateway.accessLog(waitingFor: 150).allSatisfy { $0["error_type"] == "body_timeout" })
    }
}
