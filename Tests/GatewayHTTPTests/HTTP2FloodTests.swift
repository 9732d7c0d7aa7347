import GatewayCore
import GatewayHTTP
import Testing

/// What no client needs to send so much of: stopped at its limit, by name.
@Suite struct HTTP2FloodTests {
    private static let get = requestFields()
    private static let post = requestFields(method: "POST")

    /// Sends what `make` gives for 1, 2, 3 … until the connection ends. Returns how many that took.
    private func flood(
        _ server: HTTP2TestSession, most: Int = 20_000, reads: Bool = true, _ make: (Int) throws -> [HTTP2Frame]
    ) rethrows -> Int? {
        for round in 1...most {
            if !server.give(try make(round)) { return round }
            if reads {
                _ = server.output()
                if server.session.isOver { return round }
            }
        }
        return nil
    }

    private func expectCalm(_ server: HTTP2TestSession, _ flood: HTTP2Flood, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(server.session.flood == flood, sourceLocation: sourceLocation)
        #expect(server.session.failure?.type == .http2Flood, sourceLocation: sourceLocation)
        #expect(server.session.failureCode == .enhanceYourCalm, sourceLocation: sourceLocation)
        _ = server.output()
        #expect(server.session.isOver, sourceLocation: sourceLocation)
    }

    private func number(_ round: Int) -> Int32 { Int32(2 * round - 1) }

    @Test func `the reason is told to the client`() throws {
        let server = try HTTP2TestSession.server()
        _ = flood(server, reads: false) { _ in [HTTP2Frame.ping(isAnswer: true)] }
        #expect(server.errors() == [.connection(.enhanceYourCalm)])
    }

    @Test func `requests that are taken back at once`() throws {
        let server = try HTTP2TestSession.server()
        let count = flood(server) { [.headers(number($0), Self.get), .reset(number($0))] }
        #expect(count == Limits.http2RapidResetsBurst + 1)
        expectCalm(server, .rapidReset)
    }

    @Test func `requests that are taken back over time are no flood`() throws {
        let server = try HTTP2TestSession.server()
        let count = flood(server, most: 5_000) { round in
            server.now = server.now.adding(milliseconds: 40)
            return [.headers(number(round), Self.get), .reset(number(round))]
        }
        #expect(count == nil, "\(String(describing: server.session.failure))")
    }

    @Test func `streams that were answered may be reset as well`() throws {
        let server = try HTTP2TestSession.server()
        let count = try flood(server, most: 3_000) { round in
            server.give([.headers(number(round), Self.post, ends: false)])
            let stream = try server.stream()
            server.seen = []
            server.respond(stream, "HTTP/1.1 200 OK\n", ends: true)
            _ = server.output()
            server.give([.reset(number(round), 0)])
            server.session.release(stream)
            server.seen = []
            return []
        }
        #expect(count == nil)
    }

    @Test(arguments: [
        "bad fields", "a window opened by nothing", "a window opened too far", "a stream that depends on itself",
        "a priority that depends on itself", "a priority of another length", "content beyond its length",
    ])
    func `resets that we are made to send`(_ what: String) throws {
        let make: (Int32) -> [HTTP2Frame] =
            switch what {
            case "bad fields": { [.headers($0, Self.get + [("X", "y")])] }
            case "a window opened by nothing": { [.headers($0, Self.post, ends: false), .windowUpdate($0, 0)] }
            case "a window opened too far": { [.headers($0, Self.post, ends: false), .windowUpdate($0, 0x7fff_ffff)] }
            case "a stream that depends on itself":
                { [HTTP2Frame(1, flags: 0x25, $0, big32(UInt32($0)) + [15] + HTTP2Frame.block(Self.get))] }
            case "a priority that depends on itself": { [.headers($0, Self.post, ends: false), .priority($0, on: $0)] }
            case "a priority of another length": { [.headers($0, Self.post, ends: false), HTTP2Frame(2, $0, [1])] }
            default: { [.headers($0, Self.post + [("content-length", "1")], ends: false), .data($0, "xy")] }
            }
        let server = try HTTP2TestSession.server()
        let count = flood(server) { round in
            for stream in server.seen { server.session.release(stream) }
            server.seen = []
            return make(number(round))
        }
        #expect(count == Limits.http2ProvokedResetsBurst + 1)
        #expect([.provokedReset, .priority].contains(server.session.flood))
        #expect(server.session.failureCode == .enhanceYourCalm)
    }

