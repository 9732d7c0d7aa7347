import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayPolicy
import Testing

/// Whom a limit counts, and what it says to clients.
@Suite struct RateLimitTests {
    private func limit(
        _ name: String, _ key: RateLimitConfig.Key = .all, requests: Int = 200, windowMs: Int = 60_000, burst: Int = 50,
        exceptions: [RateLimitConfig.Exception] = [], dryRun: Bool = false, keyNames: [String] = []
    ) -> RateLimit {
        let bucket = RateLimitConfig.Bucket(requests: requests, windowMs: windowMs, burst: burst)
        let config = RateLimitConfig(
            name: name, key: key, bucket: bucket, exceptions: exceptions, isDryRun: dryRun, callersMax: 1_000)
        return RateLimit(config, table: config.makeTable(keyNames: keyNames.count), keyNames: keyNames)
    }

    private func caller(_ limit: RateLimit, _ address: String = "192.0.2.1", key: Int = -1, _ lines: [(String, String)] = []) -> CallerHash
    {
        let pool = BufferPool()
        return withExtendedLifetime(pool) {
            var fields = HeaderFields(pool: pool)
            for (name, value) in lines { fields.append(name: bytes(name).rawSpan, value: bytes(value).rawSpan) }
            return limit.caller(IPAddress(address) ?? IPAddress(v4: 0), keyName: key, fields).caller
        }
    }

    // MARK: Callers

    @Test func `addresses are told apart, IPv6 by network, and mapped ones are IPv4`() {
        let limit = limit("a", .address(prefixBits: 64))
        #expect(caller(limit, "192.0.2.1") != caller(limit, "192.0.2.2"))
        #expect(caller(limit, "::ffff:192.0.2.1") == caller(limit, "192.0.2.1"))
        #expect(caller(limit, "2001:db8::1") == caller(limit, "2001:db8::ffff:9"))
        #expect(caller(limit, "2001:db8:0:1::1") != caller(limit, "2001:db8::1"))
        let wide = self.limit("b", .address(prefixBits: 48))
        #expect(caller(wide, "2001:db8:0:1::1") == caller(wide, "2001:db8::1"))
    }

    @Test func `fields are told apart by all that they say, and none is a caller, too`() {
        for name in ["X-User", "Cookie"] {
            let limit = limit("a", .header(name))
            let lower = name.lowercased()
            #expect(caller(limit, [(name, "a")]) == caller(limit, "::1", [(lower, "a"), ("X-Other", "b")]))
            #expect(caller(limit, [(name, "a")]) != caller(limit, [(name, "A")]))
            #expect(caller(limit, [(name, "a")]) != caller(limit, [(name, "a"), (name, "b")]))
            #expect(caller(limit, [(name, "ab")]) != caller(limit, [(name, "a"), (name, "b")]))
            #expect(caller(limit, [(name, "a\0")]) != caller(limit, [(name, "a")]))
            #expect(caller(limit, [(name, "")]) != caller(limit, []))
            #expect(caller(limit, []) == caller(limit, [("X-Users", "a")]))
            let long = String(repeating: "x", count: 20_000)
            #expect(caller(limit, [(name, long + "a")]) != caller(limit, [(name, long + "b")]))
        }
    }

    private func caller(_ limit: RateLimit, _ lines: [(String, String)]) -> CallerHash { caller(limit, "192.0.2.1", key: -1, lines) }
    private func caller(_ limit: RateLimit, _ address: String, _ lines: [(String, String)]) -> CallerHash {
        caller(limit, address, key: -1, lines)
    }

