import GatewayCore
import GatewayHTTP
import Testing

/// What became of the bytes of a request, copied out, so that outcomes of different ways to feed them can be compared.
enum RequestOutcome: Equatable {
    case parsed(ParsedRequest)
    case incomplete
    case refused(ErrorType)
}

struct ParsedField: Equatable {
    var name: FieldName
    var nameBytes: String
    var value: [UInt8]
    var isHopByHop: Bool
}

struct ParsedRequest: Equatable {
    var consumed: Int
    var method: Method
    var methodBytes: String
    var version: HTTPVersion
    var targetForm: TargetForm
    var target: String
    var path: String
    var query: String
    var hasQuery: Bool
    var authority: String
    var hostname: String
    var framing: BodyFraming
    var keepAlive: Bool
    var expectsContinue: Bool
    var fields: [ParsedField]
    /// Of normalisePath(mergeSlashes: true): the path, or the refusal.
    var merged: String
    var unmerged: String

    init(_ consumed: Int, _ head: inout RequestHead) {
        self.consumed = consumed
        method = head.method
        methodBytes = head.methodBytes.string
        version = head.version
        targetForm = head.targetForm
        target = head.target.string
        path = head.path.string
        query = head.query.string
        hasQuery = head.hasQuery
        authority = head.authority.string
        hostname = head.hostname.string
        framing = head.framing
        keepAlive = head.keepAlive
        expectsContinue = head.expectsContinue
        fields = (0..<head.fields.count).map { i in
            ParsedField(
                name: head.fields.name(i), nameBytes: head.fields.nameBytes(i).string, value: head.fields.value(i).array,
                isHopByHop: head.fields.isHopByHop(i))
        }
        unmerged = Self.normalised(&head, mergeSlashes: false)
        merged = Self.normalised(&head, mergeSlashes: true)
    }

    private static func normalised(_ head: inout RequestHead, mergeSlashes: Bool) -> String {
        do throws(GatewayError) {
            try head.normalisePath(mergeSlashes: mergeSlashes)
            return head.path.string
        } catch {
            return "\(error.type)"
        }
    }

    func value(_ name: String) -> String? {
        fields.first { $0.nameBytes.lowercased() == name }.map { String(decoding: $0.value, as: UTF8.self) }
    }
}

/// Feeds `bytes` to a parser, which sees the first `cuts[0]` bytes, then the first `cuts[1]`, and so on, and all at last.
func outcome(_ bytes: [UInt8], cuts: [Int] = []) -> RequestOutcome {
    withPool { outcome(bytes, cuts, $0) }
}

private func outcome(_ bytes: [UInt8], _ cuts: [Int], _ pool: BufferPool) -> RequestOutcome {
    var head = RequestHead(pool: pool)
    var parser = HTTP1RequestParser()
    for cut in cuts + [bytes.count] {
        do throws(GatewayError) {
            if let consumed = try parser.parse(bytes.rawSpan.extracting(0..<cut), into: &head) {
                return .parsed(ParsedRequest(consumed, &head))
            }
        } catch {
            return .refused(error.type)
        }
    }
    return .incomplete
}

/// The outcome of `text`, the same however it is cut.
func outcome(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) -> RequestOutcome {
    cutOutcome(Array(text.utf8), sourceLocation: sourceLocation)
}

func cutOutcome(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) -> RequestOutcome {
    let whole = outcome(bytes)
    let bytewise = outcome(bytes, cuts: Array(0..<bytes.count))
    #expect(bytewise == whole, "one byte at a time", sourceLocation: sourceLocation)
    for cut in 0..<bytes.count {
        let split = outcome(bytes, cuts: [cut])
        if split != whole { Issue.record("cut at \(cut): \(split) instead of \(whole)", sourceLocation: sourceLocation) }
    }
    if case .parsed = whole {
        let followed = outcome(bytes + Array("\u{0}garbage\n\r\n".utf8))
        #expect(followed == whole, "with bytes behind it", sourceLocation: sourceLocation)
    }
    return whole
}

/// The request that `text` must be.
func parsed(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> ParsedRequest {
    guard case .parsed(let request) = outcome(text, sourceLocation: sourceLocation) else {
        Issue.record("\(outcome(text)) for \(text.debugDescription)", sourceLocation: sourceLocation)
        throw NotParsed()
    }
    return request
}

struct NotParsed: Error {}

/// A request that is right but for what a test puts in.
func request(_ line: String = "GET / HTTP/1.1", host: String? = "Host: a.example", _ fields: String...) -> String {
    ([line] + (host.map { [$0] } ?? []) + fields).map { $0 + "\r\n" }.joined() + "\r\n"
}
