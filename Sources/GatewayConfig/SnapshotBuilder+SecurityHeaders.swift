/// `security_headers` and `proxy_hide_header`.
extension SnapshotBuilder {
    /// The members but for `hsts`, and the fields they become.
    static let members: [(directive: String, field: String)] = [
        ("csp", "Content-Security-Policy"), ("csp_report_only", "Content-Security-Policy-Report-Only"),
        ("frame_options", "X-Frame-Options"), ("content_type_options", "X-Content-Type-Options"),
        ("referrer_policy", "Referrer-Policy"), ("permissions_policy", "Permissions-Policy"), ("xss_protection", "X-XSS-Protection"),
        ("cross_origin_opener_policy", "Cross-Origin-Opener-Policy"),
        ("cross_origin_embedder_policy", "Cross-Origin-Embedder-Policy"),
        ("cross_origin_resource_policy", "Cross-Origin-Resource-Policy"),
    ]

    func edge(_ block: Scope) -> EdgeConfig {
        var edge = EdgeConfig()
        edge.access = accessRules(block)
        edge.securityHeaders = Self.members.compactMap { member in
            let policies = securityMember(member.directive, block)?.arguments.texts() ?? []
            return policies.isEmpty || policies == ["off"] ? nil : FieldConfig(member.field, policies.joined(separator: ", "))
        }
        edge.hsts = securityMember("hsts", block).flatMap(hsts)
        edge.hiddenHeaders = hiddenHeaders(block)
        edge.cors = cors(block)
        edge.api = api(block)
        edge.errorPages = errorPages(block)
        edge.maintenance = maintenance(block)
        return edge
    }

    /// This level's, else the outer one's, unless this level has switched all of them off.
    func securityMember(_ name: String, _ block: Scope) -> Entry? {
        let own = block.first("security_headers")
        if let entry = own?.block?.first(name) { return entry.isSound ? entry : nil }
        if own?.arguments.has("off") == true { return nil }
        return block.outer.flatMap { securityMember(name, $0) }
    }

    private func hsts(_ entry: Entry) -> String? {
        guard let seconds = entry.arguments.number("max-age") else { return nil }
        return "max-age=\(seconds)" + (entry.arguments.has("includeSubDomains") ? "; includeSubDomains" : "")
            + (entry.arguments.has("preload") ? "; preload" : "")
    }

    private func hiddenHeaders(_ block: Scope) -> [String] {
        var names = block.outer.map(hiddenHeaders) ?? []
        for name in block.all("proxy_hide_header").flatMap({ $0.arguments.texts() })
        where !names.contains(where: { $0.lowercased() == name.lowercased() }) {
            names.append(name)
        }
        return names
    }

    // MARK: What can't be meant

    /// Of every server and location: what one level says counts for those inside it, and is reported once.
    func checkEdge(_ main: Scope) {
        checkErrorPages(main)
        warnOfUnreachedRules(main)
        let trusted = main.effective("trusted_proxies").networks()
        for server in main.all("server").compactMap(\.block) {
            for block in [server] + server.all("location").compactMap(\.block) {
                warnOfUnreachedRules(block)
                checkSecurityHeaders(block, in: server)
                checkCORS(block)
                checkAddedHeaders(block)
                checkMaintenance(block, trusted: trusted)
                checkErrorPages(block)
            }
        }
    }

    private func checkSecurityHeaders(_ block: Scope, in server: Scope) {
        guard let entry = block.first("security_headers") else { return }
        if entry.arguments.has("off"), entry.block?.isEmpty == false {
            diagnostics.error(
                "\"off\" takes no block", at: entry.arguments.word("off")?.position ?? entry.name.position,
                expected: "expected security_headers off; or security_headers { ... }")
        }
        if let hsts = entry.block?.first("hsts") { checkHSTS(hsts, in: server) }
        for member in entry.block?.all("referrer_policy") ?? [] where member.arguments.texts().count > 1 {
            for item in member.arguments.items where item.value == .text("off") {
                diagnostics.error("\"off\" stands alone", at: item.word.position, expected: "expected referrer_policy off;")
            }
        }
    }

    private func checkHSTS(_ entry: Entry, in server: Scope) {
        guard entry.isSound else { return }
        let arguments = entry.arguments
        let form = "syntax: \(arguments.directive.form)"
        if let off = arguments.word("off") {
            if arguments.items.count > 1 { diagnostics.error("\"off\" stands alone", at: off.position, expected: form) }
            return
        }
        guard let seconds = arguments.number("max-age") else {
            diagnostics.error("\"hsts\" is missing \"max-age=\"", at: entry.name.position, expected: form)
            return
        }
        if let preload = arguments.word("preload"), seconds < 31_536_000 || !arguments.has("includeSubDomains") {
            diagnostics.warning(
                "browsers take no such host into their preload lists", at: preload.position,
                expected: "expected max-age=31536000 or more, and includeSubDomains")
        }
        if !server.all("listen").contains(where: { $0.arguments.has("ssl") }) {
            diagnostics.warning(
                "\"hsts\" is only ever sent over TLS, and this server has none", at: entry.name.position,
                expected: "put it into the server that listens with ssl")
        }
    }
}
