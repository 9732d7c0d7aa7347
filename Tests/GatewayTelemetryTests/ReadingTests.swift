import Testing

@testable import GatewayTelemetry

@Suite struct ReadingTests {
    private func durations(_ counts: [UInt64], sum: Double = 0) -> Durations {
        Durations(bounds: [0.001, 0.01, 0.1, 1], counts: counts, sumSeconds: sum) ?? Durations()
    }

    // MARK: Percentiles

    private func microseconds(_ durations: Durations, _ share: Double) -> Int? {
        guard case .seconds(let seconds) = durations.quantile(share) else { return nil }
        return Int((seconds * 1e6).rounded())
    }

    @Test func `a percentile lies between its bucket's bounds as far as its rank lies within the bucket`() {
        let all = durations([0, 100, 0, 0, 0])
        #expect(microseconds(all, 0.5) == 5_500 && microseconds(all, 0.99) == 9_910)
        #expect(microseconds(durations([50, 0, 50, 0, 0]), 0.75) == 55_000)
    }

    @Test func `below the first bound and above the last nothing more is told than that`() {
        #expect(durations([99, 1, 0, 0, 0]).quantile(0.5) == .below(0.001))
        #expect(durations([0, 0, 0, 0, 7]).quantile(0.5) == .above(1))
        #expect(durations([90, 0, 0, 0, 10]).quantile(0.95) == .above(1))
    }

    @Test func `an empty bucket holds no percentile, and nothing at all has none`() {
        #expect(durations([50, 0, 0, 50, 0]).quantile(0.5) == .below(0.001))
        #expect(durations([0, 0, 0, 0, 0]).quantile(0.5) == nil)
        #expect(Durations().quantile(0.5) == nil)
    }

    @Test func `buckets are refused that are none`() {
        #expect(Durations(bounds: [1, 2], counts: [1, 2], sumSeconds: 0) == nil)
        #expect(Durations(bounds: [2, 1], counts: [1, 2, 3], sumSeconds: 0) == nil)
    }

    // MARK: Differences

    @Test func `the difference of two moments is what came between them`() {
        let difference = durations([5, 4, 3, 2, 1], sum: 9).since(durations([1, 1, 1, 1, 1], sum: 4))
        #expect(difference == durations([4, 3, 2, 1, 0], sum: 5))
    }

    @Test func `counters that have begun anew are counted from 0`() {
        let now = durations([1, 0, 0, 0, 0], sum: 1)
        #expect(now.since(durations([5, 0, 0, 0, 0], sum: 4)) == now)
        var before = StatusClasses()
        before.add(10, toLabel: "200")
        var later = StatusClasses()
        later.add(3, toLabel: "200")
        later.add(2, toLabel: "503")
        #expect(later.since(before).counts == [0, 3, 0, 0, 2, 0])
    }

    @Test func `sums are of the same buckets, and nothing changes a sum`() {
        var sum = Durations()
        sum += durations([1, 2, 3, 4, 5], sum: 1)
        sum += durations([1, 1, 1, 1, 1], sum: 2)
        #expect(sum == durations([2, 3, 4, 5, 6], sum: 3))
        sum += Durations()
        #expect(sum.count == 20)
    }

    @Test func `a status counts by its first digit, and any other label as other`() {
        var classes = StatusClasses()
        for label in ["101", "204", "304", "499", "599", "other"] { classes.add(1, toLabel: label) }
        #expect(classes.counts == [1, 1, 1, 1, 1, 1])
        #expect(classes.total == 6 && classes.errors == 1)
    }

    // MARK: The registry

    @Test func `a reading tells what the exposition tells`() throws {
        let registry = MetricsRegistry()
        let (one, two) = (registry.makeShard(), registry.makeShard())
        let block = registry.statusBlock(.upstreamRequests, ["u", "v", "s"])
        one.count(block, status: 200)
        two.count(block, status: 200)
        two.count(block, status: 503)
        let histogram = registry.histogram(.upstreamResponseDuration, ["u", "v", "s"])
        one.observe(histogram, nanoseconds: 2_000_000)
        two.observe(histogram, nanoseconds: 400_000_000_000)
        let requests = registry.counter(.requests, ["a", "/", "GET", "404"])
        one.increment(requests, by: 4)
        two.increment(requests)
        let gauge = registry.gauge(.connections, ["active", "http/1.1"])
        one.add(gauge, 3)
        two.add(gauge, -1)
        one.increment(registry.counter(.rateLimitPassed, ["few"]), by: 7)
        registry.set(.certificateExpiry, ["a", "a.pem"], to: 12)

        let reading = registry.reading()
        let statuses = try #require(reading.statuses(.upstreamRequests).first)
        #expect(statuses.labels == ["u", "v", "s"] && statuses.statuses.counts == [0, 2, 0, 0, 1, 0])
        let answers = try #require(reading.statuses(.requests).first)
        #expect(answers.labels == ["a", "/", "GET"] && answers.statuses.counts == [0, 0, 0, 5, 0, 0])
        let durations = try #require(reading.durations(.upstreamResponseDuration).first?.durations)
        #expect(durations.count == 2 && durations.counts[1] == 1 && durations.counts.last == 1 && durations.sumSeconds == 400.002)
        #expect(reading.values(.connections).first?.value == 2)
        #expect(reading.counts(.rateLimitPassed).first?.count == 7)
        #expect(reading.values(.certificateExpiry).first?.labels == ["a", "a.pem"])
        #expect(reading.counts(.corsRequests).isEmpty && reading.durations(.aiTimeToFirstToken).isEmpty)
        let text = Scrape(registry)
        #expect(text.value("gateway_upstream_response_duration_seconds_count", ["u", "v", "s"]) == "2")
    }
}