    @Test func `CONTINUATION without end`() throws {
        let server = try HTTP2TestSession.server()
        server.give([HTTP2Frame(1, flags: 1, 1, HTTP2Frame.block(Self.get))])
        let count = flood(server) { _ in [.continuation(1, [], ends: false)] }
        #expect(count == Limits.http2ContinuationsMax + 1)
        expectCalm(server, .continuation)
    }

    @Test func `frames of many kinds`() throws {
        let rows: [(HTTP2Flood, Int, [HTTP2Frame])] = [
            (.settings, Limits.http2SettingsBurst, [.settings()]), (.ping, Limits.http2PingsBurst, [.ping()]),
            (.ping, Limits.http2PingsBurst, [.ping(isAnswer: true)]), (.priority, Limits.http2PrioritiesBurst, [.priority(7, on: 3)]),
            (.priority, Limits.http2PrioritiesBurst, [HTTP2Frame(0x10, 0, big32(1) + Array("u=1".utf8))]),
            (.unknownFrame, Limits.http2UnknownFramesBurst, [HTTP2Frame(0x77, 1, [1])]),
            (.unknownFrame, Limits.http2UnknownFramesBurst, [.goaway(0)]),
            (.windowUpdate, Limits.http2WindowUpdatesBurst, [.windowUpdate(0, 1)]),
            (.emptyData, Limits.http2EmptyDataBurst, [.data(1, "")]),
            (.emptyData, Limits.http2EmptyDataBurst, [HTTP2Frame(0, flags: 8, 1, [3, 0, 0, 0])]),
        ]
        for (flood, burst, frames) in rows {
            let server = try HTTP2TestSession.server()
            server.give([.headers(1, Self.post, ends: false)])
            let count = try #require(self.flood(server) { _ in frames }, "\(flood)")
            #expect(abs(count - burst) <= 12, "\(flood)")
            expectCalm(server, flood)
        }
    }

    @Test func `answers that nobody reads`() throws {
        for frame in [HTTP2Frame.ping(), .settings()] {
            let server = try HTTP2TestSession.server()
            var count = 0
            while server.give([frame]) && count < 1000 {
                count += 1
                server.now = server.now.adding(milliseconds: 1000)
            }
            #expect(count == Limits.http2UnreadAnswersMax)
            expectCalm(server, .unreadControl)
        }
    }

    @Test func `requests beyond the number of streams, from one who does not answer SETTINGS`() throws {
        let server = try HTTP2TestSession()
        server.give(http2Preface + HTTP2Frame.settings().bytes)
        let count = flood(server) { [.headers(number($0), Self.post, ends: false)] }
        #expect(count == Limits.http2StreamsMax + Limits.http2RefusedStreamsBurst + 1)
        expectCalm(server, .refusedStream)
    }

