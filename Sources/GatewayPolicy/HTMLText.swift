import GatewayCore

/// Text inside of an HTML document, where nothing of it is markup.
public enum HTMLText {
    public static func append(_ text: RawSpan, to queue: inout ByteQueue) {
        for index in 0..<text.byteCount {
            let byte = text[byte: index]
            switch byte {
            case UInt8(ascii: "&"): queue.append("&amp;")
            case UInt8(ascii: "<"): queue.append("&lt;")
            case UInt8(ascii: ">"): queue.append("&gt;")
            case UInt8(ascii: "\""): queue.append("&quot;")
            case UInt8(ascii: "'"): queue.append("&#39;")
            case 0..<0x20, 0x7f: queue.append(" ")
            default: queue.append(byte)
            }
        }
    }

    /// Of the gateway's own words.
    public static func append(_ text: StaticString, to queue: inout ByteQueue) {
        let bytes = Array(text.description.utf8)
        append(bytes.rawSpan, to: &queue)
    }
}
