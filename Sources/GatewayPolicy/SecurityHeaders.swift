import GatewayConfig
import GatewayCore

/// The fields of `security_headers`, encoded once: for answers over TLS, and for those without it.
public struct SecurityHeaders: Sendable {
    /// Their names: what an origin says under one of them is replaced. HSTS is among them where it is configured, also over plain HTTP,
    /// where browsers ignore it and it has no business (RFC 6797 § 7.2).
    public let names: [String]
    private let overTLS: [UInt8]
    private let overPlain: [UInt8]

    public init(_ config: EdgeConfig) {
        let hsts = config.hsts.map { [FieldConfig("Strict-Transport-Security", $0)] } ?? []
        names = (hsts + config.securityHeaders).map(\.name)
        overTLS = Self.encode(hsts + config.securityHeaders)
        overPlain = Self.encode(config.securityHeaders)
    }

    public func append(overTLS isTLS: Bool, to queue: inout ByteQueue) {
        queue.append(isTLS ? overTLS : overPlain)
    }

    private static func encode(_ fields: [FieldConfig]) -> [UInt8] {
        fields.flatMap { Array("\($0.name): \($0.value)\r\n".utf8) }
    }
}
