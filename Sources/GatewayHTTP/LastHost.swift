import GatewayCore

/// The Host of a connection's last request: nearly always that of its next one, which then need not be read again.
struct LastHost: Sendable {
    /// Longer ones are not kept.
    private static let bytesMax = 40

    private var bytes = InlineArray<40, UInt8>(repeating: 0)
    private var length = 0
    private var authority = Authority(hostLength: 0, mayHaveUpperCase: false)

    /// The same as ``Authority/parse(_:_:)``.
    mutating func parse(_ host: RawSpan) throws(GatewayError) -> Authority {
        if host.byteCount == length && length > 0 && host.elementsEqual(bytes.rawSpan.extracting(0..<length)) { return authority }
        let read = try Authority.parse(host, .hostInvalid)
        keep(host, read)
        return read
    }

    @inline(never)
    private mutating func keep(_ host: RawSpan, _ read: Authority) {
        if host.byteCount > Self.bytesMax { return }
        for index in 0..<host.byteCount { bytes[index] = host[byte: index] }
        length = host.byteCount
        authority = read
    }
}
