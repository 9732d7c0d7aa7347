import GatewayConfig
import GatewayCore

/// The fields of `security_headers`, encoded once: for answers over TLS, and for those without it.
public struct SecurityHeaders: Sendable {
    /// Their names: what an origin says under one of them is replaced. HSTS is among them where it is configured, also over plain HTTP,
    /// where browsers ignore it and it has no business (RFC 6797 § 7.2).
    public let names: [String]
    private let overTLS: [UInt8]
    private let overPlain: [UInt8]
    private let pageOverTLS: [UInt8]
    private let pageOverPlain: [UInt8]

    public init(_ config: EdgeConfig) {
        let hsts = config.hsts.map { [FieldConfig("Strict-Transport-Security", $0)] } ?? []
        let policy = "Content-Security-Policy"
        let page = config.securityHeaders.map { $0.name == policy ? FieldConfig(policy, Self.pagePolicy(besides: $0.value)) : $0 }
        names = (hsts + config.securityHeaders).map(\.name)
        overTLS = Self.encode(hsts + config.securityHeaders)
        overPlain = Self.encode(config.securityHeaders)
        pageOverTLS = Self.encode(hsts + page)
        pageOverPlain = Self.encode(page)
    }

    /// `isBuiltInPage`: the answer is a page of the gateway's own.
    public func append(overTLS isTLS: Bool, isBuiltInPage: Bool, to queue: inout ByteQueue) {
        if isBuiltInPage {
            queue.append(isTLS ? pageOverTLS : pageOverPlain)
        } else {
            queue.append(isTLS ? overTLS : overPlain)
        }
    }

    /// A page of the gateway's own has a style and nothing else: no policy for others would fit it, and none for it could be stricter.
    /// Who may show it in a frame is for the operator to say.
    static func pagePolicy(besides policy: String) -> String {
        let directives = policy.split(separator: ";").map { $0.drop { $0 == " " } }
        let frames = directives.filter { $0.lowercased().hasPrefix("frame-ancestors") }
        return (["default-src 'none'", "style-src 'unsafe-inline'", "base-uri 'none'", "form-action 'none'"] + frames.map(String.init))
            .joined(separator: "; ")
    }

    private static func encode(_ fields: [FieldConfig]) -> [UInt8] {
        fields.flatMap { Array("\($0.name): \($0.value)\r\n".utf8) }
    }
}
