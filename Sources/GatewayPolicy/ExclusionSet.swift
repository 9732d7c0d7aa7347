import GatewayCore

/// The members that a request has tried already: a plain value that travels with it.
public struct ExclusionSet: BitwiseCopyable, Sendable {
    /// As many as ``Limits/attemptsMax``.
    @usableFromInline var members: InlineArray<8, Int32>
    @usableFromInline var filled: Int32 = 0

    @inlinable
    public init() {
        members = .init(repeating: -1)
    }

    @inlinable
    public var count: Int { Int(filled) }

    @inlinable
    public var isEmpty: Bool { filled == 0 }

    /// Adds a member. The set must have room: a request has no more attempts than that.
    @inlinable
    public mutating func insert(_ member: Int) {
        if contains(member) { return }
        members[count] = Int32(member)
        filled += 1
    }

    @inlinable
    public func contains(_ member: Int) -> Bool {
        var index = 0
        while index < count {
            if members[index] == member { return true }
            index += 1
        }
        return false
    }
}
