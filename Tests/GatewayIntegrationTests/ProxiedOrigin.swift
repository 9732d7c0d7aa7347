import Foundation
import TestSupport

/// A gateway that passes everything to one scripted origin, with one worker, an access log and an admin listener.
struct ProxiedOrigin {
    let origin: ScriptedOrigin
    let gateway: Gateway

    /// The texts are directives for the level that each is named after.
    init(
        _ origin: ScriptedOrigin, main: String = "", upstream: String = "", server: String = "", location: String = "",
        accessLog: String = "{DIR}/access.log json"
    ) throws {
        self.origin = origin
        gateway = try Gateway(
            conf: """
                workers 1;
                access_log \(accessLog);
                admin 127.0.0.1:0 { }
                \(main)
                upstream origin { server 127.0.0.1:{ORIGIN}; \(upstream) }
                server { listen 127.0.0.1:0; \(server) location / { proxy_pass http://origin; \(location) } }
                """,
            values: ["ORIGIN": "\(origin.port)"])
    }

    /// The origin answers every request with the same bytes.
    init(answering response: String, main: String = "", server: String = "", location: String = "") throws {
        try self.init(.answering(response), main: main, server: server, location: location)
    }

    /// Sends bytes as they are, and reads the answer to them.
    func exchange(_ request: String, method: String = "GET") throws -> HTTPResponse {
        let client = try gateway.connect()
        try client.send(request)
        return try client.readResponse(to: method)
    }

    /// What the origin received, on all of its connections.
    var received: String {
        (0..<origin.connectionCount).map { origin.received($0) }.joined()
    }

    /// The last request that the origin received.
    func lastRequest() throws -> ReceivedHead {
        try ReceivedHead(origin.received(max(0, origin.connectionCount - 1)))
    }
}

/// The last head in what an origin received, for a look at its fields.
struct ReceivedHead {
    let requestLine: String
    let fields: [String]

    init(_ text: String) throws {
        let heads = text.components(separatedBy: "\r\n\r\n").filter { $0.contains(" HTTP/1.1\r\n") }
        guard let head = heads.last else { throw TestError.invalid("no request in: \(text)") }
        let lines = head.components(separatedBy: "\r\n")
        requestLine = lines[0]
        fields = Array(lines.dropFirst())
    }

    var target: String { String(requestLine.split(separator: " ", omittingEmptySubsequences: false)[1]) }

    func values(_ name: String) -> [String] {
        fields.filter { $0.lowercased().hasPrefix(name.lowercased() + ": ") }.map { String($0.dropFirst(name.count + 2)) }
    }

    /// nil if the field is not there.
    subscript(name: String) -> String? {
        let values = self.values(name)
        return values.isEmpty ? nil : values.joined(separator: " | ")
    }
}

extension ScriptedOrigin {
    /// Answers each request with what it was: "POST /a body".
    static func telling() throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                try connection.send(Self.message("\(request.method) \(request.target) \(request.text)"))
            }
        }
    }

    static func message(_ body: String, fields: String = "") -> String {
        "HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }
}

extension ByteStream {
    /// One write for each byte.
    func sendBytewise(_ bytes: [UInt8]) throws {
        for byte in bytes { try send([byte]) }
    }
}
