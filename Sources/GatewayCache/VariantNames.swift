import GatewayCore

/// The names that Vary holds, of an answer of which there is one for each set of values: what is stored under the key of its request.
public struct VariantNames: Equatable, Sendable {
    /// Part of the keys of the answers: names that are stored anew, as those before were purged, lead to none of the answers from then.
    public let salt: UInt64
    /// In lower case, with commas between.
    public let list: [UInt8]

    /// Of an answer that has turned out to depend on them.
    public init(_ list: [UInt8]) {
        salt = .random(in: .min ... .max)
        self.list = list
    }

    /// As they are stored; nil for what can't be that.
    public init?(stored bytes: RawSpan) {
        if bytes.byteCount <= MemoryLayout<UInt64>.size { return nil }
        var salt: UInt64 = 0
        for offset in 0..<MemoryLayout<UInt64>.size { salt = salt << 8 | UInt64(bytes[byte: offset]) }
        self.salt = salt
        list = bytes.extracting(MemoryLayout<UInt64>.size..<bytes.byteCount).array
    }

    public var bytes: [UInt8] {
        (0..<MemoryLayout<UInt64>.size).map { UInt8(truncatingIfNeeded: salt >> UInt64(56 - 8 * $0)) } + list
    }

    public var names: [ArraySlice<UInt8>] { list.split(separator: UInt8(ascii: ",")) }
}

extension StoredAnswer {
    /// What stands in place of an answer where there are several.
    public func variantNames(_ pool: BufferPool) -> VariantNames? {
        var head = ByteQueue(pool: pool)
        appendHead(to: &head)
        return VariantNames(stored: head.bytes)
    }
}
