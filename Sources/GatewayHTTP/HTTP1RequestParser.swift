import GatewayCore

/// Reads the head of an HTTP/1.1 request (RFC 9112 §§ 2–6). What is malformed or ambiguous is refused, never repaired.
///
/// After a head is complete the parser is ready for the next one; after an error it must be replaced.
public struct HTTP1RequestParser: Sendable {
    /// Empty lines before a request line that are overlooked: old clients send one behind a body (RFC 9112 § 2.2).
    private static let emptyLinesMax = 4
    /// "HTTP/1.1" as a little-endian number.
    private static let http11: UInt64 = 0x312e_312f_5054_5448
    /// "GET " and "POST " likewise.
    private static let get: UInt64 = 0x2054_4547
    private static let post: UInt64 = 0x20_5453_4f50

    private var lines = FieldSection()
    private var hasRequestLine = false
    /// The host of an absolute-form's authority.
    private var authority: Authority?
    /// What stays from head to head.
    private var lastHost = LastHost()

    public init() {}

    /// Reads on. `input` begins with the first byte of the head each time, with what was there before and perhaps more.
    ///
    /// Returns how many bytes the head has, empty lines before it included, for the caller to consume; nil if more is needed.
    /// `head` must be empty at the first call for a message, and the same at the following ones.
    ///
    /// Throws `requestLineInvalid`, `targetInvalid`, `fieldInvalid`, `hostInvalid`, `framingInvalid`, `versionUnsupported`,
    /// `transferCodingUnsupported`, `methodUnsupported`, `expectationUnsupported`, `requestLineTooLong`, `headTooLarge` or
    /// `fieldsTooMany`. The connection must be closed behind the answer: where the next request would begin is not known.
    public mutating func parse(_ input: RawSpan, into head: inout RequestHead) throws(GatewayError) -> Int? {
        if !lines.mayContinue(input) {
            try waitForMore(input)
            return nil
        }
        if !hasRequestLine, try !beginsLine(input) { return nil }
        do throws(GatewayError) {
            if !hasRequestLine, try !parseRequestLine(input, &head) {
                try waitForMore(input)
                return nil
            }
            guard let end = try lines.parse(input, into: &head.fields) else {
                try waitForMore(input)
                return nil
            }
            try complete(input, end, &head)
            lines = FieldSection()
            hasRequestLine = false
            authority = nil
            return end
        } catch {
            return try judge(error, input, &head)
        }
    }

    /// An error within a line that is not complete yet waits for the rest of it: the verdict shall not depend on the cut.
    @inline(never)
    private mutating func judge(_ error: GatewayError, _ input: RawSpan, _ head: inout RequestHead) throws(GatewayError) -> Int? {
        guard let lineEnd = input.firstIndex(of: .lineFeed, from: lines.position) else {
            try waitForMore(input)
            return nil
        }
        if head.fields.storage.isEmpty { head.fields.storage.append(input.extracting(0..<lines.position)) }
        if !hasRequestLine && lineEnd - lines.position > Limits.requestLineBytesMax + 1 { throw Self.lineTooLong }
        if lineEnd >= Limits.headBytesMax { throw GatewayError(.headTooLarge, "the head is too large") }
        throw error
    }

    private mutating func waitForMore(_ input: RawSpan) throws(GatewayError) {
        if !hasRequestLine && input.byteCount - lines.position > Limits.requestLineBytesMax + 1 { throw Self.lineTooLong }
        try lines.waitForMore(input)
    }

    private static var lineTooLong: GatewayError { GatewayError(.requestLineTooLong, "the request line is too long") }

    @inline(__always)
    private mutating func beginsLine(_ input: RawSpan) throws(GatewayError) -> Bool {
        if lines.position < input.byteCount, ByteClass.isToken(input[byte: lines.position]) { return true }
        return try skipEmptyLines(input)
    }

