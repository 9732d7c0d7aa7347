import Glibc
import Testing

@testable import GatewayTelemetry

/// What a scraper understands of an exposition.
struct Scrape {
    struct Family {
        var kind = ""
        var help = ""
        var samples: [(name: String, labels: [(String, String)], value: String)] = []
    }

    var order: [String] = []
    var families: [String: Family] = [:]

    init(_ registry: MetricsRegistry) {
        let text = String(decoding: registry.exposition(.text), as: UTF8.self)
        #expect(text.hasSuffix("\n"))
        for line in text.split(separator: "\n") { read(line) }
    }

    private mutating func read(_ line: Substring) {
        let words = line.split(separator: " ", maxSplits: 3)
        if line.hasPrefix("# HELP ") {
            order.append(String(words[2]))
            families[String(words[2]), default: Family()].help = String(words[3])
        } else if line.hasPrefix("# TYPE ") {
            #expect(order.last == String(words[2]))
            families[String(words[2]), default: Family()].kind = String(words[3])
        } else {
            readSample(line)
        }
    }

    private mutating func readSample(_ line: Substring) {
        var rest = line
        let name = String(rest.prefix { $0 != "{" && $0 != " " })
        rest = rest.dropFirst(name.count)
        var labels: [(String, String)] = []
        if rest.first == "{" {
            rest.removeFirst()
            while rest.first != "}" { labels.append(readLabel(&rest)) }
            rest.removeFirst()
        }
        #expect(rest.first == " ")
        guard let family = order.last else {
            Issue.record("a sample before any family")
            return
        }
        #expect(name == family || ["_bucket", "_sum", "_count"].contains { name == family + $0 })
        families[family]?.samples.append((name, labels, String(rest.dropFirst())))
    }

    private func readLabel(_ rest: inout Substring) -> (String, String) {
        let name = String(rest.prefix { $0 != "=" })
        rest = rest.dropFirst(name.count + 2)
        var value = ""
        while let character = rest.first, character != "\"" {
            rest.removeFirst()
            if character == "\\" {
                let escaped = rest.removeFirst()
                value.append(escaped == "n" ? "\n" : escaped)
            } else {
                value.append(character)
            }
        }
        rest.removeFirst()
        if rest.first == "," { rest.removeFirst() }
        return (name, value)
    }

    func value(_ name: String, _ labels: [String] = []) -> String? {
        let family = families.first { name == $0.key || name.hasPrefix($0.key + "_") && $0.value.kind == "histogram" }
        return family?.value.samples.first { $0.name == name && $0.labels.map(\.1) == labels }?.value
    }
}

