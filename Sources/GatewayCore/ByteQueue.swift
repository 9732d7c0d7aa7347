#if canImport(Glibc)
    import Glibc
#endif

/// Bytes in, at the end; bytes out, at the front; contiguous, so that a parser sees one span and the kernel one buffer.
///
/// The memory comes from a ``BufferPool`` with the first byte and goes back with the last one, so an idle
/// connection holds none. A queue grows as it is told to: its owner keeps it within a limit.
///
/// Safe although built on a pointer: `0 <= start <= end <= capacity` at all times, `base` is memory of
/// `capacity` bytes whenever that is not 0, and bytes are lent out only as spans that cannot outlive the borrow.
@safe
public struct ByteQueue: ~Copyable {
    @usableFromInline let pool: BufferPool
    @usableFromInline var base: UnsafeMutableRawPointer?
    @usableFromInline var capacity = 0
    @usableFromInline var start = 0
    @usableFromInline var end = 0

    @inlinable
    public init(pool: BufferPool) {
        self.pool = pool
        unsafe base = nil
    }

    @inlinable @inline(__always)
    deinit {
        if let base = unsafe base { unsafe pool.give(base, capacity) }
    }

    @inlinable
    public var count: Int { end &- start }

    @inlinable
    public var isEmpty: Bool { start == end }

