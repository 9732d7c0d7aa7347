import TestSupport

extension Edge {
    /// A connection that speaks HTTP/2, its preface exchanged.
    func http2(_ transport: Transport = .plain, _ configure: (inout HTTP2Client.Options) -> Void = { _ in }) throws -> HTTP2Client {
        try .open(address(transport).connectHTTP2(), configure)
    }
}

extension HTTP2Client {
    /// Sends `count` bytes of the pattern from `start` on, as the windows allow.
    func sendPattern(_ count: Int, at start: Int = 0, on stream: UInt32, endsStream: Bool) throws {
        for offset in stride(from: 0, to: count, by: 1 << 18) {
            try sendData(Pattern.bytes(min(1 << 18, count - offset), at: start + offset), on: stream, endsStream: false, timeout: 60)
        }
        if endsStream { try send(.data(stream, "", .endStream)) }
    }
}
