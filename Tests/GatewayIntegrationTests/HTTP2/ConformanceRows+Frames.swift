import TestSupport

/// The frames, one kind behind the other (RFC 9113 §§ 6.1 to 6.8).
extension ConformanceRow {
    static let frames: [Self] = data + headers + otherLengths + settings + settingsErrors + pings + goAways + continuations

    private static let data: [Self] = [
        Self("a request with content in one DATA frame", "9113 § 6.1", .answer(1)) {
            _ = try $0.request(HTTP2Client.post, body: Array("test".utf8))
        },
        Self("a request with content in several DATA frames", "9113 § 6.1", .answer(1)) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.data(1, "test"), .data(1, "test"), .data(1), .data(1, "test", .endStream))
            guard try client.response(on: 1).text == "POST / 12" else { throw TestError.invalid("\(client.response(1).text)") }
        },
        Self("DATA with padding", "9113 § 6.1", .answer(1)) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.paddedData(1, Array("test".utf8), padding: 255, .endStream))
            guard try client.response(on: 1).text == "POST / 4" else { throw TestError.invalid("\(client.response(1).text)") }
        },
        Self("DATA that is padding only", "9113 § 6.1", .answer(1)) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.paddedData(1, [], padding: 7), .paddedData(1, [], padding: 0), .data(1, "a", .endStream))
            guard try client.response(on: 1).text == "POST / 1" else { throw TestError.invalid("\(client.response(1).text)") }
        },
        Self("DATA on stream 0", "9113 § 6.1", .connectionError([.protocolError])) { try $0.send(.data(0, "a")) },
        padded("padding as long as DATA's payload", [], padding: 4, padLength: 5),
        padded("padding longer than DATA's payload", [1, 2, 3, 4], padding: 0, padLength: 200),
        Self("DATA without the pad length that its flag announces", "9113 § 6.1", .connectionError([.protocolError, .frameSizeError])) {
            client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(HTTP2Frame(.data, [.padded, .endStream], 1, []))
        },
    ]

    private static func padded(_ name: String, _ content: [UInt8], padding: Int, padLength: UInt8) -> Self {
        Self(name, "9113 § 6.1", .connectionError([.protocolError])) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.paddedData(1, content, padding: padding, padLength: padLength, .endStream))
        }
    }

    private static let headers: [Self] = [
        Self("HEADERS alone", "9113 § 6.2", .answer(1)) { try $0.sendHead(.get, on: 1) },
        Self("HEADERS with padding", "9113 § 6.2", .answer(1)) { client in
            try client.send(.headers(1, [8] + client.getBlock + [UInt8](repeating: 0, count: 8), [.endHeaders, .endStream, .padded]))
        },
        Self("HEADERS with a priority", "9113 § 6.2", .answer(1)) { client in
            try client.send(.headers(1, HTTP2Frame.priorityFields(weight: 255) + client.getBlock, [.endHeaders, .endStream, .priority]))
        },
        Self("HEADERS with padding and a priority", "9113 § 6.2", .answer(1)) { client in
            let payload = [3] + HTTP2Frame.priorityFields() + client.getBlock + [0, 0, 0]
            try client.send(.headers(1, payload, [.endHeaders, .endStream, .priority, .padded]))
        },
        Self("padding as long as HEADERS' payload", "9113 § 6.2", .connectionError([.protocolError])) { client in
            let block = client.getBlock
            try client.send(.headers(1, [UInt8(block.count + 1)] + block, [.endHeaders, .endStream, .padded]))
        },
        Self("padding longer than HEADERS' payload", "9113 § 6.2", .connectionError([.protocolError])) { client in
            try client.send(.headers(1, [255] + client.getBlock, [.endHeaders, .endStream, .padded]))
        },
        Self("HEADERS too short for its priority", "9113 § 4.2", .connectionError([.frameSizeError, .protocolError])) {
            try $0.send(.headers(1, [0, 0, 0, 0], [.endHeaders, .endStream, .priority]))
        },
        Self("HEADERS too short for its pad length", "9113 § 4.2", .connectionError([.frameSizeError, .protocolError])) {
            try $0.send(.headers(1, [], [.endHeaders, .endStream, .padded]))
        },
        Self("HEADERS without a field", "9113 § 8.3.1", .streamError(1, [.protocolError])) {
            try $0.send(.headers(1, [], [.endHeaders, .endStream]))
        },
        Self("PUSH_PROMISE of a client", "9113 § 8.4", .connectionError([.protocolError])) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(HTTP2Frame(.pushPromise, .endHeaders, 1, UInt32(2).bigEndianBytes + client.getBlock))
        },
        Self("PUSH_PROMISE on stream 0", "9113 § 6.6", .connectionError([.protocolError])) { client in
            try client.send(HTTP2Frame(.pushPromise, .endHeaders, 0, UInt32(2).bigEndianBytes + client.getBlock))
        },
    ]

    private static let otherLengths: [Self] = [
        Self("PRIORITY on stream 0", "9113 § 6.3", .connectionError([.protocolError])) { try $0.send(.priority(0)) },
        length(.priority, 4, .eitherError(1, [.frameSizeError]), "9113 § 6.3"),
        length(.priority, 6, .eitherError(1, [.frameSizeError]), "9113 § 6.3"),
        Self("RST_STREAM on stream 0", "9113 § 6.4", .connectionError([.protocolError])) { try $0.send(.resetStream(0)) },
        length(.resetStream, 3, .connectionError([.frameSizeError]), "9113 § 6.4"),
        length(.resetStream, 5, .connectionError([.frameSizeError]), "9113 § 6.4"),
        length(.resetStream, 0, .connectionError([.frameSizeError]), "9113 § 6.4"),
        length(.windowUpdate, 3, .connectionError([.frameSizeError]), "9113 § 6.9"),
        length(.windowUpdate, 5, .connectionError([.frameSizeError]), "9113 § 6.9"),
        Self("WINDOW_UPDATE of 3 bytes on stream 0", "9113 § 6.9", .connectionError([.frameSizeError])) {
            try $0.send(HTTP2Frame(.windowUpdate, .none, 0, [0, 0, 1]))
        },
        Self("RST_STREAM ends a request", "9113 § 6.4", .nothing) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(.resetStream(1, .cancel))
        },
        Self("RST_STREAM ends a request in the middle of its content", "9113 § 6.4", .nothing) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.data(1, "a"), .resetStream(1, .noError))
        },
        Self("RST_STREAM with an unknown code", "9113 § 7", .nothing) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(.resetStream(1, 0xff))
        },
    ]

    /// A frame on an open stream, with so many bytes.
    private static func length(_ kind: HTTP2Frame.Kind, _ count: Int, _ outcome: Outcome, _ section: String) -> Self {
        Self("\(kind) of \(count) bytes", section, outcome) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(HTTP2Frame(kind, .none, 1, [UInt8](repeating: 1, count: count)))
        }
    }

    private static let settings: [Self] = [
        Self("SETTINGS are acknowledged, each frame", "9113 § 6.5.3", .nothing) { client in
            try client.send(.settings(), .settings([HTTP2Setting.maxConcurrentStreams: 10]), .settings())
            try client.wait("the acknowledgements") { $0.settingsAcks == 4 }
        },
        Self("all settings that there are", "9113 § 6.5.2", .nothing) { client in
            try client.send(
                .settings([
                    HTTP2Setting.headerTableSize: 4096, HTTP2Setting.enablePush: 0, HTTP2Setting.maxConcurrentStreams: 0,
                    HTTP2Setting.initialWindowSize: 65_535, HTTP2Setting.maxFrameSize: 16_777_215, HTTP2Setting.maxHeaderListSize: 65_536,
                ]))
            try client.wait("the acknowledgement") { $0.settingsAcks == 2 }
        },
        Self("a setting with an unknown identifier", "9113 § 6.5.2", .nothing) { try $0.send(.settings([0xff: 1, 0xa: .max])) },
        Self("the same setting twice: the last counts", "9113 § 6.5.3", .nothing) { client in
            client.options.replenishes = false
            try client.send(.settings([HTTP2Setting.initialWindowSize: 100, HTTP2Setting.initialWindowSize: 1]))
            try client.wait("the acknowledgement") { $0.settingsAcks == 2 }
            try client.sendHead(.get, on: 1)
            try client.content(1, on: 1)
            try client.ping()
            guard client.response(1).body.count == 1 else { throw TestError.invalid("\(client.response(1))") }
            try client.send(.settings([HTTP2Setting.initialWindowSize: 65_535]))
            _ = try client.response(on: 1)
        },
        Self("a table for fields of no size", "7541 § 4.2", .nothing) { client in
            try client.send(.settings([HTTP2Setting.headerTableSize: 0]))
            try client.wait("the acknowledgement") { $0.settingsAcks == 2 }
            for _ in 0..<3 { _ = try client.get() }
        },
        Self("a table for fields that shrinks and grows", "7541 § 4.2", .nothing) { client in
            _ = try client.get()
            try client.send(.settings([HTTP2Setting.headerTableSize: 100]), .settings([HTTP2Setting.headerTableSize: 8192]))
            try client.wait("the acknowledgements") { $0.settingsAcks == 3 }
            for _ in 0..<3 { _ = try client.get() }
        },
        Self("a table for fields of 4 GB", "7541 § 4.2", .nothing) { client in
            try client.send(.settings([HTTP2Setting.headerTableSize: .max]))
            try client.wait("the acknowledgement") { $0.settingsAcks == 2 }
            for _ in 0..<3 { _ = try client.get() }
        },
    ]

    private static let settingsErrors: [Self] = [
        Self("an acknowledgement with a payload", "9113 § 6.5", .connectionError([.frameSizeError])) {
            try $0.send(HTTP2Frame(.settings, .ack, 0, [0, 3, 0, 0, 0, 1]))
        },
        Self("SETTINGS on a stream", "9113 § 6.5", .connectionError([.protocolError])) { try $0.send(HTTP2Frame(.settings, .none, 1, [])) },
        Self("SETTINGS on an open stream", "9113 § 6.5", .connectionError([.protocolError])) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(HTTP2Frame(.settings, .none, 1, [0, 3, 0, 0, 0, 1]))
        },
        Self("SETTINGS of 3 bytes", "9113 § 6.5", .connectionError([.frameSizeError])) {
            try $0.send(HTTP2Frame(.settings, .none, 0, [0, 3, 0]))
        },
        Self("SETTINGS of 7 bytes", "9113 § 6.5", .connectionError([.frameSizeError])) {
            try $0.send(HTTP2Frame(.settings, .none, 0, [0, 3, 0, 0, 0, 1, 0]))
        },
        value(HTTP2Setting.enablePush, 2, .protocolError), value(HTTP2Setting.enablePush, .max, .protocolError),
        value(HTTP2Setting.initialWindowSize, 1 << 31, .flowControlError), value(HTTP2Setting.initialWindowSize, .max, .flowControlError),
        value(HTTP2Setting.maxFrameSize, 16_383, .protocolError), value(HTTP2Setting.maxFrameSize, 0, .protocolError),
        value(HTTP2Setting.maxFrameSize, 1 << 24, .protocolError), value(HTTP2Setting.maxFrameSize, .max, .protocolError),
        Self("SETTINGS_NO_RFC7540_PRIORITIES of 2", "9218 § 2.1", .connectionError([.protocolError])) {
            try $0.send(.settings([HTTP2Setting.noRFC7540Priorities: 2]))
        },
        Self("SETTINGS_NO_RFC7540_PRIORITIES that changes", "9218 § 2.1", .connectionError([.protocolError])) {
            try $0.send(.settings([HTTP2Setting.noRFC7540Priorities: 1]))
        },
    ]

    private static func value(_ id: UInt16, _ value: UInt32, _ code: HTTP2Code) -> Self {
        Self("setting \(id) of \(value)", "9113 § 6.5.2", .connectionError([code])) { try $0.send(.settings([id: value])) }
    }

    private static let pings: [Self] = [
        Self("PING is answered with the same bytes", "9113 § 6.7", .nothing) { client in
            try client.send(.ping([0, 1, 2, 3, 0xff, 0xfe, 10, 13]))
            try client.wait("the answer") { $0.pongs == [[0, 1, 2, 3, 0xff, 0xfe, 10, 13]] }
        },
        Self("PINGs are answered in their order", "9113 § 6.7", .nothing) { client in
            let contents = (UInt64(0)..<20).map { $0.bigEndianBytes }
            try client.send(contents.map { .ping($0) })
            try client.wait("the answers") { $0.pongs.count == 20 }
            guard client.pongs == contents else { throw TestError.invalid("\(client.pongs)") }
        },
        Self("PING's acknowledgement is not answered", "9113 § 6.7", .nothing) { client in
            try client.send(.ping(Array("unwanted".utf8), .ack))
            try client.ping()
            guard client.pongs.count == 1 else { throw TestError.invalid("\(client.pongs)") }
        },
        Self("PING on a stream", "9113 § 6.7", .connectionError([.protocolError])) {
            try $0.send(HTTP2Frame(.ping, .none, 1, [0, 0, 0, 0, 0, 0, 0, 0]))
        },
        pingLength(0), pingLength(6), pingLength(7), pingLength(9),
        Self("PING of 6 bytes ends the connection", "9113 § 5.4.1", .end) { try $0.send(.ping([1, 2, 3, 4, 5, 6])) },
        Self("an acknowledgement of PING of 7 bytes", "9113 § 6.7", .connectionError([.frameSizeError])) {
            try $0.send(.ping([0, 0, 0, 0, 0, 0, 0], .ack))
        },
    ]

    private static func pingLength(_ count: Int) -> Self {
        Self("PING of \(count) bytes", "9113 § 6.7", .connectionError([.frameSizeError])) {
            try $0.send(.ping([UInt8](repeating: 0, count: count)))
        }
    }

    private static let goAways: [Self] = [
        Self("GOAWAY on a stream", "9113 § 6.8", .connectionError([.protocolError])) {
            try $0.send(HTTP2Frame(.goAway, .none, 1, UInt64(0).bigEndianBytes))
        },
        Self("GOAWAY of 7 bytes", "9113 § 4.2", .connectionError([.frameSizeError])) {
            try $0.send(HTTP2Frame(.goAway, .none, 0, [0, 0, 0, 0, 0, 0, 0]))
        },
        Self("GOAWAY", "9113 § 6.8", .goodbye) { try $0.send(.goAway(debug: "bye")) },
        Self("GOAWAY with an unknown code", "9113 § 7", .goodbye) { try $0.send(.goAway(0xff)) },
        Self("GOAWAY while a request is under way, which is finished", "9113 § 6.8", .goodbye) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.goAway(), .data(1, "a", .endStream))
            guard try client.response(on: 1).text == "POST / 1" else { throw TestError.invalid("\(client.response(1))") }
        },
    ]

    private static let continuations: [Self] = [
        Self("a head in HEADERS and one CONTINUATION", "9113 § 6.10", .answer(1)) { try $0.send($0.headInPieces(on: 1, 2)) },
        Self("a head in HEADERS and several CONTINUATION frames", "9113 § 6.10", .answer(1)) { try $0.send($0.headInPieces(on: 1, 6)) },
        // More of them than a head needs is a flood, for which a server has a limit.
        Self("a head in HEADERS and eight CONTINUATION frames", "9113 § 6.10", .answer(1)) { try $0.send($0.headInPieces(on: 1, 9)) },
        Self("HEADERS without a byte before its CONTINUATION", "9113 § 6.10", .answer(1)) { client in
            try client.send(.headers(1, [], .endStream), .continuation(1, client.getBlock))
        },
        Self("a last CONTINUATION without a byte", "9113 § 6.10", .answer(1)) { client in
            try client.send(.headers(1, client.getBlock, .endStream), .continuation(1, []))
        },
        Self("CONTINUATION behind HEADERS with END_HEADERS", "9113 § 6.10", .connectionError([.protocolError])) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.continuation(1, HPACKBlock(["x-a": "1"]).bytes(scheme: client.scheme)))
        },
        Self("CONTINUATION behind CONTINUATION with END_HEADERS", "9113 § 6.10", .connectionError([.protocolError])) { client in
            try client.send(client.headInPieces(HTTP2Client.post, on: 1, 2, endsStream: false))
            try client.send(.continuation(1, HPACKBlock(["x-a": "1"]).bytes(scheme: client.scheme)))
        },
        Self("CONTINUATION behind DATA", "9113 § 6.10", .connectionError([.protocolError])) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.data(1, "a"), .continuation(1, HPACKBlock(["x-a": "1"]).bytes(scheme: client.scheme)))
        },
        Self("CONTINUATION on stream 0 with nothing before it", "9113 § 6.10", .connectionError([.protocolError])) {
            try $0.send(.continuation(0, [0x82]))
        },
        Self("END_STREAM on CONTINUATION means nothing", "9113 § 6.10", .answer(1)) { client in
            let block = HPACKBlock(HTTP2Client.post).bytes(scheme: client.scheme)
            try client.send(
                .headers(1, Array(block.prefix(3)), .none), .continuation(1, Array(block.dropFirst(3)), [.endHeaders, .endStream]))
            try client.send(.data(1, "abc", .endStream))
            guard try client.response(on: 1).text == "POST / 3" else { throw TestError.invalid("\(client.response(1).text)") }
        },
    ]
}
