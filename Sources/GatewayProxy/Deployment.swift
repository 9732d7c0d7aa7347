import GatewayCache
import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayPolicy
import GatewayTelemetry
import Logging

/// A configuration with what it takes to serve it: certificates that were read, names as far as they have been looked up,
/// addresses that were bound. The supervisor makes it; each worker gets a ``RouteTable`` of it.
public struct Deployment: Sendable {
    public struct Listener: Sendable {
        /// The same for the same address, across reloads.
        public let id: Int
        /// As the configuration says, port 0 included.
        public let address: ListenAddress
        /// With the port that was taken.
        public let bound: SocketAddress
        public let tls: TLSServerContext?

        public init(id: Int, address: ListenAddress, bound: SocketAddress, tls: TLSServerContext?) {
            self.id = id
            self.address = address
            self.bound = bound
            self.tls = tls
        }
    }

    public let generation: Int
    public let config: ConfigSnapshot
    public let listeners: [Listener]
    public let endpoints: EndpointTable
    /// Of the servers that have `max_conns`.
    public let limits: [ServerKey: ConnectionLimit]
    /// TLS of the servers of upstreams that speak it.
    public let origins: [OriginKey: TLSOrigin]
    /// For each server: what it asks of clients' certificates; nil for nothing.
    public let clientVerifications: [TLSClientVerification?]
    public let addresses: AddressLimits
    public let failures: OriginFailures
    /// Of the upstreams with `outlier` or `health_check`, by name.
    public let health: [String: UpstreamHealth]
    /// By the paths of their files.
    public let maintenance: [String: MaintenanceFlag]
    /// Of the rate limits, in their order.
    public let buckets: [BucketTable]
    /// Of the cache zones, in their order.
    public let caches: [ResponseCache]

    /// nil: the configuration says `access_log off`.
    public let accessLog: LogSink?
    public let logger: Logger
    /// Where workers put what they have to tell of traces.
    public let spans: SpanQueue

    public init(
        generation: Int, config: ConfigSnapshot, listeners: [Listener], endpoints: EndpointTable,
        limits: [ServerKey: ConnectionLimit], origins: [OriginKey: TLSOrigin], clientVerifications: [TLSClientVerification?],
        addresses: AddressLimits, failures: OriginFailures, health: [String: UpstreamHealth], maintenance: [String: MaintenanceFlag],
        buckets: [BucketTable],
        caches: [ResponseCache], accessLog: LogSink?, logger: Logger, spans: SpanQueue
    ) {
        self.generation = generation
        self.config = config.withCompressedPages()
        self.listeners = listeners
        self.endpoints = endpoints
        self.limits = limits
        self.origins = origins
        self.clientVerifications = clientVerifications
        self.addresses = addresses
        self.failures = failures
        self.health = health
        self.maintenance = maintenance
        self.buckets = buckets
        self.caches = caches
        self.accessLog = accessLog
        self.logger = logger
        self.spans = spans
    }
}

/// What tells the `server` lines of upstreams apart, across reloads.
public struct ServerKey: Sendable, Hashable {
    public let upstream: String
    public let version: String
    /// With its port.
    public let server: String

    public init(upstream: String, version: String, server: String) {
        self.upstream = upstream
        self.version = version
        self.server = server
    }
}
