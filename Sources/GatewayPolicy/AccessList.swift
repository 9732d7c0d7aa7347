import GatewayConfig
import GatewayCore

/// `allow` and `deny`: who may ask, by address. The first rule that has the address counts, and who is in none may.
public struct AccessList: Sendable {
    private let rules: [AccessRule]

    /// nil without rules.
    public init?(_ rules: [AccessRule]) {
        if rules.isEmpty { return nil }
        self.rules = rules
    }

    public func allows(_ client: IPAddress) -> Bool {
        for index in rules.indices where rules[index].network?.contains(client) ?? true { return rules[index].allows }
        return true
    }
}
