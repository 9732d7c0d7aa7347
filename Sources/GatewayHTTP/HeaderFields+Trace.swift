import GatewayCore

/// traceparent and tracestate (W3C Trace Context § 3.2, § 3.3).
extension HeaderFields {
    /// What the request says of its trace; nil where it says nothing, something invalid, or two things.
    public var traceContext: TraceContext? {
        guard let index = firstIndex(of: .traceparent), firstIndex(of: .traceparent, from: index + 1) == nil else { return nil }
        return TraceContext(value(index))
    }

    /// Whether there is a tracestate that may be passed on: all its lines together within what everybody takes, and each member a key
    /// and a value.
    public var hasTraceState: Bool {
        var (byteCount, memberCount) = (0, 0)
        var index = firstIndex(of: .tracestate)
        while let line = index {
            byteCount += value(line).byteCount + 1
            var members = ListElements()
            while let member = members.next(in: value(line)) {
                memberCount += 1
                if !value(line).extracting(member).isTraceStateMember { return false }
            }
            index = firstIndex(of: .tracestate, from: line + 1)
        }
        return memberCount > 0 && memberCount <= Limits.traceStateMembersMax && byteCount - 1 <= Limits.traceStateBytesMax
    }

    /// What all lines of tracestate say, as it came, as one (RFC 9110 § 5.3).
    public func appendTraceState(to queue: inout ByteQueue) {
        let start = queue.count
        var index = firstIndex(of: .tracestate)
        while let line = index {
            if value(line).byteCount > 0 {
                if queue.count > start { queue.append(",") }
                queue.append(value(line))
            }
            index = firstIndex(of: .tracestate, from: line + 1)
        }
    }
}

extension RawSpan {
    /// `key=value`.
    fileprivate var isTraceStateMember: Bool {
        guard let equals = firstIndex(of: UInt8(ascii: "=")) else { return false }
        let valueLength = byteCount - equals - 1
        guard equals > 0, equals <= Limits.traceStateWordBytesMax, valueLength > 0, valueLength <= Limits.traceStateWordBytesMax else {
            return false
        }
        for index in 0..<equals where !Self.mayStandInKey(self[byte: index], isFirst: index == 0) { return false }
        for index in equals + 1..<byteCount {
            let byte = self[byte: index]
            if byte < 0x20 || byte > 0x7e || byte == UInt8(ascii: "=") { return false }
        }
        return true
    }

    private static func mayStandInKey(_ byte: UInt8, isFirst: Bool) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x7a: true
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: "@"): !isFirst
        default: false
        }
    }
}
