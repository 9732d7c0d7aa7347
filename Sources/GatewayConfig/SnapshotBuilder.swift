import GatewayCore

/// Makes the snapshot of what the blocks say, and finds what no directive alone can tell: names that nothing has,
/// addresses in two roles, certificates without keys. Where a value is missing because it was wrong, a default
/// stands in for it, so that the rest is still looked at.
final class SnapshotBuilder {
    let path: String
    let diagnostics: DiagnosticList
    var upstreams = UpstreamList()
    var names = NameList()
    var pageFiles = PageFiles()
    private(set) var rateLimits: [RateLimitConfig] = []
    /// Of all that there are, those that are wrong among them.
    private(set) var rateLimitNames: [String] = []
    private(set) var cacheZones: [CacheZoneConfig] = []
    /// As of the limits.
    private(set) var cacheZoneNames: [String] = []

    init(path: String, diagnostics: DiagnosticList) {
        self.path = path
        self.diagnostics = diagnostics
    }

    func build(_ main: Scope) -> ConfigSnapshot {
        addUpstreams(main.all("upstream"))
        let apiKeys = apiKeys(main)
        rateLimits = rateLimits(main, keys: apiKeys)
        rateLimitNames = main.all("rate_limit").compactMap { $0.arguments.text("NAME") }
        cacheZones = cacheZones(main)
        cacheZoneNames = main.all("cache_zone").compactMap { $0.arguments.text("NAME") }
        let servers = main.all("server").compactMap { entry in entry.block.map { server(entry, $0) } }
        let admin = main.first("admin").flatMap(adminConfig)
        warnOfEventStreams(main)
        checkAuthentication(main)
        checkLimits(main)
        warnOfUnknownCallers(main, servers)
        checkEdge(main)
        let tracing = tracing(main)
        ListenerCheck(diagnostics: diagnostics).check(main)
        if main.all("server").isEmpty, !diagnostics.hasErrors {
            diagnostics.error(
                "no server is configured", at: SourcePosition(path: path), expected: "expected at least one server { ... }")
        }
        return ConfigSnapshot(
            workers: main.effective("workers").number() ?? ConfigFiles.onlineCPUs,
            workerConnections: main.effective("worker_connections").number() ?? 1,
            user: user(main),
            errorLog: errorLog(main.effective("error_log")),
            accessLog: accessLog(main.effective("access_log")),
            shutdownTimeoutMs: main.effective("shutdown_timeout").number() ?? 0,
            trustedProxies: main.effective("trusted_proxies").networks(), addressLimits: addressLimits(main),
            gzipMemoryBytes: gzipMemoryBytes(main), admin: admin, servers: servers, upstreams: upstreams.configs, names: names.configs,
            apiKeys: apiKeys, accessLogRules: accessLogRules(main.effective("access_log")), rateLimits: rateLimits, cacheZones: cacheZones,
            tracing: tracing)
    }

    /// Seen from the directory of the main file, as in nginx, also where an included file names it.
    func resolve(_ file: String) -> String { ConfigFiles.resolve(file, besides: path) }

    private func errorLog(_ arguments: Arguments) -> ErrorLog {
        // nginx's level where none is given.
        let level = arguments.text("LEVEL").flatMap(ErrorLog.Level.init) ?? .error
        let destination = arguments.text() ?? "stderr"
        if destination == "stdout" { refuse(destination, "error_log", "stderr", at: arguments) }
        return ErrorLog(path: destination == "stderr" ? nil : resolve(destination), level: level)
    }

    private func accessLog(_ arguments: Arguments) -> AccessLogDestination {
        guard let destination = arguments.text("stdout|FILE|off"), let word = arguments.word() else { return .off }
        let format = arguments.text("FORMAT")
        if destination == "off" {
            if format != nil || ["sample", "slow", "hide", "hide_headers"].contains(where: arguments.has) {
                diagnostics.error("\"off\" takes no format", at: word.position, expected: "expected access_log off;")
            }
            return .off
        }
        if destination == "stderr" { refuse(destination, "access_log", "stdout", at: arguments) }
        if format == nil {
            // nginx would mean "combined".
            diagnostics.error(
                "\"access_log\" is missing its format", at: word.position, expected: "expected access_log \(destination) json;")
        }
        let path = destination == "stdout" ? nil : resolve(destination)
        return format == "combined" ? .combined(path: path) : .json(path: path)
    }

    private func accessLogRules(_ arguments: Arguments) -> AccessLogRules {
        var rules = AccessLogRules()
        rules.sampleMillionths = arguments.number("sample") ?? rules.sampleMillionths
        rules.slowMs = arguments.number("slow") ?? rules.slowMs
        rules.hidden = arguments.texts("hide")
        rules.hiddenFields = arguments.texts("hide_headers")
        if let word = arguments.word("slow"), !arguments.has("sample") {
            diagnostics.warning("without \"sample\" every request has a line", at: word.position, expected: "expected sample= beside it")
        }
        return rules
    }

    /// A file of that name in the working directory is never what was meant.
    private func refuse(_ destination: String, _ directive: String, _ stream: String, at arguments: Arguments) {
        guard let word = arguments.word() else { return }
        diagnostics.error(
            "\(directive) can't go to \(destination)", at: word.position,
            expected: "expected \(stream) or a file; write ./\(destination) for a file of that name")
    }

    private func addressLimits(_ main: Scope) -> AddressLimitsConfig {
        let connections = main.effective("limit_connections")
        let handshakes = main.effective("limit_handshakes")
        let perSecond = handshakes.number("NUMBER") ?? 0
        return AddressLimitsConfig(
            connectionsMax: connections.number("NUMBER") ?? 0, connectionsPrefixBits: connections.number("ipv6_prefix") ?? 64,
            handshakesPerSecond: perSecond, handshakesBurst: handshakes.number("burst") ?? perSecond,
            handshakesPrefixBits: handshakes.number("ipv6_prefix") ?? 64)
    }

    private func adminConfig(_ entry: Entry) -> AdminConfig? {
        guard let address = entry.arguments.address(), let block = entry.block else { return nil }
        let own = block.all("allow").flatMap { $0.arguments.networks() }
        return AdminConfig(
            address: address, allow: own.isEmpty ? block.effective("allow").networks() : own,
            names: block.all("server_name").flatMap { $0.arguments.texts() })
    }

    // MARK: What stands twice

    /// Reports what has the key of an earlier one. What has no key was wrong, and is reported already.
    func reportDuplicates<Key: Hashable>(_ items: [(key: Key?, word: Word?)], _ what: (Key) -> String) {
        var first: [Key: Word] = [:]
        for case (let key?, let word?) in items {
            if let earlier = first[key] {
                diagnostics.error("\(what(key)) is given twice", at: word.position, expected: "first given at \(earlier.position.name)")
            } else {
                first[key] = word
            }
        }
    }
}
