import GatewayCore

/// What the fields of a message say to a cache, besides ``CacheControl``.
extension HeaderFields {
    /// The names that Vary holds, in lower case with commas between; "*" alone if it holds that. Without Accept-Encoding: coding is the
    /// gateway's own business, which asks origins for what is to be kept without it.
    public var varyNames: [UInt8] {
        var names: [UInt8] = []
        var i = 0
        while let index = firstIndex(of: .vary, from: i) {
            let list = value(index)
            var elements = ListElements()
            while let range = elements.next(in: list) {
                let element = list.extracting(range)
                if element.equalsIgnoringCase("accept-encoding") { continue }
                if element.equals("*") { return [UInt8(ascii: "*")] }
                if !names.isEmpty { names.append(UInt8(ascii: ",")) }
                for offset in 0..<element.byteCount { names.append(element[byte: offset].asciiLowercased) }
            }
            i = index + 1
        }
        return names
    }

    /// A bit for each length that a name has, the last one for all from 63 on.
    public var nameLengths: UInt64 {
        var lengths: UInt64 = 0
        for index in 0..<count { lengths |= 1 << UInt64(min(nameBytes(index).byteCount, 63)) }
        return lengths
    }

    /// Whether If-None-Match holds `tag`, weak or strong, or "*" (RFC 9110 § 13.1.2). False without the field.
    public func asksWhether(_ tag: RawSpan) -> Bool {
        var i = 0
        while let index = firstIndex(of: .ifNoneMatch, from: i) {
            let list = value(index)
            var elements = ListElements()
            while let range = elements.next(in: list) {
                let element = list.extracting(range)
                if element.equals("*") || element.withoutWeakness.elementsEqual(tag.withoutWeakness) { return true }
            }
            i = index + 1
        }
        return false
    }
}

extension RawSpan {
    /// The opaque part of an entity tag: what the weak comparison compares (RFC 9110 § 8.8.3.2).
    fileprivate var withoutWeakness: RawSpan {
        @_lifetime(copy self)
        get { isWeakTag ? extracting(2..<byteCount) : extracting(0..<byteCount) }
    }

    /// A number of seconds as Age has it; nil for anything else.
    public var seconds: UInt64? {
        if byteCount == 0 || byteCount > 18 { return nil }
        var value: UInt64 = 0
        for index in 0..<byteCount {
            guard self[byte: index].isDigit else { return nil }
            value = value * 10 + UInt64(self[byte: index] - 0x30)
        }
        return value
    }
}
