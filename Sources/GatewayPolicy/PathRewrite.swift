import GatewayCore

/// The path that the origin receives, by nginx's rule for the URI of proxy_pass: without one the path as it was matched, with one
/// the URI in place of what the location matched. (The query follows separately.)
public struct PathRewrite: Sendable {
    @usableFromInline let matchedCount: Int
    @usableFromInline let replacement: [UInt8]
    /// The dots that stand alone behind the replacement's last slash: with them the rest of a path could make a dot segment.
    /// nil if it can't.
    @usableFromInline let seamDots: Int?

    /// - Parameters:
    ///   - matched: the location's path in canonical spelling (``CanonicalPath/encode(_:)``). An exact location matches the whole path.
    ///   - replacement: the path of the proxy_pass as written, percent-encoding included; nil if it has none.
    public init(matched prefix: [UInt8], replacement: String?) {
        matchedCount = replacement == nil ? 0 : prefix.count
        self.replacement = replacement.map(CanonicalPath.encodeURI) ?? []
        let tail = self.replacement.reversed().prefix { $0 != UInt8(ascii: "/") }
        let canMeetDots = replacement != nil && prefix.last != UInt8(ascii: "/")
        seamDots = canMeetDots && tail.allSatisfy { $0 == UInt8(ascii: ".") } ? tail.count : nil
    }

    /// Appends what is sent for `path`, which begins with what was matched.
    ///
    /// nginx's known trap is closed here: with `location /files { proxy_pass http://origin/data/; }` it passes `/files../key` on as
    /// `/data/../key`. A path that would become a dot segment at the seam is refused.
    @inlinable
    public func append(path: RawSpan, to queue: inout ByteQueue) throws(GatewayError) {
        let rest = path.extracting(matchedCount..<path.byteCount)
        if let seamDots, makesDotSegment(rest, dotsBefore: seamDots) {
            throw GatewayError(.targetInvalid, "the path would leave the location's part of the origin")
        }
        queue.append(replacement)
        queue.append(rest)
    }

    @inlinable
    func makesDotSegment(_ rest: RawSpan, dotsBefore: Int) -> Bool {
        var dots = 0
        while dots < rest.byteCount, rest[byte: dots] == UInt8(ascii: ".") { dots += 1 }
        let endsSegment = dots == rest.byteCount || rest[byte: dots] == UInt8(ascii: "/")
        return dots > 0 && endsSegment && dotsBefore + dots <= 2
    }
}