    /// Whether a request line begins. What cannot be one is refused at its first byte: it may never have a line's end.
    @inline(never)
    private mutating func skipEmptyLines(_ input: RawSpan) throws(GatewayError) -> Bool {
        while lines.position < input.byteCount {
            let byte = input[byte: lines.position]
            if ByteClass.isToken(byte) { return true }
            if byte == 0x16 { throw GatewayError(.requestLineInvalid, "a TLS handshake came on a port for plain HTTP") }
            if byte != .carriageReturn { throw GatewayError(.requestLineInvalid, "the request line does not begin with a method") }
            if lines.position + 1 == input.byteCount { return false }
            if input[byte: lines.position + 1] != .lineFeed { throw GatewayError(.requestLineInvalid, "a CR stands alone") }
            lines.position += 2
            if lines.position > 2 * Self.emptyLinesMax {
                throw GatewayError(.requestLineInvalid, "there are too many empty lines before the request line")
            }
        }
        return false
    }

    /// Whether the whole line was there. Nothing is kept of one that was not.
    @inline(__always)
    private mutating func parseRequestLine(_ input: RawSpan, _ head: inout RequestHead) throws(GatewayError) -> Bool {
        let start = lines.position
        guard let (method, i) = try Self.parseMethod(input, at: start) else { return false }
        guard let target = try RequestTarget.parse(input, at: i + 1, method) else { return false }
        guard let (version, end) = try Self.parseVersion(input, at: target.end + 1) else { return false }
        if end - 2 - start > Limits.requestLineBytesMax { throw Self.lineTooLong }
        if target.form == .absolute { authority = try Authority.parse(input.extracting(target.authority), .targetInvalid) }

        head.parts.method = method
        head.parts.methodBytes = ByteRange(start..<i)
        head.parts.version = version
        head.setTarget(target)
        lines.position = end
        hasRequestLine = true
        return true
    }

    /// The method at `start`, and where the space behind it is; nil if the input ends before that.
    @inline(__always)
    private static func parseMethod(_ input: RawSpan, at start: Int) throws(GatewayError) -> (Method, Int)? {
        let word = input.paddedWord(at: start)
        if word & 0xffff_ffff == get { return (.get, start &+ 3) }
        if word & 0xff_ffff_ffff == post { return (.post, start &+ 4) }
        return try parseUncommonMethod(input, at: start)
    }

    @inline(never)
    private static func parseUncommonMethod(_ input: RawSpan, at start: Int) throws(GatewayError) -> (Method, Int)? {
        var i = start
        while i < input.byteCount, ByteClass.isToken(input[byte: i]) { i += 1 }
        if i == input.byteCount { return nil }
        if input[byte: i] != .space { throw GatewayError(.requestLineInvalid, "the method is not a token with a space behind it") }
        let method = Method(input.extracting(start..<i))
        if method == .connect { throw GatewayError(.methodUnsupported, "CONNECT is not supported") }
        if method == .other, input.extracting(start..<i).equals("PRI") {
            throw GatewayError(.requestLineInvalid, "HTTP/2 came on a connection for HTTP/1.1")
        }
        return (method, i)
    }

    /// The version at `start`, and where the line ends with its CRLF; nil if the input ends before that.
    @inline(__always)
    private static func parseVersion(_ input: RawSpan, at start: Int) throws(GatewayError) -> (HTTPVersion, Int)? {
        let end = start + 10
        if end <= input.byteCount, input.word(at: start) == http11, input.pair(at: end &- 2) == 0x0a0d { return (.http11, end) }
        return try parseUncommonVersion(input, at: start)
    }

    @inline(never)
    private static func parseUncommonVersion(_ input: RawSpan, at start: Int) throws(GatewayError) -> (HTTPVersion, Int)? {
        var offset = 0
        while offset < 10 {
            if start + offset == input.byteCount { return nil }
            let byte = input[byte: start + offset]
            let isRight =
                switch offset {
                case 0: byte == UInt8(ascii: "H")
                case 1, 2: byte == UInt8(ascii: "T")
                case 3: byte == UInt8(ascii: "P")
                case 4: byte == UInt8(ascii: "/")
                case 6: byte == UInt8(ascii: ".")
                case 8: byte == .carriageReturn
                case 9: byte == .lineFeed
                default: byte.isDigit
                }
            if !isRight { throw GatewayError(.requestLineInvalid, "the request line does not end with a version and CRLF") }
            offset += 1
        }
        if input[byte: start + 5] != UInt8(ascii: "1") {
            throw GatewayError(.versionUnsupported, "the version is not HTTP/1.0 or HTTP/1.1")
        }
        return (input[byte: start + 7] == UInt8(ascii: "0") ? .http10 : .http11, start + 10)
    }

