import GatewayCore

/// What Cache-Control says (RFC 9111 § 5.2), in a request or in an answer. Directives that are there twice count by what allows less; an
/// argument that can't be read counts as stale at once (§ 4.2.1).
public struct CacheControl: Equatable, Sendable {
    public private(set) var noCache = false
    public private(set) var noStore = false
    public private(set) var onlyIfCached = false
    public private(set) var isPrivate = false
    public private(set) var isPublic = false
    public private(set) var mustRevalidate = false
    /// Seconds; nil where the directive is not there.
    public private(set) var maxAgeS: UInt64?
    public private(set) var sharedMaxAgeS: UInt64?
    public private(set) var minFreshS: UInt64?
    /// `max-stale` without an argument takes an answer of any age.
    public private(set) var maxStaleS: UInt64?

    public init() {}

    /// What all the lines of Cache-Control in `fields` say. A request without any asks for `no-cache` by Pragma (§ 5.4).
    public init(_ fields: borrowing HeaderFields, isRequest: Bool = false) {
        var next = 0
        while let index = fields.firstIndex(of: .cacheControl, from: next) {
            add(fields.value(index))
            next = index + 1
        }
        if isRequest && next == 0 && fields.hasElement("no-cache", in: .pragma) { noCache = true }
    }

    private mutating func add(_ list: RawSpan) {
        var elements = ListElements()
        while let range = elements.next(in: list) {
            let element = list.extracting(range)
            let equals = element.firstIndex(of: UInt8(ascii: "="))
            let name = element.extracting(0..<(equals ?? element.byteCount))
            var seconds: UInt64?
            if let equals { seconds = Self.seconds(element.extracting((equals + 1)..<element.byteCount)) }
            take(name, seconds: seconds, hasArgument: equals != nil)
        }
    }

    private mutating func take(_ name: RawSpan, seconds: UInt64?, hasArgument: Bool) {
        if name.equalsIgnoringCase("no-store") { noStore = true }
        // With field names these are about those fields alone, which is more than most caches tell apart: the whole answer counts (§ 5.2.2.4).
        if name.equalsIgnoringCase("no-cache") { noCache = true }
        if name.equalsIgnoringCase("private") { isPrivate = true }
        if name.equalsIgnoringCase("public") { isPublic = true }
        if name.equalsIgnoringCase("only-if-cached") { onlyIfCached = true }
        if name.equalsIgnoringCase("must-revalidate") || name.equalsIgnoringCase("proxy-revalidate") { mustRevalidate = true }
        if name.equalsIgnoringCase("max-age") { maxAgeS = min(maxAgeS ?? .max, seconds ?? 0) }
        if name.equalsIgnoringCase("s-maxage") { sharedMaxAgeS = min(sharedMaxAgeS ?? .max, seconds ?? 0) }
        if name.equalsIgnoringCase("min-fresh") { minFreshS = max(minFreshS ?? 0, seconds ?? .max) }
        if name.equalsIgnoringCase("max-stale") { maxStaleS = min(maxStaleS ?? .max, hasArgument ? seconds ?? 0 : .max) }
    }

    /// Digits, perhaps quoted (§ 5.2); 0 for anything else.
    private static func seconds(_ argument: RawSpan) -> UInt64 {
        let last = argument.byteCount - 1
        let isQuoted = last >= 1 && argument[byte: 0] == UInt8(ascii: "\"") && argument[byte: last] == UInt8(ascii: "\"")
        return (isQuoted ? argument.extracting(1..<last) : argument).seconds ?? 0
    }
}
