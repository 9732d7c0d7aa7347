import GatewayTelemetry
import Testing

@testable import gateway

/// What `gateway top` shows.
@Suite struct TopScreenTests {
    private func screen(
        link: TopScreen.Link = .live, history: [Double] = [1, 2, 4], _ change: (inout LiveReading) -> Void = { _ in }
    ) -> TopScreen {
        let now = Readings.reading(clock: 110) {
            $0.requests = StatusClasses { $0 == "2xx" ? 1_900 : $0 == "5xx" ? 100 : 0 }
            $0.durations = Readings.durations([500, 900, 90, 10, 0])
            $0.upstreams[0].versions[0].statuses = Readings.statuses(980)
            $0.upstreams[0].versions[1].statuses = Readings.statuses(60, errors: 10)
            $0.zones[0].results = ["hit": 150, "collapsed": 20, "miss": 30]
            change(&$0)
            $0.verdict = LiveJudge.verdict($0, since: Readings.reading(clock: 100))
        }
        let rates = LiveRates(now, since: Readings.reading(clock: 100))
        return TopScreen(rates: rates, history: history, link: link, address: "127.0.0.1:9145")
    }

    private func text(_ screen: TopScreen, width: Int = 120, height: Int? = nil, hasColours: Bool = false) -> [String] {
        screen.lines(width: width, height: height).map { $0.text(hasColours: hasColours) }
    }

    private func row(_ lines: [String], _ name: String) -> [Substring]? {
        lines.first { $0.hasPrefix(name) }?.split(separator: " ")
    }

    @Test func `it tells of the last moments what happened in them`() throws {
        let lines = text(screen())
        #expect(lines[0].hasPrefix("gateway 1.2.3  127.0.0.1:9145"))
        #expect(row(lines, "requests")?.joined(separator: " ") == "requests 100/s 2xx 90 5xx 10 ▃▅█")
        #expect(row(lines, "latency")?.joined(separator: " ") == "latency p50 5.5 ms p95 9.55 ms p99 9.91 ms")
        #expect(row(lines, "cache")?.prefix(6).joined(separator: " ") == "cache 90 % hits 1\u{2009}234 tokens")
        #expect(row(lines, "gateway  ")?.joined(separator: " ").contains("CPU 50 % of one") == true)
    }

    @Test func `versions stand side by side, with the share that they have and the one they should have`() throws {
        let lines = text(screen())
        #expect(row(lines, "chat/stable")?.joined(separator: " ") == "chat/stable 80 % of 95 % 8/s 0 % – 980")
        #expect(row(lines, "chat/canary")?.joined(separator: " ") == "chat/canary 20 % of 5.0 % 2/s 50 % ✕ – 70")
    }

    @Test func `what is wrong is told by words and signs, not by colours alone`() {
        let plain = text(screen(), hasColours: false)
        #expect(plain[1] == "✕ Version canary of upstream chat fails 50 % of its requests, the other one 0 %.")
        #expect(!plain.joined().contains("\u{1b}"))
        #expect(text(screen(), hasColours: true)[1].hasPrefix("\u{1b}[1;31m✕ Version"))
        let lost = text(screen(link: .lost("Connection refused")))
        #expect(lost[1] == "? lost, trying again: Connection refused")
    }

