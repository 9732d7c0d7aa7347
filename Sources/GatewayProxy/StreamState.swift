import GatewayCore

/// What a call knows of its attempt on a stream of an HTTP/2 connection to an origin.
struct StreamState: BitwiseCopyable {
    enum Wait {
        case none
        /// For the origin's next byte: `read_timeout`.
        case read
        /// For the origin to take more of the request: `send_timeout`.
        case send
    }

    var waitsFor = Wait.none
    /// When the wait began, or when something last moved in it.
    var since = MonotonicTime.never
    var deadline = MonotonicTime.never
    /// END_STREAM has been handed to the session, or waits behind the content.
    var hasEndedRequest = false
    /// The connection had carried calls before this one.
    var isOnReused = false
    /// The origin has said that it did nothing with the request (RFC 9113 § 8.7).
    var isUnprocessed = false
    /// The connection ended before the answer began.
    var hasLostConnection = false
    /// What the origin said of it.
    var error: OriginError?
}

/// Why an origin ended a stream, or its connection, as it says itself (RFC 9113 § 7).
struct OriginError: BitwiseCopyable {
    enum Scope: UInt8 { case stream, connection }

    var scope: Scope
    var code: UInt32

    /// The frame that says so, as metrics and logs name it.
    var frame: StaticString { scope == .stream ? "rst_stream" : "goaway" }
}