    @Test func `keys are told apart by name, and an exception has a bucket of its own size`() {
        let exception = RateLimitConfig.Exception(name: "b", bucket: .init(requests: 1_000, windowMs: 60_000, burst: 200))
        let limit = limit("k", .apiKey, exceptions: [exception], keyNames: ["a", "b"])
        #expect(caller(limit, key: 0) != caller(limit, key: 1))
        func passed(_ key: Int) -> Int {
            let pool = BufferPool()
            return withExtendedLifetime(pool) {
                let (caller, bucket) = limit.caller(IPAddress(v4: 1), keyName: key, HeaderFields(pool: pool))
                let now = MonotonicTime(nanoseconds: 1 << 40)
                return (0..<500).count { _ in limit.take(1, of: caller, bucket: bucket, now: now).0.isTaken }
            }
        }
        #expect(passed(0) == 50 && passed(1) == 200)
    }

    // MARK: What clients are told

    /// The fields after `takes` requests to each limit at the same moment.
    private func fields(_ style: LimitHeaderStyle, _ limits: [RateLimit], takes: Int = 1) -> String {
        let now = MonotonicTime(nanoseconds: 1 << 40)
        var outcomes: [LimitOutcome] = []
        for _ in 0..<takes {
            outcomes = limits.indices.map { index in
                let (verdict, place) = limits[index].take(1, of: .everybody, bucket: 0, now: now)
                return LimitOutcome(limit: index, cost: 1, caller: .everybody, bucket: 0, verdict: verdict, place: place)
            }
        }
        return written { LimitFields.append(outcomes, of: limits, style, into: &$0) }
    }

    @Test func `the draft's form lists each policy and what is left of it`() {
        let limits = [limit("per_ip"), limit("trial", dryRun: true), limit("total", requests: 10, windowMs: 3_600_000, burst: 3)]
        #expect(
            fields(.ietf, limits) == """
                RateLimit-Policy: "per_ip";q=50;w=15, "total";q=3;w=1080\r
                RateLimit: "per_ip";r=49;t=1, "total";r=2;t=360\r\n
                """)
        // Refused: when there is one again.
        #expect(fields(.ietf, limits, takes: 3).hasSuffix("\"total\";r=0;t=360\r\n"))
        #expect(fields(.ietf, [limit("trial", dryRun: true)]) == "")
        #expect(fields(.off, limits) == "")
    }

    @Test func `the older forms tell of the limit with the least left, or of the one that refuses for longest`() {
        let limits = [limit("per_ip"), limit("total", requests: 10, windowMs: 3_600_000, burst: 3), limit("trial", burst: 1, dryRun: true)]
        #expect(fields(.legacy, limits) == "RateLimit-Limit: 3\r\nRateLimit-Remaining: 2\r\nRateLimit-Reset: 360\r\n")
        #expect(
            fields(.openai, [limit("a", requests: 10, windowMs: 3_600_000, burst: 3)]) == """
                x-ratelimit-limit-requests: 3\r
                x-ratelimit-remaining-requests: 2\r
                x-ratelimit-reset-requests: 6m0s\r\n
                """)
        let long = limit("a", requests: 1, windowMs: 86_400_000, burst: 1)
        #expect(
            fields(.legacy, [limit("b", requests: 1, windowMs: 1_000, burst: 1), long], takes: 2).hasSuffix("RateLimit-Reset: 86400\r\n"))
        #expect(fields(.openai, [long]).hasSuffix(": 24h0m0s\r\n"))
        #expect(fields(.openai, [limit("a", requests: 8, windowMs: 1_000, burst: 8)]).hasSuffix(": 125ms\r\n"))
    }

    @Test func `a form takes the place of its own names alone`() {
        func replaces(_ name: String, _ style: LimitHeaderStyle) -> Bool { LimitFields.replaces(bytes(name).rawSpan, style) }
        #expect(replaces("ratelimit", .ietf) && replaces("RateLimit-Policy", .ietf) && !replaces("RateLimit-Limit", .ietf))
        for name in ["Limit", "Remaining", "Reset"] {
            #expect(replaces("ratelimit-\(name)", .legacy) && replaces("X-RateLimit-\(name)-Requests", .openai))
            #expect(!replaces("x-ratelimit-\(name)-tokens", .openai) && !replaces("ratelimit-\(name)", .off))
        }
    }
}