    /// All bytes in the queue, the oldest first.
    @inlinable
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = unsafe RawSpan(_unsafeStart: base.map { unsafe UnsafeRawPointer($0) + start } ?? Self.nowhere, byteCount: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// `length` bytes from the `start`th on; none if the queue does not hold them all.
    @inlinable
    @_lifetime(borrow self)
    public func slice(_ start: Int, _ length: Int) -> RawSpan {
        guard start >= 0, length > 0, length <= count &- start, let base = unsafe base else { return RawSpan() }
        let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(base) + (self.start &+ start), byteCount: length)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// An address for empty spans: never read.
    @usableFromInline static var nowhere: UnsafeRawPointer { unsafe UnsafeRawPointer(bitPattern: 16).unsafelyUnwrapped }

    /// Makes room for `byteCount` more bytes behind the last one.
    @inlinable @inline(__always)
    public mutating func reserve(_ byteCount: Int) {
        if capacity &- end < byteCount { makeRoom(byteCount) }
    }

    /// Where the next `byteCount` bytes go, one or more: there is memory then. Whoever writes them moves `end`.
    @inlinable @inline(__always)
    mutating func room(_ byteCount: Int) -> UnsafeMutableRawPointer {
        reserve(byteCount)
        return unsafe base.unsafelyUnwrapped + end
    }

    /// Without a call on the way of a queue that is empty, as most are: then nothing has to be saved for one.
    @usableFromInline
    mutating func makeRoom(_ byteCount: Int) {
        let index = BufferPool.classIndex(byteCount)
        guard unsafe base == nil, let kept = unsafe pool.takeKept(fromClass: index) else { return makeRoomAnew(byteCount) }
        unsafe base = kept
        capacity = BufferPool.bytes(inClass: index)
    }

    @inline(never)
    private mutating func makeRoomAnew(_ byteCount: Int) {
        let held = count
        if let base = unsafe base {
            if held + byteCount <= capacity {
                unsafe memmove(base, base + start, held)
            } else {
                let wanted = BufferPool.roundedCapacity(held + byteCount)
                let fresh = unsafe pool.take(wanted)
                unsafe memcpy(fresh, base + start, held)
                unsafe pool.give(base, capacity)
                unsafe self.base = fresh
                capacity = wanted
            }
        } else {
            capacity = BufferPool.roundedCapacity(byteCount)
            unsafe base = pool.take(byteCount)
        }
        start = 0
        end = held
    }

    @inlinable
    public mutating func append(_ byte: UInt8) {
        unsafe room(1).storeBytes(of: byte, as: UInt8.self)
        end &+= 1
    }

    /// Like ``makeRoom(_:)`` it calls nothing on the usual way: what is short, and has room.
    @inlinable
    public mutating func append(_ bytes: RawSpan) {
        let byteCount = bytes.byteCount
        guard UInt(bitPattern: byteCount &- 1) < 64, capacity &- end >= byteCount else { return appendAny(bytes) }
        let room = unsafe base.unsafelyUnwrapped + end
        unsafe bytes.withUnsafeBytes { source in
            if let from = source.baseAddress { unsafe Self.copyShort(from, to: room, byteCount) }
        }
        end &+= byteCount
    }

    @usableFromInline @inline(never)
    mutating func appendAny(_ bytes: RawSpan) {
        let byteCount = bytes.byteCount
        if byteCount == 0 { return }
        let room = unsafe room(byteCount)
        unsafe bytes.withUnsafeBytes { source in
            if let from = source.baseAddress { unsafe memcpy(room, from, byteCount) }
        }
        end &+= byteCount
    }

    /// Appends a literal, bytes and another literal, as one piece.
    @inlinable @inline(__always)
    public mutating func append(_ opening: StaticString, _ bytes: RawSpan, _ closing: StaticString) {
        let (openingLength, byteCount, closingLength) = (opening.utf8CodeUnitCount, bytes.byteCount, closing.utf8CodeUnitCount)
        if openingLength &+ byteCount &+ closingLength == 0 { return }
        let room = unsafe room(openingLength &+ byteCount &+ closingLength)
        unsafe memcpy(room, opening.utf8Start, openingLength)
        unsafe bytes.withUnsafeBytes { source in
            if let from = source.baseAddress { unsafe Self.copy(from, to: room + openingLength, byteCount) }
        }
        unsafe memcpy(room + (openingLength &+ byteCount), closing.utf8Start, closingLength)
        end &+= openingLength &+ byteCount &+ closingLength
    }

    /// Appends a field as HTTP/1 sends it: the name, a colon and a space, the value, and CRLF.
    @inlinable
    public mutating func append(line name: RawSpan, _ value: RawSpan) {
        let (nameLength, valueLength) = (name.byteCount, value.byteCount)
        let room = unsafe room(nameLength &+ valueLength &+ 4)
        unsafe name.withUnsafeBytes { source in
            if let from = source.baseAddress { unsafe Self.copy(from, to: room, nameLength) }
        }
        unsafe room.storeBytes(of: 0x203a, toByteOffset: nameLength, as: UInt16.self)
        unsafe value.withUnsafeBytes { source in
            if let from = source.baseAddress { unsafe Self.copy(from, to: room + (nameLength &+ 2), valueLength) }
        }
        unsafe room.storeBytes(of: 0x0a0d, toByteOffset: nameLength &+ valueLength &+ 2, as: UInt16.self)
        end &+= nameLength &+ valueLength &+ 4
    }

    /// memcpy, but without a call for what most appends are: names, short values, and short fields. Two pieces that overlap cover
    /// whatever is as long as one to two of them.
    @inlinable @inline(__always)
    static func copy(_ from: UnsafeRawPointer, to: UnsafeMutableRawPointer, _ byteCount: Int) {
        if byteCount > 64 { unsafe memcpy(to, from, byteCount) } else { unsafe copyShort(from, to: to, byteCount) }
    }

    /// Up to 64 bytes.
    @inlinable @inline(__always)
    static func copyShort(_ from: UnsafeRawPointer, to: UnsafeMutableRawPointer, _ byteCount: Int) {
        if byteCount >= 32 {
            unsafe copyEnds(from, to: to, byteCount, SIMD4<UInt64>.self)
        } else if byteCount >= 16 {
            unsafe copyEnds(from, to: to, byteCount, SIMD2<UInt64>.self)
        } else if byteCount >= 8 {
            unsafe copyEnds(from, to: to, byteCount, UInt64.self)
        } else {
            unsafe copyFew(from, to: to, byteCount)
        }
    }

    @inlinable @inline(__always)
    static func copyEnds<Piece: BitwiseCopyable>(
        _ from: UnsafeRawPointer, to: UnsafeMutableRawPointer, _ byteCount: Int, _: Piece.Type
    ) {
        let last = byteCount &- MemoryLayout<Piece>.size
        let head = unsafe from.loadUnaligned(as: Piece.self)
        let tail = unsafe from.loadUnaligned(fromByteOffset: last, as: Piece.self)
        unsafe to.storeBytes(of: head, as: Piece.self)
        unsafe to.storeBytes(of: tail, toByteOffset: last, as: Piece.self)
    }

    /// Up to seven bytes.
    @inlinable @inline(__always)
    static func copyFew(_ from: UnsafeRawPointer, to: UnsafeMutableRawPointer, _ byteCount: Int) {
        if byteCount >= 4 {
            unsafe copyEnds(from, to: to, byteCount, UInt32.self)
        } else if byteCount >= 2 {
            unsafe copyEnds(from, to: to, byteCount, UInt16.self)
        } else if byteCount == 1 {
            unsafe to.storeBytes(of: from.load(as: UInt8.self), as: UInt8.self)
        }
    }

    /// Puts `byte` in the place of the last one. There must be one.
    @inlinable
    public mutating func replaceLast(with byte: UInt8) {
        precondition(start < end)
        unsafe base.unsafelyUnwrapped.storeBytes(of: byte, toByteOffset: end &- 1, as: UInt8.self)
    }

    /// Appends the eight bytes of `word`, the lowest first.
    @inlinable
    public mutating func append(word: UInt64) {
        unsafe room(8).storeBytes(of: word, as: UInt64.self)
        end &+= 8
    }

    /// The same with `bytes` behind them, as one piece. It calls nothing on the usual way.
    @inlinable
    public mutating func append(word: UInt64, _ bytes: RawSpan) {
        let byteCount = bytes.byteCount
        guard UInt(bitPattern: byteCount &- 1) < 64, capacity &- end >= 8 &+ byteCount else { return appendAny(word: word, bytes) }
        let room = unsafe base.unsafelyUnwrapped + end
        unsafe room.storeBytes(of: word, as: UInt64.self)
        unsafe bytes.withUnsafeBytes { source in
            if let from = source.baseAddress { unsafe Self.copyShort(from, to: room + 8, byteCount) }
        }
        end &+= 8 &+ byteCount
    }

    @usableFromInline @inline(never)
    mutating func appendAny(word: UInt64, _ bytes: RawSpan) {
        append(word: word)
        append(bytes)
    }

    /// Appends the `count` lowest bytes of `word`.
    @inlinable
    public mutating func append(word: UInt64, count: Int) {
        precondition(count >= 0 && count <= 8)
        unsafe room(8).storeBytes(of: word, as: UInt64.self)
        end &+= count
    }

    @inlinable
    public mutating func append(_ bytes: [UInt8]) {
        append(bytes.rawSpan)
    }

    /// Appends three literals as one piece.
    @inlinable @inline(__always)
    public mutating func append(_ first: StaticString, _ second: StaticString, _ third: StaticString) {
        let (firstLength, secondLength, thirdLength) = (first.utf8CodeUnitCount, second.utf8CodeUnitCount, third.utf8CodeUnitCount)
        if firstLength &+ secondLength &+ thirdLength == 0 { return }
        let room = unsafe room(firstLength &+ secondLength &+ thirdLength)
        unsafe memcpy(room, first.utf8Start, firstLength)
        unsafe memcpy(room + firstLength, second.utf8Start, secondLength)
        unsafe memcpy(room + (firstLength &+ secondLength), third.utf8Start, thirdLength)
        end &+= firstLength &+ secondLength &+ thirdLength
    }

    /// Appends a literal. Its bytes are copied from the program's own text: no String is made. Always inlined, so that the length is
    /// known and the copy becomes a few moves.
    @inlinable @inline(__always)
    public mutating func append(_ literal: StaticString) {
        let byteCount = literal.utf8CodeUnitCount
        if byteCount == 0 { return }
        unsafe memcpy(room(byteCount), literal.utf8Start, byteCount)
        end &+= byteCount
    }

    @inlinable
    public mutating func append(decimal value: UInt64) {
        append("", decimal: value, "")
    }

    /// Appends a literal, a number and another literal, as one piece.
    @inlinable @inline(__always)
    public mutating func append(_ opening: StaticString, decimal value: UInt64, _ closing: StaticString) {
        if value < 100_000_000 { return append(opening, Digits(value), closing) }
        append(opening)
        appendLong(decimal: value)
        append(closing)
    }

    /// Appends a literal, digits and another literal, as one piece.
    @inlinable @inline(__always)
    public mutating func append(_ opening: StaticString, _ digits: Digits, _ closing: StaticString) {
        let (openingLength, closingLength) = (opening.utf8CodeUnitCount, closing.utf8CodeUnitCount)
        let room = unsafe room(openingLength &+ 8 &+ closingLength)
        unsafe memcpy(room, opening.utf8Start, openingLength)
        unsafe room.storeBytes(of: digits.word, toByteOffset: openingLength, as: UInt64.self)
        unsafe memcpy(room + (openingLength &+ digits.count), closing.utf8Start, closingLength)
        end &+= openingLength &+ digits.count &+ closingLength
    }

    /// Eight digits at a time, the first of them without those that lead.
    @usableFromInline
    mutating func appendLong(decimal value: UInt64) {
        let upper = value / 100_000_000
        append(decimal: upper)
        append(word: Digits.eight(value &- upper &* 100_000_000))
    }

    @inlinable
    public mutating func append(decimal value: Int) {
        append(decimal: UInt64(value))
    }

    /// Appends `value` in lower-case hexadecimal, as short as it can be.
    public mutating func append(hex value: UInt64) {
        var shift = max(0, (UInt64.bitWidth - value.leadingZeroBitCount - 1) / 4) * 4
        while shift >= 0 {
            let nibble = UInt8(truncatingIfNeeded: value >> UInt64(shift)) & 15
            append(nibble < 10 ? nibble &+ 0x30 : nibble &+ 0x57)
            shift -= 4
        }
    }

    @inlinable @inline(__always)
    public mutating func append(_ digits: HexDigits) {
        unsafe room(16).storeBytes(of: digits.words, as: SIMD2<UInt64>.self)
        end &+= 16
    }

    @inlinable @inline(__always)
    public mutating func append(_ digits: LongHexDigits) {
        let room = unsafe room(32)
        unsafe room.storeBytes(of: digits.high.words, as: SIMD2<UInt64>.self)
        unsafe room.storeBytes(of: digits.low.words, toByteOffset: 16, as: SIMD2<UInt64>.self)
        end &+= 32
    }

    /// Puts `digits` in the place of the 16 bytes from the `offset`th on.
    @inlinable @inline(__always)
    public mutating func replace(_ digits: HexDigits, at offset: Int) {
        precondition(offset >= 0 && offset <= count &- 16)
        guard let base = unsafe base else { return }
        unsafe base.storeBytes(of: digits.words, toByteOffset: start &+ offset, as: SIMD2<UInt64>.self)
    }

    /// Drops the `byteCount` oldest bytes.
    @inlinable
    public mutating func consume(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count)
        start &+= byteCount
        if start == end { removeAll() }
    }

