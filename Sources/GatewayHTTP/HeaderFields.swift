import GatewayCore

/// The fields of a head, or of a trailer section. It owns their bytes: one copy of the head as it came, and (offset,
/// length) pairs into it. Memory comes from the pool with the first field and goes back with `removeAll()`.
///
/// Names keep their case, and underscores in them are names like any other. Values are opaque bytes without controls but
/// HTAB; bytes from 0x80 on pass (RFC 9110 § 5.5). A name has 65535 bytes at the most.
public struct HeaderFields: ~Copyable {
    @usableFromInline
    struct Entry: BitwiseCopyable {
        @usableFromInline var nameStart: UInt32
        @usableFromInline var valueStart: UInt32
        @usableFromInline var valueLength: UInt32
        @usableFromInline var nameLength: UInt16
        @usableFromInline var name: FieldName
        @usableFromInline var flags: UInt8

        /// Must not be forwarded.
        @usableFromInline static var hopByHop: UInt8 { 1 }
        /// The storage holds `name: value` and CRLF in one piece.
        @usableFromInline static var verbatim: UInt8 { 2 }
    }

    /// The bytes of the head; behind them what had to be spelled anew (a canonical path, a host in lower case).
    @usableFromInline var storage: ByteQueue
    @usableFromInline var entries: PooledArray<Entry>
    /// A bit for every FieldName that is there.
    @usableFromInline var present: UInt64 = 0
    @usableFromInline let inPlace = InPlace()

    @inlinable
    public init(pool: BufferPool) {
        storage = ByteQueue(pool: pool)
        entries = PooledArray(pool: pool)
    }

    @inlinable
    public var count: Int { entries.count }

    /// Which known field the `i`th is.
    @inlinable
    public func name(_ i: Int) -> FieldName { entries[i].name }

    /// The name of the `i`th field as it was received.
    @inlinable
    @_lifetime(borrow self)
    public func nameBytes(_ i: Int) -> RawSpan {
        let entry = entries[i]
        return slice(Int(entry.nameStart), Int(entry.nameLength))
    }

    /// The value of the `i`th field without the white space around it.
    @inlinable
    @_lifetime(borrow self)
    public func value(_ i: Int) -> RawSpan {
        let entry = entries[i]
        return slice(Int(entry.valueStart), Int(entry.valueLength))
    }

    /// Whether the `i`th field must not be forwarded: it is for one hop by its nature, or Connection names it.
    @inlinable
    public func isHopByHop(_ i: Int) -> Bool { entries[i].flags & Entry.hopByHop != 0 }

    /// Appends the `i`th field as a line with its CRLF. One that was received in just this form, as most are, is copied in one piece:
    /// its bytes are those that the parser has validated.
    @inlinable
    public func appendLine(_ i: Int, to queue: inout ByteQueue) {
        let entry = entries[i]
        let start = Int(entry.nameStart)
        if entry.flags & Entry.verbatim != 0 {
            queue.append(slice(start, Int(entry.valueStart) &+ Int(entry.valueLength) &+ 2 &- start))
        } else {
            HTTP1Encoder.field(name: nameBytes(i), value: value(i), into: &queue)
        }
    }

    /// Like ``appendLine(_:to:)`` for one field after the other: what was received in one piece is copied in one piece. The caller ends
    /// with ``end(_:to:)``, which also has to go before anything else that is appended between two fields.
    @inlinable
    public func appendLine(_ i: Int, to queue: inout ByteQueue, _ run: inout FieldRun) {
        let entry = entries[i]
        if entry.flags & Entry.verbatim == 0 {
            end(&run, to: &queue)
            appendLine(i, to: &queue)
            return
        }
        if entry.nameStart != run.end {
            end(&run, to: &queue)
            run.start = entry.nameStart
        }
        run.end = entry.valueStart &+ entry.valueLength &+ 2
    }

    @inlinable
    public func end(_ run: inout FieldRun, to queue: inout ByteQueue) {
        queue.append(slice(Int(run.start), Int(run.end &- run.start)))
        run = FieldRun()
    }

    /// Keeps the `i`th field from being forwarded.
    public mutating func keepBack(_ i: Int) { entries[i].flags |= Entry.hopByHop }

    @inlinable
    public func contains(_ name: FieldName) -> Bool { present & name.bit != 0 }

    /// Where the first field of this name is. Absence costs one test of a bit.
    @inlinable
    public func firstIndex(of name: FieldName) -> Int? { firstIndex(of: name, from: 0) }

