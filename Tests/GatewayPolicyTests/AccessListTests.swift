import GatewayConfig
import GatewayCore
import Testing

@testable import GatewayPolicy

@Suite struct AccessListTests {
    /// "+10.0.0.0/8 -all".
    private func list(_ text: String) throws -> AccessList {
        let rules = try text.split(separator: " ").map { rule in
            let network = String(rule.dropFirst())
            let block = CIDRBlock(network)
            try #require(block != nil || network == "all")
            return AccessRule(allows: rule.hasPrefix("+"), network: block)
        }
        return try #require(AccessList(rules))
    }

    @Test(arguments: [
        ("+10.0.0.0/8 -all", "10.1.2.3", true), ("+10.0.0.0/8 -all", "11.1.2.3", false), ("-10.0.0.0/8 +all", "10.1.2.3", false),
        ("-10.0.0.0/8", "10.1.2.3", false), ("-10.0.0.0/8", "11.1.2.3", true), ("+10.0.0.0/8", "11.1.2.3", true),
        // The first counts, not the narrowest.
        ("-10.0.0.5 +10.0.0.0/8 -all", "10.0.0.5", false), ("+10.0.0.0/8 -10.0.0.5 -all", "10.0.0.5", true),
        ("+10.0.0.0/8 -10.0.0.5 -all", "::1", false), ("-all +10.0.0.0/8", "10.0.0.1", false),
        ("+2001:db8::/32 -all", "2001:db8::1", true), ("+2001:db8::/32 -all", "2001:db9::1", false),
        // IPv4 is no part of IPv6, however a socket shows it.
        ("+::/0 -all", "10.0.0.1", false), ("-::/0 +all", "10.0.0.1", true), ("+::/0 -all", "2001:db8::1", true),
        ("-0.0.0.0/0 +all", "::1", true), ("-0.0.0.0/0 +all", "10.0.0.1", false), ("-10.0.0.0/8", "::ffff:10.0.0.1", false),
    ])
    func `the first rule that has the address counts`(rules: String, client: String, mayAsk: Bool) throws {
        #expect(try list(rules).allows(#require(IPAddress(client))) == mayAsk)
    }

    @Test func `without rules there is no list`() {
        #expect(AccessList([]) == nil)
    }
}
