import GatewayCore

/// `maintenance`.
extension SnapshotBuilder {
    /// When it is, says the nearest level that has the directive; with what and for whom not, the nearest that has the member.
    func maintenance(_ block: Scope) -> MaintenanceConfig? {
        guard let entry = block.nearest("maintenance").first, entry.isSound else { return nil }
        return MaintenanceConfig(
            isOn: entry.arguments.toggle() ?? false,
            flagPath: flag(block).flatMap { $0.arguments.text() }.map(resolve),
            page: member("page", block).first.flatMap { $0.arguments.word() }.flatMap(page),
            retryAfterS: max(1, (member("retry_after", block).first?.arguments.number() ?? 300_000) / 1000),
            bypassFrom: member("bypass_from", block).flatMap { $0.arguments.networks() },
            bypassHeader: member("bypass_header", block).first.flatMap(bypassHeader), isInherited: block.first("maintenance") == nil)
    }

    /// As the other members, but that `maintenance` without a block, or with an empty one, has done with the outer flag.
    private func flag(_ block: Scope) -> Entry? {
        guard let entry = block.first("maintenance") else { return block.outer.flatMap(flag) }
        guard let members = entry.block, !members.isEmpty else { return nil }
        return members.first("flag") ?? block.outer.flatMap(flag)
    }

    private func member(_ name: String, _ block: Scope) -> [Entry] {
        let own = block.first("maintenance")?.block?.all(name) ?? []
        return own.isEmpty ? block.outer.map { member(name, $0) } ?? [] : own.filter(\.isSound)
    }

    private func bypassHeader(_ entry: Entry) -> FieldConfig? {
        guard let name = entry.arguments.text("NAME"), let value = entry.arguments.text("VALUE|off"), value.lowercased() != "off" else {
            return nil
        }
        return FieldConfig(name, value)
    }

    // MARK: What can't be meant

    /// Behind a balancer whose address nobody has told of, every request comes from the balancer.
    func checkMaintenance(_ block: Scope, trusted: [CIDRBlock]) {
        if !trusted.isEmpty { return }
        for entry in block.first("maintenance")?.block?.all("bypass_from") ?? [] {
            let item = entry.arguments.items.first { item in
                guard case .network(let network) = item.value else { return false }
                return Self.privateNetworks.contains { $0.contains(network.address) || network.contains($0.address) }
            }
            guard let item else { continue }
            diagnostics.warning(
                "behind a balancer with such an address everybody is let through", at: item.word.position,
                expected: "expected trusted_proxies with its address, if there is one")
        }
    }

    /// Where balancers have their addresses (RFC 1918, RFC 6598, RFC 4193, loopback).
    private static let privateNetworks = [
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1",
    ].compactMap { CIDRBlock($0) }
}