    @Test(arguments: [1, 10, 20, 40, 79, 80, 100, 200]) func `no line is wider than the window`(width: Int) {
        for line in screen().lines(width: width, height: nil) { #expect(line.width <= width) }
    }

    @Test func `the sentence is never cut, and a number is whole or not there`() {
        let lines = text(screen(), width: 50)
        #expect(lines[1...2].joined(separator: " ").split(separator: " ").joined(separator: " ").hasSuffix("the other one 0 %."))
        #expect(row(lines, "chat/canary")?.joined(separator: " ") == "chat/canary 20 % of 5.0 % 2/s 50 % ✕ –")
        #expect(lines.contains { $0.hasPrefix("latency") && !$0.contains("…") })
    }

    @Test(arguments: [1, 2, 5, 12, 24]) func `no more lines than the window has, and how many are missing`(height: Int) throws {
        let all = screen().lines(width: 80, height: nil).count
        let lines = text(screen(), width: 80, height: height)
        #expect(lines.count == height)
        #expect(lines.last == "… \(all - height + 1) more lines in a taller window")
        #expect(text(screen(), width: 80, height: all).last?.contains("taller") == false)
    }

    @Test func `a name can't move the cursor`() {
        let lines = text(screen { $0.limits = [LiveReading.Limit(name: "a\u{1b}[2J\r\nb\u{9b}c")] }, hasColours: false)
        #expect(lines.contains { $0.hasPrefix("a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}c") })
    }

    @Test func `wide letters take two columns`() {
        var line = StyledLine("日本語")
        #expect(line.width == 6)
        #expect(line.cut(to: 5).text(hasColours: false) == "日本…" && line.cut(to: 4).text(hasColours: false) == "日…")
        line.pad(to: 8)
        #expect(line.width == 8)
    }

    @Test func `a gateway with nothing in it is shown too`() {
        let empty = LiveReading()
        let lines = TopScreen(rates: LiveRates(empty, since: empty), history: [], link: .live, address: "x").lines(width: 80, height: 24)
        #expect(lines.count > 4)
    }

    // MARK: Numbers

    @Test(arguments: [
        (0.0, "0"), (0.25, "0.25"), (9.994, "9.99"), (9.996, "10"), (12.5, "12.5"), (99.96, "100"), (999.4, "999"), (999.6, "1k"),
        (12_340, "12.3k"), (3_400_000, "3.4M"), (-1, "0"), (.infinity, "0"),
    ])
    func `numbers have three digits`(value: Double, text: String) {
        #expect(Format.number(value) == text)
    }

    @Test(arguments: [
        (0.0, "0 %"), (0.0004, "<0.1 %"), (0.004, "0.4 %"), (0.0994, "9.9 %"), (0.12, "12 %"), (0.995, "99.5 %"), (0.9999, "99.9 %"),
        (1, "100 %"),
    ])
    func `a share is never rounded to all or nothing`(share: Double, text: String) {
        #expect(Format.percent(share) == text)
    }

    @Test func `other units`() {
        #expect(Format.count(1_204_332) == "1\u{2009}204\u{2009}332" && Format.count(999) == "999")
        #expect(Format.seconds(0.0004) == "0.4 ms" && Format.seconds(1.25) == "1.25 s" && Format.seconds(300) == "5 min")
        #expect(Format.bytes(512) == "512 B" && Format.bytes(1536) == "1.5 KB" && Format.bytes(64 * 1024 * 1024) == "64 MB")
        #expect(Format.span(99) == "99 s" && Format.span(720) == "12 min" && Format.span(3 * 86_400) == "3 days")
        #expect(Format.quantile(.below(0.001)) == "<1 ms" && Format.quantile(.above(300)) == ">5 min" && Format.quantile(nil) == "–")
    }

    // MARK: Hosts of the admin listener

    @Test func `an address or a name without a dot may be asked for, another only if it is known`() {
        for host in ["", "127.0.0.1", "10.1.2.3", "[::1]", "localhost", "gateway", "a.localhost"] {
            #expect(AdminHost.isAllowed(host, names: []), "\(host)")
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "1.2.3"] {
            #expect(!AdminHost.isAllowed(host, names: ["gateway.example"]), "\(host)")
        }
        #expect(AdminHost.isAllowed("gateway.example", names: ["gateway.example"]))
        #expect(AdminHost.isAllowed("a.example", names: ["*.example"]) && !AdminHost.isAllowed("aexample.evil", names: ["*.example"]))
        #expect(AdminHost.isAllowed("mail.net", names: ["mail.*"]) && !AdminHost.isAllowed("xmail.net", names: ["mail.*"]))
    }
}
