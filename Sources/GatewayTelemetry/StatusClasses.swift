/// Answers by the first digit of their status.
public struct StatusClasses: Sendable, Equatable {
    public static let names = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"]

    /// One for each of ``names``.
    public private(set) var counts = [UInt64](repeating: 0, count: names.count)

    public init() {}

    public init(_ count: (String) -> UInt64) {
        counts = Self.names.map(count)
    }

    public var total: UInt64 { counts.reduce(0, &+) }
    /// Those of 5xx: whatever the client had asked for, a server was at fault.
    public var errors: UInt64 { counts[4] }

    mutating func add(_ count: UInt64, toLabel label: String) {
        let digit = label.utf8.first.map { Int($0) - 0x31 } ?? -1
        counts[(0..<5).contains(digit) && label.utf8.count == 3 ? digit : 5] &+= count
    }

    public static func += (sum: inout Self, more: Self) {
        for index in sum.counts.indices { sum.counts[index] &+= more.counts[index] }
    }

    /// What came since `earlier`; all of it where a counter has begun anew.
    public func since(_ earlier: Self) -> Self {
        var difference = self
        for index in counts.indices where earlier.counts[index] <= counts[index] { difference.counts[index] -= earlier.counts[index] }
        return difference
    }
}
