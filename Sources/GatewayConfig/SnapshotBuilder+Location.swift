extension SnapshotBuilder {
    /// For what no location matches.
    func fallback(of server: Scope) -> LocationConfig {
        let answer = server.first("return")
        let action = answer.map(returnAction) ?? .none
        return LocationConfig(
            name: "", path: "", isExact: false, action: action,
            clientMaxBodyBytes: bodyBytesMax(server), requestTimeoutMs: server.effective("request_timeout").number() ?? 0,
            addHeaders: addHeaders(server), proxySetHeaders: headers("proxy_set_header", server), gzip: gzip(server),
            authentication: authentication(server),
            limits: limits(server, action, at: answer?.name.position ?? SourcePosition(path: path)), limitHeaders: limitHeaders(server),
            isTraced: isTraced(server), edge: edge(server))
    }

    func location(_ entry: Entry, _ block: Scope) -> LocationConfig? {
        guard let path = entry.arguments.text("PATH"), let name = entry.locationName else { return nil }
        warnIfUnreachable(path, entry, block)
        let action = action(of: block, entry)
        return LocationConfig(
            name: name, path: path, isExact: entry.arguments.has("="), action: action,
            clientMaxBodyBytes: bodyBytesMax(block), requestTimeoutMs: block.effective("request_timeout").number() ?? 0,
            addHeaders: addHeaders(block), proxySetHeaders: headers("proxy_set_header", block), gzip: gzip(block),
            authentication: authentication(block), limits: limits(block, action, at: entry.name.position),
            limitHeaders: limitHeaders(block), isTraced: isTraced(block), edge: edge(block), cache: cache(block, action))
    }

    func bodyBytesMax(_ block: Scope) -> Int {
        let bytes = block.effective("client_max_body_size").number() ?? 0
        return bytes == 0 ? .max : bytes
    }

    /// Paths are matched decoded, with dot segments removed and slashes merged.
    private func warnIfUnreachable(_ path: String, _ entry: Entry, _ block: Scope) {
        guard let word = entry.arguments.word("PATH") else { return }
        let segments = path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let mergesSlashes = block.effective("merge_slashes").toggle() ?? true
        let reason: String? =
            if segments.contains(where: { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }) {
                "dot segments are removed before paths are matched"
            } else if mergesSlashes, segments.dropLast().contains(where: \.isEmpty) {
                "slashes are merged before paths are matched"
            } else if path.contains("%"), !path.lowercased().contains("%2f") {
                "paths are decoded before they are matched"
            } else {
                nil
            }
        if let reason { diagnostics.warning("no path matches \(word.shown)", at: word.position, expected: reason) }
    }

    // MARK: Header fields

    /// As in nginx an empty value adds nothing; here it also takes away what an outer level adds.
    private func addHeaders(_ block: Scope) -> [HeaderTemplate] {
        headers("add_header", block).filter { !$0.value.parts.isEmpty }
    }

    /// This level's fields, behind those of the outer levels whose names it does not set again.
    private func headers(_ directive: String, _ block: Scope) -> [HeaderTemplate] {
        let own = block.all(directive).compactMap { entry -> HeaderTemplate? in
            guard let name = entry.arguments.text("NAME"), let value = entry.arguments.template("VALUE") else { return nil }
            return HeaderTemplate(name: name, value: value)
        }
        let names = Set(own.map { $0.name.lowercased() })
        let outer = block.outer.map { headers(directive, $0) } ?? []
        return outer.filter { !names.contains($0.name.lowercased()) } + own
    }

    // MARK: Actions

    private func action(of block: Scope, _ entry: Entry) -> LocationAction {
        let answer = block.first("return")
        let pass = block.first("proxy_pass")
        if let answer {
            if let pass {
                diagnostics.warning(
                    "\"return\" answers first, so this is never reached", at: pass.name.position,
                    expected: "the return: \(answer.name.position.name)")
            }
            return returnAction(answer)
        }
        if let pass { return pass.arguments.proxyTarget().map { proxyPass($0, pass.arguments) } ?? .none }
        if block.isSound {
            diagnostics.warning(
                "this location answers everything with 404", at: entry.name.position,
                expected: "expected \"proxy_pass\" or \"return\" in it")
        }
        return .none
    }

    private func proxyPass(_ target: ProxyTarget, _ arguments: Arguments) -> LocationAction {
        let position = arguments.word()?.position ?? SourcePosition(path: path)
        if let index = upstreams.index(of: target.host) {
            if target.port != nil {
                diagnostics.error(
                    "the upstream \(quote(target.host)) can't have a port here", at: position, expected: "expected http://\(target.host)")
            }
            if target.isTLS, upstreams.configs[index].tls == nil {
                diagnostics.error(
                    "https:// to the upstream \(quote(target.host)), which has no \"tls\"", at: position,
                    expected: "expected \"tls;\" in the upstream, or http://\(target.host)")
            }
            return .proxyPass(ProxyPass(upstream: index, uri: target.uri))
        }
        let hint = target.port == nil ? Suggestion.hint(for: target.host, among: upstreams.names) : nil
        if let hint {
            diagnostics.warning(
                "no upstream has the name \(quote(target.host)), so this is a host, with port \(target.isTLS ? 443 : 80)",
                at: position, expected: hint)
        }
        let endpoint = Endpoint(host: target.host, port: target.port ?? (target.isTLS ? 443 : 80))
        names.add(target.host, intervalMs: UpstreamList.defaults.effective("resolve_interval").number() ?? 1, at: position, hint: hint)
        let tls = target.isTLS ? defaultTLS(at: position) : nil
        return .proxyPass(ProxyPass(upstream: upstreams.index(of: endpoint, tls: tls), uri: target.uri))
    }
}

extension Entry {
    /// As metrics and logs name a location: "/v1/", "= /healthz".
    var locationName: String? {
        arguments.text("PATH").map { (arguments.has("=") ? "= " : "") + $0 }
    }
}
