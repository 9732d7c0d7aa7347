import GatewayCore

/// Reads the head of an HTTP/1.1 response (RFC 9112 §§ 4–6), as strictly as that of a request: an origin that can be
/// misread would let one client's request be answered with another's response.
///
/// After a head is complete, an interim one too, the parser is ready for the next; after an error it must be replaced.
public struct HTTP1ResponseParser: Sendable {
    /// "HTTP/1." as a little-endian number.
    private static let http1: UInt64 = 0x2e_312f_5054_5448

    @usableFromInline let requestMethod: Method
    @usableFromInline var lines = FieldSection()
    @usableFromInline var hasStatusLine = false

    /// A parser for the answers to a request of this method.
    @inlinable
    public init(requestMethod: Method) {
        self.requestMethod = requestMethod
    }

    /// Reads on. `input` begins with the first byte of the head each time, with what was there before and perhaps more.
    ///
    /// Returns how many bytes the head has, for the caller to consume; nil if more is needed. `head` must be empty at the first
    /// call for a message, and the same at the following ones. Throws `upstreamInvalid` only.
    public mutating func parse(_ input: RawSpan, into head: inout ResponseHead) throws(GatewayError) -> Int? {
        do throws(GatewayError) {
            return try read(input, &head)
        } catch {
            throw GatewayError(.upstreamInvalid, error.detail)
        }
    }

    private mutating func read(_ input: RawSpan, _ head: inout ResponseHead) throws(GatewayError) -> Int? {
        if lines.mayContinue(input) {
            do throws(GatewayError) {
                if let end = try readLines(input, &head) {
                    self = HTTP1ResponseParser(requestMethod: requestMethod)
                    return end
                }
            } catch {
                // An error within a line that is not complete waits for the rest of it, unless no status line has begun at all.
                let isLineComplete = input.firstIndex(of: .lineFeed, from: lines.position) != nil
                if isLineComplete || input[byte: 0] != UInt8(ascii: "H") { throw error }
            }
        }
        try lines.waitForMore(input)
        return nil
    }

    private mutating func readLines(_ input: RawSpan, _ head: inout ResponseHead) throws(GatewayError) -> Int? {
        if !hasStatusLine, try !parseStatusLine(input, &head) { return nil }
        guard let end = try lines.parse(input, into: &head.fields) else { return nil }
        try complete(&head)
        head.fields.storage.append(input.extracting(0..<end))
        if lines.nominations > 0 { head.fields.markNominated() }
        head.parts.isComplete = true
        return end
    }

    /// `HTTP/1.1 200 OK`: the reason may be missing, and its space with it, as some origins have it.
    private mutating func parseStatusLine(_ input: RawSpan, _ head: inout ResponseHead) throws(GatewayError) -> Bool {
        if input.byteCount < 13 {
            if input.byteCount > 0, input[byte: 0] != UInt8(ascii: "H") { throw Self.malformed }
            if input.firstIndex(of: .lineFeed) != nil { throw Self.malformed }
            return false
        }
        let isHTTP1 = input.word(at: 0) & 0xff_ffff_ffff_ffff == Self.http1 && input[byte: 7].isDigit && input[byte: 8] == .space
        let (hundreds, tens, ones) = (input[byte: 9] &- 0x30, input[byte: 10] &- 0x30, input[byte: 11] &- 0x30)
        if !isHTTP1 || hundreds > 9 || tens > 9 || ones > 9 { throw Self.malformed }
        let status = Int(hundreds) &* 100 &+ Int(tens) &* 10 &+ Int(ones)
        if status < 100 || status > 599 { throw GatewayError(.upstreamInvalid, "the status is not within 100 and 599") }
        guard let end = try FieldLine.textEnd(input, from: 12) else { return false }
        if end > 12 && input[byte: 12] != .space { throw Self.malformed }
        head.parts.version = input[byte: 7] == UInt8(ascii: "0") ? .http10 : .http11
        head.parts.status = status
        head.parts.reason = ByteRange(min(13, end)..<end)
        lines.position = end + 2
        hasStatusLine = true
        return true
    }

    private static var malformed: GatewayError { GatewayError(.upstreamInvalid, "the status line is malformed") }

    @inline(__always)
    private func complete(_ head: inout ResponseHead) throws(GatewayError) {
        let isHTTP11 = head.version == .http11
        if lines.isChunked {
            if lines.contentLength != nil { throw GatewayError(.upstreamInvalid, "there are both Content-Length and Transfer-Encoding") }
            if !isHTTP11 { throw GatewayError(.upstreamInvalid, "Transfer-Encoding came with HTTP/1.0") }
        }
        head.parts.framing = try framing(head.status)
        head.parts.keepAlive = !lines.closes && (isHTTP11 || lines.keepsAlive) && head.parts.framing != .untilClose
    }

    /// RFC 9112 § 6.3. An answer that cannot have a body but announces one is refused: it may be sent nevertheless, and
    /// would then be read as the next answer.
    @inline(__always)
    private func framing(_ status: Int) throws(GatewayError) -> BodyFraming {
        if status < 200 || status == 204 {
            if lines.isChunked || (lines.contentLength ?? 0) > 0 {
                throw GatewayError(.upstreamInvalid, "an answer without a body announces one")
            }
            return .none
        }
        if requestMethod == .head || status == 304 { return .none }
        if lines.isChunked { return .chunked }
        if let length = lines.contentLength { return .length(length) }
        return .untilClose
    }
}
