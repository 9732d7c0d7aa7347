import GatewayConfig
import GatewayCore

/// A ``Template`` as one blob of bytes and a list of plain parts: evaluated without allocating, by whoever knows the request.
public struct CompiledTemplate: Sendable {
    public struct Part: BitwiseCopyable, Sendable {
        /// What stands here: fixed text, or one of the variables (see `Variable`).
        public enum Kind: UInt8, BitwiseCopyable, Sendable {
            case literal
            case host, remoteAddr, remotePort, serverAddr, serverPort, serverName, serverProtocol
            case scheme, requestMethod, requestURI, uri, args, isArgs, requestID, hostname, proxyAddXForwardedFor
            case sslProtocol, sslCipher, sslServerName
            case sslClientSubject, sslClientIssuer, sslClientSerial, sslClientFingerprint, sslClientFingerprintSHA256, sslClientVerify
            case apiKeyName
            case http, argument
        }

        public let kind: Kind
        @usableFromInline let offset: Int32
        @usableFromInline let length: Int32
    }

    @usableFromInline let blob: [UInt8]
    @usableFromInline let parts: [Part]

    /// Whether no part depends on the request.
    public let isConstant: Bool

    /// The text, where it is the same for every request.
    public var constant: [UInt8]? { isConstant ? blob : nil }

    public init(_ template: Template) {
        var blob: [UInt8] = []
        var parts: [Part] = []
        for part in template.parts {
            let (kind, bytes) = Self.compile(part)
            if kind == .literal, bytes.isEmpty { continue }
            if kind == .literal, let last = parts.last, last.kind == .literal {
                // Its bytes are the blob's last ones.
                parts[parts.count - 1] = Part(kind: .literal, offset: last.offset, length: last.length + Int32(bytes.count))
            } else {
                parts.append(Part(kind: kind, offset: Int32(blob.count), length: Int32(bytes.count)))
            }
            blob += bytes
        }
        self.blob = blob
        self.parts = parts
        isConstant = parts.allSatisfy { $0.kind == .literal }
    }

    /// Neighbouring literals are one part; an empty template has none.
    @inlinable
    public var partCount: Int { parts.count }

    @inlinable
    public func part(_ index: Int) -> Part { parts[index] }

    /// A literal's text; for http the field's name in lower case with hyphens; for argument the parameter's name in lower case; for
    /// other parts nothing.
    @inlinable
    @_lifetime(borrow self)
    public func bytes(of part: Part) -> RawSpan {
        blob.rawSpan.extracting(Int(part.offset)..<Int(part.offset + part.length))
    }

    private static func compile(_ part: Template.Part) -> (Part.Kind, [UInt8]) {
        switch part {
        case .literal(let text): (.literal, Array(text.utf8))
        case .variable(.http(let name)): (.http, name.utf8.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0.asciiLowercased })
        case .variable(.argument(let name)): (.argument, name.utf8.map(\.asciiLowercased))
        case .variable(let variable): (kind(of: variable), [])
        }
    }

    private static func kind(of variable: Variable) -> Part.Kind {
        switch variable {
        case .host: .host
        case .remoteAddr: .remoteAddr
        case .remotePort: .remotePort
        case .serverAddr: .serverAddr
        case .serverPort: .serverPort
        case .serverName: .serverName
        case .serverProtocol: .serverProtocol
        case .scheme: .scheme
        case .requestMethod: .requestMethod
        case .requestURI: .requestURI
        case .uri: .uri
        case .args: .args
        case .isArgs: .isArgs
        case .requestID: .requestID
        case .hostname: .hostname
        case .proxyAddXForwardedFor: .proxyAddXForwardedFor
        case .sslProtocol: .sslProtocol
        case .sslCipher: .sslCipher
        case .sslServerName: .sslServerName
        case .sslClientSubject: .sslClientSubject
        case .sslClientIssuer: .sslClientIssuer
        case .sslClientSerial: .sslClientSerial
        case .sslClientFingerprint: .sslClientFingerprint
        case .sslClientFingerprintSHA256: .sslClientFingerprintSHA256
        case .sslClientVerify: .sslClientVerify
        case .apiKeyName: .apiKeyName
        case .http: .http
        case .argument: .argument
        }
    }
}