    /// Where the first field of this name is, `start` or behind it.
    @inlinable
    public func firstIndex(of name: FieldName, from start: Int) -> Int? {
        if !contains(name) { return nil }
        var i = start
        while i < count {
            if entries[i].name == name { return i }
            i += 1
        }
        return nil
    }

    /// Where the first field with the name `named` is, in whatever case.
    public func firstIndex(named wanted: RawSpan) -> Int? {
        let name = FieldName(wanted)
        if name != .other { return firstIndex(of: name) }
        var i = 0
        while i < count {
            if entries[i].name == .other, nameBytes(i).equalsIgnoringCase(wanted) { return i }
            i += 1
        }
        return nil
    }

    /// Adds a field that is known to be valid: a token, and a value without CR, LF, NUL or white space around it.
    public mutating func append(name: RawSpan, value: RawSpan) {
        appendUnlinked(name: name, value: value)
        if contains(.connection) { markNominated() }
    }

    /// Adds a field of a trailer section, where Connection has no say.
    mutating func appendUnlinked(name: RawSpan, value: RawSpan) {
        let known = FieldName(name)
        let start = storage.count
        storage.append(name)
        let valueStart = storage.count
        storage.append(value)
        let entry = Entry(
            nameStart: UInt32(start), valueStart: UInt32(valueStart), valueLength: UInt32(value.byteCount),
            nameLength: UInt16(name.byteCount), name: known, flags: known.isHopByHop ? Entry.hopByHop : 0)
        entries.append(entry)
        present |= known.bit
    }

    /// Drops all fields and gives the memory back.
    @inlinable
    public mutating func removeAll() {
        storage.removeAll()
        entries.removeAll()
        present = 0
    }

    @inlinable
    @_lifetime(borrow self)
    func slice(_ start: Int, _ length: Int) -> RawSpan {
        // Of a head that was refused or has not ended the lines are known, and the bytes not yet here: they are empty.
        storage.slice(start, length)
    }

    /// Adds a field whose bytes are, or will be, at the line's offsets of the storage: a head is bounded far below what they can hold.
    @inline(__always)
    mutating func record(_ line: FieldLine) {
        let flags = (line.known.isHopByHop ? Entry.hopByHop : 0) | (line.isVerbatim ? Entry.verbatim : 0)
        entries.append(
            Entry(
                nameStart: UInt32(truncatingIfNeeded: line.start), valueStart: UInt32(truncatingIfNeeded: line.valueStart),
                valueLength: UInt32(truncatingIfNeeded: line.valueEnd &- line.valueStart),
                nameLength: UInt16(truncatingIfNeeded: line.colon &- line.start), name: line.known, flags: flags))
        present |= line.known.bit
    }

    /// Whether Connection names `field` (RFC 9110 § 7.6.1).
    func nominates(_ field: RawSpan) -> Bool {
        var i = 0
        while let connection = firstIndex(of: .connection, from: i) {
            var options = ListElements()
            while let option = options.next(in: value(connection)) {
                if value(connection).extracting(option).equalsIgnoringCase(field) { return true }
            }
            i = connection + 1
        }
        return false
    }

    /// Marks the fields that Connection names (RFC 9110 § 7.6.1). The parser has refused what must not be named.
    mutating func markNominated() {
        var i = 0
        while let connection = firstIndex(of: .connection, from: i) {
            markNominated(by: connection)
            i = connection + 1
        }
    }

    private mutating func markNominated(by connection: Int) {
        let value = Int(entries[connection].valueStart)..<Int(entries[connection].valueStart + entries[connection].valueLength)
        var options = ListElements()
        while let option = options.next(in: storage.bytes.extracting(value)) {
            let start = value.lowerBound + option.lowerBound
            let name = start..<(start + option.count)
            if !mayNominate(name) { continue }
            var i = 0
            while i < count {
                if isNominated(i, by: name) { entries[i].flags |= Entry.hopByHop }
                i += 1
            }
        }
    }

    /// Only an option that may name an unknown field is compared with all of them: the parser has seen to it that those are few.
    private func mayNominate(_ option: Range<Int>) -> Bool {
        let bytes = storage.bytes.extracting(option)
        return FieldName(bytes) == .other && !bytes.equalsIgnoringCase("close")
    }

    private func isNominated(_ i: Int, by option: Range<Int>) -> Bool {
        entries[i].name == .other && nameBytes(i).equalsIgnoringCase(storage.bytes.extracting(option))
    }
}

/// Neighbouring fields that are still to be appended: see ``HeaderFields/appendLine(_:to:_:)``.
public struct FieldRun: BitwiseCopyable {
    @usableFromInline var start: UInt32 = 0
    @usableFromInline var end: UInt32 = 0

    @inlinable
    public init() {}
}
