import GatewayCore

/// A head while it is decoded, and until it is taken.
struct HTTP2Head: ~Copyable {
    var fields: HeaderFields
    var parts = RequestHead.Parts()
    /// Of an answer.
    var status = 0
    var framing = BodyFraming.none

    @inline(__always)
    init(pool: BufferPool) {
        fields = HeaderFields(pool: pool)
    }

    mutating func removeAll() {
        fields.removeAll()
        parts = RequestHead.Parts()
        status = 0
        framing = .none
    }
}

extension HeaderFields {
    /// Adds a field in the form that HTTP/1 sends, so that it can go there in one piece. It is known to be valid, and bounded.
    @inline(__always)
    mutating func appendVerbatim(_ known: FieldName, name: RawSpan, value: RawSpan) {
        let start = storage.count
        storage.append(line: name, value)
        let colon = start &+ name.byteCount
        let valueEnd = storage.count &- 2
        record(
            FieldLine(
                known: known, start: start, colon: colon, valueStart: colon &+ 2, valueEnd: valueEnd, end: valueEnd &+ 2,
                isVerbatim: true))
    }

    /// What the fields hold in memory, apart from their places.
    var byteCount: Int { storage.count }

    /// Where the value of the field that was added last is.
    var lastValue: ByteRange {
        let entry = entries[count - 1]
        let start = Int(entry.valueStart)
        return ByteRange(start..<(start + Int(entry.valueLength)))
    }

    /// Adds bytes that are no field, with a space behind them: a parser may want something there to stop at.
    mutating func appendPart(_ bytes: RawSpan) -> ByteRange {
        let start = storage.count
        storage.append(bytes)
        storage.append(.space)
        return ByteRange(start..<(start + bytes.byteCount))
    }

    @_lifetime(borrow self)
    func bytes(_ range: ByteRange) -> RawSpan { slice(range.start, range.count) }
}
