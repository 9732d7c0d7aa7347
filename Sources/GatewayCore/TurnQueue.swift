/// What waits for its turn: while one turn is worked on, what is added waits for the next. Two arrays take turns, so that a
/// warm queue allocates nothing.
public struct TurnQueue<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var waiting: [Element] = []
    @usableFromInline var current: [Element] = []

    public init() {}

    @inlinable
    public var isEmpty: Bool { waiting.isEmpty }

    @inlinable
    public mutating func append(_ element: Element) {
        waiting.append(element)
    }

    /// Begins a turn with all that waits; returns how many that are. The turn before must have ended.
    @inlinable
    public mutating func beginTurn() -> Int {
        precondition(current.isEmpty)
        swap(&waiting, &current)
        return current.count
    }

    /// An element of the turn.
    @inlinable
    public subscript(index: Int) -> Element { current[index] }

    @inlinable
    public mutating func endTurn() {
        current.removeAll(keepingCapacity: true)
    }
}
