import TestSupport

/// What a client received, read byte for byte: whole responses, and nothing that a client could take for one.
struct AnswerBytes {
    struct Answer {
        let status: Int
        let fields: [StrictReader.Field]
        var interim: [Int] = []
        var body: [UInt8] = []
        var trailers: [StrictReader.Field] = []
        /// The connection ended, or was reset, before the response did.
        var isCutOff = false

        var text: String { String(decoding: body, as: UTF8.self) }

        func value(_ name: String) -> String? { fields.values(name).first }
    }

    private(set) var answers: [Answer] = []

    /// Fields for one hop that no client gets.
    private static let hopByHop: Set = [
        "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "proxy-authentication-info", "te", "x-hop",
    ]

    /// `methods` are those of the requests, in order; where there are more answers, of GET. Throws for the first byte that should not be
    /// there.
    init(_ bytes: [UInt8], to methods: [String], wasReset: Bool = false, allowsOpaqueText: Bool = false) throws {
        var reader = StrictReader(bytes, allowsOpaqueText: allowsOpaqueText)
        while !reader.isAtEnd {
            let method = answers.count < methods.count ? methods[answers.count] : "GET"
            answers.append(try Self.answer(&reader, to: method, wasReset))
        }
    }

    private static func answer(_ reader: inout StrictReader, to method: String, _ wasReset: Bool) throws -> Answer {
        var interim: [Int] = []
        while true {
            var answer = try head(&reader)
            if answer.status >= 200 || answer.status == 101 {
                answer.interim = interim
                try readBody(of: &answer, &reader, to: method, wasReset)
                return answer
            }
            if answer.fields.contains("Content-Length") || answer.fields.contains("Transfer-Encoding") {
                throw reader.violation("an interim response with a framing")
            }
            interim.append(answer.status)
        }
    }

    private static func head(_ reader: inout StrictReader) throws -> Answer {
        do {
            let line = try reader.line()
            guard let match = line.wholeMatch(of: /HTTP\/1\.1 ([1-5][0-9][0-9]) .*/), let status = Int(match.1) else {
                throw reader.violation("no status line: '\(line)'")
            }
            let answer = Answer(status: status, fields: try reader.fields())
            if let rule = brokenRule(answer) { throw reader.violation(rule) }
            return answer
        } catch is StrictReader.Incomplete {
            throw reader.violation("a head without its end")
        }
    }

    private static func readBody(of answer: inout Answer, _ reader: inout StrictReader, to method: String, _ wasReset: Bool) throws {
        let isFramed = answer.fields.contains("Content-Length") || answer.fields.contains("Transfer-Encoding")
        if answer.status == 204 && isFramed { throw reader.violation("204 with a framing") }
        if method == "HEAD" || answer.status == 204 || answer.status == 304 { return }
        do {
            if let (body, trailers) = try reader.body(framedBy: answer.fields) {
                answer.body = body
                answer.trailers = trailers
            } else {
                answer.body = try reader.take(reader.bytes.count - reader.position)
                answer.isCutOff = wasReset
                if answer.value("Connection") != "close" { throw reader.violation("no framing, and the connection does not end") }
            }
        } catch is StrictReader.Incomplete {
            answer.isCutOff = true
        }
        let forbidden: Set = ["content-length", "transfer-encoding", "connection", "content-range", "trailer", "set-cookie"]
        if answer.trailers.contains(where: { hopByHop.contains($0.name.lowercased()) || forbidden.contains($0.name.lowercased()) }) {
            throw reader.violation("a trailer field that belongs into the head, or on one hop")
        }
    }

    private static func brokenRule(_ answer: Answer) -> String? {
        let fields = answer.fields
        if let field = fields.first(where: { hopByHop.contains($0.name.lowercased()) }) { return "\(field.name) is for one hop" }
        if fields.contains("Trailer") && fields.values("Transfer-Encoding") != ["chunked"] { return "Trailer without chunks" }
        if fields.contains("Upgrade") && answer.status != 101 && answer.status != 426 { return "Upgrade with \(answer.status)" }
        let connection = fields.values("Connection").joined(separator: ", ")
        return ["", "close", "keep-alive", "Upgrade", "Upgrade, close"].contains(connection) ? nil : "Connection: \(connection)"
    }
}
