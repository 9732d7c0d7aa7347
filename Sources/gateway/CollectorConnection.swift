import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayProxy
import GatewayTelemetry

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
    /// The head of the request.
    var output: ByteQueue
    /// How far the spans behind it are written: so many batches, and of the next one so many bytes.
    private var written = (batches: 0, bytes: 0)
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

    /// Writes what the socket takes of the head and of the spans behind it.
    mutating func write(_ batches: [SpanQueue.Batch]) {
        while stream.canWrite, !output.isEmpty {
            guard case .moved = stream.write(from: &output) else { return }
        }
        while stream.canWrite, written.batches < batches.count {
            let batch = batches[written.batches].bytes
            guard case .moved(let count) = stream.write(batch.rawSpan.extracting(written.bytes...)) else { return }
            written.bytes += count
            if written.bytes == batch.count { written = (written.batches + 1, 0) }
        }
    }

    /// Whether all of the request is written, which has so many batches.
    func hasWritten(_ count: Int) -> Bool { output.isEmpty && written.batches == count }

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

    /// What the answer's content says, as far as it has come.
    var rejectedSpans: Int { SpanAnswer.rejectedSpans(in: input.bytes) }

    /// Ready for another request.
    mutating func rest() {
        state = .idle
        isReused = true
        written = (0, 0)
        deadline = .never
        input.removeAll()
        head.removeAll()
        parser = HTTP1ResponseParser(requestMethod: .post)
        interimResponses = 0
    }
}
