/// The statuses that have a counter of their own: those registered with IANA, 499 (nginx: the client went away),
/// 520 to 530 and 599 (in use at other edges); every other one counts as "other", so that no origin can make series without end.
enum StatusCodes {
    static let ranges: [ClosedRange<Int>] = [
        100...103, 200...208, 226...226, 300...308, 400...418, 421...426, 428...429, 431...431, 451...451, 499...499,
        500...511, 520...530, 599...599,
    ]

    /// The values of the label `status`, by index.
    static let labels: [String] = ranges.flatMap { $0.map(String.init) } + ["other"]
    static let count = labels.count

    static func label(of status: Int) -> String {
        ranges.contains { $0.contains(status) } ? String(status) : "other"
    }

    /// The index of the label for status 100 + i.
    static func table() -> InlineArray<500, UInt8> {
        var table = InlineArray<500, UInt8>(repeating: UInt8(count - 1))
        for (index, status) in ranges.joined().enumerated() { table[status - 100] = UInt8(index) }
        return table
    }
}
