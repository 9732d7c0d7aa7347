import GatewayCore

/// How soon a response is wanted (RFC 9218 § 4). What is malformed says nothing.
struct HTTP2Priority: BitwiseCopyable, Equatable {
    /// 0 comes first, 7 last.
    var urgency: UInt32 = 3
    /// Whether a part of it is of use before the rest. Who says nothing takes turns: an endless answer shall not hold up its siblings.
    var isIncremental = true

    init() {}

    /// Reads a Priority field: `u=1, i`.
    init(_ value: RawSpan) {
        isIncremental = false
        var elements = ListElements()
        while let range = elements.next(in: value) {
            let element = value.extracting(range)
            if element.byteCount == 3, element[byte: 0] == UInt8(ascii: "u"), element[byte: 1] == UInt8(ascii: "=") {
                let digit = element[byte: 2] &- 0x30
                if digit <= 7 { urgency = UInt32(digit) }
            } else if element.equals("i") || element.equals("i=?1") {
                isIncremental = true
            }
        }
    }
}
