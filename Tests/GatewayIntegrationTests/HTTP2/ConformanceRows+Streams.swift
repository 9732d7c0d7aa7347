import TestSupport

/// The states of streams and their numbers (RFC 9113 § 5).
extension ConformanceRow {
    static let streams: [Self] = idle + halfClosed + closed + closedByServer + numbers + concurrency + priorities

    private static let idle: [Self] = [
        Self("DATA on an idle stream", "9113 § 5.1", .connectionError([.protocolError])) { try $0.send(.data(1, "a", .endStream)) },
        Self("DATA on an idle stream that is the server's", "9113 § 5.1", .connectionError([.protocolError])) {
            try $0.send(.data(2, "a"))
        },
        Self("RST_STREAM on an idle stream", "9113 § 6.4", .connectionError([.protocolError])) { try $0.send(.resetStream(1)) },
        Self("RST_STREAM on an idle stream that is the server's", "9113 § 6.4", .connectionError([.protocolError])) {
            try $0.send(.resetStream(2))
        },
        Self("RST_STREAM on an idle stream behind an open one", "9113 § 6.4", .connectionError([.protocolError])) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(.resetStream(3))
        },
        Self("WINDOW_UPDATE on an idle stream", "9113 § 5.1", .connectionError([.protocolError])) { try $0.send(.windowUpdate(1, 100)) },
        Self("CONTINUATION on an idle stream", "9113 § 6.10", .connectionError([.protocolError])) { client in
            try client.send(.continuation(1, client.getBlock, [.endHeaders, .endStream]))
        },
        Self("PRIORITY on an idle stream", "9113 § 5.1", .nothing) { try $0.send(.priority(1)) },
        Self("PRIORITY on an idle stream, then a request on a lower one", "9113 § 5.1.1", .answer(1)) { client in
            try client.send(.priority(21))
            try client.sendHead(.get, on: 1)
        },
    ]

    /// The request is complete, and its answer has not begun.
    private static func halfClosed(
        _ name: String, _ outcome: Outcome, _ section: String = "9113 § 5.1", _ frame: @escaping @Sendable (HTTP2Client) -> HTTP2Frame
    ) -> Self {
        Self("\(name) on a stream whose request is complete", section, outcome) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(frame(client))
        }
    }

    private static let halfClosed: [Self] = [
        halfClosed("DATA", .eitherError(1, [.streamClosed])) { _ in .data(1, "a") },
        halfClosed("DATA with END_STREAM", .eitherError(1, [.streamClosed])) { _ in .data(1, "a", .endStream) },
        halfClosed("empty DATA with END_STREAM", .eitherError(1, [.streamClosed])) { _ in .data(1, "", .endStream) },
        halfClosed("HEADERS", .eitherError(1, [.streamClosed])) { .headers(1, $0.getBlock, [.endHeaders, .endStream]) },
        halfClosed("trailers", .eitherError(1, [.streamClosed])) {
            .headers(1, HPACKBlock(["x-a": "1"]).bytes(scheme: $0.scheme), [.endHeaders, .endStream])
        },
        halfClosed("CONTINUATION", .connectionError([.protocolError, .streamClosed]), "9113 § 6.10") { .continuation(1, $0.getBlock) },
        halfClosed("WINDOW_UPDATE", .nothing) { _ in .windowUpdate(1, 100) },
        halfClosed("PRIORITY", .nothing) { _ in .priority(1) },
        halfClosed("RST_STREAM", .nothing) { _ in .resetStream(1) },
        Self("DATA behind trailers", "9113 § 5.1", .eitherError(1, [.streamClosed])) { client in
            try client.sendHead(.request("POST", "/held"), on: 1, endsStream: false)
            try client.sendHead(["x-a": "1"], on: 1)
            try client.send(.data(1, "a"))
        },
    ]

    /// The request and its answer are complete.
    private static func closed(
        _ name: String, _ outcome: Outcome, _ section: String = "9113 § 5.1", _ frame: @escaping @Sendable (HTTP2Client) -> HTTP2Frame
    ) -> Self {
        Self("\(name) on a stream that both sides have ended", section, outcome) { client in
            try client.closeNormally(1)
            try client.send(frame(client))
        }
    }

    /// The client has reset the stream before.
    private static func reset(
        _ name: String, _ outcome: Outcome, _ section: String = "9113 § 5.1", _ frame: @escaping @Sendable (HTTP2Client) -> HTTP2Frame
    ) -> Self {
        Self("\(name) on a stream that the client has reset", section, outcome) { client in
            try client.sendHead(.request("POST", "/held"), on: 1, endsStream: false)
            try client.send(.resetStream(1), frame(client))
        }
    }

    private static let closed: [Self] = [
        closed("DATA", .eitherError(1, [.streamClosed]), "9113 § 6.1") { _ in .data(1, "a") },
        closed("HEADERS", .connectionError([.streamClosed])) { .headers(1, $0.getBlock, [.endHeaders, .endStream]) },
        closed("CONTINUATION", .connectionError([.protocolError, .streamClosed]), "9113 § 6.10") { .continuation(1, $0.getBlock) },
        closed("WINDOW_UPDATE", .nothing, "9113 § 6.9") { _ in .windowUpdate(1, 1) },
        closed("PRIORITY", .nothing) { _ in .priority(1) },
        closed("RST_STREAM", .nothing) { _ in .resetStream(1) },
        Self("HEADERS on a closed stream while a later one is open", "9113 § 5.1", .connectionError([.streamClosed, .protocolError])) {
            client in
            try client.closeNormally(1)
            try client.sendHead(HTTP2Client.held, on: 3)
            try client.sendHead(.get, on: 1)
        },
        reset("DATA", .eitherError(1, [.streamClosed]), "9113 § 6.1") { _ in .data(1, "a") },
        reset("HEADERS", .eitherError(1, [.streamClosed])) { .headers(1, $0.getBlock, [.endHeaders, .endStream]) },
        reset("CONTINUATION", .connectionError([.protocolError, .streamClosed]), "9113 § 6.10") { .continuation(1, $0.getBlock) },
        reset("PRIORITY", .nothing) { _ in .priority(1) },
    ]

    /// What is on its way when the server resets a stream is read, counted and dropped.
    private static let closedByServer: [Self] = [
        behindRefusal("DATA") { _ in [.data(1, "a"), .data(1, "b", .endStream)] },
        behindRefusal("padded DATA") { _ in [.paddedData(1, [1, 2], padding: 9, .endStream)] },
        behindRefusal("WINDOW_UPDATE") { _ in [.windowUpdate(1, 10)] },
        behindRefusal("RST_STREAM") { _ in [.resetStream(1)] },
        behindRefusal("PRIORITY") { _ in [.priority(1)] },
        behindRefusal("trailers") { [.headers(1, HPACKBlock(["x-a": "1"]).bytes(scheme: $0.scheme), [.endHeaders, .endStream])] },
        behindRefusal("trailers in pieces") { $0.headInPieces(["x-a": "1", "x-b": "2"], on: 1, 3) },
        Self("trailers behind a refused head fill the table for the next request", "9113 § 5.1", .answer(3)) { client in
            try client.sendHead(.request("POST", "/", ["Bad": "1"]), on: 1, endsStream: false)
            try client.sendHead([.literal("x-kept", "kept", .incremental)], on: 1)
            guard try client.resetCode(of: 1) == HTTP2Code.protocolError.rawValue else { throw TestError.invalid("another code") }
            client.forget(1)
            try client.sendHead(HPACKBlock(.get) + [.indexed(62)], on: 3)
        },
        Self("a refused head fills the table for the next request", "9113 § 4.3", .answer(3)) { client in
            try client.sendHead(HPACKBlock(.get) + [.literal("Bad", "1", .incremental), .literal("x-kept", "kept", .incremental)], on: 1)
            _ = try client.resetCode(of: 1)
            client.forget(1)
            try client.sendHead(HPACKBlock(.get) + [.indexed(62)], on: 3)
        },
    ]

    private static func behindRefusal(_ name: String, _ frames: @escaping @Sendable (HTTP2Client) -> [HTTP2Frame]) -> Self {
        Self("\(name) behind a head that is refused", "9113 § 5.1", .streamError(1, [.protocolError])) { client in
            let head = HPACKBlock(.request("POST", "/", ["Bad": "1"])).bytes(scheme: client.scheme)
            try client.send([.headers(1, head)] + frames(client))
        }
    }

    private static let numbers: [Self] = [
        Self("HEADERS on an even stream", "9113 § 5.1.1", .connectionError([.protocolError])) { try $0.sendHead(.get, on: 2) },
        Self("HEADERS on stream 0", "9113 § 6.2", .connectionError([.protocolError])) { try $0.sendHead(.get, on: 0) },
        Self("a new stream with a lower number than one before", "9113 § 5.1.1", .connectionError([.protocolError])) { client in
            try client.sendHead(HTTP2Client.held, on: 5)
            try client.sendHead(HTTP2Client.held, on: 3)
        },
        Self("a new stream with a lower number than one that has ended", "9113 § 5.1.1", .connectionError([.protocolError])) { client in
            try client.closeNormally(5)
            try client.sendHead(.get, on: 3)
        },
        Self("numbers may be left out", "9113 § 5.1.1", .answer(1001)) { client in
            try client.closeNormally(1)
            try client.sendHead(.get, on: 1001)
        },
        Self("DATA on a stream that was left out", "9113 § 6.1", .eitherError(3, [.streamClosed, .protocolError])) { client in
            try client.closeNormally(5)
            try client.send(.data(3, "a"))
        },
    ]

    private static let concurrency: [Self] = [
        Self("more streams than SETTINGS_MAX_CONCURRENT_STREAMS", "9113 § 5.1.2", .streamError(201, [.refusedStream])) {
            client in
            guard client.serverSettings?[HTTP2Setting.maxConcurrentStreams] == 100 else {
                throw TestError.invalid("the limit is \(client.serverSettings ?? [:])")
            }
            for index in 0...100 { try client.sendHead(HTTP2Client.held, on: UInt32(2 * index + 1)) }
            try client.wait("RST_STREAM or GOAWAY") { $0.response(201).resetCode != nil || !$0.goAways.isEmpty }
            // Makes room for the request behind.
            if client.goAways.isEmpty { try client.send(.resetStream(1)) }
        },
        Self("as many streams as SETTINGS_MAX_CONCURRENT_STREAMS, again and again", "9113 § 5.1.2", .nothing) { client in
            for _ in 0..<3 {
                let streams = try (0..<100).map { _ in try client.request() }
                for stream in streams { _ = try client.response(on: stream) }
            }
        },
    ]

    /// RFC 9113 § 5.3.2 deprecates RFC 7540's priorities: frames are read and mean nothing. That a stream depends on itself was an error
    /// of the stream (RFC 7540 § 5.3.1), and the public suites hold servers to it.
    private static let priorities: [Self] = [
        Self("HEADERS that make a stream depend on itself", "7540 § 5.3.1", .eitherError(1, [.protocolError])) { client in
            let block = HPACKBlock(HTTP2Client.held).bytes(scheme: client.scheme)
            try client.send(.headers(1, HTTP2Frame.priorityFields(on: 1) + block, [.endHeaders, .endStream, .priority]))
        },
        Self("PRIORITY that makes a stream depend on itself", "7540 § 5.3.1", .eitherError(1, [.protocolError])) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(.priority(1, on: 1))
        },
        Self("PRIORITY of weight 1", "9113 § 6.3", .answer(1)) { client in
            try client.send(.priority(1, weight: 0))
            try client.sendHead(.get, on: 1)
        },
        Self("PRIORITY of weight 256", "9113 § 6.3", .answer(1)) { client in
            try client.send(.priority(1, weight: 255))
            try client.sendHead(.get, on: 1)
        },
        Self("PRIORITY with a dependency on a stream that is not there", "9113 § 6.3", .answer(1)) { client in
            try client.send(.priority(1, on: 1001))
            try client.sendHead(.get, on: 1)
        },
        Self("PRIORITY with an exclusive dependency", "9113 § 6.3", .answer(3)) { client in
            try client.send(.priority(1), .priority(3, on: 1, exclusive: true))
            try client.sendHead(.get, on: 3)
        },
        Self("PRIORITY in a circle", "9113 § 6.3", .answer(5)) { client in
            try client.send(.priority(1, on: 3), .priority(3, on: 5), .priority(5, on: 1))
            try client.sendHead(.get, on: 5)
        },
        Self("PRIORITY_UPDATE", "9218 § 7.1", .answer(1)) { client in
            try client.send(HTTP2Frame(type: 0x10, .none, 0, UInt32(1).bigEndianBytes + Array("u=1, i".utf8)))
            try client.sendHead(.request("GET", "/", ["priority": "u=0"]), on: 1)
        },
    ]
}
