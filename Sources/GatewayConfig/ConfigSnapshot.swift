import GatewayCore

/// What gateway.conf says, checked and immutable. Names refer to what exists, numbers are within their ranges,
/// files of certificates were readable and matched their keys when the snapshot was made.
public struct ConfigSnapshot: Sendable, Equatable {
    /// `workers auto` is the number of CPUs that are online.
    public var workers: Int
    public var workerConnections: Int
    /// Who the process becomes when it is started as root; nil without the directive.
    public var user: UserConfig?
    public var errorLog: ErrorLog
    public var accessLog: AccessLogDestination
    public var shutdownTimeoutMs: Int
    public var trustedProxies: [CIDRBlock]
    public var addressLimits: AddressLimitsConfig
    /// What each worker's encoders may take.
    public var gzipMemoryBytes: Int
    public var admin: AdminConfig?
    public var servers: [ServerConfig]
    public var upstreams: [UpstreamConfig]
    /// The names among the hosts of all servers of upstreams, each once.
    public var names: [NameConfig]
    /// nil without an `api_keys` block.
    public var apiKeys: APIKeysConfig?
    public var accessLogRules = AccessLogRules()
    public var rateLimits: [RateLimitConfig] = []
    public var cacheZones: [CacheZoneConfig] = []
    /// nil: `tracing off`.
    public var tracing: TracingConfig?
}

/// A name that is looked up, again and again.
public struct NameConfig: Sendable, Equatable {
    /// In lower case.
    public var host: String
    /// The shortest `resolve_interval` of the upstreams with a server of that name.
    public var resolveIntervalMs: Int
    /// Where it stands first.
    public var position: SourcePosition
    /// The upstream that is meant most likely, if there is no such host: "did you mean ...".
    public var hint: String?
}

public struct UserConfig: Sendable, Equatable {
    public var name: String
    public var id: UInt32
    public var group: UInt32
}

/// `limit_connections` and `limit_handshakes`: what one address may have.
public struct AddressLimitsConfig: Sendable, Equatable {
    /// 0: no limit.
    public var connectionsMax = 0
    public var connectionsPrefixBits = 64
    /// 0: no limit.
    public var handshakesPerSecond = 0
    public var handshakesBurst = 0
    public var handshakesPrefixBits = 64
}

public struct ErrorLog: Sendable, Equatable {
    public enum Level: String, Sendable, CaseIterable { case debug, info, warn, error }
    /// nil: standard error.
    public var path: String?
    public var level: Level
}

public enum AccessLogDestination: Sendable, Equatable {
    case off
    /// JSON lines; a nil path is standard output.
    case json(path: String?)
    /// The lines that Apache and nginx call so.
    case combined(path: String?)
}

/// Which requests have a line in the access log, and what it doesn't show.
public struct AccessLogRules: Sendable, Equatable {
    /// The share of requests that have a line besides those that failed or were slow, in millionths.
    public var sampleMillionths = 1_000_000
    public var slowMs = 1_000
    /// Query parameters without values.
    public var hidden: [String] = []
    /// Header fields without values: of user-agent and referer, which lines show.
    public var hiddenFields: [String] = []

    public init() {}
}

public struct AdminConfig: Sendable, Equatable {
    public var address: ListenAddress
    /// Who may ask. Never empty: the default is the loopback addresses.
    public var allow: [CIDRBlock]
    /// Names with a dot by which browsers and others may ask for it: see `server_name` of `admin`.
    public var names: [String] = []
}

public struct ListenAddress: Sendable, Equatable, Hashable {
    public var address: IPAddress
    /// Whether the address was written as IPv6 ("[::]:80" listens on IPv6 only, as in nginx).
    public var isV6: Bool
    public var port: UInt16

    /// As it is written in `listen`: "0.0.0.0:8080", "[::1]:8443".
    public var name: String { isV6 ? "[\(address)]:\(port)" : "\(address):\(port)" }
}

public struct ServerConfig: Sendable, Equatable {
    public struct Listen: Sendable, Equatable {
        public var address: ListenAddress
        public var isTLS: Bool
        public var isDefault: Bool
        /// `proxy_protocol`, the same in all servers of an address.
        public var hasProxyHeader = false
    }

    /// In lower case: "api.example.com", "*.example.com", "mail.*"; "" where none is given.
    public var names: [String]
    public var listens: [Listen]
    public var tls: TLSConfig?
    /// `http2`. Without TLS only that of a listen address's default server counts.
    public var speaksHTTP2 = true
    public var clientHeaderTimeoutMs: Int
    public var clientBodyTimeoutMs: Int
    /// 0: connections are closed after their first answer.
    public var keepaliveTimeoutMs: Int
    public var sendTimeoutMs: Int
    public var mergeSlashes: Bool
    /// For what no location matches: `return`, `add_header` and the like at the server's own level.
    public var fallback: LocationConfig
    public var locations: [LocationConfig]

    /// The first server_name, as metrics and logs name the server; "_" without one, as nginx's examples do.
    public var label: String { names.first { !$0.isEmpty } ?? "_" }
}

public struct TLSConfig: Sendable, Equatable {
    public enum Version: Int, Sendable, Comparable {
        case tls12, tls13
        public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }
    /// Several pairs: one per key type (RSA beside ECDSA), as in nginx.
    public var certificates: [CertificateFiles]
    public var minimumVersion: Version
    public var maximumVersion: Version
    /// What is asked of clients; nil asks for no certificate.
    public var clients: ClientVerificationConfig?
}

public struct CertificateFiles: Sendable, Equatable {
    public var certificatePath: String
    public var keyPath: String
    /// Where ssl_certificate names the certificate, and ssl_certificate_key the key: for what is found wrong inside the files.
    public var position: SourcePosition
    public var keyPosition: SourcePosition
}

