import GatewayCore

/// Fields with their lengths before them, as the encoders write them into a head that goes out over HTTP/2: nobody has to look for the end
/// of a name or of a value again. They stand among lines, in which form remains what is written rarely or in pieces, and which never begin
/// with ``mark``. ``HeadLines`` reads both.
///
/// Eight bytes, then `name: value` of a field that the gateway doesn't know, of any other the value alone. The eight are the mark, the
/// FieldName, in two bytes how much stands before the value, and in four the value's length: a head is bounded far below what they hold.
public enum CountedField {
    /// No token begins with it, and so no name.
    @inlinable @inline(__always)
    static var mark: UInt8 { 1 }

    @inlinable @inline(__always)
    static var openingLength: Int { 8 }

    @inlinable @inline(__always)
    static func opening(_ name: FieldName, lead: Int = 0, valueLength: Int) -> UInt64 {
        let lengths = UInt64(truncatingIfNeeded: lead) &<< 16 | UInt64(truncatingIfNeeded: valueLength) &<< 32
        return UInt64(mark) | UInt64(name.rawValue) &<< 8 | lengths
    }

    /// Begins a field that the gateway knows; `valueLength` bytes must follow.
    @inlinable @inline(__always)
    static func begin(_ name: FieldName, valueLength: Int, into queue: inout ByteQueue) {
        queue.append(word: opening(name, valueLength: valueLength))
    }

    @inlinable @inline(__always)
    public static func append(_ name: FieldName, _ value: RawSpan, into queue: inout ByteQueue) {
        queue.append(word: opening(name, valueLength: value.byteCount), value)
    }

    @inlinable @inline(__always)
    public static func append(_ name: FieldName, _ value: StaticString, into queue: inout ByteQueue) {
        begin(name, valueLength: value.utf8CodeUnitCount, into: &queue)
        queue.append(value)
    }

    @inlinable @inline(__always)
    public static func append(_ name: FieldName, _ value: IPAddress.Text, into queue: inout ByteQueue) {
        begin(name, valueLength: value.count, into: &queue)
        value.append(to: &queue)
    }

    @inlinable @inline(__always)
    public static func append(_ name: FieldName, _ value: LongHexDigits, into queue: inout ByteQueue) {
        begin(name, valueLength: LongHexDigits.count, into: &queue)
        queue.append(value)
    }

    /// A number with more digits than a word holds goes as a line.
    @inlinable
    public static func append(_ name: FieldName, decimal value: UInt64, into queue: inout ByteQueue) {
        if value >= 100_000_000 { return HTTP1Encoder.field(name.name, decimal: value, into: &queue) }
        let digits = Digits(value)
        begin(name, valueLength: digits.count, into: &queue)
        queue.append(word: digits.word, count: digits.count)
    }

    /// One that the gateway knows, in a head.
    struct Known {
        var number: UInt64
        var valueStart: Int
        /// Of the value, and so of the field.
        var end: Int
    }

    /// The field at `position`, if it is such a one and none of `others`, a set of names.
    @inline(__always)
    static func known(in head: RawSpan, at position: Int, butFor others: UInt64) -> Known? {
        if position > head.byteCount &- openingLength { return nil }
        let opening = head.word(at: position)
        let number = opening &>> 8 & 63
        if UInt8(truncatingIfNeeded: opening) != mark || (others | FieldName.other.bit) &>> number & 1 != 0 { return nil }
        let valueStart = position &+ openingLength
        let end = valueStart &+ Int(opening &>> 32)
        precondition(end <= head.byteCount)
        return Known(number: number, valueStart: valueStart, end: end)
    }
}

extension HeaderFields {
    /// Appends the `i`th field so. One that was received as HTTP/1 would send it, as most are, is copied in one piece.
    public func appendCounted(_ i: Int, to queue: inout ByteQueue) {
        let entry = entries[i]
        let lead = Int(entry.nameLength) &+ 2
        if entry.name != .other {
            CountedField.append(entry.name, value(i), into: &queue)
        } else if entry.flags & Entry.verbatim != 0 && lead <= UInt16.max {
            let bytes = slice(Int(entry.nameStart), lead &+ Int(entry.valueLength))
            queue.append(word: CountedField.opening(.other, lead: lead, valueLength: bytes.byteCount &- lead), bytes)
        } else {
            appendLine(i, to: &queue)
        }
    }
}
