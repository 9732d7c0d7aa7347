import GatewayConfig
import GatewayCore
import Synchronization

/// The keys by their digests. The search is led by the digest of what the caller showed, so its time tells nothing of the keys.
public struct APIKeyTable: Sendable {
    /// What is known of a key that a request shows.
    public enum Verdict: Equatable, Sendable {
        case unknown
        /// Known, and its last day is over.
        case expired(name: Int)
        /// The index of its name in ``APIKeyTable/names``.
        case known(name: Int)
    }

    private struct Entry: BitwiseCopyable, Sendable {
        let digest: SHA256Digest
        /// The first second after its last day, since 1970.
        let endsAt: UInt64
        let name: Int32
    }

    /// The wall clock as far as anybody has seen it. What has ended stays so when that steps back, until a reload makes a new table.
    private final class Clock: Sendable {
        private let latest = Atomic<UInt64>(0)

        func advance(to second: UInt64) -> UInt64 {
            let known = latest.load(ordering: .relaxed)
            return known >= second ? known : latest.max(second, ordering: .relaxed).newValue
        }
    }

    /// By the first words of the digests.
    private let entries: [Entry]
    /// Each once, in the order of the configuration.
    public let names: [String]
    private let clock = Clock()

    public init(_ keys: [APIKeysConfig.Key]) {
        var indices: [String: Int32] = [:]
        var names: [String] = []
        var entries: [Entry] = []
        for key in keys {
            let name = indices[key.name] ?? Int32(names.count)
            if indices.updateValue(name, forKey: key.name) == nil { names.append(key.name) }
            let endsAt = key.lastDay.map { UInt64($0 + 1) * 86_400 } ?? .max
            entries.append(Entry(digest: key.digest, endsAt: endsAt, name: name))
        }
        self.entries = entries.sorted { $0.digest.first < $1.digest.first }
        self.names = names
    }

    /// - Parameter second: of the wall clock, since 1970.
    public func verdict(on digest: SHA256Digest, second: UInt64) -> Verdict {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) >> 1
            if entries[middle].digest.first < digest.first { low = middle + 1 } else { high = middle }
        }
        while low < entries.count, entries[low].digest.first == digest.first {
            let entry = entries[low]
            if entry.digest.isSame(as: digest) {
                if entry.endsAt == .max { return .known(name: Int(entry.name)) }
                return clock.advance(to: second) < entry.endsAt ? .known(name: Int(entry.name)) : .expired(name: Int(entry.name))
            }
            low += 1
        }
        return .unknown
    }
}
