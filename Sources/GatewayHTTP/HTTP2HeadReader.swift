import GatewayCore

/// Judges the fields of a block one by one while HPACK decodes them (RFC 9113 § 8.2, § 8.3), as strictly as the HTTP/1 parser does.
///
/// Of a block that breaks a rule, or is too large, nothing more is kept; the first thing that was wrong is the verdict.
struct HTTP2HeadReader: ~Copyable {
    enum Kind { case request, response, trailers }

    /// The pseudo-fields, as bits.
    private static let method: UInt8 = 1
    private static let path: UInt8 = 2
    private static let scheme: UInt8 = 4
    private static let authority: UInt8 = 8
    private static let connectProtocol: UInt8 = 16
    private static let status: UInt8 = 32

    private struct State {
        var kind = Kind.request
        var error: GatewayError?
        /// As RFC 9113 § 6.5.2 counts: names, values and 32 for each.
        var bytes = 0
        var bytesMax = Limits.headBytesMax
        var seen: UInt8 = 0
        var isSecure = false
        var hasFields = false
        var path = ByteRange()
        var authority = ByteRange()
        var host: ByteRange?
        var contentLength: UInt64?
        var isExpectationKnown = true
        var expects = false
        var priority = HTTP2Priority()
    }

    private let inPlace = InPlace()
    private var state = State()
    private var lastHost = LastHost()
    /// The crumbs of Cookie, joined (RFC 9113 § 8.2.3).
    private var cookie: ByteQueue

    init(pool: BufferPool) {
        cookie = ByteQueue(pool: pool)
    }

    /// Makes ready for a block. `error` is a verdict that was reached without looking into it.
    mutating func begin(_ kind: Kind, error: GatewayError? = nil) {
        state = State()
        state.kind = kind
        state.error = error
        if kind == .trailers { state.bytesMax = Limits.trailerBytesMax }
        cookie.removeAll()
    }

    /// Whether what follows of the block is of no use.
    var hasRefused: Bool { state.error != nil }

    /// What the request's Priority says.
    var priority: HTTP2Priority { state.priority }

    // MARK: Fields

    @inline(__always)
    mutating func field(_ name: RawSpan, _ value: RawSpan, into head: inout HTTP2Head) {
        if state.error != nil { return }
        do throws(GatewayError) {
            try count(name, value, head.fields.count)
            if name.byteCount > 0 && name[byte: 0] == UInt8(ascii: ":") {
                try pseudoField(name, value, &head)
            } else {
                try plainField(name, value, &head.fields)
            }
        } catch {
            state.error = error
        }
    }

    mutating func trailer(_ name: RawSpan, _ value: RawSpan, into fields: inout HeaderFields) {
        if state.error != nil { return }
        do throws(GatewayError) {
            try count(name, value, fields.count)
            if name.byteCount > 0 && name[byte: 0] == UInt8(ascii: ":") {
                throw GatewayError(.fieldInvalid, "a pseudo-field is among the trailers")
            }
            let known = try Self.checked(name, value)
            try refuseConnectionSpecific(known, value)
            fields.appendVerbatim(known, name: name, value: value)
        } catch {
            state.error = error
        }
    }

    /// Before anything is kept: what HPACK makes of a few bytes has no other bound.
    @inline(__always)
    private mutating func count(_ name: RawSpan, _ value: RawSpan, _ fields: Int) throws(GatewayError) {
        state.bytes += name.byteCount + value.byteCount + 32
        if state.bytes > state.bytesMax || fields == Limits.headFieldsMax { throw tooMuch(name) }
    }

    @inline(never)
    private func tooMuch(_ name: RawSpan) -> GatewayError {
        if state.bytes <= state.bytesMax { return GatewayError(.fieldsTooMany, "the head has too many fields") }
        if state.kind == .trailers { return GatewayError(.headTooLarge, "the trailers are too large") }
        return name.equals(":path") ? Self.pathTooLong : GatewayError(.headTooLarge, "the head is too large")
    }

