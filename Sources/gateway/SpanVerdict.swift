/// What came of a request with spans.
enum SpanVerdict {
    /// Taken, but for so many.
    case taken(rejected: Int)
    /// Again later: at the earliest in so many milliseconds, if the collector says so.
    case again(reason: String, afterMs: Int?)
    /// A kept connection had died: again at once, on another.
    case stale
    /// Never.
    case refused(reason: String)
}
