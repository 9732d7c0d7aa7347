import GatewayCore
import GatewayHTTP

/// Frames behind the beginning of a connection, to a server and to a client with a request out: nothing traps, what comes of them does not
/// depend on how they are cut, and a request that is accepted is one that HTTP/1 would have let pass.
enum HTTP2Fuzzing {
    private static let preface: [UInt8] = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    /// SETTINGS, and the answer to ours.
    private static let greeting: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]

    nonisolated(unsafe) private static let streams = try? HTTP2Streams(capacity: 4096, pool: FuzzTarget.pool)

    static func run(_ input: RawSpan) {
        for role in [HTTP2Session.Role.server, .client] {
            let whole = outcome(input, role, [input.byteCount])
            for cuts in Cuts(of: input) { precondition(outcome(input, role, cuts) == whole, "what comes of it depends on the cuts") }
        }
    }

    private static func outcome(_ input: RawSpan, _ role: HTTP2Session.Role, _ cuts: [Int]) -> Transcript {
        guard let streams, let session = HTTP2Session(role, connection: .none, streams: streams) else { preconditionFailure("no memory") }
        var output = ByteQueue(pool: FuzzTarget.pool)
        let now = MonotonicTime(nanoseconds: 1_000_000_000)
        if role == .client { ask(session) }
        session.send(into: &output, upTo: .max)
        output.removeAll()
        let begin = role == .server ? preface + greeting : greeting
        precondition(session.receive(begin.rawSpan, now: now), "a good beginning is refused")
        var start = 0
        for cut in cuts {
            if !session.receive(input.extracting(start..<cut), now: now) { break }
            start = cut
        }
        var transcript = Transcript()
        while let stream = session.nextEvent() { add(stream, of: streams, role, &transcript) }
        session.forEachStream { session.release($0) }
        session.send(into: &output, upTo: .max)
        // Windows open by what was taken when it came: only the errors are the same however the bytes did.
        transcript.add(session.failure.map { Int($0.type.rawValue) } ?? -1)
        transcript.add(session.failureCode.map { Int($0.rawValue) } ?? -1)
        transcript.add(session.flood.map { Int($0.rawValue) } ?? -1)
        session.close()
        precondition(session.streamCount == 0 && streams.slab.count == 0, "a stream is left behind")
        return transcript
    }

    private static func ask(_ session: HTTP2Session) {
        var lines = ByteQueue(pool: FuzzTarget.pool)
        lines.append("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        for endsStream in [true, false] {
            precondition(session.request(lines, isSecure: true, user: .none, endsStream: endsStream) != nil)
        }
    }

    private static func add(_ stream: Handle, of streams: HTTP2Streams, _ role: HTTP2Session.Role, _ transcript: inout Transcript) {
        switch role {
        case .server: streams.slab[stream].addRequest(to: &transcript)
        case .client: streams.slab[stream].addAnswers(to: &transcript)
        }
    }
}

extension HTTP2Stream {
    fileprivate mutating func addRequest(to transcript: inout Transcript) {
        if hasHead {
            var head = RequestHead(pool: FuzzTarget.pool)
            do throws(GatewayError) {
                try takeRequest(into: &head)
                precondition(head.isComplete && head.version == .http2)
                head.fields.check()
                Self.checkForwarded(head)
            } catch {
                // What came behind a good head may be refused.
            }
            transcript.add(head.methodBytes)
            transcript.add(head.target)
            transcript.add(head.authority)
            transcript.add(head.framing)
            transcript.add(head.fields)
        }
        addRest(to: &transcript)
    }

    fileprivate mutating func addAnswers(to transcript: inout Transcript) {
        while hasHead {
            var head = ResponseHead(pool: FuzzTarget.pool)
            do throws(GatewayError) {
                try takeResponse(into: &head)
                precondition(head.isComplete && (100...599).contains(head.status))
                head.fields.check()
            } catch {
                precondition(error.type == .upstreamInvalid)
            }
            transcript.add(head.status)
            transcript.add(head.fields)
        }
        addRest(to: &transcript)
    }

    private func addRest(to transcript: inout Transcript) {
        transcript.add(input.bytes)
        transcript.add(trailers)
        if error == nil { trailers.check() }
        transcript.add(hasInputEnded, isReset)
        transcript.add(error.map { Int($0.type.rawValue) } ?? -1)
        transcript.add(closedWith.map { Int($0) } ?? -1)
    }

    /// An origin of HTTP/1 reads one request, and the same one.
    private static func checkForwarded(_ head: borrowing RequestHead) {
        if head.connectProtocol.byteCount > 0 { return }
        var queue = ByteQueue(pool: FuzzTarget.pool)
        queue.append(head.methodBytes)
        queue.append(" ")
        queue.append(head.target)
        queue.append(" HTTP/1.1\r\nHost: ")
        queue.append(head.authority)
        queue.append("\r\n")
        for index in 0..<head.fields.count where head.fields.name(index) != .host { head.fields.appendLine(index, to: &queue) }
        if head.framing == .chunked { queue.append("Transfer-Encoding: chunked\r\n") }
        queue.append("\r\n")
        var again = RequestHead(pool: FuzzTarget.pool)
        var parser = HTTP1RequestParser()
        do throws(GatewayError) {
            let consumed = try parser.parse(queue.bytes, into: &again)
            precondition(consumed == queue.count || queue.count > Limits.headBytesMax, "the head ends elsewhere")
        } catch {
            // The line and the head have bytes in HTTP/1 that HTTP/2 does not count.
            let isTooLarge = error.type == .requestLineTooLong || error.type == .headTooLarge || error.type == .fieldsTooMany
            precondition(isTooLarge, "HTTP/1 refuses it")
            return
        }
        if !again.isComplete { return }
        precondition(again.method == head.method && again.framing == head.framing && again.hasQuery == head.hasQuery)
        precondition(again.target.elementsEqual(head.target) && again.hostname.elementsEqual(head.hostname))
        precondition(again.path.elementsEqual(head.path) && again.query.elementsEqual(head.query))
    }
}