    @Test func `frames on streams that we reset`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, Self.post, ends: false)])
        server.session.reset(try server.stream(), .cancel)
        _ = server.output()
        let count = flood(server) { _ in [.data(1, "x")] }
        #expect(count == Limits.http2LateFramesBurst + 1)
        expectCalm(server, .lateFrame)
    }

    @Test func `fields without a value`() throws {
        let server = try HTTP2TestSession.server()
        let fields = (0..<50).map { ("x-\($0)", "") }
        let count = try #require(flood(server) { [.headers(number($0), Self.get + fields)] })
        #expect(count == Limits.http2EmptyFieldsBurst / (50 - Limits.http2EmptyFieldsPerHead) + 1)
        expectCalm(server, .emptyField)
    }

    @Test func `a few bytes that unpack to megabytes are not kept`() throws {
        let server = try HTTP2TestSession.server()
        // One field of 4000 bytes in HPACK's table, then thousands of one byte that name it.
        let large = [0x40] + HTTP2Frame.literal(Array("x-large".utf8)) + HTTP2Frame.literal(Array(repeating: 0x79, count: 3900))
        let block = HTTP2Frame.block(Self.get) + large + Array(repeating: 0x80 | 62, count: 12_000)
        server.give([HTTP2Frame(1, flags: 5, 1, block), .headers(3, Self.get)])
        let stream = try server.stream()
        #expect(server.error(stream) == .headTooLarge)
        var head = RequestHead(pool: server.pool)
        do { try server.streams.slab[stream].takeRequest(into: &head) } catch {}
        let lines = HTTP2Request(head).lines
        #expect(lines.utf8.count < Limits.headBytesMax)
        #expect(try server.request(server.seen[1]).target == "/")
    }

    @Test func `the next few bytes that unpack to megabytes end the connection`() throws {
        let server = try HTTP2TestSession.server()
        let large = [0x40] + HTTP2Frame.literal(Array("x-large".utf8)) + HTTP2Frame.literal(Array(repeating: 0x79, count: 3900))
        server.give([.headers(1, Self.get), HTTP2Frame(1, flags: 5, 3, HTTP2Frame.block(Self.get) + large)])
        let bomb = HTTP2Frame.block(Self.get) + Array(repeating: 0x80 | 62, count: 15_000)
        #expect(server.give([HTTP2Frame(1, flags: 5, 5, bomb)]) && server.session.failure == nil)
        server.give([HTTP2Frame(1, flags: 5, 7, bomb)])
        expectCalm(server, .hpackBomb)
    }

    /// A head of 32 KB, nearly: one field of 3900 bytes goes into HPACK's table with the first, and is named by one byte after that.
    private func largeHead(_ round: Int, ends: Bool = true) -> HTTP2Frame {
        let large = [0x40] + HTTP2Frame.literal(Array("x-large".utf8)) + HTTP2Frame.literal(Array(repeating: 0x79, count: 3900))
        let block = HTTP2Frame.block(Self.get) + (round == 1 ? large : []) + Array(repeating: 0x80 | 62, count: round == 1 ? 7 : 8)
        return HTTP2Frame(1, flags: ends ? 5 : 4, number(round), block)
    }

    /// The first so many large heads are as much as a connection holds.
    private static let largeHeadsMax = Limits.http2HeadBytesMax / (8 * 3_911)

    @Test func `heads just below the limit hold no more than a connection's share, and make room when they are done`() throws {
        let server = try HTTP2TestSession.server()
        #expect(server.give((1...Limits.http2StreamsMax).map { largeHead($0) }))
        #expect((Self.largeHeadsMax - 1...Self.largeHeadsMax).contains(server.seen.count))
        let held = server.seen.count
        let refused = (held + 1...Limits.http2StreamsMax).map { HTTP2Error.stream(number($0), .refusedStream) }
        #expect(Set(server.errors().map { "\($0)" }) == Set(refused.map { "\($0)" }))
        #expect(server.session.streamCount == held)
        // A small one still fits.
        server.give([.headers(number(200), Self.get)])
        #expect(server.seen.count == held + 1 && server.errors().isEmpty)
        for stream in server.seen {
            server.respond(stream, "HTTP/1.1 200 OK\n", ends: true)
            server.session.release(stream)
        }
        #expect(server.errors().isEmpty)
        server.seen = []
        #expect(server.give((201...200 + held).map { largeHead($0) }))
        #expect(server.seen.count == held && server.errors().isEmpty)
    }

    @Test func `heads beyond a connection's share that come again and again`() throws {
        let server = try HTTP2TestSession.server()
        let count = try #require(flood(server) { [largeHead($0)] })
        #expect(count == server.seen.count + Limits.http2RefusedStreamsBurst + 1)
        expectCalm(server, .refusedStream)
    }

    @Test func `trailers count with the heads`() throws {
        let server = try HTTP2TestSession.server()
        server.give((1...Limits.http2StreamsMax).map { largeHead($0, ends: false) })
        _ = server.output()
        let streams = server.seen
        // So much that the rest of the share, less than another large head, can't hold all of it.
        let trailers = [("x-sum", String(repeating: "s", count: 7_900))]
        for index in 0..<8 { server.give([.headers(number(index + 1), trailers)]) }
        #expect(server.session.failure == nil)
        let refused = streams.filter { server.error($0) == .headTooLarge }
        #expect(!refused.isEmpty && refused.allSatisfy { server.isReset($0) })
        #expect(server.errors().allSatisfy { if case .stream(_, .enhanceYourCalm) = $0 { true } else { false } })
    }

    @Test func `a bomb takes the turn of the heads that would take as long`() throws {
        let server = try HTTP2TestSession.server()
        let bomb = HTTP2Frame(1, flags: 5, 1, HTTP2Frame.block(Self.get) + Array(repeating: 0x82, count: 12_800)).bytes
        let (byteCount, heads) = server.session.receive(
            (bomb + HTTP2Frame.headers(3, Self.get).bytes).rawSpan, headsMax: 50, now: server.now)
        #expect(byteCount == bomb.count && heads > 50)
    }

    @Test func `heads that are refused for one field too many are no flood`() throws {
        let server = try HTTP2TestSession.server()
        let fields = (0..<150).map { ("x-\($0)", "value") }
        let count = flood(server, most: 5_000) { round in
            for stream in server.seen {
                server.respond(stream, "HTTP/1.1 431 Request Header Fields Too Large\n", ends: true)
                server.session.release(stream)
            }
            server.seen = []
            return [.headers(number(round), Self.get + fields)]
        }
        #expect(count == nil, "\(String(describing: server.session.failure))")
    }

    @Test(arguments: [10, 16_000]) func `heads on streams that we reset, by their length`(byteCount: Int) throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, Self.post, ends: false)])
        server.session.reset(try server.stream(), .cancel)
        _ = server.output()
        let late = HTTP2Frame(1, flags: 5, 1, Array(repeating: 0x82, count: byteCount))
        #expect(flood(server) { _ in [late] } == Limits.http2LateFramesBurst / (1 + byteCount / Limits.http2LateHeadBytesPerFrame) + 1)
        expectCalm(server, .lateFrame)
    }

    @Test func `heads of an origin on streams that are closed`() throws {
        let client = try HTTP2TestSession.client()
        let stream = try client.ask("GET / HTTP/1.1\nHost: a")
        _ = client.output()
        client.give([.headers(1, [(":status", "200")])])
        client.session.release(stream)
        let late = HTTP2Frame(1, flags: 1, 1, Array(repeating: 0x88, count: 8_000))
        let rest = HTTP2Frame.continuation(1, Array(repeating: 0x88, count: 8_000))
        let count = flood(client) { _ in [late, rest] }
        #expect(count == Limits.http2LateFramesBurst / (2 + 2 * (8_000 / Limits.http2LateHeadBytesPerFrame)) + 1)
        #expect(client.session.flood == .lateFrame && client.session.failure?.type == .upstreamInvalid)
    }

    @Test func `what comes late on requests that we took back costs an origin nothing, however many they are`() throws {
        let client = try HTTP2TestSession.client()
        let long = try client.ask("GET /long HTTP/1.1\nHost: a")
        _ = client.output()
        client.give([.headers(1, [(":status", "200")], ends: false)])
        for round in 0..<200 {
            let numbers = (1...100).map { Int32(1 + 2 * (100 * round + $0)) }
            for stream in try numbers.map({ _ in try client.ask("GET / HTTP/1.1\nHost: a") }) {
                _ = client.output()
                client.session.release(stream)
            }
            _ = client.output()
            #expect(client.give(numbers.flatMap { [.headers($0, [(":status", "200")], ends: false), .data($0, "late"), .reset($0)] }))
            _ = client.output()
        }
        #expect(client.give([.data(1, "still there", ends: true)]) && client.input(long) == "still there")
        #expect(client.session.failure == nil && !client.session.isOver)
    }

    @Test func `more than can come late on a request that we took back is charged to the origin`() throws {
        let client = try HTTP2TestSession.client()
        let stream = try client.ask("GET / HTTP/1.1\nHost: a")
        _ = client.output()
        client.session.release(stream)
        _ = client.output()
        let count = flood(client) { _ in [.data(1, "x")] }
        #expect(count == Limits.http2LateFramesPerReset + Limits.http2LateFramesBurst + 1)
        #expect(client.session.flood == .lateFrame)
    }

    @Test func `heads beyond our GOAWAY`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, Self.post, ends: false)])
        server.session.shutDown()
        _ = server.output()
        let count = flood(server) { [HTTP2Frame(1, flags: 5, 1 + 2 * Int32($0), Array(repeating: 0x82, count: 16_000))] }
        #expect(count == Limits.http2LateFramesBurst / (1 + 16_000 / Limits.http2LateHeadBytesPerFrame) + 1)
        expectCalm(server, .lateFrame)
    }

    @Test func `a hundred streams whose windows stay shut hold nothing but what was written to them`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.settings([(4, 0)])])
        server.give((1...100).map { .headers(number($0), Self.get) })
        for stream in server.seen {
            server.respond(stream, "HTTP/1.1 200 OK\n")
            server.write(stream, String(repeating: "x", count: 1000))
        }
        let frames = server.sent()
        #expect(frames.filter { $0.type == 1 }.count == 100 && !frames.contains { $0.type == 0 })
        #expect(!server.session.wantsToSend)
        let held = server.seen.reduce(0) { $0 + server.outputCount($1) }
        #expect(held == 100_000)
    }

    @Test func `content that streams share is copied as their windows take it`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.settings([(4, 0)]), .windowUpdate(0, 1 << 20)])
        server.give((1...100).map { .headers(number($0), Self.get) })
        let page = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
        for stream in server.seen {
            server.respond(stream, "HTTP/1.1 200 OK\n")
            server.share(stream, page)
            server.session.release(stream)
        }
        #expect(!server.sent().contains { $0.type == 0 })
        #expect(server.seen.allSatisfy { server.outputCount($0) == 0 })
        server.give([.windowUpdate(1, 150_000), .windowUpdate(3, 200_000)])
        var frames = server.sent().filter { $0.type == 0 }
        func content(_ stream: Int32) -> [UInt8] { frames.filter { $0.stream == stream }.flatMap(\.payload) }
        #expect(content(1) == Array(page[..<150_000]) && content(3) == page)
        server.give([.windowUpdate(1, 150_000)])
        frames += server.sent().filter { $0.type == 0 }
        #expect(content(1) == page && frames.last?.flags == HTTP2Frame.endStream)
        #expect(server.session.streamCount == 98)
    }

    @Test func `a gRPC call of many small messages, each with its windows, is no flood`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.headers(1, Self.post, ends: false)])
        let stream = try server.stream()
        server.respond(stream, "HTTP/1.1 200 OK\n")
        for _ in 0..<20_000 {
            server.write(stream, "small")
            _ = server.output()
            let isWell = server.give([.data(1, "small"), .windowUpdate(1, 5), .windowUpdate(0, 5), .ping()])
            #expect(isWell)
            server.streams.slab[stream].input.removeAll()
            server.session.consume(stream, 5)
        }
        #expect(server.session.failure == nil)
    }

    @Test func `data that drips through a narrow window is a flood`() throws {
        let server = try HTTP2TestSession.server()
        server.give([.settings([(4, 0)]), .headers(1, Self.get)])
        let stream = try server.stream()
        server.respond(stream, "HTTP/1.1 200 OK\n")
        server.write(stream, String(repeating: "x", count: 60_000))
        let count = try #require(flood(server) { _ in [.windowUpdate(1, 1)] })
        #expect(count <= Limits.http2WindowUpdatesBurst + 1)
        expectCalm(server, .windowUpdate)
    }
}
