import GatewayCore

/// Takes the chunked coding off a body (RFC 9112 § 7.1). Lines end in CRLF and nothing else: extensions, which nobody
/// reads, are where requests are smuggled.
public struct ChunkedDecoder: Sendable {
    /// What to do with a piece of the input.
    public struct Step: Sendable {
        /// Bytes that are done with, `data` included.
        public var consumed: Int
        /// Where in the input body bytes are; perhaps none.
        public var data: Range<Int>
        /// Whether the body has ended, trailers and all, behind `consumed`.
        public var isEnd: Bool
    }

    ///     size ─┬─ CR ──────────── LF ─┬─ data ─ CR ─ LF ─ size
    ///           └─ blank ─ extension ─┘ └─ (size 0) trailers ─ end
    @usableFromInline
    enum State: Sendable {
        case sizeStart, size, blank, sizeLF
        case extensionStart, extensionName, extensionNameEnd, extensionValueStart, extensionValue
        case quoted, quotedEscape, extensionEnd
        case data, dataCR, dataLF
        case trailers, end
    }

    @usableFromInline let errorType: ErrorType
    @usableFromInline var state = State.sizeStart
    /// The size as far as it is read; then what of the chunk is to come.
    @usableFromInline var remaining: UInt64 = 0
    @usableFromInline var sizeDigits = 0
    @usableFromInline var lineBytes = 0
    @usableFromInline var trailerBytes = 0
    /// How far the trailer line that comes next has been searched for its end in vain.
    @usableFromInline var searched = 0

    /// A decoder whose errors are of `errorType`: `chunkInvalid` for requests, `upstreamInvalid` for answers.
    ///
    /// Inlinable, as each request has two, so that they are made where they stay.
    @inlinable
    public init(errorType: ErrorType) {
        self.errorType = errorType
    }

    /// Decodes one piece. The caller takes `data`, consumes `consumed`, and calls again with what is left, unless nothing
    /// was consumed (then more input is needed) or the body has ended. Trailer fields are added to `trailers`.
    public mutating func next(_ input: RawSpan, trailers: inout HeaderFields) throws(GatewayError) -> Step {
        var i = 0
        while i < input.byteCount {
            if state == .data { return takeData(input, from: i) }
            if state == .trailers {
                i = try parseTrailers(input, from: i, into: &trailers)
                break
            }
            try advance(input[byte: i])
            i += 1
        }
        return Step(consumed: i, data: i..<i, isEnd: state == .end)
    }

    private mutating func takeData(_ input: RawSpan, from start: Int) -> Step {
        let length = Int(min(remaining, UInt64(input.byteCount - start)))
        remaining -= UInt64(length)
        if remaining == 0 { state = .dataCR }
        return Step(consumed: start + length, data: start..<(start + length), isEnd: false)
    }

    /// One byte of what stands between the data.
    @inline(__always)
    private mutating func advance(_ byte: UInt8) throws(GatewayError) {
        switch state {
        case .sizeStart, .size: try advanceSize(byte)
        case .sizeLF: try endSizeLine(byte)
        case .dataCR:
            if byte != .carriageReturn { throw invalid("a chunk's data is not followed by CRLF") }
            state = .dataLF
        case .dataLF:
            if byte != .lineFeed { throw invalid("a chunk's data is not followed by CRLF") }
            state = .sizeStart
        default: try advanceExtension(byte)
        }
    }

    @inline(__always)
    private mutating func advanceSize(_ byte: UInt8) throws(GatewayError) {
        guard let digit = byte.hexValue else {
            if state == .sizeStart { throw invalid("a chunk's size is missing or malformed") }
            lineBytes = sizeDigits
            state = .blank
            return try advanceExtension(byte)
        }
        if state == .sizeStart {
            state = .size
            remaining = 0
            sizeDigits = 0
        }
        sizeDigits += 1
        remaining = remaining << 4 | UInt64(digit)
        // Sixteen digits whatever they are: decoders that count digits and those that count bits must agree.
        if sizeDigits > 16 || remaining > UInt64(Int64.max) { throw invalid("a chunk's size is too large a number") }
    }

    private mutating func endSizeLine(_ byte: UInt8) throws(GatewayError) {
        if byte != .lineFeed { throw invalid("a CR stands alone in a chunk's line") }
        state = remaining > 0 ? .data : .trailers
    }

