/// Checks of one address in a row: so many that fail take it out, so many that pass take it in again. It begins in, as with nginx and
/// HAProxy: else every start would be an outage until the first checks had passed.
public struct CheckTally: Sendable {
    public private(set) var isUp = true
    /// Checks in a row that said otherwise.
    private var streak = 0

    public init() {}

    /// Whether that has changed whether it is in.
    public mutating func note(hasPassed: Bool, fall: Int, rise: Int) -> Bool {
        if hasPassed == isUp {
            streak = 0
            return false
        }
        streak += 1
        if streak < (isUp ? fall : rise) { return false }
        isUp = hasPassed
        streak = 0
        return true
    }
}
