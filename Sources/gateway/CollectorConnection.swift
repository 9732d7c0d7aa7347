import GatewayCore
import GatewayHTTP
import GatewayNet

/// A connection to the collector: one request at a time, kept for the next.
struct CollectorConnection: ~Copyable {
    enum State { case connecting, handshaking, sending, idle }

    /// Whom it leads to. What is for another needs another connection.
    struct Peer: Equatable {
        let host: String
        let port: UInt16
        /// ``TLSOrigin/identity``; nil without TLS.
        let tls: String?
    }

    let peer: Peer
    var stream: Stream
    var state = State.connecting
    var input: ByteQueue
    var output: ByteQueue
    var parser = HTTP1ResponseParser(requestMethod: .post)
    var head: ResponseHead
    private var interimResponses = 0
    /// Of the request that is under way; never while it is idle.
    var deadline = MonotonicTime.never
    /// It has carried a request before: one that has died by now says nothing of the collector.
    var isReused = false

    init(_ peer: Peer, stream: consuming Stream, pool: BufferPool) {
        self.peer = peer
        self.stream = stream
        input = ByteQueue(pool: pool)
        output = ByteQueue(pool: pool)
        head = ResponseHead(pool: pool)
    }

    /// Whether the final head is there; interim ones are passed over.
    mutating func readHead() throws(GatewayError) -> Bool {
        if head.isComplete { return true }
        while let length = try Self.parse(input, &parser, &head) {
            input.consume(length)
            if head.status >= 200 { return true }
            head.removeAll()
            interimResponses += 1
            if interimResponses > Limits.interimResponsesMax { throw GatewayError(.upstreamInvalid, "too many interim responses") }
        }
        return false
    }

    private static func parse(
        _ input: borrowing ByteQueue, _ parser: inout HTTP1ResponseParser, _ head: inout ResponseHead
    ) throws(GatewayError) -> Int? {
        if input.isEmpty { return nil }
        return try parser.parse(input.bytes, into: &head)
    }

    /// How long the collector wants to be left alone (RFC 9110 § 10.2.3), in milliseconds; nil if it doesn't say, or says a date.
    var retryAfterMs: Int? {
        guard let index = head.fields.firstIndex(of: .retryAfter), head.fields.value(index).byteCount <= 6 else { return nil }
        var seconds = 0
        for position in 0..<head.fields.value(index).byteCount {
            let byte = head.fields.value(index)[byte: position]
            guard 0x30...0x39 ~= byte else { return nil }
            seconds = seconds * 10 + Int(byte - 0x30)
        }
        return head.fields.value(index).byteCount == 0 ? nil : seconds * 1000
    }

    /// Ready for another request.
    mutating func rest() {
        state = .idle
        isReused = true
        deadline = .never
        input.removeAll()
        head.removeAll()
        parser = HTTP1ResponseParser(requestMethod: .post)
        interimResponses = 0
    }
}
