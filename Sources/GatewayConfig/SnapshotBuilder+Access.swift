/// `allow` and `deny`.
extension SnapshotBuilder {
    private static let access = ["allow", "deny"]

    /// As they are written; of the nearest level that has any, as in nginx.
    func accessRules(_ block: Scope) -> [AccessRule] {
        let own = block.all(Self.access)
        if own.isEmpty { return block.outer.map(accessRules) ?? [] }
        return own.flatMap { entry in
            entry.arguments.items.compactMap { item in
                let allows = entry.directive.name == "allow"
                return switch item.value {
                case .network(let network): AccessRule(allows: allows, network: network)
                case .text: AccessRule(allows: allows, network: nil)
                default: nil
                }
            }
        }
    }

    /// Behind "all" nothing is left to match.
    func warnOfUnreachedRules(_ block: Scope) {
        let items = block.all(Self.access).flatMap(\.arguments.items)
        guard let all = items.firstIndex(where: { $0.value == .text("all") }), all + 1 < items.count else { return }
        diagnostics.warning(
            "\(items[all + 1].word.shown) never counts", at: items[all + 1].word.position,
            expected: "the first that matches does, and \"all\" stands before it: \(items[all].word.position.name)")
    }
}
