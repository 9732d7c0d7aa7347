import GatewayTelemetry
import Testing

@testable import gateway

/// The sentence at the top of the live page.
@Suite struct LiveJudgeTests {
    /// What is told of what `change` makes of a quiet moment ten seconds later.
    private func verdict(_ change: (inout LiveReading) -> Void) -> LiveVerdict {
        LiveJudge.verdict(Readings.reading(clock: 110, change), since: Readings.reading(clock: 100))
    }

    private func only(_ change: (inout LiveReading) -> Void, _ place: SourceLocation = #_sourceLocation) throws -> LiveVerdict.Finding {
        let findings = verdict(change).findings
        #expect(findings.count == 1, sourceLocation: place)
        return try #require(findings.first, sourceLocation: place)
    }

    @Test func `when nothing is wrong all is well, and quiet is told from busy`() {
        #expect(verdict { _ in }.sentence == "All is well. No requests at the moment.")
        let busy = verdict { $0.requests = Readings.statuses(2_000) }
        #expect(busy.sentence == "All is well." && busy.state == .ok && busy.findings.isEmpty)
        #expect(LiveJudge.verdict(Readings.reading(clock: 100), since: nil).state == .ok)
    }

    @Test func `an upstream without a healthy server is named, with the reason`() throws {
        let finding = try only {
            $0.upstreams[0] = LiveReading.Upstream(
                name: "chat", status: "failing", versions: $0.upstreams[0].versions,
                servers: [Readings.server("10.0.0.1:80", state: "down", reason: "connect: Connection refused")])
        }
        #expect(finding.state == .bad && finding.source == "upstream")
        #expect(finding.text == "Upstream chat has no healthy server: 10.0.0.1:80 is down by its checks (connect: Connection refused).")
    }

    @Test func `one server out of several can wait`() throws {
        let finding = try only {
            $0.upstreams[0] = LiveReading.Upstream(
                name: "chat", status: "degraded", versions: $0.upstreams[0].versions,
                servers: [Readings.server("10.0.0.1:80"), Readings.server("10.0.0.2:80", state: "ejected", reason: "status 500")])
        }
        #expect(finding.state == .notice)
        #expect(finding.text == "Upstream chat: 10.0.0.2:80 is out after failed requests (status 500); the others take its share.")
    }

    @Test func `a version that fails more than the other one is named with both shares`() throws {
        let finding = try only {
            $0.requests = Readings.statuses(1_900, errors: 40)
            $0.upstreams[0].versions[0].statuses = Readings.statuses(1_800, errors: 1)
            $0.upstreams[0].versions[1].statuses = Readings.statuses(110, errors: 40)
        }
        #expect(finding.state == .bad && finding.source == "version")
        #expect(finding.text == "Version canary of upstream chat fails 40 % of its requests, the other one 0.1 %.")
    }

    @Test func `versions that fail alike are told as one`() throws {
        let finding = try only {
            $0.requests = Readings.statuses(1_900, errors: 300)
            $0.upstreams[0].versions[0].statuses = Readings.statuses(1_600, errors: 240)
            $0.upstreams[0].versions[1].statuses = Readings.statuses(150, errors: 60)
        }
        #expect(finding.state == .bad && finding.source == "upstream")
        #expect(finding.text == "Upstream chat fails 27 % of its requests, all its versions alike.")
    }

    @Test func `a few errors among a few requests are no share`() {
        let verdict = verdict {
            $0.requests = Readings.statuses(1_002, errors: 3)
            $0.upstreams[0].versions[1].statuses = Readings.statuses(52, errors: 3)
        }
        #expect(verdict.state == .ok)
    }

    @Test func `errors that no version explains are told with their most frequent reason`() throws {
        let finding = try only {
            $0.requests = Readings.statuses(1_900, errors: 100)
            $0.refusals = ["rate_limited": 4, "connections_exhausted": 90, "upstream_busy": 10]
        }
        #expect(finding.state == .bad && finding.source == "gateway")
        #expect(finding.text == "10 % of all answers are errors (5xx), most often for connections_exhausted.")
        #expect(try only { $0.requests = Readings.statuses(1_980, errors: 20) }.state == .notice)
    }

