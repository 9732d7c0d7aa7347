import TestSupport
import Testing

/// An origin that sends nonsense: the client gets 502 or a break that it can see, and the connection is never used for another request.
@Suite struct HostileAnswerTests {
    /// What one client received for a row and the request behind it.
    private struct Outcome: Sendable {
        var received: [UInt8] = []
        var wasReset = false
        var failure: String?
    }

    /// Requests that came where none should: "a row, then GET /".
    private static func origin(_ misused: Monitor<[String]>) throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                guard let index = Int(request.target.dropFirst()) else {
                    try connection.send(ScriptedOrigin.message("probe"))
                    continue
                }
                let row = HostileAnswer.all[index]
                try connection.send(row.bytes)
                if row.isReusable { continue }
                switch row.ending {
                case .open:
                    if let next = try connection.readNextRequest() { misused.update { $0.append("\(row.name), then \(next.startLine)") } }
                case .close: break
                case .reset: connection.reset()
                }
                return
            }
        }
    }

    @Test func `the table is large, and no row is there twice`() {
        #expect(HostileAnswer.all.count >= 200)
        #expect(Set(HostileAnswer.all.map(\.name)).count == HostileAnswer.all.count)
        #expect(Set(HostileAnswer.all.map { $0.bytes + Array("\($0.method) \($0.ending)".utf8) }).count == HostileAnswer.all.count)
    }

    @Test func `of hostile answers none reaches a client as whole, nor answers the request behind it`() throws {
        let misused = Monitor<[String]>([])
        let proxied = try ProxiedOrigin(Self.origin(misused))
        let rows = HostileAnswer.all
        let outcomes = try ask(rows, of: proxied.gateway.addresses[0])
        // Behind a break there is no second answer.
        let lineCount = rows.reduce(0) { $0 + ($1.errorType == "upstream_truncated" ? 1 : 2) }
        let log = Dictionary(grouping: try proxied.gateway.accessLog(waitingFor: lineCount)) { $0["uri"] }
        for (index, row) in rows.enumerated() {
            do {
                try expect(row, outcomes[index])
                let entries = log["/\(index)"] ?? []
                guard entries.count == 1, entries[0]["error_type"] == row.errorType else {
                    throw TestError.invalid("in the log: \(entries.map(\.line))")
                }
            } catch {
                Issue.record("\(row.name) (RFC \(row.section)): \(error)\n    sent: \(visible(row.bytes.prefix(600)))")
            }
        }
        #expect(misused.value.isEmpty)
        #expect(proxied.origin.errors.isEmpty)
        let errors = rows.compactMap(\.errorType)
        let metrics = try proxied.gateway.metrics()
        #expect(metrics.sum("gateway_refusals_total") == Double(errors.count))
        for (errorType, errors) in Dictionary(grouping: errors, by: { $0 }) {
            #expect(metrics.sum("gateway_refusals_total", ["error_type": errorType]) == Double(errors.count), "\(errorType)")
        }
    }

    private func ask(_ rows: [HostileAnswer], of gateway: Gateway.Address) throws -> [Outcome] {
        let outcomes = Monitor([Outcome](repeating: Outcome(), count: rows.count))
        let clientCount = 4
        let clients = (0..<clientCount).map { client in
            Background {
                for index in stride(from: client, to: rows.count, by: clientCount) {
                    let outcome = Self.exchange(rows[index], index, with: gateway)
                    outcomes.update { $0[index] = outcome }
                }
            }
        }
        for client in clients { try client.value(timeout: 120) }
        return outcomes.value
    }

    private static func exchange(_ row: HostileAnswer, _ index: Int, with gateway: Gateway.Address) -> Outcome {
        var outcome = Outcome()
        do {
            let client = try TCPClient(port: gateway.port, host: gateway.host)
            try client.send(
                "\(row.method) /\(index) HTTP/1.1\r\nHost: a\r\n\r\nGET /probe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
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

    private func expect(_ row: HostileAnswer, _ outcome: Outcome) throws {
        if let failure = outcome.failure { throw TestError.invalid("\(failure), with \(visible(outcome.received))") }
        let answers = try AnswerBytes(
            outcome.received, to: [row.method, "GET"], wasReset: outcome.wasReset, allowsOpaqueText: row.hasOpaqueText
        ).answers
        let answer = answers.first
        let summary = answers.map { "\($0.interim)\($0.status)\($0.isCutOff ? ", cut off" : "") \($0.text)" }
        var isRight: Bool
        switch row.verdict {
        case .badGateway(let errorType):
            // It was not the client's fault.
            isRight = answer?.status == 502 && answer?.text.contains("\"error_type\":\"\(errorType)\"") == true && answers.count == 2
            isRight = isRight || row.method == "HEAD" && answer?.status == 502 && answers.count == 2
            isRight = isRight && answer?.value("X-Secret") == nil && !visible(outcome.received).contains("secret")
        case .broken:
            isRight = answer?.status == 200 && answer?.isCutOff == true && answers.count == 1
        case .passes(let status, let body, let has, let lacks):
            let lines = ((answer?.fields ?? []) + (answer?.trailers ?? [])).map { "\($0.name): \($0.value)" }
            let latin = Set(has.map { String(decoding: $0.unicodeScalars.map { UInt8($0.value) }, as: UTF8.self) })
            isRight = answer?.status == status && answer?.isCutOff == false && answer?.text == body && answers.count == 2
            isRight = isRight && latin.isSubset(of: lines)
            isRight = isRight && lacks.allSatisfy { name in !lines.contains { $0.lowercased().hasPrefix(name.lowercased() + ":") } }
        }
        isRight = isRight && answer?.interim == row.interim && (answers.count < 2 || answers[1].text == "probe")
        if !isRight { throw TestError.invalid("the client got \(summary): \(visible(outcome.received.prefix(1500)))") }
    }
}

extension HostileAnswer {
    /// What the log and the metrics say of it.
    fileprivate var errorType: String? {
        switch verdict {
        case .badGateway(let errorType): errorType
        case .broken: "upstream_truncated"
        case .passes: nil
        }
    }
}
