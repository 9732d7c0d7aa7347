import GatewayCore
import Synchronization

/// How many connections each address has, over all workers. An address without any has no entry, so the table holds at most as many
/// as there are connections.
public final class AddressCounts: Sendable {
    /// A part of the table, by the address's hash.
    private final class Shard: Sendable {
        let counts = Mutex<[IPAddress: Int]>([:])
    }

    private let shards = (0..<AddressShards.count).map { _ in Shard() }

    public init() {}

    /// Counts one more connection of `address`, unless it has `max`.
    public func enter(_ address: IPAddress, max: Int) -> Bool {
        shards[AddressShards.index(address)].counts.withLock { counts in
            let count = counts[address, default: 0]
            if count >= max { return false }
            counts[address] = count + 1
            return true
        }
    }

    /// Takes back one ``enter(_:max:)`` that was true.
    public func leave(_ address: IPAddress) {
        shards[AddressShards.index(address)].counts.withLock { counts in
            guard let count = counts[address] else { return }
            counts[address] = count > 1 ? count - 1 : nil
        }
    }

    /// How many addresses have connections.
    public var addressCount: Int { shards.reduce(0) { sum, shard in sum + shard.counts.withLock { $0.count } } }
}

/// Tables of addresses are cut into parts with a lock each, so that workers seldom wait for one another.
enum AddressShards {
    static let count = 16

    /// Seeded by the process, as hashes of keys that peers choose must be.
    static func index(_ address: IPAddress) -> Int {
        Int(UInt(bitPattern: address.hashValue) >> 7) % count
    }
}

extension IPAddress {
    /// What limits count as one caller: an IPv4 address, or the network of so many bits that an IPv6 address belongs to, of which one
    /// customer has all.
    public func caller(v6PrefixBits: Int) -> IPAddress {
        isV4 ? self : CIDRBlock(address: self, prefixBits: v6PrefixBits).network.address
    }
}
