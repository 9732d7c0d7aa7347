import GatewayCore
import GatewayHTTP

/// A header of the PROXY protocol is what a plain reader of proxy-protocol.txt finds, however much has come behind it; and each beginning of
/// one waits for more.
enum ProxyHeaderFuzzing {
    private enum Found: Equatable {
        case incomplete, invalid
        case complete(ProxyHeader.Source, byteCount: Int)

        init(_ reading: ProxyHeader.Reading) {
            switch reading {
            case .incomplete: self = .incomplete
            case .invalid: self = .invalid
            case .complete(let header): self = .complete(header.source, byteCount: header.byteCount)
            }
        }
    }

    static func run(_ input: RawSpan) {
        let bytes = input.array
        let whole = ProxyHeader.read(input)
        precondition(Found(whole) == reference(bytes), "not what the protocol says")
        var verdict = ProxyHeader.Reading.incomplete
        // What follows a header may be long, and changes nothing.
        for end in 0...min(bytes.count, Limits.proxyHeaderBytesMax) {
            let reading = ProxyHeader.read(input.extracting(0..<end))
            precondition(verdict == .incomplete || reading == verdict, "the verdict changes with what comes behind")
            if case .complete(let header) = reading { precondition(header.byteCount <= end, "longer than what has come") }
            verdict = reading
        }
        precondition(verdict == whole || bytes.count > Limits.proxyHeaderBytesMax)
    }

    private static func reference(_ bytes: [UInt8]) -> Found {
        bytes.first == UInt8(ascii: "P") ? line(bytes) : block(bytes)
    }

    // MARK: Version 1

    private static func line(_ bytes: [UInt8]) -> Found {
        let start = Array("PROXY ".utf8)
        guard bytes.starts(with: start.prefix(bytes.count)) else { return .invalid }
        let room = bytes.prefix(Limits.proxyLineBytesMax)
        guard let end = room.firstIndex(where: { $0 == 0x0d || $0 == 0x0a }) else {
            return bytes.count < Limits.proxyLineBytesMax ? .incomplete : .invalid
        }
        if bytes[end] == 0x0a || end + 1 == Limits.proxyLineBytesMax { return .invalid }
        if end + 1 == bytes.count { return .incomplete }
        guard bytes[end + 1] == 0x0a, let source = source(String(decoding: bytes[start.count..<end], as: UTF8.self)) else {
            return .invalid
        }
        return .complete(source, byteCount: end + 2)
    }

    private static func source(_ text: String) -> ProxyHeader.Source? {
        let words = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map { String(Substring($0)) }
        if words[0] == "UNKNOWN" { return .unnamed }
        guard words.count == 5, words[0] == "TCP4" || words[0] == "TCP6", !text.utf8.contains(0) else { return nil }
        let addresses = words[1...2].map { AddressFuzzing.reference($0) }
        let areOfFamily = words[1...2].allSatisfy { $0.contains(":") == (words[0] == "TCP6") }
        let ports = words[3...4].map { UInt16($0) }
        let arePlain = zip(words[3...4], ports).allSatisfy { word, port in port.map { String($0) == word } ?? false }
        guard areOfFamily, arePlain, let address = addresses[0], addresses[1] != nil, let port = ports[0] else { return nil }
        return .client(address, port: port)
    }

    // MARK: Version 2

    private static func block(_ bytes: [UInt8]) -> Found {
        let start: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
        guard bytes.starts(with: start.prefix(bytes.count)) else { return .invalid }
        if bytes.count < 16 { return .incomplete }
        let (command, family, length) = (bytes[12], bytes[13], Int(bytes[14]) * 256 + Int(bytes[15]))
        guard command == 0x20 || command == 0x21, 16 + length <= Limits.proxyHeaderBytesMax else { return .invalid }
        let addressBytes = [0x11: 12, 0x21: 36][family] ?? 0
        let isKnown = family >> 4 <= 3 && family & 15 <= 2
        if command == 0x21 && (!isKnown || length < addressBytes) { return .invalid }
        if bytes.count < 16 + length { return .incomplete }
        func number<Number: FixedWidthInteger>(_ start: Int) -> Number {
            bytes[start..<start + Number.bitWidth / 8].reduce(0) { $0 << 8 | Number($1) }
        }
        let source: ProxyHeader.Source =
            if command == 0x20 {
                .proxy
            } else if family == 0x11 {
                .client(IPAddress(v4: number(16)), port: number(24))
            } else if family == 0x21 {
                .client(IPAddress(high: number(16), low: number(24)), port: number(48))
            } else {
                .unnamed
            }
        return .complete(source, byteCount: 16 + length)
    }
}
