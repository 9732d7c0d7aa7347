import GatewayCore

/// What the servers and the admin listener say about the same addresses.
struct ListenerCheck {
    let diagnostics: DiagnosticList

    private struct Claim {
        let server: Int
        let names: [(name: String, word: Word?)]
        let arguments: Arguments
        /// Of the `listen`, or of the `server` that has none.
        let position: SourcePosition
        let speaksHTTP2: Bool
        /// Where the server says so itself.
        let http2: SourcePosition?
    }

    func check(_ main: Scope) {
        var claims: [(key: ListenAddress, claim: Claim)] = []
        for (index, server) in main.all("server").enumerated() {
            claims += self.claims(of: server, index)
        }
        var seen: Set<ListenAddress> = []
        let addresses = claims.map(\.key).filter { seen.insert($0).inserted }
        let byAddress = Dictionary(grouping: claims, by: \.key).mapValues { $0.map(\.claim) }
        for address in addresses { check(address, byAddress[address] ?? []) }
        if addresses.count > Limits.listenAddressesMax, let first = byAddress[addresses[Limits.listenAddressesMax]]?.first {
            diagnostics.error(
                "the servers listen on too many addresses", at: first.position, expected: "expected at most \(Limits.listenAddressesMax)")
        }
        checkAdmin(main, claims)
        if main.all("trusted_proxies").isEmpty, let claim = claims.first(where: { $0.1.arguments.has("proxy_protocol") })?.1 {
            diagnostics.error(
                "\"proxy_protocol\" without trusted proxies: nobody may connect", at: claim.position,
                expected: "expected trusted_proxies with the balancers' addresses at the top level")
        }
    }

    private func claims(of server: Entry, _ index: Int) -> [(ListenAddress, Claim)] {
        guard let block = server.block else { return [] }
        var names = block.all("server_name").flatMap { entry in
            entry.arguments.items.flatMap { item -> [(name: String, word: Word?)] in
                guard case .texts(let texts) = item.value else { return [] }
                return texts.map { ($0, item.word) }
            }
        }
        if block.all("server_name").isEmpty { names = [("", nil)] }
        let listens = block.all("listen").map { ($0.arguments, $0.name.position) }
        let all = listens.isEmpty ? [(block.effective("listen"), server.name.position)] : listens
        let speaksHTTP2 = block.effective("http2").toggle() ?? true
        let http2 = block.first("http2")?.name.position
        return all.compactMap { arguments, position in
            arguments.address().map {
                let claim = Claim(
                    server: index, names: names, arguments: arguments, position: position, speaksHTTP2: speaksHTTP2, http2: http2)
                return ($0, claim)
            }
        }
    }

    private func check(_ address: ListenAddress, _ claims: [Claim]) {
        guard let first = claims.first else { return }
        for flag in ["ssl", "proxy_protocol"] {
            for claim in claims where claim.arguments.has(flag) != first.arguments.has(flag) {
                diagnostics.error(
                    "\(address.name) has \(quote(flag)) in one server and not in another", at: claim.position,
                    expected: "expected the same as at \(first.position.name)")
            }
        }
        let defaults = claims.filter { $0.arguments.has("default_server") }
        for claim in defaults.dropFirst() {
            diagnostics.error(
                "\(address.name) has two default servers", at: claim.position, expected: "the first: \(defaults[0].position.name)")
        }
        warnOfSharedNames(address, claims)
        if !first.arguments.has("ssl") { warnOfProtocols(address, claims, of: defaults.first ?? first) }
    }

    /// Without TLS the client says whom it wants in the protocol that it has chosen already.
    private func warnOfProtocols(_ address: ListenAddress, _ claims: [Claim], of defaultServer: Claim) {
        for claim in claims where claim.speaksHTTP2 != defaultServer.speaksHTTP2 {
            guard let position = claim.http2 else { continue }
            diagnostics.warning(
                "\"http2\" of this server has no effect on \(address.name), which has no TLS", at: position,
                expected: "its default server's counts there: \(defaultServer.position.name)")
        }
    }

    /// As nginx: the first server has the name.
    private func warnOfSharedNames(_ address: ListenAddress, _ claims: [Claim]) {
        var first: [String: Claim] = [:]
        for claim in claims {
            for (name, word) in claim.names {
                if let earlier = first[name], earlier.server != claim.server {
                    diagnostics.warning(
                        "the server name \(quote(name)) on \(address.name) belongs to another server already: it is ignored here",
                        at: word?.position ?? claim.position, expected: "the other server's listen: \(earlier.position.name)")
                }
                first[name] = first[name] ?? claim
            }
        }
    }

    private func checkAdmin(_ main: Scope, _ claims: [(key: ListenAddress, claim: Claim)]) {
        guard let admin = main.first("admin"), let address = admin.arguments.address(), let word = admin.arguments.word() else { return }
        guard let (other, claim) = claims.first(where: { overlap($0.key, address) }) else { return }
        diagnostics.error(
            "the admin address is also a server's: \(other.name)", at: word.position,
            expected: "expected an address that no server has; the server's listen: \(claim.position.name)")
    }

    /// Port 0 is a new port each time. An address that stands for all takes the port of each.
    private func overlap(_ a: ListenAddress, _ b: ListenAddress) -> Bool {
        guard a.port == b.port, a.port != 0, a.isV6 == b.isV6 else { return false }
        return a.address == b.address || a.isWildcard || b.isWildcard
    }
}

extension ListenAddress {
    fileprivate var isWildcard: Bool { address == IPAddress(v4: 0) || address == IPAddress(high: 0, low: 0) }
}
