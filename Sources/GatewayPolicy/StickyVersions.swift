import GatewayCore
import Glibc

/// `sticky`: the version that a caller has for as long as the weights stand, the same in every worker, after every restart, and wherever
/// the same configuration runs.
///
/// Each caller has a point in (0, 1) for each version, by a hash whose key is the upstream's name. The version with the least
/// -ln(point)/weight has the caller (weighted rendezvous hashing): the shares are those of the weights, and more weight for one version
/// takes callers to it from all others and moves nobody else; what is added or taken away moves nobody but its own callers.
public struct StickyVersions: Sendable {
    private struct Version: BitwiseCopyable, Sendable {
        let seed: UInt64
        let weight: Double
    }

    private let hash: SipHash
    private let versions: [Version]

    /// - Parameter versions: in the order of the upstream; names are each there once.
    public init(upstream: String, versions: [(name: String, weight: Int)]) {
        // Upstreams' names are compared without case.
        let name = Array(upstream.lowercased().utf8)
        let hash = SipHash(key: (SipHash(key: (0, 0))(name.rawSpan), SipHash(key: (0, 1))(name.rawSpan)))
        self.hash = hash
        self.versions = versions.map { version in
            let name = Array(version.name.utf8)
            return Version(seed: hash(name.rawSpan), weight: Double(version.weight))
        }
    }

    /// The index of the caller's version; nil if all weights are 0.
    public func version(of caller: RawSpan) -> Int? {
        let caller = hash(caller)
        var best: Int?
        var least = Double.infinity
        for index in versions.indices where versions[index].weight > 0 {
            let distance = -log(Self.point(caller ^ versions[index].seed)) / versions[index].weight
            if distance < least {
                least = distance
                best = index
            }
        }
        return best
    }

    public func version(of caller: IPAddress) -> Int? {
        var bytes = InlineArray<16, UInt8>(repeating: 0)
        for index in 0..<8 {
            bytes[index] = UInt8(truncatingIfNeeded: caller.high >> UInt64(56 - 8 * index))
            bytes[index + 8] = UInt8(truncatingIfNeeded: caller.low >> UInt64(56 - 8 * index))
        }
        return version(of: bytes.rawSpan)
    }

    /// The seeds differ from version to version; the finalizer of SplitMix64 makes points of that which have nothing to do with one another.
    private static func point(_ seeded: UInt64) -> Double {
        var bits = (seeded ^ seeded >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        bits ^= bits >> 31
        return (Double(bits >> 11) + 0.5) * 0x1p-53
    }
}
