import TestSupport

/// The connection's preface and what holds for all frames (RFC 9113 §§ 3.4, 4, 5.4, 5.5).
extension ConformanceRow {
    static let starts: [Self] = prefaces + frameHeads + frameSizes + fieldBlocks

    private static let prefaces: [Self] = [
        Self("the server's preface is SETTINGS, and comes first", "9113 § 3.4", .nothing) { client in
            guard client.frames.first?.kind == .settings else { throw TestError.invalid("first came \(client.frames)") }
        },
        .fromStart("the client's preface and a request in one piece, before the server's preface", "9113 § 3.4", .answer(1)) { client in
            try client.send([.settings(), .headers(1, client.getBlock, [.endHeaders, .endStream])], behind: HTTP2Client.preface)
        },
        .fromStart("the preface byte by byte", "9113 § 3.4", .nothing) { client in
            try client.connection.sendBytewise(HTTP2Client.preface)
            try client.send(.settings())
            try client.wait("the acknowledgement") { $0.settingsAcks == 1 }
        },
        .fromStart("SETTINGS of the preface byte by byte", "9113 § 3.4", .nothing) { client in
            try client.connection.send(HTTP2Client.preface)
            try client.sendBytewise(.settings([HTTP2Setting.enablePush: 0]))
            try client.wait("the acknowledgement") { $0.settingsAcks == 1 }
        },
        .fromStart("another text for the preface", "9113 § 3.4", .end) { try $0.connection.send("INVALID CONNECTION PREFACE\r\n\r\n") },
        .fromStart("a preface whose last byte is another", "9113 § 3.4", .end) {
            try $0.connection.send(HTTP2Client.preface.dropLast() + [0] + HTTP2Frame.settings().bytes)
        },
        .fromStart("frames without a preface", "9113 § 3.4", .end) { client in
            try client.connection.send(
                HTTP2Frame.settings().bytes + HTTP2Frame.headers(1, client.getBlock, [.endHeaders, .endStream]).bytes)
        },
        .fromStart("the preface of a draft", "9113 § 3.4", .end) { try $0.connection.send("PRI * HTTP/2.0\r\n\r\nBA\r\n\r\n") },
        .fromStart("PING for the preface's SETTINGS", "9113 § 3.4", .connectionError([.protocolError])) { client in
            try client.connection.send(HTTP2Client.preface)
            try client.send(.ping())
        },
        .fromStart("HEADERS for the preface's SETTINGS", "9113 § 3.4", .connectionError([.protocolError])) { client in
            try client.connection.send(HTTP2Client.preface)
            try client.sendHead(.get, on: 1)
        },
        .fromStart("an acknowledgement for the preface's SETTINGS", "9113 § 3.4", .connectionError([.protocolError])) { client in
            try client.connection.send(HTTP2Client.preface)
            try client.send(.settingsAck)
        },
        Self("the preface once more", "9113 § 4.2", .connectionError([.frameSizeError, .protocolError])) {
            try $0.connection.send(HTTP2Client.preface)
        },
    ]

