import GatewayCore
import GatewayHTTP

/// The verdict on a request's head is the same however its bytes arrive, and what is accepted means the same when it is written anew.
enum RequestFuzzing {
    static func run(_ input: RawSpan) {
        let whole = outcome(input, [input.byteCount])
        for cuts in Cuts(of: input) { precondition(outcome(input, cuts) == whole, "the verdict depends on the cuts") }
        guard case .parsed(let consumed, _) = whole else { return }
        precondition(outcome(input.extracting(0..<consumed), [consumed]) == whole, "the verdict depends on what follows")
        check(input.extracting(0..<consumed))
    }

    private static func outcome(_ input: RawSpan, _ cuts: [Int]) -> Outcome {
        var head = RequestHead(pool: FuzzTarget.pool)
        var parser = HTTP1RequestParser()
        for cut in cuts {
            do throws(GatewayError) {
                guard let consumed = try parser.parse(input.extracting(0..<cut), into: &head) else { continue }
                var transcript = meaning(&head)
                transcript.add(Int(head.fields.count))
                transcript.add(head.targetForm == .absolute, head.targetForm == .asterisk)
                return .parsed(consumed: consumed, transcript)
            } catch {
                return .refused(error.type)
            }
        }
        return .incomplete
    }

    /// What stays when the head is written in origin-form, with its authority as Host.
    private static func meaning(_ head: inout RequestHead) -> Transcript {
        var transcript = Transcript()
        transcript.add(head.methodBytes)
        transcript.add(Int(head.method.rawValue))
        transcript.add(head.target)
        transcript.add(head.query)
        transcript.add(head.authority)
        transcript.add(head.hostname)
        transcript.add(head.hasQuery, head.keepAlive, head.expectsContinue, head.asksUpgrade, head.version == .http11)
        transcript.add(head.framing)
        transcript.add(head.fields, without: .host)
        for mergesSlashes in [false, true] {
            let isNormal = normalise(&head, mergesSlashes)
            transcript.add(isNormal)
            if isNormal { transcript.add(head.path) }
        }
        return transcript
    }

    private static func normalise(_ head: inout RequestHead, _ mergesSlashes: Bool) -> Bool {
        do throws(GatewayError) {
            try head.normalisePath(mergeSlashes: mergesSlashes)
            return true
        } catch {
            precondition(error.type == .targetInvalid)
            return false
        }
    }

    // MARK: What an accepted head promises

    private static func check(_ input: RawSpan) {
        var head = RequestHead(pool: FuzzTarget.pool)
        parse(input, &head)
        precondition(head.isComplete && input.byteCount <= Limits.headBytesMax)
        head.fields.check()
        checkFraming(head)
        checkHost(head)
        checkPath(&head)
        checkRewritten(&head)
        checkForwarded(head)
    }

    private static func parse(_ input: RawSpan, _ head: inout RequestHead) {
        var parser = HTTP1RequestParser()
        do throws(GatewayError) {
            let consumed = try parser.parse(input, into: &head)
            precondition(consumed == input.byteCount, "the head ends elsewhere")
        } catch {
            preconditionFailure("refused: \(error.detail)")
        }
    }

    /// RFC 9112 § 6.3: nothing that another reader could frame in another way.
    private static func checkFraming(_ head: borrowing RequestHead) {
        let lengths = head.fields.count(of: .contentLength)
        let codings = head.fields.count(of: .transferEncoding)
        switch head.framing {
        case .none: precondition(lengths == 0 && codings == 0)
        case .chunked: precondition(lengths == 0 && codings == 1 && head.version == .http11)
        case .length(let length):
            precondition(lengths == 1 && codings == 0)
            guard let index = head.fields.firstIndex(of: .contentLength) else { preconditionFailure() }
            precondition(UInt64(head.fields.value(index).string) == length)
        case .untilClose: preconditionFailure("a request can't end with its connection")
        }
    }

    private static func checkHost(_ head: borrowing RequestHead) {
        let hosts = head.fields.count(of: .host)
        precondition(hosts == 1 || hosts == 0 && head.version == .http10)
        precondition(head.authority.byteCount > 0 || hosts == 0 && head.targetForm != .absolute)
        for index in 0..<head.hostname.byteCount {
            let byte = head.hostname[byte: index]
            precondition(byte > 0x20 && byte < 0x7f && !(0x41...0x5a).contains(byte), "a byte that no host has")
        }
    }

    private static func checkPath(_ head: inout RequestHead) {
        if head.targetForm == .asterisk { return }
        for mergesSlashes in [false, true] {
            var received = head.target.array
            if let query = received.firstIndex(of: UInt8(ascii: "?")) { received.removeSubrange(query...) }
            let expected = ReferencePath.canonical(received, mergesSlashes: mergesSlashes)
            let path = normalise(&head, mergesSlashes) ? head.path.array : nil
            precondition(path == expected, "not the canonical path")
        }
    }

    // MARK: Written anew

    /// In origin-form, every field as it was.
    private static func checkRewritten(_ head: inout RequestHead) {
        var queue = ByteQueue(pool: FuzzTarget.pool)
        appendRequestLine(head, head.version == .http11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n", &queue)
        if head.fields.firstIndex(of: .host) == nil && head.authority.byteCount > 0 {
            HTTP1Encoder.field("Host", head.authority, into: &queue)
        }
        for index in 0..<head.fields.count {
            if head.fields.name(index) == .host {
                HTTP1Encoder.field("Host", head.authority, into: &queue)
            } else {
                head.fields.appendLine(index, to: &queue)
            }
        }
        HTTP1Encoder.endLine(into: &queue)
        var again = RequestHead(pool: FuzzTarget.pool)
        parse(queue.bytes, &again)
        precondition(meaning(&again) == meaning(&head), "written anew it means something else")
    }

    /// As to an origin: without what was for one hop, with the framing that was understood.
    private static func checkForwarded(_ head: borrowing RequestHead) {
        var queue = ByteQueue(pool: FuzzTarget.pool)
        appendRequestLine(head, " HTTP/1.1\r\n", &queue)
        if head.authority.byteCount > 0 { HTTP1Encoder.field("Host", head.authority, into: &queue) } else { queue.append("Host: a\r\n") }
        for index in 0..<head.fields.count where !head.fields.isHopByHop(index) {
            switch head.fields.name(index) {
            case .host, .contentLength, .expect: continue
            default: head.fields.appendLine(index, to: &queue)
            }
        }
        switch head.framing {
        case .none, .untilClose: break
        case .chunked: queue.append("Transfer-Encoding: chunked\r\n")
        case .length(let length): HTTP1Encoder.field("Content-Length", decimal: length, into: &queue)
        }
        HTTP1Encoder.endLine(into: &queue)
        var again = RequestHead(pool: FuzzTarget.pool)
        parse(queue.bytes, &again)
        precondition(again.framing == head.framing && again.keepAlive && !again.asksUpgrade && !again.expectsContinue)
        precondition(again.target.elementsEqual(head.target) && again.methodBytes.elementsEqual(head.methodBytes))
        precondition(again.fields.count(of: .connection) == 0 && again.fields.count(of: .upgrade) == 0)
    }

    private static func appendRequestLine(_ head: borrowing RequestHead, _ version: StaticString, _ queue: inout ByteQueue) {
        queue.append(head.methodBytes)
        queue.append(" ")
        queue.append(head.target)
        queue.append(version)
    }
}
