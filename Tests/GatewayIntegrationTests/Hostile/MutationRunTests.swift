import TestSupport
import Testing

/// Mutated requests through the gateway to h11: whichever the gateway takes, h11 takes, as the same requests, and each has one answer.
@Suite struct MutationRunTests {
    private static let seed: UInt64 = 20_260_401
    private static let count = 3000

    private struct Outcome: Sendable {
        var sent: [UInt8] = []
        var received: [UInt8] = []
        var failure: String?
    }

    /// Short timeouts: a mutated request may wait for bytes that never come.
    private static let conf = """
        workers 2;
        access_log off;
        upstream origin { server 127.0.0.1:{ORIGIN}; }
        server {
            listen 127.0.0.1:0;
            client_header_timeout 200ms;
            client_body_timeout 200ms;
            keepalive_timeout 200ms;
            location / { proxy_pass http://origin; }
        }
        """

    @Test func `whatever of 3000 mutated requests goes on is understood by h11, and answered once`() throws {
        let origin = try H11Origin()
        let gateway = try Gateway(conf: Self.conf, values: ["ORIGIN": "\(origin.port)"])
        let outcomes = try send(to: gateway.addresses[0])
        let received = try ReceivedRequests(by: origin)
        var forwardedCount = 0
        for (index, outcome) in outcomes.enumerated() {
            let requests = received[Self.address(index)].requests
            forwardedCount += requests.count
            do {
                if let failure = outcome.failure { throw TestError.invalid(failure) }
                let answers = try AnswerBytes(outcome.received, to: [], allowsOpaqueText: true).answers
                let fromOrigin = answers.filter { $0.value("X-Origin") == "h11" && !$0.isCutOff }.map(\.text)
                let wanted = requests.map { "\($0.method) \($0.target) \($0.body.unicodeScalars.count)" }
                guard fromOrigin == wanted else { throw TestError.invalid("the origin got \(wanted), the client \(fromOrigin)") }
                guard answers.count - fromOrigin.count <= 1, !answers.dropLast().contains(where: \.isCutOff) else {
                    throw TestError.invalid("the client got \(answers.map(\.status))")
                }
            } catch {
                Issue.record("seed \(Self.seed), request \(index): \(error)\n    sent: \(visible(outcome.sent))")
            }
        }
        #expect(received.strangers(outcomes.indices.map(Self.address)).isEmpty)
        // Otherwise the mutations are too wild to say anything, or too tame.
        #expect((Self.count / 4...Self.count * 3).contains(forwardedCount))
    }

    private static func address(_ index: Int) -> String { "127.8.\(index / 250).\(index % 250 + 1)" }

    private func send(to gateway: Gateway.Address) throws -> [Outcome] {
        var mutations = MutatedRequests(seed: Self.seed)
        let requests = (0..<Self.count).map { _ in mutations.next() }
        let outcomes = Monitor([Outcome](repeating: Outcome(), count: Self.count))
        // Many, as some wait for their timeout.
        let clientCount = 24
        let clients = (0..<clientCount).map { client in
            Background {
                for index in stride(from: client, to: requests.count, by: clientCount) {
                    let outcome = Self.exchange(requests[index], with: gateway, from: Self.address(index))
                    outcomes.update { $0[index] = outcome }
                }
            }
        }
        for client in clients { try client.value(timeout: 120) }
        return outcomes.value
    }

    private static func exchange(_ request: [UInt8], with gateway: Gateway.Address, from address: String) -> Outcome {
        var outcome = Outcome(sent: request + HostileRequest.behind)
        do {
            let client = try TCPClient(port: gateway.port, host: gateway.host, from: address)
            do { try client.send(outcome.sent) } catch TestError.reset {}
            while true {
                let bytes = try client.receiveSome(until: Deadline(seconds: 20))
                if bytes.isEmpty { break }
                outcome.received += bytes
            }
        } catch TestError.reset {
            // After a refusal the gateway need not read everything.
        } catch {
            outcome.failure = "\(error), with \(visible(outcome.received))"
        }
        return outcome
    }
}
