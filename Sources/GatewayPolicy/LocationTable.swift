import GatewayConfig
import GatewayCore

/// Which location a path belongs to, by nginx's rules: the exact one, else the longest prefix. A prefix is one of bytes, not of
/// segments: `/v1` holds `/v1x` too.
public struct LocationTable: Sendable {
    @usableFromInline let exact: ByteKeyTable
    @usableFromInline let prefixes: ByteKeyTable
    /// There is but one location, for all paths: then there is nothing to look up.
    @usableFromInline let isRootAlone: Bool

    /// Of locations with the same path and kind the first one counts.
    public init(_ locations: [LocationConfig]) {
        let pairs = locations.enumerated().map { (key: CanonicalPath.encode($0.element.path), value: $0.offset) }
        exact = ByteKeyTable(pairs: pairs.filter { locations[$0.value].isExact })
        prefixes = ByteKeyTable(pairs: pairs.filter { !locations[$0.value].isExact })
        isRootAlone = locations.count == 1 && !locations[0].isExact && pairs[0].key == [UInt8(ascii: "/")]
    }

    /// The index of the location for `path`, which is in canonical spelling (see ``CanonicalPath``) and without the query; nil if
    /// none matches.
    @inlinable
    public func match(path: RawSpan) -> Int? {
        if isRootAlone && path.byteCount > 0 && path[byte: 0] == UInt8(ascii: "/") { return 0 }
        return exact.index(of: path) ?? prefixes.longestPrefix(of: path)
    }
}