public struct LocationConfig: Sendable, Equatable {
    /// As written, and as metrics and logs name it: "/v1/", "= /healthz"; "" for the server's own level.
    public var name: String
    public var path: String
    public var isExact: Bool
    public var action: LocationAction
    /// `client_max_body_size 0`, no limit, is Int.max.
    public var clientMaxBodyBytes: Int
    /// 0: no limit.
    public var requestTimeoutMs: Int
    /// Merged with the outer levels: what the inner level sets again replaces the outer one's.
    public var addHeaders: [HeaderTemplate]
    /// Merged likewise; an empty value takes the field away.
    public var proxySetHeaders: [HeaderTemplate]
    /// nil: `gzip off`.
    public var gzip: GzipConfig?
    /// nil: `authenticate off`.
    public var authentication: AuthenticationConfig?
    /// Those of the outer levels first.
    public var limits: [LimitUseConfig] = []
    public var limitHeaders = LimitHeaderStyle.ietf
    /// Whether its requests are traced, where the gateway traces.
    public var isTraced = true
    public var edge = EdgeConfig()
    /// nil: its answers are not kept.
    public var cache: CacheConfig?
}

public struct GzipConfig: Sendable, Equatable {
    /// zlib's: 1 is fast, 9 thorough.
    public var level: Int
    /// Shorter content, where its length is known, is left alone.
    public var lengthMinBytes: Int
    /// In lower case, "text/html" among them; "*" stands for any.
    public var types: [String]

    public init(level: Int, lengthMinBytes: Int, types: [String]) {
        self.level = level
        self.lengthMinBytes = lengthMinBytes
        self.types = types
    }
}

public enum LocationAction: Sendable, Equatable {
    /// 404.
    case none
    case `return`(status: Int, body: ReturnBody)
    case proxyPass(ProxyPass)
}

public enum ReturnBody: Sendable, Equatable {
    case empty
    /// For 301, 302, 303, 307 and 308: the Location field.
    case redirect(Template)
    case text(Template)
}

public struct ProxyPass: Sendable, Equatable {
    /// Index into ``ConfigSnapshot/upstreams``.
    public var upstream: Int
    /// nginx's URI rule: what takes the place of the part of the path that the location matched; nil passes the path as it was matched.
    public var uri: String?
}

public struct HeaderTemplate: Sendable, Equatable {
    public var name: String
    public var value: Template
    /// add_header's `always` is the gateway's only way, so this is here for proxy_set_header and add_header alike.
    public init(name: String, value: Template) {
        self.name = name
        self.value = value
    }
}

public struct UpstreamConfig: Sendable, Equatable {
    public enum Balance: Sendable { case roundRobin, leastConn }

    public struct Server: Sendable, Equatable {
        /// A name or an address, without brackets.
        public var host: String
        public var port: UInt16
        public var weight: Int
        /// How many requests may be there at a time, for the whole gateway; 0 is no limit.
        public var maxConns = 0
        public var isBackup = false
    }

    public struct Version: Sendable, Equatable {
        /// "" in an upstream that has servers only.
        public var name: String
        public var weight: Int
        public var servers: [Server]
    }

    public struct Retry: Sendable, Equatable {
        /// Servers tried in all; 1 is no retry.
        public var attempts: Int
        public var onConnect: Bool
        public var onIdle: Bool
        public var nonIdempotent: Bool
        /// How many retries at other servers a hundred requests may bring; nil for any number.
        public var budgetPercent: Int?
        /// So many a second are allowed each worker nevertheless.
        public var floorPerS = 3
    }

    /// As written; "127.0.0.1:9001" for the unnamed upstream of `proxy_pass http://127.0.0.1:9001`.
    public var name: String
    public var versions: [Version]
    public var balance: Balance
    /// The Host sent to the origin; nil sends the client's.
    public var host: String?
    public var keepaliveMax: Int
    public var keepaliveTimeoutMs: Int
    public var connectTimeoutMs: Int
    public var sendTimeoutMs: Int
    public var readTimeoutMs: Int
    public var retry: Retry
    /// nil speaks to the origins without TLS.
    public var tls: UpstreamTLSConfig?
    /// `protocol h2`; else HTTP/1.1.
    public var speaksHTTP2 = false
    /// nil: versions are chosen by weight alone.
    public var sticky: StickyKey?
    public var versionHeader: VersionHeaderConfig?
    /// nil: requests that fail put no server out.
    public var outlier: OutlierConfig?
    /// nil: servers are not asked.
    public var healthCheck: HealthCheckConfig?
}

/// Text with variables in it: `https://$host$request_uri`.
public struct Template: Sendable, Equatable {
    public enum Part: Sendable, Equatable {
        case literal(String)
        case variable(Variable)
    }
    public var parts: [Part]

    public init(parts: [Part]) {
        self.parts = parts
    }
}

/// The variables of a request, by nginx's names.
public enum Variable: Sendable, Equatable {
    case host, remoteAddr, remotePort, serverAddr, serverPort, serverName, serverProtocol
    case scheme, requestMethod, requestURI, uri, args, isArgs, requestID, hostname, proxyAddXForwardedFor
    case sslProtocol, sslCipher, sslServerName
    case sslClientSubject, sslClientIssuer, sslClientSerial, sslClientFingerprint, sslClientFingerprintSHA256, sslClientVerify
    case apiKeyName
    /// `$http_user_agent`: the request field of that name, in lower case with hyphens.
    case http(String)
    /// `$arg_name`: the query parameter of that name.
    case argument(String)
}
