import GatewayCore

extension CanonicalJSON {
    /// The string whose quote stands at `position`, in RFC 8785's spelling (§ 3.2.2.2); returns the position behind it.
    ///
    /// Most of a body are strings, and most of a string is written as it came: it is copied in as few pieces as possible.
    mutating func appendString(_ body: RawSpan, _ position: Int) throws(CanonicalJSONFailure) -> Int {
        var copied = position
        var position = position &+ 1
        while true {
            position = body.firstIndex(from: position) { Self.special($0) }
            if position == body.byteCount { throw .invalid }
            let byte = body[byte: position]
            if byte == 0x22 {
                staging.append(body.extracting(copied..<(position &+ 1)))
                return position &+ 1
            }
            if byte >= 0x80 {
                position = try skipCharacters(body, position)
            } else if byte == 0x5c {
                try readEscape(body, &position, &copied)
            } else {
                throw .invalid
            }
        }
    }

    /// The highest bit of the first byte that is a quote, a backslash, a control character or not ASCII. (Borrows go upwards: bytes above
    /// it may be marked as well.)
    @inline(__always)
    private static func special(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = (word ^ (ones &* 0x22)) &- ones
        let backslash = (word ^ (ones &* 0x5c)) &- ones
        return ((word &- ones &* 0x20) | quote | backslash | word) & (ones &* 0x80)
    }

    // MARK: UTF-8

    /// From the first byte of a character beyond ASCII to behind the last that follows.
    @inline(__always)
    private func skipCharacters(_ body: RawSpan, _ start: Int) throws(CanonicalJSONFailure) -> Int {
        var position = start
        repeat {
            let length = Self.characterByteCount(UInt32(truncatingIfNeeded: body.paddedWord(at: position)))
            if length == 0 { throw .invalidUnicode }
            position &+= length
        } while position < body.byteCount && body[byte: position] >= 0x80
        return position
    }

    /// The length of the character that begins in the lowest byte, 0 if none does (RFC 3629 § 4: no surrogates, nothing longer than need
    /// be, nothing above U+10FFFF).
    @inline(__always)
    private static func characterByteCount(_ word: UInt32) -> Int {
        if word & 0xc0_c0f0 == 0x80_80e0 {
            // The bits that may not all be 0, and those that would make it a surrogate.
            let high = word & 0x200f
            return high != 0 && high != 0x200d ? 3 : 0
        }
        if word & 0xc0e0 == 0x80c0 { return word & 0x1e != 0 ? 2 : 0 }
        if word & 0xc0c0_c0f8 == 0x8080_80f0 {
            // From U+10000 to U+10FFFF.
            let high = (word & 7) << 2 | (word >> 12) & 3
            return high >= 1 && high <= 0x10 ? 4 : 0
        }
        return 0
    }

    // MARK: Escapes

    /// An escape that is written as it came stays in the piece that will be copied; another is replaced by what stands for it.
    @inline(__always)
    private mutating func readEscape(_ body: RawSpan, _ position: inout Int, _ copied: inout Int) throws(CanonicalJSONFailure) {
        if position &+ 1 == body.byteCount { throw .invalid }
        switch body[byte: position &+ 1] {
        case 0x22, 0x5c, UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position &+= 2
        case UInt8(ascii: "/"):
            staging.append(body.extracting(copied..<position))
            copied = position &+ 1
            position &+= 2
        case UInt8(ascii: "u"):
            staging.append(body.extracting(copied..<position))
            position = try appendEscapedCharacter(body, position)
            copied = position
        default:
            throw .invalid
        }
    }

    /// `\uXXXX`, and its second half where it is one of a surrogate pair.
    private mutating func appendEscapedCharacter(_ body: RawSpan, _ position: Int) throws(CanonicalJSONFailure) -> Int {
        let unit = try codeUnit(body, position)
        if unit & 0xf800 != 0xd800 {
            append(scalar: unit)
            return position &+ 6
        }
        if unit >= 0xdc00 || position &+ 8 > body.byteCount || body.pair(at: position &+ 6) != 0x755c { throw .invalidUnicode }
        let low = try codeUnit(body, position &+ 6)
        if low & 0xfc00 != 0xdc00 { throw .invalidUnicode }
        append(scalar: 0x10000 &+ (unit & 0x3ff) << 10 &+ low & 0x3ff)
        return position &+ 12
    }

    private func codeUnit(_ body: RawSpan, _ position: Int) throws(CanonicalJSONFailure) -> UInt32 {
        if position &+ 6 > body.byteCount { throw .invalid }
        var unit: UInt32 = 0
        for offset in 2..<6 {
            guard let value = body[byte: position &+ offset].hexValue else { throw .invalid }
            unit = unit << 4 | UInt32(value)
        }
        return unit
    }

    private mutating func append(scalar: UInt32) {
        func byte(_ lead: UInt32, _ shift: UInt32, _ mask: UInt32 = 0x3f) -> UInt8 {
            UInt8(truncatingIfNeeded: lead | scalar >> shift & mask)
        }
        if scalar < 0x80 { return append(ascii: UInt8(scalar)) }
        if scalar < 0x800 {
            staging.append(byte(0xc0, 6, 0x1f))
        } else {
            if scalar < 0x10000 {
                staging.append(byte(0xe0, 12, 0x0f))
            } else {
                staging.append(byte(0xf0, 18, 0x07))
                staging.append(byte(0x80, 12))
            }
            staging.append(byte(0x80, 6))
        }
        staging.append(byte(0x80, 0))
    }

    private mutating func append(ascii byte: UInt8) {
        switch byte {
        case 0x22: staging.append("\\\"")
        case 0x5c: staging.append("\\\\")
        case 0x08: staging.append("\\b")
        case 0x09: staging.append("\\t")
        case 0x0a: staging.append("\\n")
        case 0x0c: staging.append("\\f")
        case 0x0d: staging.append("\\r")
        case 0x20...: staging.append(byte)
        default:
            staging.append(byte < 16 ? "\\u000" : "\\u00")
            staging.append(hex: UInt64(byte))
        }
    }
}
