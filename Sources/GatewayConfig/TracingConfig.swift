/// `tracing`: where the spans of requests go, and which.
public struct TracingConfig: Sendable, Equatable {
    /// Of the collector: a name or an address, without brackets.
    public var host: String
    public var port: UInt16
    public var path: String
    /// nil sends them without TLS.
    public var tls: UpstreamTLSConfig?
    /// What the collector knows the gateway as.
    public var service = "gateway"
    /// The share of the requests that are sampled where nobody who is trusted has decided, in millionths.
    public var sampleMillionths = 1_000_000
    /// The longest that spans wait to be sent.
    public var intervalMs = 5_000
    /// A field for the collector, such as Authorization.
    public var header: FieldConfig?

    public init(host: String, port: UInt16, path: String) {
        self.host = host
        self.port = port
        self.path = path
    }

    /// As messages name it: without what could be a secret.
    public var endpoint: String {
        let isDefaultPort = port == (tls == nil ? 80 : 443)
        let name = host.contains(":") ? "[\(host)]" : host
        return (tls == nil ? "http://" : "https://") + name + (isDefaultPort ? "" : ":\(port)") + path
    }
}