    @Test func `a limit that refuses much is told, and what it refused long ago is not`() throws {
        let finding = try only { $0.limits = [LiveReading.Limit(name: "per_ip", passed: 960, refused: 43, dryRun: 500)] }
        #expect(finding.state == .notice && finding.text == "Limit per_ip refuses 40 % of the requests that it counts.")
        #expect(verdict { $0.limits = [LiveReading.Limit(name: "per_ip", passed: 1_900, refused: 3, dryRun: 0)] }.state == .ok)
    }

    @Test(arguments: [
        (-1.0, "bad", "has expired."), (0.5, "bad", "ends today."), (1.5, "bad", "ends in 1 day."), (9.5, "notice", "ends in 9 days."),
    ])
    func `a certificate is told of two weeks before its end`(days: Double, state: String, end: String) throws {
        let finding = try only {
            $0.certificates = [LiveReading.Certificate(server: "a.example", file: "a.pem", ends: $0.time + days * 86_400)]
        }
        #expect(finding.state.rawValue == state && finding.text == "The certificate of a.example \(end)")
        #expect(
            verdict { $0.certificates = [LiveReading.Certificate(server: "a", file: "a.pem", ends: $0.time + 15 * 86_400)] }.state == .ok)
    }

    @Test func `slow rounds of the event loop are the gateway's own fault`() throws {
        let finding = try only { $0.loopLag = Readings.durations([1_000, 0, 0, 100, 0]) }
        #expect(finding.source == "gateway" && finding.text.hasPrefix("The gateway itself is slow: rounds of its event loops take"))
    }

    @Test func `what was refused, and what is lost, is told while it goes on`() throws {
        #expect(try only { $0.connectionsRefused = 1_204 }.text.hasPrefix("1\u{2009}204 connections were refused"))
        #expect(try only { $0.process.linesDropped = 1 }.text.hasPrefix("Lines of a log are lost"))
        #expect(try only { $0.isDraining = true }.text.hasPrefix("The gateway is ending"))
        #expect(try only { $0.maintenance = ["a.example /", "b /"] }.text == "Maintenance is on at a.example / and 1 more.")
        #expect(try only { $0.process.files = 950 }.state == .bad)
    }

    @Test func `a refused reload is told with the place of the mistake`() throws {
        let finding = try only { $0.configuration = .init(refusedAt: 5, refusal: "gateway.conf:2:1: unknown directive \"x\"") }
        #expect(finding.state == .notice && finding.source == "configuration")
        #expect(finding.text.hasSuffix("gateway.conf:2:1: unknown directive \"x\"."))
    }

    @Test func `the worst stands first`() {
        let verdict = verdict {
            $0.isDraining = true
            $0.certificates = [LiveReading.Certificate(server: "a.example", file: "a.pem", ends: 0)]
        }
        #expect(verdict.findings.map(\.state) == [.bad, .notice] && verdict.sentence == "The certificate of a.example has expired.")
    }

    @Test func `a reading is the same behind /events`() throws {
        let reading = Readings.reading(clock: 100) {
            $0.verdict = LiveVerdict(findings: [.init(state: .bad, source: "limit", text: "<b>")], hasRequests: true)
            $0.configuration = .init(number: 3, acceptedAt: 4, warnings: 1, refusedAt: 5.5, refusal: "\u{1}\"")
            $0.upstreams[0] = LiveReading.Upstream(
                name: "a", status: "degraded", versions: $0.upstreams[0].versions,
                servers: [
                    LiveReading.Server(
                        version: "v", name: "s", state: "ejected", check: "failed", latencyMs: 0.25, reason: "r", returnsInMs: 12,
                        hasWeight: false)
                ], connectionsActive: 1, connectionsIdle: 2, retries: 3)
            $0.maintenance = ["m"]
        }
        let read = try #require(JSONReader.value(of: Array(reading.json.text.utf8)))
        #expect(LiveReading(read) == reading)
    }
}