    private static var pathTooLong: GatewayError { GatewayError(.requestLineTooLong, "the path is too long") }

    @inline(__always)
    private mutating func pseudoField(_ name: RawSpan, _ value: RawSpan, _ head: inout HTTP2Head) throws(GatewayError) {
        if state.hasFields { throw GatewayError(.fieldInvalid, "a pseudo-field stands behind other fields") }
        if state.kind == .response {
            if !name.equals(":status") { throw GatewayError(.fieldInvalid, "a pseudo-field is none of an answer's") }
            try note(Self.status)
            return head.status = try Self.statusCode(value)
        }
        if name.equals(":method") {
            try note(Self.method)
            if !ByteClass.isToken(value) { throw GatewayError(.requestLineInvalid, "the method is not a token") }
            if value.byteCount > Limits.requestLineBytesMax { throw GatewayError(.requestLineTooLong, "the method is too long") }
            head.parts.method = Method(value)
            head.parts.methodBytes = head.fields.appendPart(value)
        } else if name.equals(":path") {
            try note(Self.path)
            if value.byteCount > Limits.requestLineBytesMax { throw Self.pathTooLong }
            state.path = head.fields.appendPart(value)
        } else if name.equals(":scheme") {
            try note(Self.scheme)
            state.isSecure = value.equals("https")
            if !state.isSecure && !value.equals("http") {
                throw GatewayError(.requestLineInvalid, "the scheme is neither http nor https")
            }
        } else if name.equals(":authority") {
            try note(Self.authority)
            state.authority = head.fields.appendPart(value)
        } else if name.equals(":protocol") {
            try note(Self.connectProtocol)
            if !ByteClass.isToken(value) { throw GatewayError(.requestLineInvalid, "the protocol is not a token") }
            head.parts.connectProtocol = head.fields.appendPart(value)
        } else {
            throw GatewayError(.fieldInvalid, "a pseudo-field is none of a request's")
        }
    }

    private mutating func note(_ bit: UInt8) throws(GatewayError) {
        if state.seen & bit != 0 { throw GatewayError(.fieldInvalid, "a pseudo-field is there twice") }
        state.seen |= bit
    }

    private static func statusCode(_ value: RawSpan) throws(GatewayError) -> Int {
        if value.byteCount == 3, value[byte: 0].isDigit, value[byte: 1].isDigit, value[byte: 2].isDigit {
            let status = Int(value[byte: 0] - 0x30) * 100 + Int(value[byte: 1] - 0x30) * 10 + Int(value[byte: 2] - 0x30)
            if status == 101 { throw GatewayError(.fieldInvalid, "101 has no meaning in HTTP/2") }
            if status >= 100 && status <= 599 { return status }
        }
        throw GatewayError(.fieldInvalid, "the status is not within 100 and 599")
    }

    @inline(__always)
    private mutating func plainField(_ name: RawSpan, _ value: RawSpan, _ fields: inout HeaderFields) throws(GatewayError) {
        state.hasFields = true
        let known = try Self.checked(name, value)
        if known == .cookie && state.kind == .request {
            // Nothing joined behind "; " would end the value in a blank, which is malformed (§ 8.2.1).
            if value.byteCount == 0 { return }
            if !cookie.isEmpty { cookie.append("; ") }
            return cookie.append(value)
        }
        if known.isJudged { try judge(known, value) }
        if known == .other && name.byteCount == 8 && name.equals("priority") { state.priority = HTTP2Priority(value) }
        fields.appendVerbatim(known, name: name, value: value)
        if known == .host && state.kind == .request { state.host = fields.lastValue }
    }

    private mutating func judge(_ known: FieldName, _ value: RawSpan) throws(GatewayError) {
        try refuseConnectionSpecific(known, value)
        switch known {
        case .host where state.kind == .request:
            if state.host != nil { throw GatewayError(.hostInvalid, "there are several Host fields") }
        case .contentLength:
            if state.contentLength != nil { throw GatewayError(.framingInvalid, "there are several Content-Length fields") }
            state.contentLength = try ContentLength.parse(value)
        case .expect:
            state.expects = true
            if !value.equalsIgnoringCase("100-continue") { state.isExpectationKnown = false }
        default: break
        }
    }