    private static let frameHeads: [Self] = [
        Self("a frame of an unknown type", "9113 § 4.1", .nothing) {
            try $0.send(HTTP2Frame(type: 0x16, .none, 0, Array("abcdefgh".utf8)))
        },
        Self("a frame of an unknown type with all flags", "9113 § 4.1", .nothing) {
            try $0.send(HTTP2Frame(type: 0xff, HTTP2Frame.Flags(rawValue: 0xff), 0, []))
        },
        Self("a frame of an unknown type on an idle stream", "9113 § 4.1", .nothing) { try $0.send(HTTP2Frame(type: 0x16, .none, 1, [1])) },
        Self("a frame of an unknown type on an open stream", "9113 § 4.1", .answer(1)) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(HTTP2Frame(type: 0x16, .none, 1, [1, 2, 3]), .data(1, "a", .endStream))
        },
        Self("a frame of an unknown type on a closed stream", "9113 § 5.5", .nothing) { client in
            try client.closeNormally(1)
            try client.send(HTTP2Frame(type: 0x16, .none, 1, [1]))
        },
        Self("the largest frame of an unknown type", "9113 § 4.2", .nothing) {
            try $0.send(HTTP2Frame(type: 0x16, .none, 0, [UInt8](repeating: 7, count: 16_384)))
        },
        Self("a frame of an unknown type within a field block", "9113 § 5.5", .connectionError([.protocolError])) { client in
            let pieces = client.headInPieces(on: 1, 2)
            try client.send(pieces[0], HTTP2Frame(type: 0x16, .none, 0, [1]), pieces[1])
        },
        Self("flags that PING does not define", "9113 § 4.1", .nothing) { client in
            try client.send(.ping(Array("flagging".utf8), HTTP2Frame.Flags(rawValue: 0x16)))
            try client.wait("the answer") { $0.pongs == [Array("flagging".utf8)] }
        },
        Self("flags that HEADERS does not define", "9113 § 4.1", .answer(1)) { client in
            try client.send(.headers(1, client.getBlock, [.endHeaders, .endStream, HTTP2Frame.Flags(rawValue: 0xd2 & ~0x08)]))
        },
        Self("flags that DATA does not define", "9113 § 4.1", .answer(1)) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.data(1, "a", [.endStream, HTTP2Frame.Flags(rawValue: 0xf6)]))
        },
        Self("flags that SETTINGS does not define", "9113 § 4.1", .nothing) { client in
            try client.send(HTTP2Frame(.settings, HTTP2Frame.Flags(rawValue: 0xfe), 0, []))
            try client.wait("the acknowledgement") { $0.settingsAcks == 2 }
        },
        Self("flags that WINDOW_UPDATE does not define", "9113 § 4.1", .nothing) {
            try $0.send(HTTP2Frame(.windowUpdate, HTTP2Frame.Flags(rawValue: 0xff), 0, UInt32(1).bigEndianBytes))
        },
        Self("flags that RST_STREAM does not define", "9113 § 4.1", .nothing) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(HTTP2Frame(.resetStream, HTTP2Frame.Flags(rawValue: 0xff), 1, UInt32(8).bigEndianBytes))
        },
        Self("the reserved bit of PING", "9113 § 4.1", .nothing) { client in
            try client.send(HTTP2Frame(.ping, .none, 1 << 31, Array("reserved".utf8)))
            try client.wait("the answer") { $0.pongs == [Array("reserved".utf8)] }
        },
        Self("the reserved bit of HEADERS", "9113 § 4.1", .answer(1)) { client in
            try client.send(.headers(1 | 1 << 31, client.getBlock, [.endHeaders, .endStream]))
        },
    ]

    private static let frameSizes: [Self] = [
        Self("DATA of 16384 bytes", "9113 § 4.2", .answer(1)) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.data(1, [UInt8](repeating: 97, count: 16_384), .endStream))
        },
        Self("DATA of 16385 bytes", "9113 § 4.2", .eitherError(1, [.frameSizeError])) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.data(1, [UInt8](repeating: 97, count: 16_385), .endStream))
        },
        Self("HEADERS of 16385 bytes", "9113 § 4.2", .connectionError([.frameSizeError])) { client in
            let block = client.getBlock + HPACKBlock(["x-long": String(repeating: "a", count: 17_000)]).bytes(scheme: client.scheme)
            try client.send(.headers(1, Array(block.prefix(16_385)), .endStream), .continuation(1, Array(block.dropFirst(16_385))))
        },
        Self("CONTINUATION of 16385 bytes", "9113 § 4.2", .connectionError([.frameSizeError])) { client in
            let block = client.getBlock + HPACKBlock(["x-long": String(repeating: "a", count: 17_000)]).bytes(scheme: client.scheme)
            let rest = Array(block.dropFirst(block.count - 16_385))
            try client.send(.headers(1, Array(block.prefix(block.count - 16_385)), .endStream), .continuation(1, rest))
        },
        Self("SETTINGS of more than 16384 bytes", "9113 § 4.2", .connectionError([.frameSizeError])) { client in
            let setting = UInt16(0x99).bigEndianBytes + UInt32(1).bigEndianBytes
            try client.send(HTTP2Frame(.settings, .none, 0, Array((0..<2732).map { _ in setting }.joined())))
        },
        Self("an unknown frame of 16385 bytes on stream 0", "9113 § 4.2", .connectionError([.frameSizeError])) {
            try $0.send(HTTP2Frame(type: 0x16, .none, 0, [UInt8](repeating: 0, count: 16_385)))
        },
        Self("GOAWAY of 16385 bytes", "9113 § 4.2", .connectionError([.frameSizeError])) {
            try $0.send(.goAway(debug: String(repeating: "a", count: 16_377)))
        },
        Self("a frame head that announces 16 MB", "9113 § 4.2", .connectionError([.frameSizeError])) {
            try $0.send(HTTP2Frame(.settings, .none, 0, [], claimedLength: 0xff_fffa))
        },
    ]

    private static let fieldBlocks: [Self] = [
        Self("a field block that ends within a field", "9113 § 4.3", .connectionError([.compressionError])) { client in
            try client.send(.headers(1, Array(client.getBlock.dropLast()), [.endHeaders, .endStream]))
        },
        Self("a field block that ends within a length", "9113 § 4.3", .connectionError([.compressionError])) { client in
            try client.send(.headers(1, client.getBlock + [0x00, 0x7f, 0x80], [.endHeaders, .endStream]))
        },
        Self("a field block that is no HPACK", "9113 § 4.3", .connectionError([.compressionError])) { client in
            try client.send(.headers(1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [.endHeaders, .endStream]))
        },
        Self("trailers that are no HPACK", "9113 § 4.3", .connectionError([.compressionError])) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.headers(1, [0x80], [.endHeaders, .endStream]))
        },
        Self(
            "a field block that is no HPACK on a stream that the client has reset", "9113 § 4.3",
            .connectionError([.compressionError, .streamClosed])
        ) {
            client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.resetStream(1), .headers(1, [0x80], [.endHeaders, .endStream]))
        },
        within("PRIORITY", .priority(1)), within("PRIORITY on another stream", .priority(3)), within("PING", .ping()),
        within("SETTINGS", .settings()), within("an acknowledgement of settings", .settingsAck),
        within("WINDOW_UPDATE", .windowUpdate(0, 1)), within("DATA", .data(1, "a")), within("RST_STREAM", .resetStream(1)),
        within("GOAWAY", .goAway()), within("another HEADERS on its stream", .headers(1, [0x82])),
        within("HEADERS on another stream", .headers(3, [0x82])),
        within("CONTINUATION on another stream", .continuation(3, [0x82])),
        within("CONTINUATION on stream 0", .continuation(0, [0x82])),
        Self("PRIORITY behind a CONTINUATION without END_HEADERS", "9113 § 6.10", .connectionError([.protocolError])) { client in
            let pieces = client.headInPieces(on: 1, 3)
            try client.send(pieces[0], pieces[1], .priority(1), pieces[2])
        },
        Self("PING within trailers", "9113 § 6.10", .connectionError([.protocolError])) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            let pieces = client.headInPieces(["x-a": "1", "x-b": "2"], on: 1, 2)
            try client.send(pieces[0], .ping(), pieces[1])
        },
    ]

    /// A frame between HEADERS and its CONTINUATION.
    private static func within(_ name: String, _ frame: HTTP2Frame) -> Self {
        Self("\(name) within a field block", "9113 § 6.2", .connectionError([.protocolError])) { client in
            let pieces = client.headInPieces(on: 1, 2)
            try client.send(pieces[0], frame, pieces[1])
        }
    }
}
