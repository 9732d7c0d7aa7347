import Testing

/// What is sent behind the preface on a connection of its own, and the name under which it is counted.
struct HTTP2FloodCase: CustomTestStringConvertible, Sendable {
    let title: String
    let reason: String
    /// Whether requests are under way when it is stopped, which are logged with it. Others were reset before, and logged so.
    var hasRequests = false
    let bytes: @Sendable () -> [UInt8]

    var testDescription: String { title }

    // MARK: Frames (RFC 9113 § 6), by hand: no library would send these

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4)
    private static let endStream: UInt8 = 0x1
    private static let endHeaders: UInt8 = 0x4
    /// With :scheme http and :authority localhost; literals that leave the dynamic table alone (RFC 7541 § 6.2.2).
    private static let authority: [UInt8] = [0x86, 0x01, 9] + "localhost".utf8
    static let get: [UInt8] = [0x82, 0x84] + authority
    private static let post: [UInt8] = [0x83, 0x84] + authority

    static func get(path: String) -> [UInt8] { [0x82, 0x04, UInt8(path.utf8.count)] + path.utf8 + authority }

    static func frame(_ type: UInt8, _ flags: UInt8 = 0, _ stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        Array(number(UInt32(payload.count)).dropFirst()) + [type, flags] + number(stream) + payload
    }

    static func number(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func field(_ name: String, _ value: String) -> [UInt8] {
        [0, UInt8(name.utf8.count)] + name.utf8 + [UInt8(value.utf8.count)] + value.utf8
    }

    static func head(_ stream: UInt32, _ block: [UInt8] = get, ends: Bool = true) -> [UInt8] {
        frame(1, endHeaders | (ends ? endStream : 0), stream, block)
    }

    static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] { frame(8, 0, stream, number(increment)) }

    /// What `make` makes of the numbers of so many streams of a client.
    private static func streams(_ count: Int, _ make: (UInt32) -> [UInt8]) -> [UInt8] {
        (0..<count).flatMap { make(UInt32(2 * $0 + 1)) }
    }

    private static func times(_ count: Int, _ bytes: [UInt8]) -> [UInt8] { Array(repeating: bytes, count: count).flatMap { $0 } }

    // MARK: The floods

    /// Each is well beyond its budget, whatever that gets back meanwhile.
    static let all = [
        HTTP2FloodCase(title: "rapid reset (CVE-2023-44487)", reason: "rapid_reset") {
            streams(4000) { head($0) + frame(3, 0, $0, number(8)) }
        },
        HTTP2FloodCase(title: "windows that overflow (CVE-2025-8671)", reason: "provoked_reset") {
            streams(4000) { head($0, post, ends: false) + windowUpdate($0, 0x7fff_ffff) }
        },
        HTTP2FloodCase(title: "windows opened by nothing", reason: "provoked_reset") {
            streams(4000) { head($0, post, ends: false) + windowUpdate($0, 0) }
        },
        HTTP2FloodCase(title: "fields that must not be", reason: "provoked_reset") {
            streams(4000) { head($0, get + field("Upper", "x")) }
        },
        HTTP2FloodCase(title: "streams that depend on themselves", reason: "provoked_reset") {
            streams(4000) { head($0, post, ends: false) + frame(2, 0, $0, number($0) + [15]) }
        },
        HTTP2FloodCase(title: "content that is longer than its length", reason: "provoked_reset") {
            streams(4000) { head($0, post + field("content-length", "1"), ends: false) + frame(0, endStream, $0, [0, 0]) }
        },
        HTTP2FloodCase(title: "streams beyond those that are allowed", reason: "excess_streams", hasRequests: true) {
            streams(4000) { head($0, post, ends: false) }
        },
        HTTP2FloodCase(title: "CONTINUATION without end (CVE-2024-27316)", reason: "continuation") {
            frame(1, 0, 1, get) + times(100, frame(9, 0, 1, field("x", "y")))
        },
        HTTP2FloodCase(title: "empty CONTINUATION", reason: "continuation") { frame(1, 0, 1, get) + times(100, frame(9, 0, 1)) },
        HTTP2FloodCase(title: "SETTINGS", reason: "settings") { times(2000, frame(4)) },
        HTTP2FloodCase(title: "PING", reason: "unread_control") { times(20_000, frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])) },
        HTTP2FloodCase(title: "answers to no PING", reason: "ping") { times(20_000, frame(6, 1, 0, [1, 2, 3, 4, 5, 6, 7, 8])) },
        HTTP2FloodCase(title: "DATA without content (CVE-2019-9518)", reason: "empty_data", hasRequests: true) {
            head(1, post, ends: false) + times(4000, frame(0, 0, 1))
        },
        HTTP2FloodCase(title: "PRIORITY (CVE-2019-9513)", reason: "priority") { streams(10_000) { frame(2, 0, $0, number(0) + [15]) } },
        HTTP2FloodCase(title: "PRIORITY_UPDATE", reason: "priority") { times(10_000, frame(0x10, 0, 0, number(1) + "u=1".utf8)) },
        HTTP2FloodCase(title: "frames of unknown types", reason: "unknown_frame") { times(4000, frame(0x42, 0, 0, [1])) },
        HTTP2FloodCase(title: "DATA on a stream that we have reset", reason: "late_frame") {
            // The first is more than was announced, and the stream is reset for it.
            head(1, post + field("content-length", "1"), ends: false) + times(40_000, frame(0, 0, 1, [0, 0]))
        },
        HTTP2FloodCase(title: "WINDOW_UPDATE", reason: "window_update") { times(10_000, windowUpdate(0, 1)) },
        HTTP2FloodCase(title: "fields without values (CVE-2019-9516)", reason: "empty_field", hasRequests: true) {
            streams(200) { head($0, get + times(60, field("x", ""))) }
        },
        HTTP2FloodCase(title: "heads that unpack to 60 MB", reason: "hpack_bomb") {
            // 3900 bytes go to HPACK's table once; each byte behind them brings them back.
            let entry: [UInt8] = [0x40, 1, 120, 0x7f, 0xbd, 0x1d] + Array(repeating: 121, count: 3900)
            return streams(40) { head($0, get + entry + times(12_000, [0xbe])) }
        },
    ]
}
