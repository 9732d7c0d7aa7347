/// Addresses as text: read from bytes and written to bytes, without an allocation.
extension IPAddress {
    /// Reads "192.0.2.1" or "2001:db8::1", nothing around it: no brackets, no zone, no prefix length.
    ///
    /// Numbers of an IPv4 address are decimal and without leading zeros, which other readers take for octal
    /// (RFC 6943 § 3.1.1); IPv6 is RFC 4291 § 2.2.
    public init?(parsing bytes: RawSpan) {
        if bytes.firstIndex(of: UInt8(ascii: ":")) == nil {
            guard let v4 = Self.readV4(bytes) else { return nil }
            self.init(v4: v4)
        } else {
            guard let v6 = Self.readV6(bytes) else { return nil }
            self = v6
        }
    }

    /// The same for a string. It allocates: not for the hot path.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.init(parsing: bytes.rawSpan)
    }

    private static func readV4(_ bytes: RawSpan) -> UInt32? {
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        var index = 0
        while index < bytes.byteCount {
            let byte = bytes[byte: index]
            if byte == UInt8(ascii: ".") {
                if digits == 0 || dots == 3 { return nil }
                value = value << 8 | octet
                (octet, digits, dots) = (0, 0, dots + 1)
            } else {
                let digit = UInt32(byte &- 0x30)
                if digit > 9 || (digits > 0 && octet == 0) { return nil }
                octet = octet * 10 + digit
                digits += 1
                if octet > 255 { return nil }
            }
            index += 1
        }
        return dots == 3 && digits > 0 ? value << 8 | octet : nil
    }

    /// Groups gather from the right; where "::" stood, what is before it moves to the left when all are counted.
    private static func readV6(_ bytes: RawSpan) -> IPAddress? {
        var value: UInt128 = 0
        var count = 0
        var gap: Int?
        var index = 0
        if bytes[byte: 0] == UInt8(ascii: ":") {
            if bytes.byteCount < 2 || bytes[byte: 1] != UInt8(ascii: ":") { return nil }
            gap = 0
            index = 2
        }
        while index < bytes.byteCount {
            let end = bytes.firstIndex(of: UInt8(ascii: ":"), from: index) ?? bytes.byteCount
            let piece = bytes.extracting(index..<end)
            if let group = readGroup(piece) {
                value = value << 16 | UInt128(group)
                count += 1
            } else if end == bytes.byteCount, let v4 = readV4(piece) {
                value = value << 32 | UInt128(v4)
                count += 2
            } else {
                return nil
            }
            if count > 8 { return nil }
            if end == bytes.byteCount { break }
            index = end + 1
            if index == bytes.byteCount { return nil }
            if bytes[byte: index] == UInt8(ascii: ":") {
                if gap != nil { return nil }
                gap = count
                index += 1
            }
        }
        return placed(value, count: count, gap: gap)
    }

    private static func placed(_ value: UInt128, count: Int, gap: Int?) -> IPAddress? {
        guard let gap else { return count == 8 ? IPAddress(bits: value) : nil }
        if count > 7 { return nil }
        let tail = value & ~(.max << UInt128(16 * (count - gap)))
        return IPAddress(bits: (value ^ tail) << UInt128(16 * (8 - count)) | tail)
    }

    private init(bits: UInt128) {
        self.init(high: UInt64(truncatingIfNeeded: bits >> 64), low: UInt64(truncatingIfNeeded: bits))
    }

    private static func readGroup(_ bytes: RawSpan) -> UInt16? {
        if bytes.byteCount == 0 || bytes.byteCount > 4 { return nil }
        var value: UInt16 = 0
        var index = 0
        while index < bytes.byteCount {
            guard let digit = bytes[byte: index].hexValue else { return nil }
            value = value << 4 | UInt16(digit)
            index += 1
        }
        return value
    }
}

extension IPAddress: CustomStringConvertible {
    /// Appends the one spelling of the address: dotted numbers for IPv4, RFC 5952 for IPv6.
    public func append(to queue: inout ByteQueue) { Text(self).append(to: &queue) }

    /// The same as a string. It allocates: not for the hot path.
    public var description: String {
        let text = Text(self)
        return text.bytes.rawSpan.extracting(0..<text.count).string
    }

    /// The spelling of an address, for who writes it many times.
    public struct Text: BitwiseCopyable, Sendable {
        /// Eight groups of four digits, and seven colons.
        @usableFromInline private(set) var bytes = InlineArray<39, UInt8>(repeating: 0)
        @usableFromInline private(set) var length: UInt8 = 0

        public init(_ address: IPAddress) {
            if address.isV4 { appendV4(address.v4) } else { appendV6(address) }
        }

        @inlinable
        public func append(to queue: inout ByteQueue) {
            queue.append(bytes.rawSpan.extracting(0..<count))
        }

        @inlinable
        public var count: Int { Int(length) }

        private mutating func appendV4(_ address: UInt32) {
            for place: UInt32 in 0..<4 {
                if place > 0 { append(UInt8(ascii: ".")) }
                let number = UInt8(truncatingIfNeeded: address >> (24 - 8 * place))
                if number > 99 { append(number / 100 + 0x30) }
                if number > 9 { append(number / 10 % 10 + 0x30) }
                append(number % 10 + 0x30)
            }
        }

        private mutating func appendV6(_ address: IPAddress) {
            let zeros = address.longestRunOfZeros
            var place = 0
            while place < 8 {
                if place == zeros.lowerBound, !zeros.isEmpty {
                    append(UInt8(ascii: ":"))
                    append(UInt8(ascii: ":"))
                    place = zeros.upperBound
                    continue
                }
                if place > 0, place != zeros.upperBound || zeros.isEmpty { append(UInt8(ascii: ":")) }
                appendGroup(address.group(place))
                place += 1
            }
        }

        private mutating func append(_ byte: UInt8) {
            bytes[count] = byte
            length += 1
        }

        /// In lower-case hexadecimal without leading zeros (RFC 5952 § 4).
        private mutating func appendGroup(_ group: UInt16) {
            var shift = max(0, (UInt16.bitWidth - group.leadingZeroBitCount - 1) / 4) * 4
            while shift >= 0 {
                let nibble = UInt8(truncatingIfNeeded: group >> UInt16(shift)) & 15
                append(nibble < 10 ? nibble + 0x30 : nibble + 0x57)
                shift -= 4
            }
        }
    }

    private func group(_ index: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index & 3)))
    }

    /// The first of the longest runs of two or more groups that are 0 (RFC 5952 § 4.2).
    private var longestRunOfZeros: Range<Int> {
        var longest = 0..<0
        var start = 0
        for index in 0..<8 {
            if group(index) != 0 {
                start = index + 1
            } else if index + 1 - start > max(1, longest.count) {
                longest = start..<(index + 1)
            }
        }
        return longest
    }
}
