import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayPolicy

/// What one address has and does, for `limit_connections` and `limit_handshakes`: one for the process, shared by all workers, kept
/// over reloads. Asked once for each connection.
public final class AddressLimits: Sendable {
    let connections = AddressCounts()
    let handshakes = AddressRates()

    public init() {}
}

extension Worker {
    /// Why an address may not have one more connection; nil if it may. Trusted proxies bring many clients, and are not limited.
    func refusal(of address: IPAddress, isTLS: Bool) -> ConnectionRefusal? {
        let table = snapshots[current].table
        let limits = table.addressLimits
        if (limits.connectionsMax == 0 && limits.handshakesPerSecond == 0) || table.trustedProxies.contains(address) { return nil }
        if isTLS && limits.handshakesPerSecond > 0 {
            let caller = address.caller(v6PrefixBits: limits.handshakesPrefixBits)
            let hasTaken = table.addresses.handshakes.take(
                caller, perSecond: limits.handshakesPerSecond, burst: limits.handshakesBurst, now: now)
            if !hasTaken { return .addressHandshakes }
        }
        if limits.connectionsMax > 0 {
            let caller = address.caller(v6PrefixBits: limits.connectionsPrefixBits)
            if !table.addresses.connections.enter(caller, max: limits.connectionsMax) { return .addressConnections }
        }
        return nil
    }

    /// Under how many bits a connection is counted that was let in; 0 if it is not counted.
    func countedPrefixBits(of address: IPAddress) -> UInt8 {
        let table = snapshots[current].table
        if table.addressLimits.connectionsMax == 0 || table.trustedProxies.contains(address) { return 0 }
        return UInt8(table.addressLimits.connectionsPrefixBits)
    }

    /// A connection that was counted has ended.
    func leave(_ address: IPAddress, prefixBits: UInt8) {
        if prefixBits == 0 { return }
        snapshots[current].table.addresses.connections.leave(address.caller(v6PrefixBits: Int(prefixBits)))
    }
}
