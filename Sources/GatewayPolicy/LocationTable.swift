import GatewayConfig
import GatewayCore

/// Which location a path belongs to, by nginx's rules: the exact one, else the longest prefix. A prefix is one of bytes, not of
/// segments: `/v1` holds `/v1x` too.
public struct LocationTable: Sendable {
    @usableFromInline let exact: ByteKeyTable
    @usableFromInline let prefixes: ByteKeyTable

    /// Of locations with the same path and kind the first one counts.
    public init(_ locations: [LocationConfig]) {
        let pairs = locations.enumerated().map { (key: CanonicalPath.encode($0.element.path), value: $0.offset) }
        exact = ByteKeyTable(pairs: pairs.filter { locations[$0.value].isExact })
        prefixes = ByteKeyTable(pairs: pairs.filter { !locations[$0.value].isExact })
    }

    /// The index of the location for `path`, which is in canonical spelling (see ``CanonicalPath``) and without the query; nil if
    /// none matches.
    @inlinable
    public func match(path: RawSpan) -> Int? {
        exact.index(of: path) ?? prefixes.longestPrefix(of: path)
    }
}
