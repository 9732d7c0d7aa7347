import TestSupport

/// What a client does on a connection of its own, and what must come of it.
struct ConformanceRow: Sendable {
    enum Outcome: Sendable {
        /// Nothing: no frame says that anything was wrong.
        case nothing
        /// A whole response with this status on a stream.
        case answer(UInt32, Int = 200)
        /// A whole response that refuses the request, 400 to 599.
        case refusal(UInt32)
        /// RST_STREAM on a stream, with one of these codes.
        case streamError(UInt32, [HTTP2Code])
        /// GOAWAY with one of these codes, and the connection's end.
        case connectionError([HTTP2Code])
        /// One or the other: an endpoint may take a stream error for one of the connection (RFC 9113 § 5.4.1).
        case eitherError(UInt32, [HTTP2Code])
        /// PING is answered, or the connection ends without an error.
        case goodbye
        /// The connection's end, with or without GOAWAY.
        case end
    }

    typealias Script = @Sendable (HTTP2Client) throws -> Void

    let name: String
    /// Of the RFC that has the rule: "9113 § 6.1".
    let section: String
    let outcome: Outcome
    /// The script begins with the connection's preface itself.
    var opensByItself = false
    let script: Script

    init(_ name: String, _ section: String, _ outcome: Outcome, _ script: @escaping Script) {
        self.name = name
        self.section = section
        self.outcome = outcome
        self.script = script
    }

    /// A row whose script sends the first byte.
    static func fromStart(_ name: String, _ section: String, _ outcome: Outcome, _ script: @escaping Script) -> Self {
        var row = Self(name, section, outcome, script)
        row.opensByItself = true
        return row
    }

    // MARK: Running

    /// Throws unless exactly the outcome came. `connection` is open, and nothing was sent on it.
    func run(on connection: any ByteStream, timeout: Double = Deadline.defaultSeconds) throws {
        let client = HTTP2Client(connection)
        do {
            if !opensByItself { try client.handshake() }
            try script(client)
        } catch TestError.reset {
            // The server has ended the connection meanwhile: whether it should have is seen below.
        }
        try expect(outcome, of: client, timeout)
    }

    private func expect(_ outcome: Outcome, of client: HTTP2Client, _ timeout: Double) throws {
        switch outcome {
        case .nothing:
            try expectService(of: client)
            guard client.responses.values.allSatisfy({ $0.resetCode == nil }) else {
                throw TestError.invalid("a stream was reset: \(client.summary)")
            }
        case .answer(let stream, let status):
            let response = try client.response(on: stream, timeout: timeout)
            guard response.status == status else { throw TestError.invalid("\(response)") }
            try expect(.nothing, of: client, timeout)
        case .refusal(let stream):
            let response = try client.response(on: stream, timeout: timeout)
            guard (400..<600).contains(response.status), response.hasEnded else { throw TestError.invalid("\(response)") }
            try expectService(of: client)
        case .streamError(let stream, let codes):
            try client.wait("RST_STREAM on stream \(stream)", timeout: timeout) {
                $0.response(stream).resetCode != nil || !$0.goAways.isEmpty
                    || $0.response(stream).hasEnded && $0.response(stream).status == 200
            }
            try expect(client.response(stream).resetCode, in: codes, client)
            try expectService(of: client)
            let others = client.responses.filter { $0.key != stream && $0.value.resetCode != nil }
            guard others.isEmpty else { throw TestError.invalid("other streams were reset: \(others)") }
        case .connectionError(let codes):
            try client.waitForEnd(timeout: timeout)
            try expect(client.goAways.last?.code, in: codes, client)
        case .eitherError(let stream, let codes):
            try client.wait("RST_STREAM or GOAWAY", timeout: timeout) { $0.response(stream).resetCode != nil || !$0.goAways.isEmpty }
            try expect(client.goAways.isEmpty ? .streamError(stream, codes) : .connectionError(codes), of: client, timeout)
        case .goodbye:
            do { try client.ping() } catch TestError.ended {} catch TestError.reset {}
            guard client.goAways.allSatisfy({ $0.code == 0 }) else { throw TestError.invalid("an error: \(client.summary)") }
        case .end: try expectEnd(of: client.connection, timeout)
        }
    }

    /// The server may not have taken it for HTTP/2 at all, so what it sends before the end is not read.
    private func expectEnd(of connection: any ByteStream, _ timeout: Double) throws {
        do { _ = try connection.receiveToEnd(timeout: timeout) } catch TestError.reset {}
    }

    private func expect(_ code: UInt32?, in codes: [HTTP2Code], _ client: HTTP2Client) throws {
        guard let code, codes.map(\.rawValue).contains(code) else {
            throw TestError.invalid("code \(code.map { HTTP2Code(rawValue: $0).map { "\($0)" } ?? "\($0)" } ?? "none"); \(client.summary)")
        }
    }

    /// The connection serves another request, and nothing on it was an error.
    private func expectService(of client: HTTP2Client) throws {
        let response = try client.get("/sibling")
        guard response.status == 200, response.hasEnded, response.resetCode == nil else {
            throw TestError.invalid("the next request on the connection: \(response); \(client.summary)")
        }
        try client.ping()
        guard client.goAways.isEmpty else { throw TestError.invalid("GOAWAY: \(client.summary)") }
    }
}

extension HTTP2Client {
    /// A request that the origin never answers.
    static let held = HTTP2Fields.request("GET", "/held")
    /// One whose content has not ended.
    static let post = HTTP2Fields.request("POST", "/")

    /// HEADERS for `fields` cut in pieces: the first in HEADERS, the others in CONTINUATION frames. The last says END_HEADERS.
    func headInPieces(_ fields: HTTP2Fields = .get, on stream: UInt32, _ count: Int, endsStream: Bool = true) -> [HTTP2Frame] {
        let block = HPACKBlock(fields).bytes(scheme: scheme)
        let size = (block.count + count - 1) / count
        let pieces = stride(from: 0, to: block.count, by: size).map { Array(block[$0..<min($0 + size, block.count)]) }
        return pieces.enumerated().map { index, piece in
            let end: HTTP2Frame.Flags = index == pieces.count - 1 ? .endHeaders : .none
            if index > 0 { return .continuation(stream, piece, end) }
            return .headers(stream, piece, endsStream ? end.union(.endStream) : end)
        }
    }

    /// The block of a GET in HPACK, for a HEADERS frame of a test's own making.
    var getBlock: [UInt8] { HPACKBlock(.get).bytes(scheme: scheme) }

    /// Sends a GET and reads the whole answer: the stream is closed from both sides.
    func closeNormally(_ stream: UInt32) throws {
        try sendHead(.get, on: stream)
        guard try response(on: stream).status == 200 else { throw TestError.invalid("no answer to start with: \(response(stream))") }
    }
}
