/// Bytes that a hostile or a careless client sends, and what must become of them. Behind each row the test sends a request that is in
/// order, which must not be taken for a part of it, nor a part of it for another request.
struct HostileRequest: Sendable {
    /// One request at the origin.
    struct Forwarded: Sendable {
        /// Method and target, as in "GET /a".
        var line: String
        var host: String?
        var body: String?
        /// Field lines that it has, as in "X-A: b".
        var has: [String] = []
        /// Names of fields that it has not.
        var lacks: [String] = []
    }

    struct Refusal: Sendable {
        var status: Int
        var errorType: String
        /// Whether the connection lives on: where the request ends was never in doubt.
        var keepsConnection = false
    }

    let name: String
    /// Of the RFC that has the rule: "9112 § 3.2".
    let section: String
    let bytes: [UInt8]
    /// What the origin gets, in order; each is answered.
    var forwarded: [Forwarded] = []
    /// What the gateway answers by itself, behind those.
    var refusal: Refusal?
    /// The content of the gateway's own 200 instead.
    var ownAnswer: String?
    /// The request asks for the end of its connection, so nothing behind it is answered.
    var endsConnection = false
    /// Values may hold bytes from 0x80 on, which stand for themselves (obs-text, RFC 9110 § 5.5).
    var hasOpaqueText = false

    /// A character from U+0000 to U+00FF is the byte of that number, any other its UTF-8.
    init(_ name: String, _ section: String, _ text: String) {
        self.name = name
        self.section = section
        bytes = text.unicodeScalars.flatMap { $0.value < 256 ? [UInt8($0.value)] : Array(String($0).utf8) }
    }

    /// Nothing of it reaches the origin as a whole request.
    static func refused(
        _ name: String, _ section: String, _ text: String, _ errorType: String, _ status: Int = 400, keepsConnection: Bool = false
    ) -> Self {
        var row = Self(name, section, text)
        row.refusal = Refusal(status: status, errorType: errorType, keepsConnection: keepsConnection)
        return row
    }

    /// Exactly these requests reach the origin.
    static func passes(_ name: String, _ section: String, _ text: String, _ forwarded: Forwarded...) -> Self {
        var row = Self(name, section, text)
        row.forwarded = forwarded
        return row
    }

    func ending() -> Self {
        var row = self
        row.endsConnection = true
        return row
    }

    func opaque() -> Self {
        var row = self
        row.hasOpaqueText = true
        return row
    }

    static func answered(_ name: String, _ section: String, _ text: String, _ content: String) -> Self {
        var row = Self(name, section, text)
        row.ownAnswer = content
        return row
    }

    /// Also the requests before the one that is refused.
    func after(_ forwarded: Forwarded...) -> Self {
        var row = self
        row.forwarded = forwarded
        return row
    }

    // MARK: What follows

    static let behind = Array("GET /behind HTTP/1.1\r\nHost: behind\r\nConnection: close\r\n\r\n".utf8)

    var isBehindAnswered: Bool { !endsConnection && refusal?.keepsConnection != false }

    /// A request whose body is malformed may have been on its way to the origin, which then never sees its end.
    var mayBeCutOff: Bool { refusal?.errorType == "chunk_invalid" || refusal?.errorType == "body_too_large" }

    /// Whether the gateway answers before the body has come: what becomes of the connection then depends on how much of it is there.
    var isAnsweredEarly: Bool { refusal?.keepsConnection == true || bytes.starts(with: Array("POST /returns".utf8)) }

    /// Every request that the origin gets, the one behind included.
    var requestsAtOrigin: [Forwarded] {
        forwarded + (isBehindAnswered ? [Forwarded(line: "GET /behind", host: "behind", body: "")] : [])
    }
}

extension HostileRequest {
    static let all =
        requestLines + targets + hosts + fieldNames + fieldValues + fieldLimits + contentLengths + transferEncodings + chunks + trailers
        + pipelines + connections + oneHopFields
}
