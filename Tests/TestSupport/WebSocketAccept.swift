import COpenSSL
import Foundation

/// What a server answers to a client's `Sec-WebSocket-Key` (RFC 6455 § 4.2.2).
public func webSocketAccept(_ key: String) -> String {
    let bytes = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
    var digest = [UInt8](repeating: 0, count: 20)
    SHA1(bytes, bytes.count, &digest)
    return Data(digest).base64EncodedString()
}
