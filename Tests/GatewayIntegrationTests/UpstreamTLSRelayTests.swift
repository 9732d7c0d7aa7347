import Foundation
import TestSupport
import Testing

/// What passes over TLS to origins: bodies in both directions, tunnels, and ends that are none.
@Suite struct UpstreamTLSRelayTests {
    private static let versions = [TLSClient.Version.tls12, .tls13]

    private func side(_ version: TLSClient.Version = .tls13) throws -> TLSServerSide {
        try TLSServerSide(SecureUpstream.leaf.get()) {
            $0.minimum = version
            $0.maximum = version
        }
    }

    @Test(arguments: versions) func `large bodies pass in both directions at once, byte for byte`(version: TLSClient.Version) throws {
        let size = 24 * 1024 * 1024
        let origin = try ScriptedOrigin.overTLS(side(version)) { connection, _ in
            let head = try connection.readHead()
            guard head["Content-Length"] == "\(size)" else { throw TestError.invalid(head.rawHead) }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            var moved = 0
            while moved < size {
                let bytes =
                    connection.unread.isEmpty ? try connection.receiveSome(until: Deadline(seconds: 60)) : connection.unread
                connection.unread = []
                if bytes.isEmpty { throw TestError.ended("at \(moved)") }
                try connection.send(bytes, timeout: 60)
                moved += bytes.count
            }
        }
        let secure = try SecureUpstream(origin)
        let client = try secure.gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(size)\r\n\r\n")
        let sending = Background { try client.sendPattern(size) }
        #expect(try client.readHead(timeout: 60).status == 200)
        try client.receivePattern(size)
        try sending.value(timeout: 60)
    }

    @Test(arguments: versions) func `a slow client stops the origin, and loses nothing`(version: TLSClient.Version) throws {
        let size = 64 * 1024 * 1024
        let sent = Monitor(0)
        let origin = try ScriptedOrigin.overTLS(side(version)) { connection, _ in
            _ = try connection.readNextRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            try connection.sendPattern(size) { count in sent.update { $0 = count } }
        }
        let secure = try SecureUpstream(origin)
        let client = try secure.gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try client.readHead().status == 200)
        var last = -1
        try eventually("the origin stops") {
            defer { last = sent.value }
            return sent.value > 0 && sent.value == last
        }
        #expect(sent.value < size)
        try client.receivePattern(size)
    }

    // MARK: Ends

    enum Ending: String, CaseIterable {
        case announced, truncated
    }

    @Test(arguments: versions, Ending.allCases)
    func `a body that lasts until its connection ends is whole only with TLS's own end`(version: TLSClient.Version, ending: Ending) throws {
        let origin = try ScriptedOrigin.overTLS(side(version)) { connection, _ in
            _ = try connection.readNextRequest()
            try connection.send("HTTP/1.1 200 OK\r\n\r\nhalf of it")
            if ending == .announced { connection.close() } else { connection.truncate() }
        }
        let secure = try SecureUpstream(origin)
        let answer = try secure.gateway.get("/")
        #expect(answer.text == "half of it")
        #expect(answer.isTruncated == (ending == .truncated))
        let line = try #require(try secure.gateway.accessLog(waitingFor: 1).first)
        #expect(line["error_type"] == (ending == .truncated ? "upstream_truncated" : nil))
    }

    @Test(arguments: versions) func `a body with a length needs no other end`(version: TLSClient.Version) throws {
        let origin = try ScriptedOrigin.overTLS(side(version)) { connection, _ in
            _ = try connection.readNextRequest()
            try connection.send(ScriptedOrigin.message("all of it", fields: "Connection: close\r\n"))
            connection.truncate()
        }
        let secure = try SecureUpstream(origin)
        let answer = try secure.gateway.get("/")
        #expect(answer.text == "all of it" && !answer.isTruncated)
        #expect(try secure.gateway.accessLog(waitingFor: 1)[0]["error_type"] == nil)
    }

    @Test(arguments: versions) func `a body that is shorter than its length is broken off`(version: TLSClient.Version) throws {
        let origin = try ScriptedOrigin.overTLS(side(version)) { connection, _ in
            _ = try connection.readNextRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
            connection.close()
        }
        let secure = try SecureUpstream(origin)
        #expect(try secure.gateway.get("/").isTruncated)
        #expect(try secure.gateway.accessLog(waitingFor: 1)[0]["error_type"] == "upstream_truncated")
    }

    // MARK: Tunnels

    private static let switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
    private static let asking = "GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

    @Test(arguments: versions) func `a tunnel passes bytes both ways, and the end of either side`(version: TLSClient.Version) throws {
        let size = 4 * 1024 * 1024
        let origin = try ScriptedOrigin.overTLS(side(version)) { connection, _ in
            _ = try connection.readNextRequest()
            try connection.send(Self.switching)
            while true {
                let bytes = connection.unread.isEmpty ? try connection.receiveSome(until: Deadline(seconds: 60)) : connection.unread
                connection.unread = []
                if bytes.isEmpty { break }
                try connection.send(bytes, timeout: 60)
            }
            try connection.send("the end")
            connection.close()
        }
        let secure = try SecureUpstream(origin)
        let client = try secure.gateway.connect()
        try client.send(Self.asking)
        #expect(try client.readHead().status == 101)
        let sending = Background {
            try client.sendPattern(size)
            try client.halfClose()
        }
        try client.receivePattern(size)
        try sending.value(timeout: 60)
        #expect(try String(decoding: client.receiveToEnd(), as: UTF8.self) == "the end")
        let line = try #require(try secure.gateway.accessLog(waitingFor: 1).first)
        #expect(line.number("status") == 101 && line["error_type"] == nil)
    }

    @Test func `a tunnel whose origin goes without TLS's end is broken off`() throws {
        let origin = try ScriptedOrigin.overTLS(side()) { connection, _ in
            _ = try connection.readNextRequest()
            try connection.send(Self.switching + "half")
            connection.truncate()
        }
        let secure = try SecureUpstream(origin)
        let client = try secure.gateway.connect()
        try client.send(Self.asking)
        #expect(try client.readHead().status == 101)
        #expect(throws: TestError.self) { try client.receiveToEnd() }
        #expect(try secure.gateway.accessLog(waitingFor: 1)[0]["error_type"] == "upstream_truncated")
    }
}
