import NIOCore
import NIOHTTP1

/// A response whose body is made piece by piece, as fast as the client takes it.
struct Answer {
    var status: HTTPResponseStatus
    var fields: HTTPHeaders
    /// In bytes; nil for a body that ends when its pieces do (chunked).
    var length: Int?
    var pieces: AnyIterator<ByteBuffer>
    /// Between two pieces. Each is flushed on its own when there is one.
    var interval = Delay(milliseconds: 0)
    /// Whether each piece is its own write: an event that waits is an event that is late.
    var flushesEachPiece = false

    init(_ status: HTTPResponseStatus = .ok, type: String, bytes: ByteBuffer) {
        self.status = status
        fields = ["Content-Type": type]
        length = bytes.readableBytes
        pieces = AnyIterator(CollectionOfOne(bytes).makeIterator())
    }

    init(_ status: HTTPResponseStatus = .ok, text: String) {
        self.init(status, type: "text/plain; charset=utf-8", bytes: ByteBuffer(string: text))
    }

    init(_ status: HTTPResponseStatus = .ok, json: JSON) {
        self.init(status, type: "application/json", bytes: ByteBuffer(string: json.description))
    }

    /// `length` bytes of `pattern`, over and over, never more than a slice of it at a time.
    init(repeating pattern: ByteBuffer, length: Int) {
        status = .ok
        fields = ["Content-Type": "application/octet-stream"]
        self.length = length
        var left = length
        pieces = AnyIterator {
            guard left > 0, let piece = pattern.getSlice(at: pattern.readerIndex, length: min(left, pattern.readableBytes)) else {
                return nil
            }
            left -= piece.readableBytes
            return piece
        }
    }

    /// A stream of server-sent events (HTML Living Standard § 9.2).
    init(events: some Sequence<ServerSentEvent>, every interval: Delay) {
        status = .ok
        fields = ["Content-Type": "text/event-stream", "Cache-Control": "no-cache"]
        var rest = events.makeIterator()
        pieces = AnyIterator { rest.next().map { ByteBuffer(string: $0.text) } }
        self.interval = interval
        flushesEachPiece = true
    }
}

struct ServerSentEvent {
    let text: String

    init(name: String? = nil, data: String) {
        text = (name.map { "event: \($0)\n" } ?? "") + "data: \(data)\n\n"
    }

    init(name: String? = nil, _ json: JSON) {
        self.init(name: name, data: json.description)
    }
}
