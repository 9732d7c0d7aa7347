import GatewayCore
import GatewayHTTP
import Testing

/// Windows, the order of output, and the ends of streams and connections.
@Suite struct HTTP2FlowTests {
    @Test func `a slow reader holds one window of content, and gets the rest as he opens it`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields())])
        let stream = try server.stream()
        server.respond(stream, "HTTP/1.1 200 OK\n")
        server.write(stream, String(repeating: "x", count: 200_000), ends: true)
        var received = server.sent().filter { $0.type == 0 }.reduce(0) { $0 + $1.payload.count }
        #expect(received == 65_535)
        #expect(!server.session.wantsToSend)
        server.give([.windowUpdate(0, 200_000)])
        #expect(server.sent().isEmpty)
        while received < 200_000 {
            server.give([.windowUpdate(1, 10_000)])
            let frames = server.sent()
            received += frames.reduce(0) { $0 + $1.payload.count }
            #expect(frames.last.map { $0.flags & 1 == 1 } == (received == 200_000))
        }
        #expect(server.closedWith(stream) == 0)
    }

    @Test func `a stream remembers when its content last left, and a closed window is no such time`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields())])
        let stream = try server.stream()
        server.respond(stream, "HTTP/1.1 200 OK\n")
        var sentAt = server.streams.slab[stream].sentAt
        #expect(sentAt.isNever)
        server.write(stream, String(repeating: "x", count: 100_000), ends: true)
        _ = server.sent(now: MonotonicTime(nanoseconds: 5))
        _ = server.sent(now: MonotonicTime(nanoseconds: 6))
        sentAt = server.streams.slab[stream].sentAt
        #expect(sentAt == MonotonicTime(nanoseconds: 5))
        server.give([.windowUpdate(0, 10_000), .windowUpdate(1, 10_000)])
        _ = server.sent(now: MonotonicTime(nanoseconds: 7))
        sentAt = server.streams.slab[stream].sentAt
        #expect(sentAt == MonotonicTime(nanoseconds: 7))
    }

    @Test func `the peer's window is opened by what the worker takes, and by nothing else`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields(method: "POST"), ends: false)])
        for _ in 0..<3 { server.give([.data(1, bytes: 16_384)]) }
        #expect(server.sent().isEmpty)
        let stream = try server.stream()
        server.streams.slab[stream].input.consume(40_000)
        server.session.consume(stream, 40_000)
        #expect(server.sent() == [.windowUpdate(1, 40_000)])
        #expect(server.give([.data(1, bytes: 16_384), .data(1, bytes: 16_384)]))
        #expect(server.errors().isEmpty)
    }

    @Test func `what was not taken is given back to the connection when its stream goes`() throws {
        let server = try HTTP2TestSession.server()
        var number: Int32 = 1
        for _ in 0..<100 {
            server.give([.headers(number, requestFields(method: "POST"), ends: false)])
            for _ in 0..<3 { server.give([.data(number, bytes: 16_384)]) }
            server.session.release(try #require(server.seen.last))
            #expect(server.errors() == [.stream(number, .cancel)])
            number += 2
        }
        #expect(server.session.failure == nil)
        #expect(server.session.streamCount == 0)
    }

    @Test func `what nobody takes any more is given back at once`() throws {
        let server = try HTTP2TestSession.server()
        for number in stride(from: Int32(1), to: 121, by: 2) {
            server.give([.headers(number, requestFields(method: "POST"), ends: false)])
            let stream = try #require(server.seen.last)
            server.respond(stream, "HTTP/1.1 413 Content Too Large\n", ends: true)
            server.session.release(stream)
            for _ in 0..<3 { server.give([.data(number, bytes: 16_384)]) }
            #expect(server.errors() == [.stream(number, .noError)])
        }
        #expect(server.session.failure == nil)
    }

    @Test func `output stops at the bound that it is given`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.settings([(4, 1_000_000)]), .windowUpdate(0, 1_000_000), .headers(1, requestFields())])
        let stream = try server.stream()
        server.respond(stream, "HTTP/1.1 200 OK\n")
        server.write(stream, String(repeating: "x", count: 500_000), ends: true)
        let first = server.output(upTo: 30_000).count
        #expect(first >= 30_000 && first < 30_000 + 16_393)
        #expect(server.session.wantsToSend)
        #expect(server.output().count > 400_000)
    }

    @Test func `streams take turns`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.settings([(4, 1_000_000)]), .windowUpdate(0, 1_000_000)])
        server.give([1, 3, 5].map { .headers($0, requestFields()) })
        for stream in server.seen {
            server.respond(stream, "HTTP/1.1 200 OK\n")
            server.write(stream, String(repeating: "x", count: 60_000), ends: true)
        }
        let order = server.sent().filter { $0.type == 0 }.map(\.stream)
        #expect(Array(order.prefix(6)) == [1, 3, 5, 1, 3, 5])
    }

    @Test func `a client's urgency decides who comes first`() throws {
        let server = try HTTP2TestSession.server()
        server.give([
            .headers(1, requestFields(("priority", "u=5, i"))), .headers(3, requestFields()),
            .headers(5, requestFields(("priority", "u=0"))),
        ])
        for stream in server.seen {
            server.respond(stream, "HTTP/1.1 200 OK\n")
            server.write(stream, String(repeating: "x", count: 20_000), ends: true)
        }
        #expect(server.sent().filter { $0.type == 0 }.map(\.stream) == [5, 5, 3, 3, 1, 1])
    }

    @Test func `whoever waits for room is told once there is some`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.settings([(4, 1_000_000)]), .windowUpdate(0, 1_000_000), .headers(1, requestFields())])
        let stream = try server.stream()
        server.respond(stream, "HTTP/1.1 200 OK\n")
        server.write(stream, String(repeating: "x", count: 100_000))
        server.streams.slab[stream].wantsRoom = true
        server.seen = []
        _ = server.output(upTo: 20_000)
        #expect(server.seen.isEmpty)
        _ = server.output()
        #expect(server.seen == [stream])
        let wantsRoom = server.streams.slab[stream].wantsRoom
        #expect(!wantsRoom)
    }

    @Test func `a client's reset ends its stream at once`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields())])
        let stream = try server.stream()
        server.respond(stream, "HTTP/1.1 200 OK\n")
        server.write(stream, String(repeating: "x", count: 100_000))
        _ = server.sent()
        server.seen = []
        server.give([.reset(1, 8)])
        #expect(server.seen == [stream])
        #expect(server.closedWith(stream) == HTTP2ErrorCode.cancel.rawValue && server.isReset(stream))
        server.respond(stream, "HTTP/1.1 500 Internal Server Error\n")
        server.write(stream, "more")
        server.session.reset(stream, .internalError)
        #expect(server.sent().isEmpty)
        server.session.release(stream)
        #expect(server.session.streamCount == 0)
    }

    @Test func `an answer that is complete leaves before its request has, and the rest is not wanted`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields(method: "POST"), ends: false)])
        let stream = try server.stream()
        server.respond(stream, "HTTP/1.1 413 Content Too Large\n")
        server.write(stream, "too large", ends: true)
        server.session.release(stream)
        let frames = server.sent()
        #expect(frames.map(\.type) == [1, 0, 3])
        #expect(frames.last?.code == 0)
        #expect(server.session.streamCount == 0)
        #expect(server.give([.data(1, "late"), .data(1, "later", ends: true)]))
    }

    @Test func `a stream that is released without an answer is reset`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields())])
        server.session.release(try server.stream())
        #expect(server.errors() == [.stream(1, .cancel)])
        #expect(server.session.streamCount == 0)
    }

    @Test func `a shutdown takes what is on its way, and ends with the last stream`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields())])
        server.session.announceShutdown()
        #expect(server.sent() == [.goaway(0x7fff_ffff)])
        server.give([.headers(3, requestFields())])
        #expect(server.seen.count == 2)
        server.session.shutDown()
        #expect(server.sent() == [.goaway(3)])
        #expect(
            server.give([.headers(5, requestFields(method: "POST"), ends: false), .data(5, "x"), .data(5, "y", ends: true), .reset(5)]))
        #expect(server.seen.count == 2)
        #expect(!server.session.isOver)
        for stream in server.seen { server.respond(stream, "HTTP/1.1 200 OK\n", ends: true) }
        #expect(server.sent().count == 2)
        #expect(server.session.isOver)
    }

    @Test(arguments: [1, Int.max]) func `the last stream of the final GOAWAY is that of the moment when it is sent`(_ byteCountMax: Int)
        throws
    {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, requestFields())])
        server.session.announceShutdown()
        #expect(server.sent() == [.goaway(0x7fff_ffff)])
        server.session.shutDown()
        #expect(server.session.wantsToSend)
        server.give([.headers(3, requestFields())])
        #expect(server.seen.count == 2)
        // Other frames fill the output before it; what comes until it has left would be late.
        for stream in server.seen { server.respond(stream, "HTTP/1.1 200 OK\n", ends: true) }
        let frames = server.sent(upTo: byteCountMax)
        #expect(frames.contains(.goaway(3)) && !frames.contains { $0.type == 3 }, "\(frames)")
        _ = server.output()
        #expect(server.session.isOver)
    }

    @Test func `an idle connection is over with its GOAWAY`() throws {
        let server = try HTTP2TestSession.server()
        server.session.shutDown()
        #expect(server.sent() == [.goaway(0)])
        #expect(server.session.isOver)
    }

    @Test func `a lost connection ends all its streams, and gives them back`() throws {
        let server = try HTTP2TestSession.server()
        server.give([1, 3, 5].map { .headers($0, requestFields()) })
        server.session.release(server.seen[1])
        server.seen = []
        server.session.abandon()
        server.noteEvents()
        #expect(server.seen.count == 2)
        #expect(server.seen.allSatisfy { server.isReset($0) && server.closedWith($0) == 8 })
        #expect(server.session.isOver && !server.session.wantsToSend)
        for stream in server.seen { server.session.release(stream) }
        #expect(server.session.streamCount == 0)
    }

    @Test func `a session leaves no streams behind`() throws {
        let pool = lastingPool()
        let streams = try HTTP2Streams(capacity: 10, pool: pool)
        do {
            let session = try #require(HTTP2Session(.server, connection: .none, streams: streams))
            let bytes = http2Preface + [HTTP2Frame.settings(), .headers(1, requestFields()), .headers(3, requestFields())].flatMap(\.bytes)
            let isWell = session.receive(bytes.rawSpan, now: .now())
            #expect(isWell)
            let count = streams.slab.count
            #expect(count == 2)
            withExtendedLifetime(session) {}
        }
        let count = streams.slab.count
        #expect(count == 0)
    }
}
