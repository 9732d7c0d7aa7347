import GatewayHTTP
import GatewayTelemetry

/// What stands behind the times of a location's spans, or of those of attempts at a server, written once for each method: the name, the
/// method, and all that is the same in each of them.
struct SpanOpenings: Sendable {
    /// Of what has no place.
    static let bare = SpanOpenings([]) { $0 }

    private let byMethod: [[UInt8]]

    /// - Parameter name: makes a span's from that of a method.
    init(_ attributes: [SpanJSON.Attribute], name: (String) -> String) {
        byMethod = Method.allCases.map { method in
            // A name has few values: of methods that HTTP doesn't know the gateway says no more than that.
            let isKnown = method != .other
            let methodAttribute = SpanJSON.Attribute("http.request.method", isKnown ? "\(method.name)" : "_OTHER")
            return SpanJSON.opening(name: name(isKnown ? "\(method.name)" : "HTTP"), attributes: [methodAttribute] + attributes)
        }
    }

    subscript(method: Method) -> [UInt8] { byMethod[Int(method.rawValue)] }
}