    /// RFC 9113 § 8.2.2: who passed them on could be made to end a message where we do not.
    private func refuseConnectionSpecific(_ known: FieldName, _ value: RawSpan) throws(GatewayError) {
        switch known {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade:
            throw GatewayError(.fieldInvalid, "a field is one of HTTP/1's connections")
        case .te where !value.equalsIgnoringCase("trailers"):
            throw GatewayError(.fieldInvalid, "TE is other than trailers")
        default: break
        }
    }

    /// Which field it is, once its name and value are seen to be valid (RFC 9113 § 8.2.1, RFC 9110 § 5).
    @inline(__always)
    private static func checked(_ name: RawSpan, _ value: RawSpan) throws(GatewayError) -> FieldName {
        // A name that is known is a token.
        let known = FieldName(lowerCase: name)
        if known == .other { try checkName(name) }
        var i = 0
        while true {
            i = value.firstIndex(from: i) { $0.mayBeControls }
            if i == value.byteCount { break }
            let byte = value[byte: i]
            if byte < 0x20 && byte != .tab || byte == 0x7f { throw GatewayError(.fieldInvalid, "a field value holds a control character") }
            i += 1
        }
        if i > 0 && (value[byte: 0].isBlank || value[byte: i - 1].isBlank) {
            throw GatewayError(.fieldInvalid, "white space stands around a field value")
        }
        return known
    }

    private static func checkName(_ name: RawSpan) throws(GatewayError) {
        var i = 0
        while true {
            i = name.firstIndex(from: i) { $0.isNotLowerCase }
            if i == name.byteCount { break }
            if !ByteClass.isToken(name[byte: i]) || name[byte: i] &- 0x41 < 26 { throw nameRefusal(name[byte: i]) }
            i += 1
        }
        if i == 0 { throw GatewayError(.fieldInvalid, "a field name is empty") }
    }

    @inline(never)
    private static func nameRefusal(_ byte: UInt8) -> GatewayError {
        if byte &- 0x41 < 26 { return GatewayError(.fieldInvalid, "a field name is not in lower case") }
        return GatewayError(.fieldInvalid, "a field name holds a byte that is not allowed there")
    }

    // MARK: Ends

    /// The block has ended: decides what the fields mean together.
    mutating func finishRequest(_ head: inout HTTP2Head, endsStream: Bool) throws(GatewayError) {
        head.parts.version = .http2
        head.parts.keepAlive = true
        if !cookie.isEmpty {
            head.fields.appendVerbatim(.cookie, name: Self.cookieName.rawSpan, value: cookie.bytes)
            cookie.removeAll()
        }
        let error = state.error
        do throws(GatewayError) {
            if error == nil { try requireParts(head.parts.method) }
            if state.seen & Self.path != 0 { try readTarget(&head) }
            try readAuthority(&head)
        } catch let later {
            throw error ?? later
        }
        if let error { throw error }
        head.parts.framing = try requestFraming(endsStream)
        if head.parts.method == .connect { try readConnect(&head) }
        if !state.isExpectationKnown { throw GatewayError(.expectationUnsupported, "an expectation other than 100-continue") }
        head.parts.expectsContinue = state.expects && head.parts.framing.hasBody
        head.parts.isComplete = true
    }

    /// WebSocket alone: another protocol could carry requests past the gateway.
    private func readConnect(_ head: inout HTTP2Head) throws(GatewayError) {
        if state.seen & Self.connectProtocol == 0 { throw GatewayError(.methodUnsupported, "CONNECT is not supported") }
        if !head.fields.bytes(head.parts.connectProtocol).equalsIgnoringCase("websocket") {
            throw GatewayError(.methodUnsupported, "CONNECT is not supported for other protocols than WebSocket")
        }
        head.parts.asksUpgrade = true
        // What follows belongs to the tunnel, which is there only when the origin has agreed (RFC 8441 § 5).
        head.parts.framing = .none
    }

