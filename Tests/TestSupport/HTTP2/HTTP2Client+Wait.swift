/// What a test waits for. Every wait ends at its deadline, and at the connection's end.
extension HTTP2Client {
    /// Reads frames until `holds`.
    public func wait(_ what: String, timeout: Double = Deadline.defaultSeconds, _ holds: (HTTP2Client) throws -> Bool) throws {
        let deadline = Deadline(seconds: timeout)
        while try !holds(self) {
            do {
                guard try readFrame(until: deadline) else { throw TestError.ended("before \(what); \(summary)") }
            } catch TestError.timedOut {
                throw TestError.timedOut("\(what); \(summary)")
            }
        }
    }

    /// For messages: what has come.
    public var summary: String {
        let last = frames.suffix(8).map(\.description).joined(separator: ", ")
        return "goaway \(goAways.map { HTTP2Code(rawValue: $0.code).map { "\($0)" } ?? "?" }), ended \(ending != nil), last frames: \(last)"
    }

    public func response(_ stream: UInt32) -> HTTP2Response { responses[stream] ?? HTTP2Response() }

    /// What has come on `stream` does not count any more.
    public func forget(_ stream: UInt32) {
        responses[stream] = nil
    }

    /// The whole response on `stream`, or until the server has reset it.
    public func response(on stream: UInt32, timeout: Double = Deadline.defaultSeconds) throws -> HTTP2Response {
        try wait("the answer on stream \(stream)", timeout: timeout) { $0.response(stream).isOver }
        return response(stream)
    }

    public func head(on stream: UInt32, timeout: Double = Deadline.defaultSeconds) throws -> HTTP2Fields {
        try wait("a head on stream \(stream)", timeout: timeout) { $0.response(stream).head != nil || $0.response(stream).isOver }
        guard let head = response(stream).head else { throw TestError.invalid("no head on stream \(stream): \(response(stream))") }
        return head
    }

    /// At least so many bytes of content on `stream`.
    public func content(_ count: Int, on stream: UInt32, timeout: Double = Deadline.defaultSeconds) throws {
        try wait("\(count) bytes on stream \(stream)", timeout: timeout) {
            $0.response(stream).body.count >= count || $0.response(stream).isOver
        }
        guard response(stream).body.count >= count else { throw TestError.invalid("on stream \(stream): \(response(stream))") }
    }

    /// PING and its answer: whatever the server had to say to the frames before, it has said.
    public func ping(_ content: [UInt8] = Array("12345678".utf8)) throws {
        let count = pongs.count
        try send(.ping(content))
        try wait("an answer to PING") { $0.pongs.count > count }
        guard pongs.last == content else { throw TestError.invalid("PING's answer is \(pongs.last ?? [])") }
    }

    /// The server's RST_STREAM on `stream`, and its code.
    public func resetCode(of stream: UInt32, timeout: Double = Deadline.defaultSeconds) throws -> UInt32 {
        try wait("RST_STREAM on stream \(stream)", timeout: timeout) { $0.response(stream).resetCode != nil }
        return response(stream).resetCode ?? 0
    }

    /// The connection's end. Behind it stands what had come before.
    public func waitForEnd(timeout: Double = Deadline.defaultSeconds) throws {
        let deadline = Deadline(seconds: timeout)
        do {
            while try readFrame(until: deadline) {}
        } catch TestError.timedOut {
            throw TestError.timedOut("the connection's end; \(summary)")
        }
    }
}
