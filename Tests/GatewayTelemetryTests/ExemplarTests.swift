import Testing

@testable import GatewayTelemetry

@Suite struct ExemplarTests {
    private let registry = MetricsRegistry()

    /// What stands behind a bucket's count, by its bound.
    private func exemplars(_ family: String = "http_request_duration_seconds") -> [String: String] {
        var found: [String: String] = [:]
        for line in String(decoding: registry.exposition(.openMetrics), as: UTF8.self).split(separator: "\n") {
            guard line.hasPrefix(family + "_bucket{"), let match = line.firstMatch(of: /le="([^"]+)"\} \d+ # (.*)/) else { continue }
            found[String(match.1)] = String(match.2)
        }
        return found
    }

    private func exemplar(_ low: UInt64, at seconds: UInt64 = 1_795_268_388) -> Exemplar {
        Exemplar(traceHigh: 0x0af7_6519_16cd_43dd, traceLow: low, wallClockNs: seconds * 1_000_000_000 + 123_456_789)
    }

    @Test func `a bucket remembers the trace of the last request in it, with its value and its time`() {
        let place = Place(registry, "api", "/", hasExemplars: true)
        let shard = registry.makeShard()
        place.count(shard, status: 200, durationNs: 2_000_000, timeToFirstByteNs: 900_000, exemplar(1))
        place.count(shard, status: 200, durationNs: 2_400_000, timeToFirstByteNs: nil, exemplar(0x8448_eb21_1c80_319c))
        place.count(shard, status: 200, durationNs: 400_000_000_000, timeToFirstByteNs: nil, exemplar(3))
        #expect(
            exemplars() == [
                "0.0025": #"{trace_id="0af7651916cd43dd8448eb211c80319c"} 0.0024 1795268388.123"#,
                "+Inf": #"{trace_id="0af7651916cd43dd0000000000000003"} 400 1795268388.123"#,
            ])
        #expect(
            exemplars("http_time_to_first_byte_seconds") == [
                "0.001": #"{trace_id="0af7651916cd43dd0000000000000001"} 0.0009 1795268388.123"#
            ])
    }

    @Test func `a request without a trace leaves the one before it`() {
        let place = Place(registry, "api", "/", hasExemplars: true)
        let shard = registry.makeShard()
        place.count(shard, status: 200, durationNs: 5, exemplar(1))
        place.count(shard, status: 200, durationNs: 6, nil)
        #expect(exemplars()["0.001"]?.contains("0000000000000001\"} 0.000000005") == true)
    }

    @Test func `of several threads the last one's is told`() {
        let place = Place(registry, "api", "/", hasExemplars: true)
        let shards = (0..<3).map { _ in registry.makeShard() }
        for (shard, seconds) in zip(shards, [10, 30, 20] as [UInt64]) {
            place.count(shard, status: 200, durationNs: seconds, exemplar(seconds, at: seconds))
        }
        #expect(exemplars()["0.001"]?.hasSuffix(" 0.00000003 30.123") == true)
    }

    @Test func `the text format has none, and places without tracing neither`() {
        let shard = registry.makeShard()
        Place(registry, "api", "/plain").count(shard, status: 200, exemplar(1))
        #expect(exemplars().isEmpty)
        Place(registry, "api", "/", hasExemplars: true).count(shard, status: 200, exemplar(1))
        #expect(exemplars().count == 1)
        #expect(!String(decoding: registry.exposition(.text), as: UTF8.self).contains(" # "))
    }

    @Test func `tracing that a reload brings is remembered in the series that are there`() {
        let shard = registry.makeShard()
        Place(registry, "api", "/").count(shard, status: 200)
        Place(registry, "api", "/", hasExemplars: true).count(shard, status: 200, exemplar(1))
        Place(registry, "api", "/").count(shard, status: 200, exemplar(2))
        #expect(exemplars()["0.001"]?.contains("0000000000000001") == true)
        #expect(Scrape(registry).value("http_requests_total", ["api", "/", "GET", "200"]) == "3")
    }

    @Test func `where the table is full durations are counted without exemplars`() {
        // The bin, one table, and one series without what its exemplars would take.
        let registry = MetricsRegistry(cellsMax: 77 + AnswerTableSlot.cellCount + AnswerSeries.cellCount + 10)
        let shard = registry.makeShard()
        Place(registry, "api", "/", hasExemplars: true).count(shard, status: 200, exemplar(1))
        #expect(Scrape(registry).value("http_request_duration_seconds_count", ["api", "/", "GET", "200"]) == "1")
        #expect(!String(decoding: registry.exposition(.openMetrics), as: UTF8.self).contains("trace_id"))
    }

    /// All parts of an exemplar are made of one number here: a torn one would have two.
    @Test func `what is read while another thread writes is of one request`() {
        let place = Place(registry, "api", "/", hasExemplars: true)
        let shard = registry.makeShard()
        let thread = TestThread {
            for number in 1...300_000 as ClosedRange<UInt64> {
                let exemplar = Exemplar(traceHigh: number, traceLow: ~number, wallClockNs: number &* 3)
                place.count(shard, status: 200, durationNs: number % 1_000, timeToFirstByteNs: nil, exemplar)
            }
        }
        var seen: Set<UInt64> = []
        let index = registry.series(of: place.table, place.names, method: 0, status: 200).durationExemplars
        while true {
            guard let (exemplar, nanoseconds) = shard.exemplar(at: index) else { continue }
            let number = exemplar.traceHigh
            let isWhole = exemplar.traceLow == ~number && exemplar.wallClockNs == number &* 3 && nanoseconds == number % 1_000
            #expect(isWhole, "\(exemplar) \(nanoseconds)")
            if !isWhole { break }
            seen.insert(number)
            if number == 300_000 { break }
        }
        thread.join()
        #expect(!seen.isEmpty)
    }
}
