import GatewayCore
import GatewayHTTP
import GatewayNet

/// One check under way: a connection of its own, as a client's first request would have.
struct HealthProbe: ~Copyable {
    enum State { case connecting, handshaking, exchanging }

    /// Which of the addresses is asked.
    let target: HealthTarget
    var stream: Stream
    var state = State.connecting
    var input: ByteQueue
    var output: ByteQueue
    var parser = HTTP1ResponseParser(requestMethod: .get)
    var head: ResponseHead
    private var interimResponses = 0
    /// nil over HTTP/1.1.
    var session: HTTP2Session?
    var request = Handle.none
    let startedAt: MonotonicTime
    let deadline: MonotonicTime

    init(_ target: HealthTarget, stream: consuming Stream, pool: BufferPool, now: MonotonicTime) {
        self.target = target
        self.stream = stream
        input = ByteQueue(pool: pool)
        output = ByteQueue(pool: pool)
        head = ResponseHead(pool: pool)
        startedAt = now
        deadline = now.adding(milliseconds: target.settings.rules.timeoutMs)
    }

    // MARK: HTTP/1.1

    /// The final status, as soon as it is there.
    mutating func readStatus() throws(GatewayError) -> Int? {
        while let length = try Self.parse(input, &parser, &head) {
            input.consume(length)
            if head.status >= 200 { return head.status }
            try dropInterim()
        }
        return nil
    }

    private mutating func dropInterim() throws(GatewayError) {
        head.removeAll()
        interimResponses += 1
        if interimResponses > Limits.interimResponsesMax { throw GatewayError(.upstreamInvalid, "too many interim responses") }
    }

    private static func parse(
        _ input: borrowing ByteQueue, _ parser: inout HTTP1ResponseParser, _ head: inout ResponseHead
    ) throws(GatewayError) -> Int? {
        if input.isEmpty { return nil }
        return try parser.parse(input.bytes, into: &head)
    }

    // MARK: HTTP/2

    mutating func receive(_ session: HTTP2Session, now: MonotonicTime) -> Bool {
        let isWell = session.receive(input.bytes, now: now)
        input.removeAll()
        return isWell
    }

    mutating func send(_ session: HTTP2Session) {
        session.send(into: &output, upTo: Limits.outputHighBytes)
    }

    /// The final status of what came on the stream; nil if it is still to come.
    mutating func readStatus(_ stream: inout HTTP2Stream) throws(GatewayError) -> Int? {
        while stream.hasHead {
            try stream.takeResponse(into: &head)
            if head.status >= 200 { return head.status }
            try dropInterim()
        }
        return nil
    }
}
