import TestSupport

/// A request over HTTP/2 that would be another one, or two, if its parts were written as HTTP/1.1 as they are; and what must become of it.
struct DowngradeRow: Sendable {
    typealias Forwarded = HostileRequest.Forwarded

    enum Outcome: Sendable {
        /// RST_STREAM with PROTOCOL_ERROR (RFC 9113 § 8.1.1).
        case reset
        /// That, or an answer that refuses it: it could be written down, and only means nothing.
        case refused
        /// Exactly this reaches the origin, and is answered.
        case passes(Forwarded)
    }

    let name: String
    /// Of the RFC that has the rule: "9113 § 8.2.1".
    let section: String
    let fields: HTTP2Fields
    let outcome: Outcome
    /// The DATA frames' content; nil ends the stream with the head.
    var content: [String]?
    var trailers: HTTP2Fields?
    /// Values may hold bytes from 0x80 on.
    var hasOpaqueText = false

    init(
        _ name: String, _ section: String, _ outcome: Outcome, _ fields: HTTP2Fields, content: [String]? = nil, trailers: HTTP2Fields? = nil
    ) {
        self.name = name
        self.section = section
        self.fields = fields
        self.outcome = outcome
        self.content = content
        self.trailers = trailers
    }

    func opaque() -> Self {
        var row = self
        row.hasOpaqueText = true
        return row
    }

    /// What is found malformed in the middle may have been on its way already.
    var mayBeCutOff: Bool {
        if case .passes = outcome { return false }
        return content != nil || trailers != nil
    }

    var requestsAtOrigin: [Forwarded] {
        let behind = Forwarded(line: "GET /behind", host: "behind", body: "")
        if case .passes(let forwarded) = outcome { return [forwarded, behind] }
        return [behind]
    }

    /// Sends it, and another request on the same connection.
    func run(on connection: any ByteStream) throws {
        let client = try HTTP2Client.open(connection)
        let stream = try client.request(fields, body: content.map { Array($0.joined().latin1) }, trailers: trailers)
        // What passes comes to the origin first; behind what does not, the next request is on its way already.
        if case .passes = outcome { _ = try client.response(on: stream) }
        let behind = try client.exchange(.request("GET", "/behind", authority: "behind"))
        guard behind.status == 200, behind.text == "GET /behind 0" else { throw TestError.invalid("the request behind it: \(behind)") }
        let response = try client.response(on: stream)
        switch outcome {
        case .reset where response.resetCode == HTTP2Code.protocolError.rawValue && response.head == nil: break
        case .refused where response.resetCode == HTTP2Code.protocolError.rawValue && response.head == nil: break
        case .refused where (400..<600).contains(response.status): break
        case .passes(let forwarded) where response.status == 200 && response.resetCode == nil && response["x-origin"] == "h11":
            let line = response.text.split(separator: " ").prefix(2).joined(separator: " ")
            guard line == forwarded.line || forwarded.line.hasPrefix("HEAD") else { throw TestError.invalid("the answer is to '\(line)'") }
        default: throw TestError.invalid("\(response), '\(response.text.prefix(200))'")
        }
        try client.ping()
        guard client.goAways.isEmpty else { throw TestError.invalid("GOAWAY: \(client.summary)") }
    }
}
