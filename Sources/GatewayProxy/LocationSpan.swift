import GatewayCore
import GatewayTelemetry

/// A location's part of spans, written once.
struct LocationSpan: Sendable {
    /// The path it matches, as an attribute; nothing where it has none.
    let route: [UInt8]
    /// What stands between the method, with which a server's span has its name begin, and the attributes of the request: the path, and
    /// the path once more.
    let nameAndRoute: [UInt8]

    init(path: String) {
        let shown = String(path.prefix(Limits.spanTextBytesMax))
        route = shown.isEmpty ? [] : SpanJSON.attributes([("http.route", shown)])
        let name = shown.isEmpty ? [] : [UInt8(ascii: " ")] + JSONLine.escaped(shown)
        nameAndRoute = name + Array(#"","attributes":["#.utf8) + route
    }
}
