import GatewayCore

/// The header of the PROXY protocol, version 1 or 2 (HAProxy's proxy-protocol.txt): the first bytes of a connection, by which a balancer
/// of TCP says for whom it has opened it.
public struct ProxyHeader: Equatable, Sendable {
    public enum Source: Equatable, Sendable {
        case client(IPAddress, port: UInt16)
        /// The proxy speaks for itself (version 2's LOCAL), to see whether we are there.
        case proxy
        /// The proxy does not say for whom: version 1's UNKNOWN, version 2's UNSPEC and whatever is not TCP over IP.
        case unnamed
    }

    public enum Reading: Equatable, Sendable {
        case incomplete
        case invalid
        case complete(ProxyHeader)
    }

    public let source: Source
    /// How long it is, with what follows the addresses: the bytes behind are the client's.
    public let byteCount: Int

    /// What `bytes`, the first of a connection, begin with. Once it is not `incomplete`, more bytes change nothing.
    public static func read(_ bytes: RawSpan) -> Reading {
        if bytes.byteCount == 0 { return .incomplete }
        return bytes[byte: 0] == UInt8(ascii: "P") ? readText(bytes) : readBinary(bytes)
    }

    // MARK: Version 1: a line

    private static let textStart = Array("PROXY ".utf8)

    private static func readText(_ bytes: RawSpan) -> Reading {
        if !begins(bytes, with: textStart) { return .invalid }
        for index in 0..<min(bytes.byteCount, Limits.proxyLineBytesMax) {
            switch bytes[byte: index] {
            case UInt8(ascii: "\n"):
                return .invalid
            case UInt8(ascii: "\r"):
                if index + 1 == Limits.proxyLineBytesMax { return .invalid }
                if index + 1 == bytes.byteCount { return .incomplete }
                if bytes[byte: index + 1] != UInt8(ascii: "\n") { return .invalid }
                guard let source = source(ofLine: bytes.extracting(textStart.count..<index)) else { return .invalid }
                return .complete(ProxyHeader(source: source, byteCount: index + 2))
            default: break
            }
        }
        return bytes.byteCount < Limits.proxyLineBytesMax ? .incomplete : .invalid
    }

    /// Of "TCP4 192.0.2.1 198.51.100.1 56324 443": one space between, nothing around.
    private static func source(ofLine line: RawSpan) -> Source? {
        var start = 0
        let family = word(of: line, from: &start)
        if line.extracting(family).equals("UNKNOWN") { return .unnamed }
        let isV4 = line.extracting(family).equals("TCP4")
        guard isV4 || line.extracting(family).equals("TCP6") else { return nil }
        let (source, target) = (word(of: line, from: &start), word(of: line, from: &start))
        let (sourcePort, targetPort) = (word(of: line, from: &start), word(of: line, from: &start))
        guard start > line.byteCount, let client = address(line.extracting(source), isV4), address(line.extracting(target), isV4) != nil,
            let port = number(line.extracting(sourcePort)), number(line.extracting(targetPort)) != nil
        else { return nil }
        return .client(client, port: port)
    }

    /// The next word, empty behind the last; `start` is then beyond the line's end.
    private static func word(of line: RawSpan, from start: inout Int) -> Range<Int> {
        if start > line.byteCount { return line.byteCount..<line.byteCount }
        let end = line.firstIndex(of: UInt8(ascii: " "), from: start) ?? line.byteCount
        defer { start = end + 1 }
        return start..<end
    }

    private static func address(_ text: RawSpan, _ isV4: Bool) -> IPAddress? {
        if (text.firstIndex(of: UInt8(ascii: ":")) == nil) != isV4 { return nil }
        return IPAddress(parsing: text)
    }

    private static func number(_ text: RawSpan) -> UInt16? {
        if text.byteCount == 0 || text.byteCount > 5 || (text.byteCount > 1 && text[byte: 0] == UInt8(ascii: "0")) { return nil }
        var value = 0
        for index in 0..<text.byteCount {
            if !text[byte: index].isDigit { return nil }
            value = value * 10 + Int(text[byte: index] - UInt8(ascii: "0"))
        }
        return UInt16(exactly: value)
    }

    // MARK: Version 2: a block

    private static let binaryStart: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]

    private static func readBinary(_ bytes: RawSpan) -> Reading {
        if !begins(bytes, with: binaryStart) { return .invalid }
        if bytes.byteCount < 16 { return .incomplete }
        let length = Int(bytes[byte: 14]) << 8 | Int(bytes[byte: 15])
        let byteCount = 16 + length
        guard let source = source(command: bytes[byte: 12], family: bytes[byte: 13], length: length),
            byteCount <= Limits.proxyHeaderBytesMax
        else { return .invalid }
        if bytes.byteCount < byteCount { return .incomplete }
        return .complete(ProxyHeader(source: source.isNamed ? client(bytes, isV4: source.isV4) : source.source, byteCount: byteCount))
    }

    /// What the block's head says: the client's address is behind it where one is named.
    private struct BlockHead {
        var source = Source.unnamed
        var isNamed = false
        var isV4 = false
    }

    /// nil for what the protocol does not know, and for a block that is shorter than its addresses. What follows those is skipped.
    private static func source(command: UInt8, family: UInt8, length: Int) -> BlockHead? {
        switch command {
        case 0x20: return BlockHead(source: .proxy)
        case 0x21: break
        default: return nil
        }
        switch family {
        case 0x11: return length >= 12 ? BlockHead(isNamed: true, isV4: true) : nil
        case 0x21: return length >= 36 ? BlockHead(isNamed: true, isV4: false) : nil
        // UNSPEC; datagrams, and sockets of the proxy's own machine: no address of a client of TCP.
        case 0x00...0x02, 0x10, 0x12, 0x20, 0x22, 0x30...0x32: return BlockHead()
        default: return nil
        }
    }

    private static func client(_ bytes: RawSpan, isV4: Bool) -> Source {
        if isV4 {
            let address = UInt32(truncatingIfNeeded: bytes.word(at: 16)).byteSwapped
            return .client(IPAddress(v4: address), port: bytes.pair(at: 24).byteSwapped)
        }
        let address = IPAddress(high: bytes.word(at: 16).byteSwapped, low: bytes.word(at: 24).byteSwapped)
        return .client(address, port: bytes.pair(at: 48).byteSwapped)
    }

    /// Whether the bytes are the beginning, as far as they go.
    private static func begins(_ bytes: RawSpan, with start: [UInt8]) -> Bool {
        for index in 0..<min(bytes.byteCount, start.count) where bytes[byte: index] != start[index] { return false }
        return true
    }
}
