import Glibc
import TestSupport
import Testing

/// Reloads and graceful ends while an answer is under way that clients of several workers read.
@Suite struct SharedFetchEndTests {
    private static let eventCount = 6

    /// So many that each of the workers has some of them.
    private static let readerCount = 36

    @Test func `a reload costs nobody a byte`() throws {
        let released = Signal()
        let origin = try EventOrigin.streaming(Self.eventCount, released)
        let edge = try origin.edge()
        let readers = try edge.readers(Self.readerCount)
        for number in 0..<Self.eventCount {
            released.send()
            for reader in readers { #expect(try reader.event() == EventOrigin.event(number)) }
            #expect(try edge.gateway.reload().contains("reloaded"))
            // Who asks the new configuration reads the same answer along.
            if number == 2 {
                let late = try AnswerReader(edge)
                for number in 0...2 { #expect(try late.event() == EventOrigin.event(number)) }
            }
        }
        released.send()
        for reader in readers {
            #expect(try reader.readToEnd() == .whole)
            #expect(reader.text == EventOrigin.text(Self.eventCount))
        }
        #expect(origin.requestCount == 1)
        let late = try AnswerReader(edge)
        #expect(try late.readToEnd() == .whole)
        #expect(late.cacheStatus.hasPrefix("gateway; hit"))
    }

    @Test(arguments: [SIGTERM, SIGQUIT])
    func `a graceful end waits until every reader has all`(_ signal: Int32) throws {
        let released = Signal()
        let origin = try EventOrigin.streaming(Self.eventCount, released)
        let edge = try origin.edge()
        let readers = try edge.readers(Self.readerCount)
        released.send()
        for reader in readers { #expect(try reader.event() == EventOrigin.event(0)) }
        edge.gateway.program.send(signal)
        try eventually("no connections are taken") {
            do { _ = try edge.gateway.connect() } catch TestError.system { return true }
            return false
        }
        for _ in 0..<Self.eventCount { released.send() }
        for reader in readers {
            #expect(try reader.readToEnd() == .whole)
            #expect(reader.text == EventOrigin.text(Self.eventCount))
        }
        #expect(try edge.gateway.program.waitForExit() == .exited(0))
        #expect(origin.requestCount == 1)
    }

    @Test func `a worker that ends stays for the readers of others when the client that it answered has gone`() throws {
        let released = Signal()
        let origin = try EventOrigin.streaming(Self.eventCount, released)
        let edge = try origin.edge()
        let leader = try AnswerReader(edge)
        try origin.waitForRequests(1)
        let readers = try edge.readers(Self.readerCount)
        released.send()
        for reader in [leader] + readers { #expect(try reader.event() == EventOrigin.event(0)) }
        edge.gateway.program.send(SIGTERM)
        try eventually("no connections are taken") {
            do { _ = try edge.gateway.connect() } catch TestError.system { return true }
            return false
        }
        leader.leave()
        for _ in 0..<Self.eventCount { released.send() }
        for reader in readers {
            #expect(try reader.readToEnd() == .whole)
            #expect(reader.text == EventOrigin.text(Self.eventCount))
        }
        #expect(try edge.gateway.program.waitForExit() == .exited(0))
        #expect(origin.requestCount == 1)
    }

    @Test func `a graceful end does not wait for what nobody reads`() throws {
        let released = Signal()
        let origin = try EventOrigin.streaming(Self.eventCount, released)
        let edge = try origin.edge("finish_abandoned")
        let reader = try AnswerReader(edge)
        released.send()
        #expect(try reader.event() == EventOrigin.event(0))
        reader.leave()
        try edge.waitForEnd("client_closed")
        #expect(try edge.gateway.stop() == .exited(0))
    }

    @Test func `a reload that takes the cache away lets the answer under way be read to its end`() throws {
        let released = Signal()
        let origin = try EventOrigin.streaming(Self.eventCount, released)
        let edge = try origin.edge()
        let readers = try edge.readers(Self.readerCount)
        released.send()
        for reader in readers { #expect(try reader.event() == EventOrigin.event(0)) }
        let conf = try edge.gateway.directory.read("gateway.conf")
        let without = conf.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.contains("cache_zone") ? "" : line.replacing("cache answers scope=shared ;", with: "")
        }
        #expect(try edge.gateway.reload(conf: without.joined(separator: "\n")).contains("reloaded"))
        for _ in 0..<Self.eventCount { released.send() }
        for reader in readers {
            #expect(try reader.readToEnd() == .whole)
            #expect(reader.text == EventOrigin.text(Self.eventCount))
        }
        #expect(origin.requestCount == 1)
        let late = try AnswerReader(edge)
        #expect(try late.readToEnd() == .whole)
        #expect(late.cacheStatus == "")
        #expect(origin.requestCount == 2)
    }

    // MARK: What has no end

    @Test(arguments: [true, false])
    func `with finish_abandoned an endless answer ends when nobody reads it and it is too large to be kept`(isLeftFirst: Bool) throws {
        let released = Signal()
        let origin = try EventOrigin { connection, _ in
            try connection.send(EventOrigin.head + EventOrigin.chunk(EventOrigin.event(0)))
            try released.wait(timeout: 600)
            for number in 0..<16 { try connection.send(EventOrigin.chunk("data: \(number) \(String(repeating: "x", count: 8 << 10))\n\n")) }
            // It sends no more, and has no end but the gateway's.
            _ = try connection.receiveToEnd(timeout: 600)
            throw TestError.ended("by the gateway")
        }
        let edge = try origin.edge("finish_abandoned", zone: "memory=8m entry_max=64k")
        let readers = try AnswerReader.Way.allCases.map { try AnswerReader(edge, $0) }
        for reader in readers { #expect(try reader.event() == EventOrigin.event(0)) }
        if !isLeftFirst {
            released.send()
            for reader in readers { try reader.read(100 << 10) }
        }
        for reader in readers { reader.leave() }
        try edge.gateway.waitForMetrics("all have gone") { $0.sum("gateway_refusals_total", ["error_type": "client_closed"]) == 2 }
        if isLeftFirst { released.send() }
        try origin.origin.waitForEndedConnections(1)
        try edge.gateway.waitForMetrics("no connection to the origin") { $0.sum("gateway_upstream_connections") == 0 }
        #expect(origin.requestCount == 1)
        #expect(try edge.stored() == 0)
    }
}
