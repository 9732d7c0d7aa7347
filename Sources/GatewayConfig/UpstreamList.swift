/// The upstreams by number, those that blocks name and those that proxy_pass names by address alone.
struct UpstreamList {
    private(set) var configs: [UpstreamConfig] = []
    private var named: [String: Int] = [:]
    /// By the URL that proxy_pass has for them.
    private var unnamed: [String: Int] = [:]

    /// The names of the blocks, as written.
    var names: [String] { named.values.sorted().map { configs[$0].name } }

    /// Names are compared without case, as in nginx.
    func index(of name: String) -> Int? { named[name.lowercased()] }

    mutating func add(_ config: UpstreamConfig) {
        if named[config.name.lowercased()] != nil { return }
        named[config.name.lowercased()] = configs.count
        configs.append(config)
    }

    /// What the table says of an upstream that no block describes.
    static var defaults: Scope { Scope(context: .upstream, outer: nil) }

    /// The upstream that has this one server, and the defaults of the table for all else.
    mutating func index(of endpoint: Endpoint, tls: UpstreamTLSConfig?) -> Int {
        // Without TLS it goes by its address alone.
        let name = (tls == nil ? "" : "https://") + endpoint.name
        if let index = unnamed[name] { return index }
        unnamed[name] = configs.count
        let server = UpstreamConfig.Server(host: endpoint.host, port: endpoint.port, weight: 1)
        let version = UpstreamConfig.Version(name: "", weight: 1, servers: [server])
        configs.append(UpstreamConfig(name: name, versions: [version], tls: tls, settings: Self.defaults))
        return configs.count - 1
    }
}

extension UpstreamConfig {
    /// What `settings` say about the connections to the origins.
    init(name: String, versions: [Version], tls: UpstreamTLSConfig?, settings: Scope) {
        func number(_ name: String) -> Int { settings.effective(name).number() ?? 0 }
        self.init(
            name: name, versions: versions,
            balance: settings.effective("balance").text() == "least_conn" ? .leastConn : .roundRobin,
            host: settings.effective("host").text(),
            keepaliveMax: number("keepalive"), keepaliveTimeoutMs: number("keepalive_timeout"),
            connectTimeoutMs: number("connect_timeout"), sendTimeoutMs: number("send_timeout"),
            readTimeoutMs: number("read_timeout"), retry: Retry(settings.effective("retry")), tls: tls,
            speaksHTTP2: settings.effective("protocol").text() == "h2")
    }
}

extension UpstreamConfig.Retry {
    /// What is not said is as in the default.
    init(_ arguments: Arguments) {
        let defaults = Defaults.arguments(of: arguments.directive)
        let conditions = (arguments.has("on") ? arguments : defaults).texts("on")
        self.init(
            attempts: arguments.number("attempts") ?? defaults.number("attempts") ?? 1,
            onConnect: conditions.contains("connect"), onIdle: conditions.contains("idle"),
            nonIdempotent: arguments.has("non_idempotent"), budgetPercent: arguments.number("budget"),
            floorPerS: arguments.number("floor") ?? 3)
    }
}
