import GatewayCore
import GatewayHTTP

/// Fields by which some frameworks take a request for another one than its method and target say: whoever sends one would have the answer
/// to that stored for those who ask without it.
struct OverrideFields: Sendable {
    private static let usual = ["x-http-method-override", "x-method-override", "x-http-method", "x-original-url", "x-rewrite-url"]

    private let names: [[UInt8]]
    /// A bit for each length that one of the names has.
    let lengths: UInt64

    /// Without those that are part of the key, in lower case.
    init(countedAnyhow counted: [String]) {
        names = Self.usual.filter { !counted.contains($0) }.map { Array($0.utf8) }
        lengths = names.reduce(0) { $0 | 1 << UInt64($1.count) }
    }

    /// In any spelling that an origin of the CGI kind takes for one of them.
    func areIn(_ fields: borrowing HeaderFields) -> Bool {
        for index in 0..<fields.count where fields.name(index) == .other {
            let own = fields.nameBytes(index)
            if lengths & 1 << UInt64(min(own.byteCount, 63)) == 0 { continue }
            for name in names where own.isTaken(for: name.rawSpan) { return true }
        }
        return false
    }
}