    /// What may stand behind the size: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`, then CR.
    private mutating func advanceExtension(_ byte: UInt8) throws(GatewayError) {
        lineBytes += 1
        if lineBytes > Limits.chunkLineBytesMax { throw invalid("a chunk's line is too long") }
        switch (state, byte) {
        case (.quotedEscape, 0x20..<0x7f), (.quotedEscape, .tab): state = .quoted
        case (.quoted, UInt8(ascii: "\"")): state = .extensionEnd
        case (.quoted, UInt8(ascii: "\\")): state = .quotedEscape
        case (.quoted, 0x20..<0x7f), (.quoted, .tab): break
        case (.quoted, _), (.quotedEscape, _): throw malformedExtension
        // Blanks behind the size are for an extension to follow; a line's end may not.
        case (.blank, .carriageReturn) where lineBytes == sizeDigits + 1: state = .sizeLF
        case (.extensionName, .carriageReturn), (.extensionValue, .carriageReturn), (.extensionEnd, .carriageReturn): state = .sizeLF
        case (.blank, .space), (.blank, .tab), (.extensionStart, .space), (.extensionStart, .tab): break
        case (.extensionValueStart, .space), (.extensionValueStart, .tab), (.extensionNameEnd, .space), (.extensionNameEnd, .tab): break
        case (.extensionName, .space), (.extensionName, .tab): state = .extensionNameEnd
        case (.extensionValue, .space), (.extensionValue, .tab), (.extensionEnd, .space), (.extensionEnd, .tab): state = .blank
        default: try advanceExtensionToken(byte)
        }
    }

    private mutating func advanceExtensionToken(_ byte: UInt8) throws(GatewayError) {
        switch (state, byte) {
        case (.blank, UInt8(ascii: ";")), (.extensionName, UInt8(ascii: ";")), (.extensionNameEnd, UInt8(ascii: ";")),
            (.extensionValue, UInt8(ascii: ";")), (.extensionEnd, UInt8(ascii: ";")):
            state = .extensionStart
        case (.extensionName, UInt8(ascii: "=")), (.extensionNameEnd, UInt8(ascii: "=")): state = .extensionValueStart
        case (.extensionValueStart, UInt8(ascii: "\"")): state = .quoted
        case (.extensionStart, _) where ByteClass.isToken(byte): state = .extensionName
        case (.extensionValueStart, _) where ByteClass.isToken(byte): state = .extensionValue
        case (.extensionName, _) where ByteClass.isToken(byte): break
        case (.extensionValue, _) where ByteClass.isToken(byte): break
        default: throw malformedExtension
        }
    }

    private var malformedExtension: GatewayError { invalid("a chunk's size or extension is malformed") }

    /// Whole field lines from `start` on up to the empty one. Returns where it stopped; `end` is the state if that was the end.
    private mutating func parseTrailers(
        _ input: RawSpan, from start: Int, into trailers: inout HeaderFields
    ) throws(GatewayError) -> Int {
        var i = start
        if start == 0, searched > 0, input.firstIndex(of: .lineFeed, from: searched) == nil { return try waitForTrailer(input, i) }
        while let lineFeed = input.firstIndex(of: .lineFeed, from: i) {
            let end = lineFeed + 1
            trailerBytes += end - i
            try checkTrailerBytes(trailerBytes)
            if input[byte: i] == .carriageReturn && end - i == 2 {
                state = .end
                return end
            }
            try appendTrailer(input.extracting(i..<end), to: &trailers)
            i = end
        }
        return try waitForTrailer(input, i)
    }

    private mutating func waitForTrailer(_ input: RawSpan, _ lineStart: Int) throws(GatewayError) -> Int {
        searched = input.byteCount - lineStart
        try checkTrailerBytes(trailerBytes + searched)
        return lineStart
    }

    private func appendTrailer(_ line: RawSpan, to trailers: inout HeaderFields) throws(GatewayError) {
        if trailers.count == Limits.headFieldsMax { throw invalid("there are too many trailer fields") }
        do throws(GatewayError) {
            // A line that has an LF is either complete or refused.
            guard let field = try FieldLine.parse(line, at: 0) else { throw invalid("a trailer field is malformed") }
            trailers.appendUnlinked(name: line.extracting(field.name), value: line.extracting(field.value))
        } catch {
            throw invalid(error.detail)
        }
    }

    private func checkTrailerBytes(_ count: Int) throws(GatewayError) {
        if count > Limits.trailerBytesMax { throw invalid("the trailer section is too large") }
    }

    private func invalid(_ detail: StaticString) -> GatewayError { GatewayError(errorType, detail) }
}
