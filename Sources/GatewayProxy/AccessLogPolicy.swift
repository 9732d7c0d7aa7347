import GatewayConfig
import GatewayCore

/// What `access_log` says of every line. Plain values: to read them counts no reference.
struct AccessLogPolicy: BitwiseCopyable, Sendable {
    let isCombined: Bool
    let samples: Bool
    /// Of the upper half of a random word: what lies below has a line.
    let sampleMark: UInt64
    let slowNs: UInt64
    let hidesUserAgent: Bool
    let hidesReferer: Bool

    init(_ config: ConfigSnapshot) {
        let rules = config.accessLogRules
        isCombined = if case .combined = config.accessLog { true } else { false }
        samples = rules.sampleMillionths < 1_000_000
        sampleMark = (UInt64(rules.sampleMillionths) << 32) / 1_000_000
        slowNs = UInt64(rules.slowMs) * 1_000_000
        hidesUserAgent = rules.hiddenFields.contains("user-agent")
        hidesReferer = rules.hiddenFields.contains("referer")
    }
}

/// The query parameters whose values no line shows.
final class HiddenParameters: Sendable {
    /// In lower case.
    private let names: [[UInt8]]

    /// nil: everything is shown.
    init?(_ names: [String]) {
        if names.isEmpty { return nil }
        self.names = names.map { Array($0.lowercased().utf8) }
    }

    /// The URL with `***` in the place of what is hidden. A name counts as its origin would read it, however it is spelled.
    func shown(_ url: RawSpan) -> [UInt8] {
        let bytes = url.array
        guard let question = bytes.firstIndex(of: UInt8(ascii: "?")) else { return bytes }
        var result = Array(bytes[...question])
        var start = question + 1
        while start <= bytes.count {
            let end = bytes[start...].firstIndex { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: ";") } ?? bytes.count
            let pair = bytes[start..<end]
            if let equals = pair.firstIndex(of: UInt8(ascii: "=")), names.contains(Self.decoded(pair[..<equals])) {
                result += pair[...equals] + Array("***".utf8)
            } else {
                result += pair
            }
            if end < bytes.count { result.append(bytes[end]) }
            start = end + 1
        }
        return result
    }

    /// In lower case, percent-encoding taken away.
    private static func decoded(_ name: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var position = name.startIndex
        while position < name.endIndex {
            var byte = name[position]
            if byte == UInt8(ascii: "%"), position + 2 < name.endIndex, let high = digit(name[position + 1]),
                let low = digit(name[position + 2])
            {
                byte = high << 4 | low
                position += 2
            } else if byte == UInt8(ascii: "+") {
                byte = UInt8(ascii: " ")
            }
            result.append(byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte)
            position += 1
        }
        return result
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
