import COpenSSL
import GatewayCore

/// The nonce of a WebSocket handshake over HTTP/1.1, and what answers it (RFC 6455 §§ 4.1, 4.2.2).
public enum WebSocketKey {
    private static let guid: StaticString = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    private static let digestBytes = 20

    /// Appends the nonce of these 16 bytes.
    public static func append(_ high: UInt64, _ low: UInt64, to queue: inout ByteQueue) {
        queue.append(Base64.encode((0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> UInt64(56 - 8 * ($0 & 7))) }))
    }

    /// Whether `accept`, a Sec-WebSocket-Accept, answers the nonce of these bytes: its sender has read it as one.
    public static func isAnswered(_ high: UInt64, _ low: UInt64, by accept: RawSpan, _ pool: BufferPool) -> Bool {
        var text = ByteQueue(pool: pool)
        append(high, low, to: &text)
        text.append(guid)
        var digest = [UInt8](repeating: 0, count: digestBytes)
        unsafe text.bytes.withUnsafeBytes { source in
            _ = unsafe SHA1(source.baseAddress?.assumingMemoryBound(to: UInt8.self), source.count, &digest)
        }
        return accept.elementsEqual(Base64.encode(digest).rawSpan)
    }
}
