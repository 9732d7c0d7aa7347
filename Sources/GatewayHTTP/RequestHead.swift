import GatewayCore

/// A request's line and fields, and what they mean. It owns its bytes; `removeAll()` gives them back.
///
/// All spans are empty until the parser has completed the head. When it has refused one, what came before the line it
/// refused can be read, for the log.
public struct RequestHead: ~Copyable {
    /// Everything but the fields: plain values, so that forgetting them is one assignment.
    @usableFromInline
    struct Parts: BitwiseCopyable {
        @usableFromInline var method = Method.other
        @usableFromInline var version = HTTPVersion.http11
        @usableFromInline var targetForm = TargetForm.origin
        @usableFromInline var hasQuery = false
        @usableFromInline var keepAlive = false
        @usableFromInline var expectsContinue = false
        @usableFromInline var asksUpgrade = false
        @usableFromInline var isComplete = false
        /// Whether the path as received is its own canonical spelling.
        @usableFromInline var isCanonical = true
        @usableFromInline var framing = BodyFraming.none
        @usableFromInline var methodBytes = ByteRange()
        @usableFromInline var target = ByteRange()
        @usableFromInline var receivedPath = ByteRange()
        @usableFromInline var path = ByteRange()
        @usableFromInline var query = ByteRange()
        @usableFromInline var authority = ByteRange()
        @usableFromInline var hostname = ByteRange()
        @usableFromInline var connectProtocol = ByteRange()

        @inlinable
        init() {}
    }

    public var fields: HeaderFields
    @usableFromInline var parts: Parts

    @inlinable @inline(__always)
    public init(pool: BufferPool) {
        fields = HeaderFields(pool: pool)
        parts = Parts()
    }

    @inlinable
    public var method: Method { parts.method }
    @inlinable
    public var version: HTTPVersion { parts.version }
    @inlinable
    public var targetForm: TargetForm { parts.targetForm }
    /// Whether the target has a question mark; the query may be empty even so.
    @inlinable
    public var hasQuery: Bool { parts.hasQuery }
    @inlinable
    public var framing: BodyFraming { parts.framing }
    /// Whether the client wants the connection to stay (RFC 9112 § 9.3).
    @inlinable
    public var keepAlive: Bool { parts.keepAlive }
    /// Whether the client waits for 100 (Continue) before it sends the body. False when there is none to send.
    @inlinable
    public var expectsContinue: Bool { parts.expectsContinue }
    /// Whether the client would go on with another protocol on this connection, and may: it has no body to send first (RFC 9110
    /// § 7.8), and offers nothing by which it could speak HTTP to the origin past the gateway.
    @inlinable
    public var asksUpgrade: Bool { parts.asksUpgrade }
    /// The head of a request that has been encoded already: of it the method alone still counts.
    public mutating func become(_ method: Method) {
        parts.method = method
        parts.isComplete = true
    }

    /// The client has been told to send the body.
    public mutating func forgetExpectation() { parts.expectsContinue = false }
    @inlinable
    public var isComplete: Bool { parts.isComplete }

    /// The method's token, for methods without a name.
    @inlinable
    public var methodBytes: RawSpan {
        @_lifetime(borrow self)
        get { slice(parts.methodBytes) }
    }

    /// Path and query as received, or `*`. Of an absolute-form this is the part behind the authority, `/` if there is no path.
    @inlinable
    public var target: RawSpan {
        @_lifetime(borrow self)
        get { slice(parts.target) }
    }

    /// The path in its canonical spelling once `normalisePath` has run, as received before. `*` for the asterisk-form.
    @inlinable
    public var path: RawSpan {
        @_lifetime(borrow self)
        get { slice(parts.path) }
    }

    /// The query as received, without the question mark.
    @inlinable
    public var query: RawSpan {
        @_lifetime(borrow self)
        get { slice(parts.query) }
    }

    /// Whom the request is for, as received: the target's authority if it has one (it wins, RFC 9112 § 3.2.2), else Host.
    /// Empty only for HTTP/1.0.
    @inlinable
    public var authority: RawSpan {
        @_lifetime(borrow self)
        get { slice(parts.authority) }
    }

    /// The authority's host in lower case, without port and trailing dot; an IPv6 address keeps its brackets.
    @inlinable
    public var hostname: RawSpan {
        @_lifetime(borrow self)
        get { slice(parts.hostname) }
    }

    /// The `:protocol` of an extended CONNECT (RFC 8441 § 4); empty for every other request. ``target`` is there as for any other method.
    @inlinable
    public var connectProtocol: RawSpan {
        @_lifetime(borrow self)
        get { slice(parts.connectProtocol) }
    }

    /// Whether this is an extended CONNECT (RFC 8441), which asks for ``connectProtocol`` on its stream.
    @inlinable
    public var isExtendedConnect: Bool { parts.connectProtocol.count > 0 }

    /// Forgets everything and gives the memory back.
    @inlinable
    public mutating func removeAll() {
        fields.removeAll()
        parts = Parts()
    }

    /// A head that is not complete has no bytes yet.
    @inlinable
    @_lifetime(borrow self)
    func slice(_ range: ByteRange) -> RawSpan {
        fields.slice(range.start, range.count)
    }
}

/// A part of a head's bytes, in half the space of a Range.
@usableFromInline
struct ByteRange: BitwiseCopyable {
    @usableFromInline var first: UInt32 = 0
    @usableFromInline var length: UInt32 = 0

    @inlinable
    init() {}

    /// A head is bounded far below what 32 bits hold.
    init(_ range: Range<Int>) {
        first = UInt32(truncatingIfNeeded: range.lowerBound)
        length = UInt32(truncatingIfNeeded: range.upperBound &- range.lowerBound)
    }

    @inlinable var start: Int { Int(first) }
    @inlinable var count: Int { Int(length) }
    @inlinable var end: Int { Int(first) + Int(length) }
}
