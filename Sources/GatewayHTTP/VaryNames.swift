import GatewayCore

/// What of the request a response depends on, as Vary tells caches (RFC 9110 § 12.5.5).
public struct VaryNames: OptionSet, BitwiseCopyable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    public static let acceptEncoding = VaryNames(rawValue: 1)
    public static let origin = VaryNames(rawValue: 2)
    public static let accept = VaryNames(rawValue: 4)
    /// What a preflight asks for.
    public static let preflight = VaryNames(rawValue: 8)

    /// The field, with what another's value says already before them; nothing for nothing.
    public func appendField(after value: RawSpan = RawSpan(), to queue: inout ByteQueue) {
        if isEmpty { return }
        queue.append("Vary: ")
        queue.append(value)
        var hasNames = value.byteCount > 0
        append("Accept-Encoding", .acceptEncoding, &hasNames, to: &queue)
        append("Accept", .accept, &hasNames, to: &queue)
        append("Origin", .origin, &hasNames, to: &queue)
        append("Access-Control-Request-Method, Access-Control-Request-Headers", .preflight, &hasNames, to: &queue)
        HTTP1Encoder.endLine(into: &queue)
    }

    private func append(_ text: StaticString, _ name: VaryNames, _ hasNames: inout Bool, to queue: inout ByteQueue) {
        if !contains(name) { return }
        if hasNames { queue.append(", ") }
        queue.append(text)
        hasNames = true
    }
}
