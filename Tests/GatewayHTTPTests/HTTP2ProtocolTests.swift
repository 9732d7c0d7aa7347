import GatewayCore
import GatewayHTTP
import Testing

/// What a client does against the protocol, and what it costs: the stream, or the connection (RFC 9113 §§ 4–6, RFC 7541).
@Suite struct HTTP2ProtocolTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var error: HTTP2Error
        var frames: [HTTP2Frame]

        init(_ name: String, _ error: HTTP2Error, _ frames: [HTTP2Frame]) {
            testDescription = name
            self.error = error
            self.frames = frames
        }
    }

    private static let get = requestFields()
    private static let open = HTTP2Frame.headers(1, requestFields(method: "POST"), ends: false)
    private static let whole = HTTP2Frame.headers(1, requestFields())

    private static func padded(_ type: UInt8, _ stream: Int32, _ padding: UInt8, _ payload: [UInt8], flags: UInt8 = 4) -> HTTP2Frame {
        HTTP2Frame(type, flags: flags | 8, stream, [padding] + payload)
    }

    static let connectionErrors: [Row] = [
        // Frames as such.
        Row("a frame that is too long", .connection(.frameSizeError), [open, .data(1, bytes: 16_385)]),
        Row("a head that is too long", .connection(.frameSizeError), [HTTP2Frame(1, flags: 5, 1, Array(repeating: 0, count: 16_385))]),
        // DATA
        Row("DATA without a stream", .connection(.protocolError), [.data(0, "x")]),
        Row("DATA on an idle stream", .connection(.protocolError), [.data(1, "x")]),
        Row("DATA on a stream of ours", .connection(.protocolError), [.data(2, "x")]),
        Row("DATA behind the end", .connection(.streamClosed), [whole, .data(1, "x")]),
        Row("DATA with more padding than there is", .connection(.protocolError), [open, padded(0, 1, 5, [1, 2, 3], flags: 0)]),
        Row(
            "DATA that is all padding, and one more", .connection(.protocolError),
            [open, padded(0, 1, 4, [1, 2, 3, 4].dropLast(), flags: 0)]),
        Row("padded DATA without a length of it", .connection(.protocolError), [open, HTTP2Frame(0, flags: 8, 1)]),
        // HEADERS
        Row("HEADERS without a stream", .connection(.protocolError), [.headers(0, get)]),
        Row("HEADERS on a stream of ours", .connection(.protocolError), [.headers(2, get)]),
        Row("HEADERS with a lower number", .connection(.protocolError), [.headers(5, get), .headers(3, get)]),
        Row("HEADERS behind the end", .connection(.streamClosed), [whole, .headers(1, get)]),
        Row("HEADERS with more padding than there is", .connection(.protocolError), [padded(1, 1, 200, HTTP2Frame.block(get), flags: 5)]),
        Row("HEADERS with half a priority", .connection(.frameSizeError), [HTTP2Frame(1, flags: 0x25, 1, [0, 0, 0])]),
        // PRIORITY
        Row("PRIORITY without a stream", .connection(.protocolError), [.priority(0, on: 1)]),
        Row("PRIORITY of another length, without a stream to reset", .connection(.frameSizeError), [HTTP2Frame(2, 1, [0, 0, 0, 0])]),
        Row("an idle stream that depends on itself", .connection(.protocolError), [.priority(1, on: 1)]),
        Row("PRIORITY_UPDATE on a stream", .connection(.protocolError), [HTTP2Frame(0x10, 1, big32(1) + Array("u=1".utf8))]),
        Row("PRIORITY_UPDATE of nothing", .connection(.frameSizeError), [HTTP2Frame(0x10, 0, [0, 0])]),
        // RST_STREAM
        Row("RST_STREAM without a stream", .connection(.protocolError), [.reset(0)]),
        Row("RST_STREAM on an idle stream", .connection(.protocolError), [.reset(1)]),
        Row("RST_STREAM of another length", .connection(.frameSizeError), [open, HTTP2Frame(3, 1, [0, 0, 0])]),
        // SETTINGS
        Row("SETTINGS on a stream", .connection(.protocolError), [HTTP2Frame(4, 1)]),
        Row("SETTINGS of half a value", .connection(.frameSizeError), [HTTP2Frame(4, 0, [0, 1, 0])]),
        Row("an answer to SETTINGS that holds some", .connection(.frameSizeError), [HTTP2Frame(4, flags: 1, 0, [0, 1, 0, 0, 0, 0])]),
        Row("an answer to SETTINGS that were not sent", .connection(.protocolError), [.settingsAnswer]),
        Row("ENABLE_PUSH beyond 1", .connection(.protocolError), [.settings([(2, 2)])]),
        Row("INITIAL_WINDOW_SIZE beyond 31 bits", .connection(.flowControlError), [.settings([(4, 0x8000_0000)])]),
        Row("MAX_FRAME_SIZE below 2^14", .connection(.protocolError), [.settings([(5, 16_383)])]),
        Row("MAX_FRAME_SIZE beyond 24 bits", .connection(.protocolError), [.settings([(5, 16_777_216)])]),
        Row("ENABLE_CONNECT_PROTOCOL beyond 1", .connection(.protocolError), [.settings([(8, 2)])]),
        Row(
            "a window that SETTINGS open too far", .connection(.flowControlError),
            [open, .windowUpdate(1, 0x7fff_ffff - 65_535), .settings([(4, 65_536)])]),
        // PUSH_PROMISE, PING, GOAWAY
        Row(
            "PUSH_PROMISE from a client", .connection(.protocolError), [open, HTTP2Frame(5, flags: 4, 1, big32(2) + HTTP2Frame.block(get))]),
        Row("PING on a stream", .connection(.protocolError), [HTTP2Frame(6, 1, Array(repeating: 0, count: 8))]),
        Row("PING of another length", .connection(.frameSizeError), [HTTP2Frame(6, 0, [0, 0, 0, 0])]),
        Row("GOAWAY on a stream", .connection(.protocolError), [HTTP2Frame(7, 1, Array(repeating: 0, count: 8))]),
        Row("GOAWAY of another length", .connection(.frameSizeError), [HTTP2Frame(7, 0, [0, 0])]),
        // WINDOW_UPDATE
        Row("WINDOW_UPDATE on an idle stream", .connection(.protocolError), [.windowUpdate(1, 1)]),
        Row("WINDOW_UPDATE of nothing for the connection", .connection(.protocolError), [.windowUpdate(0, 0)]),
        Row("WINDOW_UPDATE of another length", .connection(.frameSizeError), [HTTP2Frame(8, 0, [0, 0, 1])]),
        Row("WINDOW_UPDATE that opens the connection too far", .connection(.flowControlError), [.windowUpdate(0, 0x7fff_ffff)]),
        // CONTINUATION
        Row("CONTINUATION of nothing", .connection(.protocolError), [.continuation(1, [])]),
        Row("CONTINUATION behind the end of a block", .connection(.protocolError), [whole, .continuation(1, [])]),
        Row(
            "CONTINUATION on another stream", .connection(.protocolError),
            [HTTP2Frame(1, flags: 1, 1, HTTP2Frame.block(get)), .continuation(3, [])]),
        Row(
            "CONTINUATION without a stream", .connection(.protocolError),
            [HTTP2Frame(1, flags: 1, 1, HTTP2Frame.block(get)), .continuation(0, [])]),
        Row("DATA within a block", .connection(.protocolError), [HTTP2Frame(1, flags: 0, 1, HTTP2Frame.block(get)), .data(1, "x")]),
        Row(
            "an unknown frame within a block", .connection(.protocolError),
            [HTTP2Frame(1, flags: 0, 1, HTTP2Frame.block(get)), HTTP2Frame(0x42, 1, [1])]),
        Row(
            "PRIORITY within a block", .connection(.protocolError),
            [HTTP2Frame(1, flags: 0, 1, HTTP2Frame.block(get)), .priority(1, on: 3)]),
        Row("HEADERS within a block", .connection(.protocolError), [HTTP2Frame(1, flags: 0, 1, HTTP2Frame.block(get)), .headers(3, get)]),
        // HPACK (RFC 7541)
        Row("an index of nothing", .connection(.compressionError), [HTTP2Frame(1, flags: 5, 1, [0x80])]),
        Row("an index beyond the table", .connection(.compressionError), [HTTP2Frame(1, flags: 5, 1, [0xff, 0x20])]),
        Row("a name of an index beyond the table", .connection(.compressionError), [HTTP2Frame(1, flags: 5, 1, [0x7f, 0x20, 1, 0x78])]),
        Row(
            "a table larger than allowed", .connection(.compressionError),
            [HTTP2Frame(1, flags: 5, 1, HTTP2Frame.integer(4097, prefix: 5, mark: 0x20) + HTTP2Frame.block(get))]),
        Row(
            "a table's size behind the fields", .connection(.compressionError), [HTTP2Frame(1, flags: 5, 1, HTTP2Frame.block(get) + [0x20])]
        ),
        Row("a literal that is cut off", .connection(.compressionError), [HTTP2Frame(1, flags: 5, 1, [0, 10, 0x78])]),
        Row(
            "an integer without end", .connection(.compressionError),
            [HTTP2Frame(1, flags: 5, 1, [0xff] + Array(repeating: 0xff, count: 12))]),
        Row(
            "a Huffman code padded with more than seven bits", .connection(.compressionError),
            [HTTP2Frame(1, flags: 5, 1, [0, 0x83, 0xff, 0xff, 0xff, 0])]),
        Row("a Huffman code padded with zeros", .connection(.compressionError), [HTTP2Frame(1, flags: 5, 1, [0, 0x81, 0b0001_1000, 0])]),
        Row(
            "a Huffman code with the end in it", .connection(.compressionError),
            [HTTP2Frame(1, flags: 5, 1, [0, 0x84, 0xff, 0xff, 0xff, 0xff, 0])]),
        // Streams that have ended.
        Row("DATA on a stream that its client has reset", .connection(.streamClosed), [open, .reset(1), .data(1, "x")]),
        Row("HEADERS on a stream that its client has reset", .connection(.streamClosed), [open, .reset(1), .headers(1, get)]),
        Row("DATA on a stream that was passed over", .connection(.streamClosed), [.headers(5, get), .data(3, "x")]),
    ]

    /// nghttp2 drops what comes on a stream whose reset is queued.
    @Test func `a second head on a stream that was refused begins no request`() throws {
        let server = try HTTP2TestSession.server(capacity: 1)
        let first = HTTP2Frame.headers(1, requestFields(method: "POST"), ends: false)
        server.give([first, .headers(3, requestFields(path: "/first"), ends: false)])
        server.session.reset(try server.stream(), .cancel)
        server.session.release(try server.stream())
        // Now there is a place, and the refusal has not left.
        server.give([.reset(1), .headers(3, requestFields(path: "/second"))])
        #expect(server.seen.count == 1 && server.streams.slab.count == 0)
        #expect(server.errors().contains(.stream(3, .refusedStream)))
    }

    @Test(arguments: connectionErrors)
    func `what breaks the connection is told by GOAWAY`(_ row: Row) throws {
        let server = try HTTP2TestSession.server()
        server.give(row.frames)
        let errors = server.errors()
        #expect(errors.last == row.error)
        #expect(server.session.failure?.type == .http2Invalid)
        #expect(server.session.isOver)
        #expect(!server.give([.headers(99, Self.get)]))
    }

    @Test(arguments: connectionErrors)
    func `what breaks the connection does so byte by byte as well`(_ row: Row) throws {
        let server = try HTTP2TestSession.server()
        for byte in row.frames.flatMap(\.bytes) { server.give([byte]) }
        #expect(server.errors().last == row.error)
    }

    static let streamErrors: [Row] = [
        Row(
            "a stream that depends on itself", .stream(1, .protocolError),
            [HTTP2Frame(1, flags: 0x25, 1, big32(1) + [15] + HTTP2Frame.block(get))]),
        Row(
            "a padded one", .stream(1, .protocolError),
            [HTTP2Frame(1, flags: 0x2d, 1, [2] + big32(1) + [15] + HTTP2Frame.block(get) + [0, 0])]),
        Row(
            "an exclusive one", .stream(1, .protocolError),
            [HTTP2Frame(1, flags: 0x25, 1, big32(0x8000_0001) + [15] + HTTP2Frame.block(get))]),
        Row("PRIORITY on an open stream that depends on itself", .stream(1, .protocolError), [open, .priority(1, on: 1)]),
        Row("PRIORITY of another length", .stream(1, .frameSizeError), [open, HTTP2Frame(2, 1, [0, 0, 0, 0])]),
        Row("WINDOW_UPDATE of nothing", .stream(1, .protocolError), [open, .windowUpdate(1, 0)]),
        Row("WINDOW_UPDATE that opens the stream too far", .stream(1, .flowControlError), [open, .windowUpdate(1, 0x7fff_ffff)]),
        Row(
            "more DATA than the window", .stream(1, .flowControlError),
            [open] + (0..<4).map { _ in .data(1, bytes: 16_384) }),
    ]

    @Test(arguments: streamErrors)
    func `what breaks a stream leaves the others alone`(_ row: Row) throws {
        for cut in [Int.max, 1, 7] {
            let server = try HTTP2TestSession.server()
            let bytes = (row.frames + [.headers(3, Self.get)]).flatMap(\.bytes)
            var start = 0
            while start < bytes.count {
                let end = min(start + min(cut, bytes.count), bytes.count)
                #expect(server.give(Array(bytes[start..<end])))
                start = end
            }
            #expect(server.errors() == [row.error])
            #expect(server.error(server.seen[0]) == .http2Invalid)
            #expect(server.isReset(server.seen[0]))
            #expect(try server.request(server.seen[1]).target == "/")
            #expect(server.session.failure == nil)
        }
    }

    @Test func `a connection must begin with the preface`() throws {
        let server = try HTTP2TestSession()
        #expect(!server.give(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)))
        #expect(server.errors() == [.connection(.protocolError)])
        #expect(server.session.isOver)
    }

    @Test func `a connection must begin with SETTINGS`() throws {
        let server = try HTTP2TestSession()
        server.give(http2Preface + HTTP2Frame.ping().bytes)
        #expect(server.errors() == [.connection(.protocolError)])
    }

    @Test func `frames and settings that are unknown are overlooked`() throws {
        let server = try HTTP2TestSession.server()
        server.give([
            HTTP2Frame(0x42, 0, [1, 2, 3]), HTTP2Frame(0x43, flags: 255, 77), HTTP2Frame(0x10, 0, big32(1) + Array("u=1".utf8)),
            .settings([(0x99, 1)]), HTTP2Frame(6, flags: 0xfe, 0, Array(repeating: 1, count: 8)), HTTP2Frame(0x0a, 1), Self.whole,
        ])
        #expect(server.session.failure == nil)
        #expect(try server.request(try server.stream()).target == "/")
    }

    @Test func `padding is no content, and its windows open at once`() throws {
        let server = try HTTP2TestSession.server()
        let padding = Array(repeating: UInt8(0), count: 200)
        server.give([Self.open])
        for _ in 0..<400 { server.give([HTTP2Frame(0, flags: 8, 1, [200] + Array("ab".utf8) + padding)]) }
        #expect(server.session.failure == nil)
        #expect(server.error(try server.stream()) == nil)
        #expect(server.input(try server.stream()).count == 800)
    }

    @Test func `frames that were on their way when we reset a stream are dropped, and the windows given back`() throws {
        let server = try HTTP2TestSession.server()
        server.give([Self.open, .headers(3, Self.get)])
        server.session.reset(server.seen[0], .cancel)
        #expect(server.errors() == [.stream(1, .cancel)])
        // Ten windows of the connection, in all, on streams that are reset one after the other; and heads that change HPACK's table.
        var number: Int32 = 1
        for round in 0..<160 {
            for _ in 0..<4 { server.give([.data(number, bytes: 16_000)]) }
            let indexed = [0x40] + HTTP2Frame.literal(Array("x-\(round)".utf8)) + HTTP2Frame.literal(Array("y".utf8))
            server.give([HTTP2Frame(1, flags: 5, number, indexed), .windowUpdate(number, 1), .reset(number)])
            #expect(server.errors().isEmpty)
            number = Int32(5 + 2 * round)
            server.give([.headers(number, requestFields(method: "POST"), ends: false)])
            let stream = try #require(server.seen.last)
            server.session.reset(stream, .refusedStream)
            server.session.release(stream)
            #expect(server.errors() == [.stream(number, .refusedStream)])
        }
        #expect(server.session.failure == nil)
        // The table holds what came in heads that nobody read.
        server.give([HTTP2Frame(1, flags: 5, 999, HTTP2Frame.block(requestFields()) + [0x80 | 62])])
        #expect(try server.request(try #require(server.seen.last)).fields == ["x-159=y"])
        #expect(!server.isReset(server.seen[1]))
    }

    @Test(arguments: [false, true])
    func `a second head on a stream that has ended is an error, whether or not its owner has let go of it`(letsGo: Bool) throws {
        let server = try HTTP2TestSession.server()
        server.give([Self.whole])
        server.respond(try server.stream(), "HTTP/1.1 200 OK\n", ends: true)
        #expect(server.sent().count == 1)
        if letsGo { server.session.release(try server.stream()) }
        server.give([.headers(1, Self.get)])
        #expect(server.errors() == [.connection(.streamClosed)])
    }

    @Test func `what is on its way for a stream that has ended does no harm`() throws {
        let server = try HTTP2TestSession.server()
        server.give([Self.whole])
        server.respond(try server.stream(), "HTTP/1.1 200 OK\n", ends: true)
        #expect(server.sent().count == 1)
        #expect(server.give([.windowUpdate(1, 10), .reset(1), .priority(1, on: 3), .headers(3, Self.get)]))
        #expect(server.errors().isEmpty)
    }

    @Test(arguments: [HTTP2Frame.data(1, "x"), .headers(1, requestFields())])
    func `a stream that both sides have ended takes no further frames`(_ frame: HTTP2Frame) throws {
        let server = try HTTP2TestSession.server()
        server.give([Self.whole])
        server.respond(try server.stream(), "HTTP/1.1 200 OK\n", ends: true)
        _ = server.sent()
        server.session.release(try server.stream())
        #expect(!server.give([frame]))
        #expect(server.errors() == [.connection(.streamClosed)])
    }

    @Test func `one request too many is refused, and may be sent again when there is room`() throws {
        let server = try HTTP2TestSession.server()
        #expect(server.give((0..<100).map { .headers(Int32(2 * $0 + 1), requestFields(method: "POST"), ends: false) }))
        #expect(server.errors().isEmpty)
        server.give([.headers(201, requestFields(method: "POST"), ends: false)])
        #expect(server.errors() == [.stream(201, .refusedStream)])
        server.give([.reset(1), .headers(203, requestFields(method: "POST"), ends: false)])
        #expect(server.errors().isEmpty)
    }

    @Test func `a request that finds no room is refused, and may be tried again`() throws {
        let server = try HTTP2TestSession.server(capacity: 1)
        server.give([.headers(1, Self.get), .headers(3, requestFields(method: "POST"), ends: false), .data(3, "x", ends: true)])
        #expect(server.seen.count == 1)
        #expect(server.errors() == [.stream(3, .refusedStream)])
        #expect(server.give([.data(3, "y")]))
    }
}
