import Foundation
import TestSupport

/// The ways by which a request reaches the gateway, for what must hold on each.
enum Way: String, CaseIterable, Sendable {
    case http1, http1OverTLS, http2, http2OverTLS

    var transport: Transport { self == .http1 || self == .http2 ? .plain : .tls }
    var isHTTP2: Bool { self == .http2 || self == .http2OverTLS }
}

/// A response, by whatever protocol it came.
struct Answer: CustomStringConvertible {
    let status: Int
    /// Names in lower case.
    let fields: [HTTPMessage.Field]
    let body: [UInt8]
    var text: String { String(decoding: body, as: UTF8.self) }

    func values(_ name: String) -> [String] { fields.filter { $0.name == name.lowercased() }.map(\.value) }

    subscript(name: String) -> String? {
        let values = values(name)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// Those whose names begin with `prefix`, in the order of their names: "name: value".
    func lines(_ prefix: String) -> [String] {
        fields.filter { $0.name.hasPrefix(prefix.lowercased()) }.map { "\($0.name): \($0.value)" }.sorted()
    }

    var description: String { "\(status) \(fields.map { "\($0.name): \($0.value)" }) \(text)" }
}

/// A client's connection, on which several requests may follow each other.
final class WayClient {
    private let stream: (any ByteStream)?
    private let session: HTTP2Client?

    init(_ way: Way, _ address: EdgeAddress) throws {
        session = way.isHTTP2 ? try .open(address.connectHTTP2()) : nil
        stream = way.isHTTP2 ? nil : try address.connect()
    }

    /// `fields` are lines: "X-API-Key: k".
    func ask(_ target: String, _ method: String = "GET", host: String = "localhost", _ fields: [String] = [], body: String? = nil) throws
        -> Answer
    {
        try ask(target, method, host: host, fields, bytes: body.map { Array($0.utf8) })
    }

    func ask(_ target: String, _ method: String, host: String = "localhost", _ fields: [String], bytes: [UInt8]?) throws -> Answer {
        if let session { return try ask(session, target, method, host, fields, bytes) }
        guard let stream else { throw TestError.invalid("no connection") }
        let response = try stream.request(method, target, host: host, fields: fields, body: bytes)
        return Answer(
            status: response.status, fields: response.fields.map { HTTPMessage.Field(name: $0.name.lowercased(), value: $0.value) },
            body: response.body)
    }

    private func ask(_ session: HTTP2Client, _ target: String, _ method: String, _ host: String, _ fields: [String], _ body: [UInt8]?)
        throws
        -> Answer
    {
        let more = HTTP2Fields(
            fields.map { line in
                let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                return HTTPMessage.Field(name: parts[0].lowercased(), value: parts[1].trimmingCharacters(in: .whitespaces))
            })
        let head = HTTP2Fields.request(method, target, authority: host, more)
        let response: HTTP2Response
        if let body, body.count > 60_000 {
            // More than the windows may let through at once.
            let stream = session.nextStream
            try session.sendHead(head, on: stream, endsStream: false)
            try session.sendData(body, on: stream, endsStream: true)
            response = try session.response(on: stream)
        } else {
            response = try session.exchange(head, body: body)
        }
        return Answer(
            status: response.status, fields: (response.head?.fields ?? []).filter { !$0.name.hasPrefix(":") }, body: response.body)
    }
}

extension Edge {
    func client(_ way: Way) throws -> WayClient { try WayClient(way, address(way.transport)) }

    /// One request on a connection of its own.
    func ask(_ way: Way, _ target: String, _ method: String = "GET", _ fields: [String] = [], body: String? = nil) throws -> Answer {
        try client(way).ask(target, method, fields, body: body)
    }
}
