import TestSupport
import Testing

/// What is malformed or ambiguous is refused, never repaired and forwarded (RFC 9112 § 11.2); what is only odd goes on as exactly one
/// request that nobody can read differently. Two oracles judge: an origin that parses with h11, and a client that reads every byte.
@Suite struct HostileRequestTests {
    /// What one client received.
    private struct Outcome: Sendable {
        var received: [UInt8] = []
        var wasReset = false
        var failure: String?
    }

    private static let conf = """
        workers 2;
        access_log {DIR}/access.log json;
        admin 127.0.0.1:0 { }
        # An origin that closes a kept connection in the moment when a request comes is not what is asked here.
        upstream origin { server 127.0.0.1:{ORIGIN}; retry attempts=2 on=connect,idle non_idempotent; }
        server {
            listen 127.0.0.1:0;
            http2 off;
            location / { proxy_pass http://origin; }
            location /small { client_max_body_size 4; proxy_pass http://origin; }
            location /returns { client_max_body_size 4; return 200 "returned"; }
        }
        """

    @Test func `the table is large, and no row is there twice`() {
        #expect(HostileRequest.all.count >= 800)
        #expect(twice(HostileRequest.all.map(\.name)).isEmpty)
        #expect(twice(HostileRequest.all.map { visible($0.bytes) }).isEmpty)
    }

    private func twice(_ texts: [String]) -> [String] {
        Dictionary(grouping: texts) { $0 }.filter { $0.value.count > 1 }.map(\.key)
    }

    @Test func `of hostile requests none reaches the origin as another than it is, nor a client as another answer`() throws {
        try expectAll(HostileRequest.all, inPieces: false)
    }

    @Test func `the verdict does not depend on how the bytes were cut`() throws {
        try expectAll(HostileRequest.all.filter { $0.bytes.count < 400 && !$0.isAnsweredEarly }, inPieces: true)
    }

    private func expectAll(_ rows: [HostileRequest], inPieces: Bool) throws {
        let origin = try H11Origin()
        let gateway = try Gateway(conf: Self.conf, values: ["ORIGIN": "\(origin.port)"])
        let outcomes = try send(rows, to: gateway, inPieces: inPieces)
        let received = try ReceivedRequests(by: origin)
        let log = try LogByClient(of: gateway, waitingFor: rows.reduce(0) { $0 + Self.answerCount($1) })
        for (index, row) in rows.enumerated() {
            do {
                let answers = try checkedAnswers(to: row, outcomes[index])
                try row.expectForwarded(received[Self.address(index)])
                try log.expect(row, answers, from: Self.address(index))
            } catch {
                Issue.record("\(row.name) (RFC \(row.section)): \(error)\n    sent: \(visible(row.bytes.prefix(600)))")
            }
        }
        #expect(received.strangers(rows.indices.map(Self.address)).isEmpty)
        try expectCounters(of: rows, in: gateway)
    }

    /// Every row has an address of its own, by which what the origin received is told apart: X-Forwarded-For is the gateway's word.
    private static func address(_ index: Int) -> String { "127.7.\(index / 250).\(index % 250 + 1)" }

    private static func answerCount(_ row: HostileRequest) -> Int {
        row.requestsAtOrigin.count + (row.refusal == nil ? 0 : 1) + (row.ownAnswer == nil ? 0 : 1)
    }

    // MARK: Clients

    private func send(_ rows: [HostileRequest], to gateway: Gateway, inPieces: Bool) throws -> [Outcome] {
        let outcomes = Monitor([Outcome](repeating: Outcome(), count: rows.count))
        let address = gateway.addresses[0]
        let clientCount = 8
        let clients = (0..<clientCount).map { client in
            Background {
                for index in stride(from: client, to: rows.count, by: clientCount) {
                    let outcome = Self.exchange(rows[index], with: address, from: Self.address(index), inPieces)
                    outcomes.update { $0[index] = outcome }
                }
            }
        }
        for client in clients { try client.value(timeout: 120) }
        return outcomes.value
    }