    /// Drops the newest bytes until `byteCount` are left: undoes what was appended since.
    @inlinable
    public mutating func truncate(to byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count)
        end = start + byteCount
        if start == end { removeAll() }
    }

    /// Moves everything out, the memory too.
    @inlinable
    public mutating func take() -> ByteQueue {
        var taken = ByteQueue(pool: pool)
        swap(&taken, &self)
        return taken
    }

    /// Drops everything and keeps the memory, for who goes on at once.
    @inlinable
    public mutating func clear() {
        start = 0
        end = 0
    }

    /// Drops everything and gives the memory back.
    @inlinable
    public mutating func removeAll() {
        start = 0
        end = 0
        if let held = unsafe base {
            unsafe pool.give(held, capacity)
            unsafe base = nil
            capacity = 0
        }
    }

    /// Moves what is left into as little memory as holds it, where that is a quarter or less: for who may have to wait long for more.
    @inlinable
    public mutating func shrink() {
        if capacity >= 4 * max(count, BufferPool.roundedCapacity(1)) { moveIntoLess() }
    }

    @usableFromInline
    mutating func moveIntoLess() {
        guard let base = unsafe base, !isEmpty else { return }
        let held = count
        let wanted = BufferPool.roundedCapacity(held)
        let fresh = unsafe pool.take(wanted)
        unsafe memcpy(fresh, base + start, held)
        unsafe pool.give(base, capacity)
        unsafe self.base = fresh
        capacity = wanted
        start = 0
        end = held
    }

    /// Lets `fill` write into `byteCount` bytes or more behind the last one; it returns how many it wrote, negative for a failure
    /// (then nothing is added). An empty queue gives its memory back if nothing came.
    @inlinable
    public mutating func appendFrom(reserving byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        reserve(byteCount)
        let written = unsafe fill(UnsafeMutableRawBufferPointer(start: base.map { unsafe $0 + end }, count: capacity - end))
        precondition(written <= capacity - end)
        if written > 0 { end += written }
        if start == end { removeAll() }
        return written
    }
}
