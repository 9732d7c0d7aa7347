import GatewayCore

/// What the fields of a message say to a cache, besides ``CacheControl``.
extension HeaderFields {
    /// The names that Vary holds, in lower case with commas between; "*" alone if it holds that, or what is no name. Without Accept-Encoding:
    /// coding is the gateway's own business, which asks origins for what is to be kept without it.
    public func varyNames(apartFrom isCounted: (RawSpan) -> Bool) -> [UInt8] {
        var names: [UInt8] = []
        let isAny = hasElement(of: .vary) { element in
            // What is no name may mean anything.
            if element.equals("*") || !ByteClass.isToken(element) { return true }
            if element.equalsIgnoringCase("accept-encoding") || isCounted(element) { return false }
            if !names.isEmpty { names.append(UInt8(ascii: ",")) }
            for offset in 0..<element.byteCount { names.append(element[byte: offset].asciiLowercased) }
            return false
        }
        return isAny ? [UInt8(ascii: "*")] : names
    }

    /// A bit for each length that a name has, the last one for all from 63 on.
    public var nameLengths: UInt64 {
        var lengths: UInt64 = 0
        for index in 0..<count { lengths |= 1 << UInt64(min(nameBytes(index).byteCount, 63)) }
        return lengths
    }

    /// Whether If-None-Match holds `tag`, weak or strong, or "*" (RFC 9110 § 13.1.2). False without the field.
    public func asksWhether(_ tag: RawSpan) -> Bool {
        hasElement(of: .ifNoneMatch) { $0.equals("*") || $0.isSameTag(as: tag) }
    }
}

extension RawSpan {
    /// The weak comparison of entity tags (RFC 9110 § 8.8.3.2).
    public func isSameTag(as other: RawSpan) -> Bool { withoutWeakness.elementsEqual(other.withoutWeakness) }

    /// The opaque part of an entity tag: what the weak comparison compares (RFC 9110 § 8.8.3.2).
    fileprivate var withoutWeakness: RawSpan {
        @_lifetime(copy self)
        get { isWeakTag ? extracting(2..<byteCount) : extracting(0..<byteCount) }
    }

    /// A number of seconds (RFC 9111 § 1.2.2): as much as counts for more; nil for anything but digits.
    public var seconds: UInt64? {
        if byteCount == 0 { return nil }
        var value: UInt64 = 0
        for index in 0..<byteCount {
            guard self[byte: index].isDigit else { return nil }
            value = min(value * 10 + UInt64(self[byte: index] - 0x30), 1 << 31)
        }
        return value
    }
}