    private static func exchange(
        _ row: HostileRequest, with gateway: Gateway.Address, from address: String, _ inPieces: Bool
    ) -> Outcome {
        var outcome = Outcome()
        do {
            let client = try TCPClient(port: gateway.port, host: gateway.host, from: address)
            let bytes = row.bytes + HostileRequest.behind
            // After a refusal the gateway reads on for a while, but need not.
            do { if inPieces { try client.sendBytewise(bytes) } else { try client.send(bytes) } } catch TestError.reset {}
            while true {
                let bytes = try client.receiveSome(until: Deadline(seconds: 20))
                if bytes.isEmpty { break }
                outcome.received += bytes
            }
        } catch TestError.reset {
            outcome.wasReset = true
        } catch {
            outcome.failure = "\(error)"
        }
        return outcome
    }

    /// Exactly the answers that the row is to have, and nothing behind them.
    private func checkedAnswers(to row: HostileRequest, _ outcome: Outcome) throws -> [AnswerBytes.Answer] {
        if let failure = outcome.failure { throw TestError.invalid("\(failure), with \(visible(outcome.received))") }
        let methods = row.forwarded.map { String($0.line.prefix { $0 != " " }) }
        let answers = try AnswerBytes(outcome.received, to: methods, wasReset: outcome.wasReset).answers
        var expected = row.forwarded.map { "200 from the origin: \($0.line)" }
        if let refusal = row.refusal { expected.append("\(refusal.status) \(refusal.errorType)") }
        if let content = row.ownAnswer { expected.append("200 \(content)") }
        if row.isBehindAnswered { expected.append("200 from the origin: GET /behind") }
        let found = answers.map(Self.summary)
        guard found == expected else { throw TestError.invalid("answers \(found) instead of \(expected): \(visible(outcome.received))") }
        // Who is to be silent from now on is told, and the others are not.
        let endings = answers.map { $0.value("Connection") == "close" }
        guard endings == answers.indices.map({ $0 == answers.count - 1 }) else {
            throw TestError.invalid("Connection: close in \(endings)")
        }
        return answers
    }

    private static func summary(_ answer: AnswerBytes.Answer) -> String {
        if answer.isCutOff { return "\(answer.status), cut off" }
        if answer.value("X-Origin") == "h11" {
            // What the origin says it has answered, but for HEAD, whose answer has no body.
            let line = answer.text.split(separator: " ").prefix(2).joined(separator: " ")
            return "\(answer.status) from the origin: \(line.isEmpty ? "HEAD /" : line)"
        }
        let errorType = answer.text.firstMatch(of: /"error_type":"(\w+)"/).map { String($0.1) }
        return "\(answer.status) \(errorType ?? answer.text)"
    }

    // MARK: Accounts

    private func expectCounters(of rows: [HostileRequest], in gateway: Gateway) throws {
        let metrics = try gateway.metrics()
        let refusals = Dictionary(grouping: rows.compactMap(\.refusal), by: \.errorType)
        for (errorType, refusals) in refusals {
            #expect(metrics.sum("gateway_refusals_total", ["error_type": errorType]) == Double(refusals.count), "\(errorType)")
        }
        #expect(metrics.sum("gateway_refusals_total") == Double(rows.count { $0.refusal != nil }))
    }
}

/// The access log by client.
private struct LogByClient {
    private let entries: [String?: [LogEntry]]

    init(of gateway: Gateway, waitingFor count: Int) throws {
        // Fewer lines than that are for the rows to report.
        do { _ = try gateway.accessLog(waitingFor: count) } catch TestError.timedOut {}
        entries = Dictionary(grouping: try gateway.accessLogLines().map(LogEntry.init)) { $0["remote_addr"] }
    }

    /// The log says what the client was told.
    func expect(_ row: HostileRequest, _ answers: [AnswerBytes.Answer], from address: String) throws {
        let lines = entries[address] ?? []
        guard lines.map({ $0.number("status") }) == answers.map({ Double($0.status) }),
            lines.compactMap({ $0["error_type"] }) == (row.refusal.map { [$0.errorType] } ?? [])
        else { throw TestError.invalid("in the log: \(lines.map(\.line))") }
        for (line, answer) in zip(lines, answers) where line["error_type"] != nil {
            guard let id = line["request_id"], answer.text.contains("\"request_id\":\"\(id)\""),
                answer.value("Content-Type") == "application/problem+json"
            else { throw TestError.invalid("the log says \(line.line), the client heard \(answer.text)") }
        }
    }
}
