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

    /// As the other members, but that `maintenance` without a block has done with the outer flag.
    private func flag(_ block: Scope) -> Entry? {
        guard let entry = block.first("maintenance") else { return block.outer.flatMap(flag) }
        guard let members = entry.block else { return nil }
        return members.first("flag") ?? block.outer.flatMap(flag)
    }

    private func member(_ name: String, _ block: Scope) -> [Entry] {
        let own = block.first("maintenance")?.block?.all(name) ?? []
        return own.isEmpty ? block.outer.map { member(name, $0) } ?? [] : own.filter(\.isSound)
    }

    private func bypassHeader(_ entry: Entry) -> FieldConfig? {
        guard let name = entry.arguments.text("NAME"), let value = entry.arguments.text("VALUE|off"), value != "off" else { return nil }
        return FieldConfig(name, value)
    }
}
