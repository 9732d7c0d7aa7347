import GatewayCore

/// A lease of a whole stored answer. Its bytes don't change, and stay as long as the lease does, whatever happens to the entry.
public final class StoredAnswer: Sendable {
    public let facts: AnswerFacts
    public let headByteCount: Int
    public let bodyByteCount: Int

    init(facts: AnswerFacts, headByteCount: Int, bodyByteCount: Int) {
        self.facts = facts
        self.headByteCount = headByteCount
        self.bodyByteCount = bodyByteCount
    }

    /// Appends the head, as it was given to ``Fill/begin(head:sharing:keeps:)``.
    public func appendHead(to queue: inout ByteQueue) {}

    /// Appends up to `atMost` bytes of the body from `start` on. Returns how many; 0 at the end.
    public func appendBody(from start: Int, atMost: Int, to queue: inout ByteQueue) -> Int { 0 }
}