    private static let cookieName: InlineArray<6, UInt8> = [0x63, 0x6f, 0x6f, 0x6b, 0x69, 0x65]

    /// RFC 9113 § 8.3.1, § 8.5, RFC 8441 § 4.
    private func requireParts(_ method: Method) throws(GatewayError) {
        let isConnect = state.seen & Self.method != 0 && method == .connect
        let isExtended = state.seen & Self.connectProtocol != 0
        if state.seen & Self.method == 0 { throw GatewayError(.requestLineInvalid, "there is no :method") }
        if isExtended && !isConnect { throw GatewayError(.requestLineInvalid, ":protocol is there without CONNECT") }
        if isConnect && !isExtended {
            if state.seen & (Self.scheme | Self.path) != 0 { throw GatewayError(.requestLineInvalid, "CONNECT has a scheme or a path") }
        } else {
            if state.seen & Self.scheme == 0 { throw GatewayError(.requestLineInvalid, "there is no :scheme") }
            if state.seen & Self.path == 0 { throw GatewayError(.requestLineInvalid, "there is no :path") }
        }
    }

    private func readTarget(_ head: inout HTTP2Head) throws(GatewayError) {
        let target = try parseTarget(head)
        head.parts.setTarget(target)
    }

    /// By the rules for a request line's, but the absolute form, which `:path` has no use for.
    private func parseTarget(_ head: borrowing HTTP2Head) throws(GatewayError) -> RequestTarget {
        let range = state.path
        let bytes = head.fields.storage.bytes
        if range.count == 0 { throw GatewayError(.targetInvalid, ":path is empty") }
        let first = bytes[byte: range.start]
        if first != UInt8(ascii: "/") && first != UInt8(ascii: "*") {
            throw GatewayError(.targetInvalid, ":path begins with neither a slash nor an asterisk")
        }
        do throws(GatewayError) {
            if let target = try RequestTarget.parse(bytes, at: range.start, head.parts.method), target.end == range.end { return target }
        } catch {
            if error.type == .targetInvalid { throw error }
            throw GatewayError(.targetInvalid, ":path holds a control character")
        }
        throw GatewayError(.targetInvalid, ":path holds a space")
    }

    /// Whom the request is for. Where both say it they must agree: whichever won, somebody would believe the other.
    private mutating func readAuthority(_ head: inout HTTP2Head) throws(GatewayError) {
        var range = state.authority
        if state.seen & Self.authority == 0 {
            guard let host = state.host else {
                if state.error == nil { throw GatewayError(.hostInvalid, "there is neither :authority nor Host") }
                return
            }
            range = host
        } else if let host = state.host, !agree(head.fields.bytes(host), head.fields.bytes(range)) {
            throw GatewayError(.hostInvalid, ":authority and Host do not agree")
        }
        let authority = try lastHost.parse(head.fields.bytes(range))
        head.parts.authority = range
        head.parts.setHostname(authority, &head.fields)
    }

    /// The same by RFC 3986 § 6.2.3: without a port it is the scheme's.
    private func agree(_ host: RawSpan, _ authority: RawSpan) -> Bool {
        if host.equalsIgnoringCase(authority) { return true }
        return host.extracting(0..<named(host)).equalsIgnoringCase(authority.extracting(0..<named(authority)))
    }

    /// How many bytes are left without a colon and the scheme's own port, or none, behind it.
    private func named(_ authority: RawSpan) -> Int {
        let count = authority.byteCount
        let port = state.isSecure ? 4 : 3
        if count > 0 && authority[byte: count - 1] == UInt8(ascii: ":") { return count - 1 }
        if count < port { return count }
        let end = authority.extracting((count - port)..<count)
        return (state.isSecure ? end.equals(":443") : end.equals(":80")) ? count - port : count
    }

