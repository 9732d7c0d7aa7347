import GatewayCore

/// Writes HTTP/1.1 messages. What it is given has been validated, or is the gateway's own: it checks nothing.
public enum HTTP1Encoder {
    /// `HTTP/1.1 200 OK`, with the standard phrase.
    @inlinable
    public static func statusLine(_ status: Int, into queue: inout ByteQueue) {
        if status == 200 { return queue.append("HTTP/1.1 200 OK\r\n") }
        appendStatus(status, &queue)
        queue.append(StatusCode.reasonPhrase(status))
        endLine(into: &queue)
    }

    /// `HTTP/1.1 200 OK`; an empty `reason` stands for the standard phrase.
    @inlinable
    public static func statusLine(_ status: Int, reason: RawSpan, into queue: inout ByteQueue) {
        if reason.byteCount == 0 || status == 200 && reason.equals("OK") { return statusLine(status, into: &queue) }
        appendStatus(status, &queue)
        queue.append(reason)
        endLine(into: &queue)
    }

    @inlinable
    static func appendStatus(_ status: Int, _ queue: inout ByteQueue) {
        queue.append("HTTP/1.1 ")
        queue.append(decimal: status)
        queue.append(UInt8(ascii: " "))
    }

    @inlinable
    public static func field(name: RawSpan, value: RawSpan, into queue: inout ByteQueue) {
        queue.append(name)
        queue.append(": ")
        queue.append(value)
        endLine(into: &queue)
    }

    @inlinable @inline(__always)
    public static func field(_ name: StaticString, _ value: RawSpan, into queue: inout ByteQueue) {
        queue.append(name)
        queue.append(": ", value, "\r\n")
    }

    @inlinable
    public static func field(_ name: StaticString, _ value: StaticString, into queue: inout ByteQueue) {
        queue.append(name)
        queue.append(": ")
        queue.append(value)
        endLine(into: &queue)
    }

    @inlinable @inline(__always)
    public static func field(_ name: StaticString, decimal value: UInt64, into queue: inout ByteQueue) {
        queue.append(name)
        queue.append(": ", decimal: value, "\r\n")
    }

    /// Ends a line; after the last field, the head.
    @inlinable
    public static func endLine(into queue: inout ByteQueue) {
        queue.append("\r\n")
    }

    /// One chunk. Nothing for no data: an empty chunk would end the body.
    @inlinable
    public static func chunk(_ data: RawSpan, into queue: inout ByteQueue) {
        if data.byteCount == 0 { return }
        queue.append(hex: UInt64(data.byteCount))
        endLine(into: &queue)
        queue.append(data)
        endLine(into: &queue)
    }

    /// The last chunk and those of the trailer fields that may be forwarded (RFC 9110 § 6.5.1). What Connection names in `head`, the
    /// message's own, is for one hop in the trailers as well (§ 7.6.1). Where the content was compressed on its way (`isRecoded`),
    /// digests of other bytes go and a strong tag becomes weak.
    public static func lastChunk(
        trailers: borrowing HeaderFields, of head: borrowing HeaderFields, isRecoded: Bool = false, into queue: inout ByteQueue
    ) {
        queue.append("0\r\n")
        trailerLines(trailers, of: head, isRecoded: isRecoded, into: &queue)
        endLine(into: &queue)
    }

    /// The lines of ``lastChunk(trailers:of:isRecoded:into:)`` alone.
    public static func trailerLines(
        _ trailers: borrowing HeaderFields, of head: borrowing HeaderFields, isRecoded: Bool, into queue: inout ByteQueue
    ) {
        var i = 0
        while i < trailers.count {
            if mayForward(trailers, i, of: head) {
                if isRecoded { recoded(trailers, i, into: &queue) } else { trailers.appendLine(i, to: &queue) }
            }
            i += 1
        }
    }

    private static func recoded(_ trailers: borrowing HeaderFields, _ i: Int, into queue: inout ByteQueue) {
        if trailers.isDigest(i) { return }
        if trailers.name(i) != .etag || trailers.value(i).isWeakTag {
            trailers.appendLine(i, to: &queue)
        } else {
            weakTag(trailers.value(i), into: &queue)
        }
    }

    /// The field of a strong tag made weak: the same content by other bytes (RFC 9110 § 8.8.1).
    public static func weakTag(_ strong: RawSpan, into queue: inout ByteQueue) {
        queue.append("ETag: W/")
        queue.append(strong)
        endLine(into: &queue)
    }

    private static func mayForward(_ trailers: borrowing HeaderFields, _ i: Int, of head: borrowing HeaderFields) -> Bool {
        if !trailers.name(i).isAllowedInTrailers || trailers.isHopByHop(i) { return false }
        return !trailers.nameBytes(i).isDisguised && !head.nominates(trailers.nameBytes(i))
    }
}
