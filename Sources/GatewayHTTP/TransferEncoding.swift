import GatewayCore

/// The value of Transfer-Encoding (RFC 9112 § 6.1). The gateway knows `chunked` and no other coding.
enum TransferEncoding {
    @inline(__always)
    static func requireChunked(_ value: RawSpan) throws(GatewayError) {
        if !value.equalsIgnoringCase("chunked") { throw refusal(value) }
    }

    /// A well-formed list that could be decoded by someone is unsupported; any other is invalid.
    private static func refusal(_ value: RawSpan) -> GatewayError {
        let malformed = GatewayError(.framingInvalid, "Transfer-Encoding is malformed")
        var position = 0
        while true {
            position = skipBlanks(value, position)
            guard let end = token(value, position) else { return malformed }
            let isChunked = value.extracting(position..<end).equalsIgnoringCase("chunked")
            guard let next = parameters(value, end) else { return malformed }
            if isChunked && value.trimmed(end..<next).count > 0 { return malformed }
            if next < value.byteCount {
                if isChunked { return GatewayError(.framingInvalid, "chunked is not the last transfer coding") }
                position = next + 1
                continue
            }
            return GatewayError(.transferCodingUnsupported, "a transfer coding other than chunked is not supported")
        }
    }

    private static func skipBlanks(_ value: RawSpan, _ start: Int) -> Int {
        var i = start
        while i < value.byteCount, value[byte: i].isBlank { i += 1 }
        return i
    }

    /// The end of the token at `start`, nil if there is none.
    private static func token(_ value: RawSpan, _ start: Int) -> Int? {
        var i = start
        while i < value.byteCount, ByteClass.isToken(value[byte: i]) { i += 1 }
        return i > start ? i : nil
    }

    /// Over `; name=value` from `start` on to the comma or the end, nil if that is not what is there.
    private static func parameters(_ value: RawSpan, _ start: Int) -> Int? {
        var i = skipBlanks(value, start)
        while i < value.byteCount, value[byte: i] != UInt8(ascii: ",") {
            if value[byte: i] != UInt8(ascii: ";") { return nil }
            guard let nameEnd = token(value, skipBlanks(value, i + 1)) else { return nil }
            i = skipBlanks(value, nameEnd)
            if i == value.byteCount || value[byte: i] != UInt8(ascii: "=") { return nil }
            i = skipBlanks(value, i + 1)
            guard let end = token(value, i) ?? quoted(value, i) else { return nil }
            i = skipBlanks(value, end)
        }
        return i
    }

    /// The end of the quoted string at `start`, nil if there is none.
    private static func quoted(_ value: RawSpan, _ start: Int) -> Int? {
        var i = start
        if i == value.byteCount || value[byte: i] != UInt8(ascii: "\"") { return nil }
        i += 1
        while i < value.byteCount {
            switch value[byte: i] {
            case UInt8(ascii: "\""): return i + 1
            case UInt8(ascii: "\\"): i += 2
            default: i += 1
            }
        }
        return nil
    }
}
