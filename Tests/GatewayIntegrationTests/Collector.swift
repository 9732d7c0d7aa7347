import Foundation
import TestSupport

/// A collector of spans: an origin that takes what OTLP over HTTP brings, and reads it by other means than the gateway writes it.
final class Collector {
    struct Span {
        let traceID: String
        let id: String
        let parentID: String
        let name: String
        /// 1 internal, 2 server, 3 client.
        let kind: Int
        let start: UInt64
        let end: UInt64
        let isError: Bool
        let attributes: [String: String]
        /// The spans that it names, each as its trace and its number.
        let links: [[String]]
    }

    /// What it answers to request `index`, counted from 0, with the connection's end behind it if it asks for that.
    typealias Answer = @Sendable (_ index: Int) -> String

    static let taken = answer("200 OK", "{\"partialSuccess\":{}}")

    let origin: ScriptedOrigin
    private let state = Monitor<[HTTPRequest]>([])

    init(tls: TLSServerSide? = nil, port: UInt16 = 0, _ answer: @escaping Answer = { _ in taken }) throws {
        let state = state
        if let tls {
            origin = try .overTLS(tls) { connection, _ in try Self.serve(connection, state, answer) }
        } else {
            origin = try ScriptedOrigin(port: port) { connection, _ in try Self.serve(connection, state, answer) }
        }
    }

    private static func serve(_ stream: some ByteStream, _ state: Monitor<[HTTPRequest]>, _ answer: Answer) throws {
        while let request = try stream.readNextRequest() {
            let index = state.update { requests in
                requests.append(request)
                return requests.count - 1
            }
            let text = answer(index)
            if text.isEmpty { return }
            try stream.send(text)
        }
    }

    static func answer(_ status: String, _ body: String = "", fields: String = "") -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    var port: UInt16 { origin.port }
    var requests: [HTTPRequest] { state.value }

    func waitForRequests(_ count: Int) throws {
        try eventually("\(count) requests at the collector") { requests.count >= count }
    }

    /// All spans that have come, in their order.
    func spans() throws -> [Span] { try requests.flatMap(Self.spans(in:)) }

    /// The spans, as soon as there are so many.
    func spans(waitingFor count: Int) throws -> [Span] {
        try eventually("\(count) spans") { try spans().count >= count }
        return try spans()
    }

    static func spans(in request: HTTPRequest) throws -> [Span] {
        let resources = try list(request.json(), "resourceSpans")
        return try resources.flatMap { try list($0, "scopeSpans") }.flatMap { try list($0, "spans") }.map(span)
    }

    /// What the request says of who sends it.
    static func resource(of request: HTTPRequest) throws -> [String: String] {
        guard let first = try list(request.json(), "resourceSpans").first, let resource = first["resource"] as? [String: Any] else {
            throw TestError.invalid("no resource")
        }
        return try attributes(resource)
    }

    private static func list(_ object: [String: Any], _ name: String) throws -> [[String: Any]] {
        guard let list = object[name] as? [[String: Any]] else { throw TestError.invalid("no \(name) in \(object)") }
        return list
    }

    private static func span(_ object: [String: Any]) throws -> Span {
        func text(_ name: String) throws -> String {
            guard let text = object[name] as? String else { throw TestError.invalid("no \(name) in \(object)") }
            return text
        }
        guard let start = UInt64(try text("startTimeUnixNano")), let end = UInt64(try text("endTimeUnixNano")),
            let kind = object["kind"] as? Int
        else { throw TestError.invalid("no times: \(object)") }
        return Span(
            traceID: try text("traceId"), id: try text("spanId"), parentID: object["parentSpanId"] as? String ?? "",
            name: try text("name"), kind: kind, start: start, end: end,
            isError: (object["status"] as? [String: Any])?["code"] as? Int == 2, attributes: try attributes(object),
            links: (object["links"] as? [[String: String]] ?? []).map { [$0["traceId"] ?? "", $0["spanId"] ?? ""] })
    }

    /// Values as texts: {"intValue": "1"} and {"doubleValue": 0.5} too.
    private static func attributes(_ object: [String: Any]) throws -> [String: String] {
        var result: [String: String] = [:]
        for attribute in try list(object, "attributes") {
            guard let key = attribute["key"] as? String, let value = attribute["value"] as? [String: Any], value.count == 1,
                let only = value.values.first, result.updateValue("\(only)", forKey: key) == nil
            else { throw TestError.invalid("not an attribute, or there twice: \(attribute)") }
        }
        return result
    }
}