@Suite struct MetricsTests {
    @Test func `counters of time are counted in nanoseconds and told in seconds`() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        shard.increment(registry.counter(.cacheSavedOriginTime, ["ai"]), by: 2_500_000_000)
        #expect(Scrape(registry).families["gateway_cache_saved_origin_seconds_total"]?.samples.map(\.value) == ["2.5"])
    }

    @Test func `a counter is summed over the shards and found again by its labels`() {
        let registry = MetricsRegistry()
        let first = registry.makeShard()
        let second = registry.makeShard()
        let slot = registry.counter(.refusals, ["head_too_large"])
        first.increment(slot)
        second.increment(slot, by: 41)
        let again = registry.counter(.refusals, ["head_too_large"])
        #expect(again == slot)
        #expect(registry.counter(.refusals, ["not_found"]) != slot)
        let scrape = Scrape(registry)
        #expect(scrape.families["gateway_refusals_total"]?.kind == "counter")
        #expect(scrape.value("gateway_refusals_total", ["head_too_large"]) == "42")
        #expect(scrape.value("gateway_refusals_total", ["not_found"]) == "0")
    }

    @Test func `a gauge may rise on one thread and fall on another`() {
        let registry = MetricsRegistry()
        let first = registry.makeShard()
        let second = registry.makeShard()
        let slot = registry.gauge(.connections, ["idle", "h2"])
        first.add(slot, 5)
        second.add(slot, -7)
        #expect(Scrape(registry).value("gateway_connections", ["idle", "h2"]) == "-2")
    }

    @Test func `a histogram's buckets are cumulative and its count is the last of them`() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        let slot = registry.histogram(.upstreamResponseDuration, ["api", "", "10.0.0.1:80"])
        for nanoseconds: UInt64 in [0, 1_000_000, 1_000_001, 2_500_000, 999_999_999, 300_000_000_000, 300_000_000_001] {
            shard.observe(slot, nanoseconds: nanoseconds)
        }
        let samples = Scrape(registry).families["gateway_upstream_response_duration_seconds"]?.samples ?? []
        let buckets = samples.filter { $0.name.hasSuffix("_bucket") }
        #expect(buckets.allSatisfy { $0.labels.map(\.0) == ["upstream", "version", "server", "le"] })
        #expect(
            buckets.map { $0.labels[3].1 } == [
                "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "300", "+Inf",
            ])
        #expect(buckets.map(\.value) == ["2", "4", "4", "4", "4", "4", "4", "4", "4", "5", "5", "5", "5", "5", "5", "6", "7"])
        #expect(samples.first { $0.name.hasSuffix("_count") }?.value == "7")
        #expect(samples.first { $0.name.hasSuffix("_sum") }?.value == "601.004500001")
    }

    @Test func `of answers the methods and statuses are shown that came, and no others`() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        let place = Place(registry, "api", "/")
        #expect(Scrape(registry).families["http_requests_total"] == nil)
        for status in [100, 200, 200, 404, 499, 500, 529, 599, 99, 600, -1, 299, 432] { place.count(shard, status: status) }
        place.count(shard, method: 9, status: 204)
        let samples = Scrape(registry).families["http_requests_total"]?.samples ?? []
        #expect(samples.allSatisfy { $0.labels.map(\.0) == ["server", "location", "method", "status"] })
        #expect(
            samples.map { "\($0.labels[2].1) \($0.labels[3].1) \($0.value)" } == [
                "GET 100 1", "GET 200 2", "GET 404 1", "GET 499 1", "GET 500 1", "GET 529 1", "GET 599 1", "GET other 5", "other 204 1",
            ])
    }

    @Test func `an answer counts its bytes and its times beside itself`() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        let place = Place(registry, "api", "/")
        place.count(shard, method: 2, status: 200, bytes: (7, 11), durationNs: 3_000_000, timeToFirstByteNs: 1_000_000)
        place.count(shard, method: 2, status: 499, bytes: (5, 0), durationNs: 9_000_000, timeToFirstByteNs: nil)
        let scrape = Scrape(registry)
        let (good, left) = (["api", "/", "POST", "200"], ["api", "/", "POST", "499"])
        #expect(scrape.value("http_request_bytes_total", good) == "7" && scrape.value("http_response_bytes_total", good) == "11")
        #expect(scrape.value("http_request_bytes_total", left) == "5" && scrape.value("http_response_bytes_total", left) == "0")
        #expect(scrape.value("http_request_duration_seconds_sum", good) == "0.003")
        #expect(scrape.value("http_time_to_first_byte_seconds_sum", good) == "0.001")
        #expect(scrape.value("http_request_duration_seconds_sum", left) == "0.009")
        #expect(scrape.value("http_time_to_first_byte_seconds_count", left) == "0")
        #expect(scrape.value("http_request_duration_seconds_bucket", good + ["0.0025"]) == "0")
        #expect(scrape.value("http_request_duration_seconds_bucket", good + ["0.005"]) == "1")
    }

    @Test func `answers of all threads, and of a table asked for again, are counted in the same series`() {
        let registry = MetricsRegistry()
        let shards = [registry.makeShard(), registry.makeShard()]
        Place(registry, "api", "/").count(shards[0], status: 200)
        Place(registry, "api", "/").count(shards[1], status: 200)
        Place(registry, "api", "/", hasExemplars: true).count(shards[1], status: 200)
        #expect(Scrape(registry).value("http_requests_total", ["api", "/", "GET", "200"]) == "3")
    }

    @Test func `a block of an upstream's attempts has a label for the status`() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        let block = registry.statusBlock(.upstreamRequests, ["llm", "stable", "10.0.0.1:80"])
        let next = registry.statusBlock(.upstreamRequests, ["llm", "canary", "10.0.0.2:80"])
        shard.count(block, status: 502)
        shard.count(next, status: 100)
        let scrape = Scrape(registry)
        #expect(scrape.value("gateway_upstream_requests_total", ["llm", "stable", "10.0.0.1:80", "502"]) == "1")
        #expect(scrape.value("gateway_upstream_requests_total", ["llm", "canary", "10.0.0.2:80", "100"]) == "1")
        #expect(scrape.families["gateway_upstream_requests_total"]?.samples.count == 2)
    }

    @Test func `every status has its own cell or is counted as other`() {
        let registry = MetricsRegistry()
        let shard = registry.makeShard()
        let block = registry.statusBlock(.upstreamRequests, ["u", "v", "s"])
        for status in 100...599 { shard.count(block, status: status) }
        let samples = Scrape(registry).families["gateway_upstream_requests_total"]?.samples ?? []
        #expect(samples.count == StatusCodes.count)
        #expect(samples.reduce(0) { $0 + (Int($1.value) ?? 0) } == 500)
        #expect(samples.dropLast().allSatisfy { $0.value == "1" })
    }

    @Test func `label values are escaped`() {
        let registry = MetricsRegistry()
        let hostile = "a\\b\"c\nd} 1\n# é"
        _ = registry.counter(.upstreamRetriesRefused, [hostile])
        let text = String(decoding: registry.exposition(.text), as: UTF8.self)
        #expect(text.contains(#"gateway_upstream_retries_refused_total{upstream="a\\b\"c\nd} 1\n# é"} 0"#))
        #expect(Scrape(registry).value("gateway_upstream_retries_refused_total", [hostile]) == "0")
        #expect(ExpositionFormat.text.escapedHelp("a\\b\"c\n") == #"a\\b"c\n"#)
    }

    @Test func `families and series keep their order`() {
        let registry = MetricsRegistry()
        for upstream in ["zeta", "alpha", "mid"] { _ = registry.counter(.upstreamRetriesRefused, [upstream]) }
        _ = registry.gauge(.connections, ["idle", "h2"])
        _ = registry.counter(.upstreamConnects, ["alpha", "", "s"])
        let scrape = Scrape(registry)
        let declared = MetricFamily.allCases.map(\.declaration.name)
        #expect(scrape.order == declared.filter(scrape.order.contains))
        #expect(scrape.families["gateway_upstream_retries_refused_total"]?.samples.map { $0.labels[0].1 } == ["alpha", "mid", "zeta"])
    }

    @Test func `plain values are set, and set again`() {
        let registry = MetricsRegistry()
        registry.set(.configLastReloadSuccessTime, [], to: 1_795_268_388.5)
        registry.set(.configLastReloadSuccessful, [], to: 0)
        registry.set(.configLastReloadSuccessful, [], to: 1)
        registry.set(.buildInfo, ["1.0", "6.3", "3.0"], to: 1)
        let scrape = Scrape(registry)
        #expect(scrape.value("gateway_config_last_reload_success_timestamp_seconds") == "1795268388.5")
        #expect(scrape.value("gateway_config_last_reload_successful") == "1")
        #expect(scrape.value("gateway_build_info", ["1.0", "6.3", "3.0"]) == "1")
    }

    @Test func `numbers are spelled as the format wants them`() {
        #expect(ExpositionNumber.number(.nan) == "NaN")
        #expect(ExpositionNumber.number(.infinity) == "+Inf")
        #expect(ExpositionNumber.number(-.infinity) == "-Inf")
        #expect(ExpositionNumber.number(3_000_000_000) == "3000000000")
        #expect(ExpositionNumber.number(0.25) == "0.25")
        #expect(ExpositionNumber.seconds(nanoseconds: 12_345_678_901) == "12.345678901")
        #expect(ExpositionNumber.seconds(nanoseconds: 10) == "0.00000001")
    }

    @Test func `the process shows its memory, files and times`() {
        let scrape = Scrape(MetricsRegistry())
        for family in [MetricFamily.processCPU, .processResidentMemory, .processVirtualMemory, .processOpenFiles, .processStartTime] {
            let value = scrape.value(family.declaration.name).flatMap(Double.init)
            #expect(value ?? -1 > 0, "\(family)")
        }
        let start = scrape.value("process_start_time_seconds").flatMap(Double.init) ?? 0
        let now = Double(time(nil))
        #expect(start <= now + 1 && start > now - 86_400)
    }

    @Test func `when the table is full, further series are refused and counted, and nothing breaks`() {
        let registry = MetricsRegistry(cellsMax: 10_000)
        let shard = registry.makeShard()
        let places = (0..<100).map { Place(registry, "server", "\($0)") }
        for place in places { for status in [200, 599] { place.count(shard, method: 9, status: status) } }
        let scrape = Scrape(registry)
        let samples = scrape.families["http_requests_total"]?.samples ?? []
        let refused = scrape.value("gateway_metric_series_refused_total").flatMap(Int.init) ?? 0
        #expect(refused > 0 && !samples.isEmpty && samples.count < 200 && samples.allSatisfy { $0.value == "1" })
        #expect(scrape.families["http_request_duration_seconds"]?.samples.filter { $0.name.hasSuffix("_count") }.count == samples.count)
    }

    @Test func `a series that is refused is counted once, however many threads ask for it`() {
        let registry = MetricsRegistry(cellsMax: 1_000)
        let place = Place(registry, "server", "/")
        let shards = (0..<4).map { _ in registry.makeShard() }
        func refused() -> Int? { Scrape(registry).value("gateway_metric_series_refused_total").flatMap(Int.init) }
        // Until nothing has room.
        for method in 0..<10 { place.count(shards[0], method: method, status: 200) }
        for number in 0..<1_000 { _ = registry.counter(.upstreamEjections, ["upstream", "", "\(number)"]) }
        let before = refused() ?? 0
        for shard in shards { place.count(shard, method: 3, status: 599) }
        #expect(refused() == before + 5)
        for _ in 0..<3 { _ = registry.counter(.upstreamEjections, ["another", "", "0"]) }
        #expect(refused() == before + 6)
    }

    @Test func `families are declared consistently and listed for the README`() {
        let names = MetricFamily.allCases.map(\.declaration.name)
        #expect(Set(names).count == names.count)
        for family in MetricFamily.allCases {
            let declaration = family.declaration
            #expect(declaration.name.hasSuffix("_total") == (declaration.kind == .counter), "\(declaration.name)")
            if declaration.unit != .none {
                let base = declaration.kind == .counter ? String(declaration.name.dropLast(6)) : declaration.name
                #expect(base.hasSuffix("_" + declaration.unit.rawValue), "\(declaration.name)")
            }
            #expect(!declaration.help.contains("\n") && declaration.help.hasSuffix("."))
            #expect(MetricFamily.markdown().contains("| `\(declaration.name)` | \(declaration.kind.rawValue) |"))
        }
    }

    @Test func `threads count while another renders, and no count is lost`() {
        let registry = MetricsRegistry()
        let place = Place(registry, "api", "/")
        let threads = (0..<8).map { _ in
            let shard = registry.makeShard()
            return TestThread {
                for round in 0..<100_000 {
                    place.count(shard, method: round % 10, status: 200, bytes: (0, 3), durationNs: UInt64(round))
                }
            }
        }
        var last = 0
        for _ in 0..<50 {
            let count = Scrape(registry).families["http_response_bytes_total"]?.samples.reduce(0) { $0 + (Int($1.value) ?? 0) } ?? 0
            #expect(count >= last)
            last = count
            _ = registry.counter(.upstreamRetriesRefused, ["made meanwhile \(count)"])
        }
        for thread in threads { thread.join() }
        let scrape = Scrape(registry)
        for method in ["PATCH", "GET"] {
            #expect(scrape.value("http_requests_total", ["api", "/", method, "200"]) == "80000")
            #expect(scrape.value("http_request_duration_seconds_count", ["api", "/", method, "200"]) == "80000")
            #expect(scrape.value("http_response_bytes_total", ["api", "/", method, "200"]) == "240000")
        }
        #expect(scrape.value("http_request_duration_seconds_sum", ["api", "/", "GET", "200"]) == "3.9996")
    }
}

