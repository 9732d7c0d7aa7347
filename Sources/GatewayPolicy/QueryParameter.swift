import GatewayCore

/// Parameters of a query, as nginx's $arg_name reads them.
public enum QueryParameter {
    /// Where the value of the first parameter called `name` stands in `query` (which is without its question mark): verbatim, nothing
    /// decoded. Letters are equal in either case. A parameter without an equals sign has no value and is passed over.
    @inlinable
    public static func value(named name: RawSpan, in query: RawSpan) -> Range<Int>? {
        var start = 0
        while start + name.byteCount < query.byteCount {
            let end = query.firstIndex(of: UInt8(ascii: "&"), from: start) ?? query.byteCount
            let equals = start + name.byteCount
            if equals < end, query[byte: equals] == UInt8(ascii: "="), query.extracting(start..<equals).equalsIgnoringCase(name) {
                return (equals + 1)..<end
            }
            start = end + 1
        }
        return nil
    }
}