    private func requestFraming(_ endsStream: Bool) throws(GatewayError) -> BodyFraming {
        guard let length = state.contentLength else { return endsStream ? .none : .chunked }
        if endsStream && length > 0 { throw GatewayError(.framingInvalid, "the content is shorter than Content-Length") }
        return .length(length)
    }

    /// The same for an answer to a request of that method (RFC 9113 § 8.1, RFC 9110 § 6.4.1).
    mutating func finishResponse(_ head: inout HTTP2Head, to method: Method, endsStream: Bool) throws(GatewayError) {
        if let error = state.error { throw error }
        if state.seen & Self.status == 0 { throw GatewayError(.fieldInvalid, "there is no :status") }
        if head.status < 200 || head.status == 204 {
            if (state.contentLength ?? 0) > 0 { throw GatewayError(.framingInvalid, "an answer without a body announces one") }
            if head.status < 200 && endsStream { throw GatewayError(.framingInvalid, "an interim answer ends the stream") }
            return head.framing = .none
        }
        if method == .head || head.status == 304 { return head.framing = .none }
        guard let length = state.contentLength else { return head.framing = endsStream ? .length(0) : .chunked }
        if endsStream && length > 0 { throw GatewayError(.framingInvalid, "the content is shorter than Content-Length") }
        head.framing = .length(length)
    }

    /// The same for trailers (RFC 9113 § 8.1).
    func finishTrailers(endsStream: Bool) throws(GatewayError) {
        if let error = state.error { throw error }
        if !endsStream { throw GatewayError(.fieldInvalid, "trailers do not end the stream") }
    }
}

extension FieldName {
    @inline(__always)
    fileprivate var isJudged: Bool {
        let judged =
            FieldName.host.bit | FieldName.contentLength.bit | FieldName.transferEncoding.bit | FieldName.connection.bit
            | FieldName.expect.bit | FieldName.keepAlive.bit | FieldName.proxyConnection.bit | FieldName.upgrade.bit | FieldName.te.bit
        return judged & bit != 0
    }
}

extension UInt64 {
    private static var ones: UInt64 { 0x0101_0101_0101_0101 }

    /// 0x80 in each of the eight bytes that is neither a letter in lower case, a digit nor a hyphen. No sum carries into the next byte.
    @inline(__always)
    fileprivate var isNotLowerCase: UInt64 {
        let ascii = self & (Self.ones &* 0x7f)
        let letters = (ascii &+ Self.ones &* (0x80 - 0x61)) & ~(ascii &+ Self.ones &* (0x80 - 0x7b))
        let digits = (ascii &+ Self.ones &* (0x80 - 0x30)) & ~(ascii &+ Self.ones &* (0x80 - 0x3a))
        let hyphens = ~((ascii ^ (Self.ones &* 0x2d)) &+ Self.ones &* 0x7f)
        return (~(letters | digits | hyphens) | self) & (Self.ones &* 0x80)
    }
}

extension RequestHead.Parts {
    mutating func setTarget(_ parsed: RequestTarget) {
        targetForm = parsed.form
        isCanonical = parsed.isCanonical
        target = ByteRange(parsed.path.lowerBound..<parsed.end)
        receivedPath = ByteRange(parsed.path)
        path = receivedPath
        query = ByteRange(parsed.query)
        hasQuery = parsed.hasQuery
    }

    /// The host of `authority`, spelled anew if that is not in lower case.
    mutating func setHostname(_ host: Authority, _ fields: inout HeaderFields) {
        let received = authority.start..<(authority.start + host.hostLength)
        if !host.mayHaveUpperCase {
            hostname = ByteRange(received)
            return
        }
        let start = fields.storage.count
        for i in received {
            let byte = fields.storage.bytes[byte: i]
            fields.storage.append(byte.asciiLowercased)
        }
        hostname = ByteRange(start..<fields.storage.count)
    }
}