/// The answers at a location, counted as a worker does it.
struct Place {
    let registry: MetricsRegistry
    let names: [String]
    let table: AnswerTableSlot

    init(_ registry: MetricsRegistry, _ server: String, _ location: String, hasExemplars: Bool = false) {
        self.registry = registry
        names = [server, location]
        table = registry.answers(names, hasExemplars: hasExemplars)
    }

    func count(
        _ shard: MetricsShard, method: Int = 0, status: Int, bytes: (UInt64, UInt64) = (0, 0), durationNs: UInt64 = 0,
        timeToFirstByteNs: UInt64? = 0, _ exemplar: Exemplar? = nil
    ) {
        var series = shard.series(of: table, method: method, status: status)
        if series == nil {
            let told = registry.series(of: table, names, method: method, status: status)
            shard.note(told, of: table, method: method, status: status)
            series = told
        }
        guard let series else { return }
        shard.count(
            series, requestBytes: bytes.0, responseBytes: bytes.1, durationNs: durationNs, timeToFirstByteNs: timeToFirstByteNs, exemplar)
    }
}

/// A thread of the kernel's, as the workers are.
final class TestThread: @unchecked Sendable {
    private let body: @Sendable () -> Void
    private var thread = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<TestThread>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
    }

    func join() { pthread_join(thread, nil) }
}
