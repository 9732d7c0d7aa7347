import GatewayCore

/// An argument that was read as what its directive wants.
enum Value: Sendable, Equatable {
    case text(String)
    case texts([String])
    /// Also sizes in bytes and times in milliseconds.
    case number(Int)
    case toggle(Bool)
    case address(ListenAddress)
    case endpoint(Endpoint)
    case network(CIDRBlock)
    case networks([CIDRBlock])
    case stickyKey(StickyKey)
    case template(Template)
    case proxyTarget(ProxyTarget)
    case digest(SHA256Digest)
    case rate(RateReader.Rate)
    case limitKey(RateReader.LimitKey)
    case field(FieldConfig)
}

/// A host and a port. The host is a name or an address without brackets.
struct Endpoint: Sendable, Hashable {
    let host: String
    let port: UInt16

    /// "localhost:9001", "[::1]:9001".
    var name: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// What proxy_pass names.
struct ProxyTarget: Sendable, Equatable {
    /// An upstream's name, or a host.
    let host: String
    let port: UInt16?
    /// Whether the URL says https.
    let isTLS: Bool
    let uri: String?
}
