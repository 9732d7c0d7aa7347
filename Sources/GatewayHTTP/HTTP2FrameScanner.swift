import GatewayCore

/// Cuts what comes into frames, so that each can be judged before nghttp2 sees it.
struct HTTP2FrameScanner: Sendable {
    /// Bytes that go on as they come: of a frame that was judged, or of the client's preface.
    var passing: Int
    /// They are of a head.
    var isHeadPassing = false
    /// Bytes of a frame that nghttp2 shall not see.
    var dropping = 0
    /// The beginning of a frame that came in pieces.
    var held = InlineArray<16, UInt8>(repeating: 0)
    private(set) var heldCount = 0

    /// Whether a head has begun and its first frame has not ended.
    var isInsideHead: Bool { isHeadPassing && passing > 0 }

    /// What a client sends first (RFC 9113 § 3.4).
    private static let prefaceBytes = 24

    init(_ role: HTTP2Session.Role) {
        passing = role == .server ? Self.prefaceBytes : 0
    }

    /// The head of the frame at `position`, if all that it is judged by is there. Only without held bytes.
    @inline(__always)
    func head(_ input: RawSpan, at position: Int) -> HTTP2FrameHead? {
        let available = input.byteCount - position
        if heldCount > 0 || available < HTTP2FrameHead.byteCount { return nil }
        let head = HTTP2FrameHead(input, at: position)
        return available >= HTTP2FrameHead.byteCount + head.bytesToJudge ? head : nil
    }

    /// Takes bytes from `position` on, as many as are needed. Returns where it stopped, and the head if that is enough.
    mutating func hold(_ input: RawSpan, from position: Int) -> (Int, HTTP2FrameHead?) {
        var position = position
        while position < input.byteCount {
            held[heldCount] = input[byte: position]
            heldCount += 1
            position += 1
            if heldCount < HTTP2FrameHead.byteCount { continue }
            let head = HTTP2FrameHead(held.rawSpan, at: 0)
            if heldCount == HTTP2FrameHead.byteCount + head.bytesToJudge { return (position, head) }
        }
        return (position, nil)
    }

    /// Makes ready for the next frame. Returns how many bytes were held.
    mutating func letGo() -> Int {
        defer { heldCount = 0 }
        return heldCount
    }
}