    /// All lines are there: decides what they mean together, and takes the bytes over.
    @inline(__always)
    private mutating func complete(_ input: RawSpan, _ end: Int, _ head: inout RequestHead) throws(GatewayError) {
        let isHTTP11 = head.version == .http11
        let host = try checkHost(input, isRequired: isHTTP11)
        head.parts.framing = try framing(isHTTP11)
        head.parts.keepAlive = !lines.closes && (isHTTP11 || lines.keepsAlive)
        if isHTTP11 && lines.expectation != .none {
            if lines.expectation == .unknown { throw GatewayError(.expectationUnsupported, "an expectation other than 100-continue") }
            head.parts.expectsContinue = head.parts.framing.hasBody
        }
        head.fields.storage.append(input.extracting(0..<end))
        if lines.nominations > 0 { head.fields.markNominated() }
        if head.targetForm == .absolute { head.completeTarget() } else if let range = lines.host { head.parts.authority = ByteRange(range) }
        if let host = authority ?? host { head.setHostname(host, input) }
        if lines.namesUpgrade { head.parts.asksUpgrade = isHTTP11 && head.offersUsableUpgrade() }
        head.parts.isComplete = true
    }

    /// Host is required, and must be valid even where the target's authority overrules it (RFC 9112 § 3.2).
    @inline(__always)
    private mutating func checkHost(_ input: RawSpan, isRequired: Bool) throws(GatewayError) -> Authority? {
        if let range = lines.host { return try lastHost.parse(input.extracting(range)) }
        if isRequired { throw GatewayError(.hostInvalid, "there is no Host field") }
        return nil
    }

    /// RFC 9112 § 6.3. Both lengths at once are refused: whichever won, somebody would believe the other.
    @inline(__always)
    private func framing(_ isHTTP11: Bool) throws(GatewayError) -> BodyFraming {
        if lines.isChunked {
            if lines.contentLength != nil { throw GatewayError(.framingInvalid, "there are both Content-Length and Transfer-Encoding") }
            if !isHTTP11 { throw GatewayError(.framingInvalid, "Transfer-Encoding came with HTTP/1.0") }
            return .chunked
        }
        if let length = lines.contentLength { return .length(length) }
        return .none
    }
}

extension RequestHead {
    fileprivate mutating func setTarget(_ target: RequestTarget) {
        parts.targetForm = target.form
        parts.isCanonical = target.isCanonical
        parts.target = ByteRange(target.path.lowerBound..<target.end)
        parts.receivedPath = ByteRange(target.path)
        parts.path = parts.receivedPath
        parts.query = ByteRange(target.query)
        parts.hasQuery = target.hasQuery
        parts.authority = ByteRange(target.authority)
    }

    /// An absolute-form may have no path; it then means the root (RFC 9112 § 3.2.1).
    fileprivate mutating func completeTarget() {
        if parts.receivedPath.count > 0 { return }
        let start = fields.storage.count
        fields.storage.append(UInt8(ascii: "/"))
        var i = parts.target.start
        while i < parts.target.end {
            let byte = fields.storage.bytes[byte: i]
            fields.storage.append(byte)
            i += 1
        }
        parts.target = ByteRange(start..<fields.storage.count)
        parts.receivedPath = ByteRange(start..<(start + 1))
        parts.path = parts.receivedPath
    }

    fileprivate mutating func setHostname(_ host: Authority, _ input: RawSpan) {
        let received = parts.authority.start..<(parts.authority.start + host.hostLength)
        if !host.mayHaveUpperCase {
            parts.hostname = ByteRange(received)
            return
        }
        let start = fields.storage.count
        for i in received { fields.storage.append(input[byte: i].asciiLowercased) }
        parts.hostname = ByteRange(start..<fields.storage.count)
    }
}
