import GatewayCore
import GatewayHTTP

/// Names of header fields. Whether a field's is among them mostly shows without comparing.
public struct FieldNameSet: Sendable {
    /// A bit for each well-known name.
    private let known: UInt64
    /// A bit for each length that one of the others has; lengths beyond share the last one.
    private let lengths: UInt64
    private let others: [[UInt8]]
    public let isEmpty: Bool

    public init(_ names: [String]) {
        var known: UInt64 = 0
        var lengths: UInt64 = 0
        var others: [[UInt8]] = []
        for name in names.map({ Array($0.utf8) }) {
            let id = FieldName(name.rawSpan)
            if id == .other {
                lengths |= Self.bit(ofLength: name.count)
                others.append(name)
            } else {
                known |= 1 << UInt64(id.rawValue)
            }
        }
        isEmpty = names.isEmpty
        self.known = known
        self.lengths = lengths
        self.others = others
    }

    /// Whether the field with this name is among them, in whatever case.
    public func contains(_ name: FieldName, _ bytes: RawSpan) -> Bool {
        if name != .other { return contains(name) }
        if lengths & Self.bit(ofLength: bytes.byteCount) == 0 { return false }
        for other in others where other.rawSpan.equalsIgnoringCase(bytes) { return true }
        return false
    }

    /// The same of a name that is well-known.
    public func contains(_ name: FieldName) -> Bool { known & (1 << UInt64(name.rawValue)) != 0 && name != .other }

    private static func bit(ofLength length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }
}
