import GatewayCore

/// The Host of a connection's last request, or its authority: nearly always that of its next one, which then need not be read again.
struct LastHost: Sendable {
    /// Longer ones are not kept, so that a connection that waits for its next request is no heavier than it need be.
    private static let bytesMax = 40

    private var bytes = InlineArray<40, UInt8>(repeating: 0)
    private var length: UInt8 = 0
    private var hostLength: UInt8 = 0
    private var mayHaveUpperCase = false

    /// The same as ``Authority/parse(_:_:)``.
    mutating func parse(_ host: RawSpan) throws(GatewayError) -> Authority {
        let count = Int(length)
        if host.byteCount == count && count > 0 && host.elementsEqual(bytes.rawSpan.extracting(0..<count)) {
            return Authority(hostLength: Int(hostLength), mayHaveUpperCase: mayHaveUpperCase)
        }
        let read = try Authority.parse(host, .hostInvalid)
        keep(host, read)
        return read
    }

    @inline(never)
    private mutating func keep(_ host: RawSpan, _ read: Authority) {
        if host.byteCount > Self.bytesMax { return }
        for index in 0..<host.byteCount { bytes[index] = host[byte: index] }
        length = UInt8(host.byteCount)
        hostLength = UInt8(read.hostLength)
        mayHaveUpperCase = read.mayHaveUpperCase
    }
}
