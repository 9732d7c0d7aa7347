import GatewayCore

/// A response's line and fields, and what they mean. It owns its bytes; `removeAll()` gives them back.
public struct ResponseHead: ~Copyable {
    @usableFromInline
    struct Parts: BitwiseCopyable {
        @usableFromInline var status = 0
        @usableFromInline var version = HTTPVersion.http11
        @usableFromInline var keepAlive = false
        @usableFromInline var isComplete = false
        @usableFromInline var framing = BodyFraming.none
        @usableFromInline var reason = ByteRange()

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

    /// 100 to 599; 0 as long as there is none.
    @inlinable
    public var status: Int { parts.status }
    @inlinable
    public var version: HTTPVersion { parts.version }
    /// Where the body ends, the request's method considered: the answer to HEAD has none.
    @inlinable
    public var framing: BodyFraming { parts.framing }
    /// Whether the connection can be used again once the body has ended (RFC 9112 § 9.3).
    @inlinable
    public var keepAlive: Bool { parts.keepAlive }
    @inlinable
    public var isComplete: Bool { parts.isComplete }

    /// The reason phrase as received, often empty.
    @inlinable
    public var reason: RawSpan {
        @_lifetime(borrow self)
        get { fields.slice(parts.reason.start, parts.reason.count) }
    }

    /// The body comes in another way than the head says.
    public mutating func reframe(_ framing: BodyFraming) { parts.framing = framing }

    /// Makes of a 200 what it is for a client that has it already: the same fields, without the content (RFC 9110 § 15.4.5).
    public mutating func becomeNotModified() {
        parts.status = 304
        parts.reason = ByteRange()
        parts.framing = .none
        for index in 0..<fields.count where fields.name(index) == .contentLength { fields.keepBack(index) }
    }

    /// Forgets everything and gives the memory back.
    @inlinable
    public mutating func removeAll() {
        fields.removeAll()
        parts = Parts()
    }
}
