extension SnapshotBuilder {
    func addUpstreams(_ entries: [Entry]) {
        // Names are compared without case, as in nginx.
        reportDuplicates(entries.map { ($0.arguments.text()?.lowercased(), $0.arguments.word()) }) { "the upstream \(quote($0))" }
        for entry in entries { addUpstream(entry) }
    }

    private func addUpstream(_ entry: Entry) {
        guard let name = entry.arguments.text(), let block = entry.block else { return }
        let versions = versions(of: name, block, at: entry)
        var config = UpstreamConfig(name: name, versions: versions, tls: upstreamTLS(of: block), settings: block)
        config.sticky = stickyKey(of: block)
        config.versionHeader = versionHeader(of: block)
        config.outlier = block.first("outlier").map { OutlierConfig($0.arguments) }
        config.healthCheck = block.first("health_check").map { HealthCheckConfig($0.arguments) }
        upstreams.add(config)
        addNames(block.all("server") + block.all("version").flatMap { $0.block?.all("server") ?? [] }, of: block)
    }

    private func addNames(_ servers: [Entry], of upstream: Scope) {
        let intervalMs = upstream.effective("resolve_interval").number() ?? 1
        for server in servers {
            guard let host = server.arguments.endpoint()?.host, let word = server.arguments.word() else { continue }
            names.add(host, intervalMs: intervalMs, at: word.position)
        }
    }

    private func versions(of name: String, _ block: Scope, at entry: Entry) -> [UpstreamConfig.Version] {
        let servers = block.all("server")
        let versions = block.all("version")
        if let version = versions.first, let server = servers.first {
            diagnostics.error(
                "an upstream has servers or versions, not both", at: server.name.position,
                expected: "move it into a version; first version: \(version.name.position.name)")
        }
        if versions.isEmpty {
            if servers.isEmpty { reportNoServers("the upstream \(quote(name))", at: entry) }
            reportOnlyBackups(servers, "the upstream \(quote(name))")
            warnIfAllZero(servers, "the upstream \(quote(name))", at: entry)
            return [UpstreamConfig.Version(name: "", weight: 1, servers: self.servers(servers, of: block))]
        }
        warnIfAllZero(versions, "the upstream \(quote(name))", at: entry)
        reportDuplicates(versions.map { ($0.arguments.text("NAME"), $0.arguments.word("NAME")) }) { "the version \(quote($0))" }
        return versions.compactMap(version)
    }

    private func version(_ entry: Entry) -> UpstreamConfig.Version? {
        guard let name = entry.arguments.text("NAME"), let block = entry.block else { return nil }
        let weight = entry.arguments.number("weight") ?? 0
        let servers = block.all("server")
        if servers.isEmpty { reportNoServers("the version \(quote(name))", at: entry) }
        reportOnlyBackups(servers, "the version \(quote(name))")
        if weight > 0 { warnIfAllZero(servers, "the version \(quote(name))", at: entry) }
        return UpstreamConfig.Version(name: name, weight: weight, servers: self.servers(servers, of: block))
    }

    private func servers(_ entries: [Entry], of block: Scope) -> [UpstreamConfig.Server] {
        reportDuplicates(entries.map { ($0.arguments.endpoint(), $0.arguments.word()) }) { "the server \($0.name)" }
        return entries.compactMap { entry in
            entry.arguments.endpoint().map {
                UpstreamConfig.Server(
                    host: $0.host, port: port($0, entry, block), weight: entry.arguments.number("weight") ?? 1,
                    maxConns: entry.arguments.number("max_conns") ?? 0, isBackup: entry.arguments.has("backup"))
            }
        }
    }

    /// Where no port is given, the one of the upstream's scheme. A version asks the upstream around it.
    private func port(_ endpoint: Endpoint, _ entry: Entry, _ block: Scope) -> UInt16 {
        let speaksTLS = block.first("tls") != nil || block.outer?.first("tls") != nil
        guard speaksTLS, let word = entry.arguments.word() else { return endpoint.port }
        return AddressReader.hostAndPort(word.text)?.port ?? 443
    }

    private func reportNoServers(_ what: String, at entry: Entry) {
        diagnostics.error("\(what) has no server", at: entry.name.position, expected: "expected server HOST:PORT;")
    }

    private func reportOnlyBackups(_ servers: [Entry], _ what: String) {
        guard let first = servers.first, servers.allSatisfy({ $0.isSound && $0.arguments.has("backup") }) else { return }
        diagnostics.error(
            "\(what) has only backup servers", at: first.arguments.word("backup")?.position ?? first.name.position,
            expected: "expected a server without \"backup\"")
    }

    private func warnIfAllZero(_ entries: [Entry], _ what: String, at entry: Entry) {
        let allZero = !entries.isEmpty && entries.allSatisfy { $0.isSound && $0.arguments.number("weight") == 0 }
        if !allZero { return }
        diagnostics.warning("all weights in \(what) are 0", at: entry.name.position, expected: "its requests get 503")
    }
}
