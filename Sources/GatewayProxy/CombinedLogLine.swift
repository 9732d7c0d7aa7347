import GatewayCore
import GatewayHTTP
import GatewayTelemetry

/// An exchange as a line of the format that Apache and nginx call combined:
/// `127.0.0.1 - key [22/Nov/2026:03:14:15 +0000] "GET / HTTP/1.1" 200 5 "referer" "user agent"`.
extension Exchange {
    func encodeCombinedLine(
        on connection: borrowing DownstreamConnection, hiding hidden: HiddenParameters?, _ policy: AccessLogPolicy, now: MonotonicTime,
        _ clock: inout WallClock,
        into line: inout ByteQueue
    ) {
        appendClient(on: connection, to: &line)
        line.append(" - ")
        if let caller = callerKey { Self.append(caller.keys.text(caller.name).rawSpan, to: &line) } else { line.append("-") }
        line.append(" [")
        CombinedTime.append(epochSeconds: Int(clock.nanoseconds(now) / 1_000_000_000), to: &line)
        line.append("] \"")
        if head.isComplete { encodeRequestLine(hiding: hidden, into: &line) } else { line.append("-") }
        line.append("\" ")
        line.append(decimal: UInt64(response.status))
        line.append(" ")
        line.append(decimal: response.sent)
        line.append(" \"")
        if policy.hidesReferer && head.fields.contains(.referer) {
            line.append("***")
        } else if let index = head.fields.firstIndex(of: .referer) {
            encodeURL(head.fields.value(index), hiding: hidden, into: &line)
        } else {
            line.append("-")
        }
        line.append("\" \"")
        if policy.hidesUserAgent && head.fields.contains(.userAgent) {
            line.append("***")
        } else if let index = head.fields.firstIndex(of: .userAgent) {
            Self.append(head.fields.value(index), to: &line)
        } else {
            line.append("-")
        }
        line.append("\"")
    }

    private func encodeRequestLine(hiding hidden: HiddenParameters?, into line: inout ByteQueue) {
        Self.append(head.methodBytes, to: &line)
        line.append(" ")
        encodeURL(head.target, hiding: hidden, into: &line)
        line.append(" ")
        line.append(protocolName)
    }

    private func encodeURL(_ url: RawSpan, hiding hidden: HiddenParameters?, into line: inout ByteQueue) {
        guard let hidden else { return Self.append(url, to: &line) }
        let shown = hidden.shown(url)
        Self.append(shown.rawSpan, to: &line)
    }

    /// As nginx escapes: what would end the text, a control byte, or one that is not ASCII is `\xHH`.
    private static func append(_ bytes: RawSpan, to line: inout ByteQueue) {
        for index in 0..<bytes.byteCount {
            let byte = bytes[byte: index]
            if byte < 0x20 || byte >= 0x7f || byte == 0x22 || byte == 0x5c {
                let digits: [UInt8] = Array("0123456789ABCDEF".utf8)
                line.append("\\x")
                line.append(digits[Int(byte >> 4)])
                line.append(digits[Int(byte & 15)])
            } else {
                line.append(byte)
            }
        }
    }
}

/// "22/Nov/2026:03:14:15 +0000"
enum CombinedTime {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func append(epochSeconds: Int, to line: inout ByteQueue) {
        let date = CivilDate(daysSince1970: epochSeconds / 86_400)
        let seconds = epochSeconds % 86_400
        two(date.day, to: &line)
        line.append("/")
        line.append(Array(months[date.month - 1].utf8))
        line.append("/")
        line.append(decimal: UInt64(date.year))
        for part in [seconds / 3_600, seconds / 60 % 60, seconds % 60] {
            line.append(":")
            two(part, to: &line)
        }
        line.append(" +0000")
    }

    private static func two(_ value: Int, to line: inout ByteQueue) {
        line.append(UInt8(truncatingIfNeeded: value / 10) + 0x30)
        line.append(UInt8(truncatingIfNeeded: value % 10) + 0x30)
    }
}
