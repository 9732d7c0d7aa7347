import GatewayCore
import GatewayHTTP

/// Who a limit counts as one caller, as 64 bits of a hash whose key the process has drawn: SipHash, so that nobody can choose callers that
/// are the same by it, or that crowd one place of a table.
public struct CallerHash: Equatable, Sendable, BitwiseCopyable {
    /// Never 0.
    let bits: UInt64

    private init(_ hasher: Hasher) {
        let bits = UInt64(bitPattern: Int64(hasher.finalize()))
        self.bits = bits == 0 ? 1 : bits
    }

    /// All requests are of one caller.
    public static let everybody = CallerHash(Hasher())

    /// An address, or the network that one customer has: see ``IPAddress/caller(v6PrefixBits:)``.
    public init(_ caller: IPAddress) {
        var hasher = Hasher()
        hasher.combine(caller.high)
        hasher.combine(caller.low)
        self.init(hasher)
    }

    /// The name of an API key.
    public init(name: String) {
        var hasher = Hasher()
        hasher.combine(name)
        self.init(hasher)
    }

    /// What the fields named `name` say, all of them. Without any: those who don't say who they are count as one.
    public init(_ name: FieldName, _ nameBytes: [UInt8], in fields: borrowing HeaderFields) {
        var hasher = Hasher()
        for index in 0..<fields.count where fields.name(index) == name {
            if name == .other, !fields.nameBytes(index).equalsIgnoringCase(nameBytes.rawSpan) { continue }
            Self.combine(fields.value(index), into: &hasher)
        }
        self.init(hasher)
    }

    private static func combine(_ bytes: RawSpan, into hasher: inout Hasher) {
        hasher.combine(bytes.byteCount)
        var offset = 0
        while offset < bytes.byteCount {
            hasher.combine(bytes.paddedWord(at: offset))
            offset += 8
        }
    }
}
