import GatewayCore
import GatewayHTTP

/// The verdict on a response's head is the same however its bytes arrive, and what is accepted means the same when it is written anew.
enum ResponseFuzzing {
    static func run(_ input: RawSpan) {
        for method in [GatewayHTTP.Method.get, .head] {
            let whole = outcome(input, method, [input.byteCount])
            for cuts in Cuts(of: input) { precondition(outcome(input, method, cuts) == whole, "the verdict depends on the cuts") }
            guard case .parsed(let consumed, _) = whole else { return }
            precondition(outcome(input.extracting(0..<consumed), method, [consumed]) == whole, "the verdict depends on what follows")
            check(input.extracting(0..<consumed), method)
        }
    }

    private static func outcome(_ input: RawSpan, _ method: GatewayHTTP.Method, _ cuts: [Int]) -> Outcome {
        var head = ResponseHead(pool: FuzzTarget.pool)
        var parser = HTTP1ResponseParser(requestMethod: method)
        for cut in cuts {
            do throws(GatewayError) {
                guard let consumed = try parser.parse(input.extracting(0..<cut), into: &head) else { continue }
                var transcript = Transcript()
                transcript.add(head.status)
                transcript.add(head.reason)
                transcript.add(head.keepAlive, head.version == .http11)
                transcript.add(head.framing)
                transcript.add(head.fields)
                return .parsed(consumed: consumed, transcript)
            } catch {
                precondition(error.type == .upstreamInvalid)
                return .refused(error.type)
            }
        }
        return .incomplete
    }

    private static func check(_ input: RawSpan, _ method: GatewayHTTP.Method) {
        var head = ResponseHead(pool: FuzzTarget.pool)
        parse(input, method, &head)
        precondition(head.isComplete && input.byteCount <= Limits.headBytesMax && (100...599).contains(head.status))
        head.fields.check()
        checkFraming(head, method)
        checkForwarded(head, method)
    }

    private static func parse(_ input: RawSpan, _ method: GatewayHTTP.Method, _ head: inout ResponseHead) {
        var parser = HTTP1ResponseParser(requestMethod: method)
        do throws(GatewayError) {
            let consumed = try parser.parse(input, into: &head)
            precondition(consumed == input.byteCount, "the head ends elsewhere")
        } catch {
            preconditionFailure("refused: \(error.detail)")
        }
    }

    /// RFC 9112 § 6.3: nothing that another reader could frame in another way.
    private static func checkFraming(_ head: borrowing ResponseHead, _ method: GatewayHTTP.Method) {
        let lengths = head.fields.count(of: .contentLength)
        let codings = head.fields.count(of: .transferEncoding)
        precondition(lengths + codings <= 1)
        let hasNoBody = head.status < 200 || head.status == 204 || head.status == 304 || method == .head
        switch head.framing {
        case .none: precondition(hasNoBody)
        case .chunked: precondition(!hasNoBody && codings == 1 && head.version == .http11)
        case .length: precondition(!hasNoBody && lengths == 1)
        case .untilClose: precondition(!hasNoBody && lengths + codings == 0 && !head.keepAlive)
        }
    }

    /// As to a client: without what was for one hop, with the framing that was understood.
    private static func checkForwarded(_ head: borrowing ResponseHead, _ method: GatewayHTTP.Method) {
        var queue = ByteQueue(pool: FuzzTarget.pool)
        HTTP1Encoder.statusLine(head.status, reason: head.reason, into: &queue)
        var expected = Transcript()
        for index in 0..<head.fields.count where !head.fields.isHopByHop(index) {
            head.fields.appendLine(index, to: &queue)
            expected.add(head.fields.nameBytes(index))
            expected.add(head.fields.value(index))
            expected.add(false)
        }
        if head.framing == .chunked { queue.append("Transfer-Encoding: chunked\r\n") }
        HTTP1Encoder.endLine(into: &queue)
        var again = ResponseHead(pool: FuzzTarget.pool)
        parse(queue.bytes, method, &again)
        precondition(again.status == head.status && again.framing == head.framing)
        precondition(head.reason.byteCount == 0 || again.reason.elementsEqual(head.reason))
        var fields = Transcript()
        fields.add(again.fields, without: .transferEncoding)
        precondition(fields == expected, "written anew it means something else")
    }
}
