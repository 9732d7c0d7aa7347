#if canImport(Glibc)
    import Glibc
#endif

/// How the rest of the gateway reads bytes: every access is checked against the span's bounds.
///
/// Safe: a byte of any value is a valid UInt8, and an unaligned load of eight bytes a valid UInt64.
extension RawSpan {
    @inlinable
    public subscript(byte offset: Int) -> UInt8 {
        // One comparison, where the standard library's own check takes two.
        precondition(UInt(bitPattern: offset) < UInt(bitPattern: byteCount))
        return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }

    /// The two bytes from `offset` on, as a number of the machine's (little-endian) order.
    @inlinable
    public func pair(at offset: Int) -> UInt16 {
        precondition(offset >= 0 && offset <= byteCount &- 2)
        return unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt16.self)
    }

    /// The four bytes from `offset` on, likewise.
    @inlinable
    public func quad(at offset: Int) -> UInt32 {
        precondition(offset >= 0 && offset <= byteCount &- 4)
        return unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self)
    }

    /// The eight bytes from `offset` on, as a number of the machine's (little-endian) order.
    @inlinable
    public func word(at offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset <= byteCount &- 8)
        return unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
    }

    /// The first position from `start` on that `mark` marks: it is given eight bytes as a word, and sets the highest bit of those it
    /// means; what it sets above the first one doesn't matter. The end if there is none.
    ///
    /// Inlined with `mark` it calls nothing, so that a scan stays in registers. The bounds are checked once, the loads are within them.
    @inlinable
    @inline(__always)
    public func firstIndex(from start: Int, _ mark: (UInt64) -> UInt64) -> Int {
        precondition(start >= 0 && start <= byteCount)
        let last = byteCount &- 8
        var i = start
        while i <= last {
            let found = mark(unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: i, as: UInt64.self))
            if found != 0 { return i &+ found.trailingZeroBitCount &>> 3 }
            i &+= 8
        }
        if last < 0 {
            while i < byteCount, mark(UInt64(self[byte: i])) & 0x80 == 0 { i &+= 1 }
            return i
        }
        if i == byteCount { return i }
        // The last eight bytes, less those that have been looked at.
        let tail = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: last, as: UInt64.self)
        let found = mark(tail &>> UInt64(truncatingIfNeeded: (i &- last) &* 8))
        return found == 0 ? byteCount : i &+ found.trailingZeroBitCount &>> 3
    }

    /// ``word(at:)`` that may reach over the end: the bytes behind it are 0.
    @inlinable
    public func paddedWord(at offset: Int) -> UInt64 {
        if offset <= byteCount &- 8 { return word(at: offset) }
        if offset >= byteCount { return 0 }
        // The last eight bytes, without those before the offset.
        if byteCount >= 8 { return word(at: byteCount &- 8) >> (UInt64(offset &+ 8 &- byteCount) &* 8) }
        // Two or three pieces, which may overlap: they then have the same bits in the same place.
        let last = byteCount &- 1
        let length = byteCount &- offset
        if length >= 4 {
            return UInt64(quad(at: offset)) | UInt64(quad(at: last &- 3)) &<< (UInt64(length &- 4) &* 8)
        }
        let middle = length / 2
        return UInt64(self[byte: offset]) | UInt64(self[byte: offset &+ middle]) &<< (UInt64(middle) &* 8)
            | UInt64(self[byte: last]) &<< (UInt64(length &- 1) &* 8)
    }

    /// The first position from `start` on that holds `byte`.
    @inlinable
    public func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        let length = byteCount - start
        if length <= 0 { return nil }
        return unsafe withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, let found = unsafe memchr(base + start, Int32(byte), length) else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    /// Whether both hold the same bytes.
    @inlinable
    public func elementsEqual(_ other: RawSpan) -> Bool {
        if byteCount != other.byteCount { return false }
        if byteCount == 0 { return true }
        return unsafe withUnsafeBytes { left in
            unsafe other.withUnsafeBytes { right in
                guard let a = left.baseAddress, let b = right.baseAddress else { return false }
                return unsafe memcmp(a, b, left.count) == 0
            }
        }
    }

    /// Whether these are the bytes of `literal`. Compared by words: for a literal the compiler folds all but the loads.
    @inlinable
    @inline(__always)
    public func equals(_ literal: StaticString) -> Bool {
        let length = literal.utf8CodeUnitCount
        if byteCount != length { return false }
        if length < 8 { return shortWord(length) == RawSpan.shortWord(of: literal) }
        var offset = 0
        while offset + 8 < length {
            if word(at: offset) != RawSpan.word(of: literal, at: offset) { return false }
            offset += 8
        }
        return word(at: length - 8) == RawSpan.word(of: literal, at: length - 8)
    }

    /// Whether these are the bytes of `literal`, which is in lower case, ASCII letters being equal in either case.
    @inlinable
    @inline(__always)
    public func equalsIgnoringCase(_ literal: StaticString) -> Bool {
        let length = literal.utf8CodeUnitCount
        if byteCount != length { return false }
        if length < 8 {
            let wanted = RawSpan.shortWord(of: literal)
            return shortWord(length) | RawSpan.caseBits(wanted) == wanted
        }
        var offset = 0
        while offset + 8 < length {
            let wanted = RawSpan.word(of: literal, at: offset)
            if word(at: offset) | RawSpan.caseBits(wanted) != wanted { return false }
            offset += 8
        }
        let wanted = RawSpan.word(of: literal, at: length - 8)
        return word(at: length - 8) | RawSpan.caseBits(wanted) == wanted
    }

    /// All of the fewer than eight bytes as one number (some twice), the same for the same bytes.
    @inlinable
    @inline(__always)
    func shortWord(_ length: Int) -> UInt64 {
        if length >= 4 {
            let low = unsafe unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self)
            let high = unsafe unsafeLoadUnaligned(fromByteOffset: length - 4, as: UInt32.self)
            return UInt64(low) | UInt64(high) << 32
        }
        if length == 0 { return 0 }
        return UInt64(self[byte: 0]) | UInt64(self[byte: length / 2]) << 8 | UInt64(self[byte: length - 1]) << 16
    }

    @inlinable
    @inline(__always)
    static func shortWord(of literal: StaticString) -> UInt64 {
        let start = unsafe UnsafeRawPointer(literal.utf8Start)
        let length = literal.utf8CodeUnitCount
        if length >= 4 {
            let low = unsafe start.loadUnaligned(as: UInt32.self)
            let high = unsafe start.loadUnaligned(fromByteOffset: length - 4, as: UInt32.self)
            return UInt64(low) | UInt64(high) << 32
        }
        if length == 0 { return 0 }
        let first = unsafe start.load(as: UInt8.self)
        let middle = unsafe start.load(fromByteOffset: length / 2, as: UInt8.self)
        let last = unsafe start.load(fromByteOffset: length - 1, as: UInt8.self)
        return UInt64(first) | UInt64(middle) << 8 | UInt64(last) << 16
    }

    @inlinable
    @inline(__always)
    static func word(of literal: StaticString, at offset: Int) -> UInt64 {
        unsafe UnsafeRawPointer(literal.utf8Start).loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    /// 0x20 in every byte that is a lower-case ASCII letter, 0 elsewhere; no byte may be above 0x7f.
    @inlinable
    @inline(__always)
    static func caseBits(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let fromA = word &+ ones &* (0x80 - 0x61)
        let beyondZ = word &+ ones &* (0x80 - 0x7b)
        return (fromA & ~beyondZ & (ones &* 0x80)) >> 2
    }

    /// Whether both are equal, ASCII letters being equal in either case.
    @inlinable
    public func equalsIgnoringCase(_ other: RawSpan) -> Bool {
        if byteCount != other.byteCount { return false }
        var index = 0
        while index < byteCount {
            if self[byte: index].asciiLowercased != other[byte: index].asciiLowercased { return false }
            index += 1
        }
        return true
    }

    /// A copy of the bytes. It allocates: not for the hot path.
    public var array: [UInt8] {
        unsafe withUnsafeBytes { unsafe Array($0) }
    }

    /// The bytes as UTF-8, what is invalid replaced. It allocates: not for the hot path.
    public var string: String {
        unsafe withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

extension [UInt8] {
    /// The array's bytes as a span.
    @inlinable
    public var rawSpan: RawSpan {
        @_lifetime(borrow self)
        get {
            let bytes = unsafe span.bytes
            return unsafe _overrideLifetime(bytes, borrowing: self)
        }
    }

    /// Appends a copy of the bytes, within the array's capacity without an allocation.
    public mutating func append(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
    }
}

extension InlineArray where Element == UInt8 {
    /// The array's bytes as a span.
    @inlinable
    public var rawSpan: RawSpan {
        @_lifetime(borrow self)
        get {
            let bytes = unsafe span.bytes
            return unsafe _overrideLifetime(bytes, borrowing: self)
        }
    }
}

extension UInt8 {
    @inlinable
    public var asciiLowercased: UInt8 {
        self &- 0x41 < 26 ? self | 0x20 : self
    }

    /// Whether this is a decimal digit.
    @inlinable @inline(__always)
    public var isDigit: Bool { self &- 0x30 < 10 }

    /// The value of a hexadecimal digit, in either case.
    @inlinable @inline(__always)
    public var hexValue: UInt8? {
        if self &- 0x30 < 10 { return self &- 0x30 }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }
}
