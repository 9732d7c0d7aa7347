import GatewayCore
import Testing

@testable import GatewayConfig

@Suite struct LimitDirectiveTests {
    private static let keys = "api_keys { key a sha256=\(digest); key partner sha256=\(other); }\n"
    private static let digest = "6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090"
    private static let other = "50ae61e841fac4e8f9e40baf2ad36ec868922ea48368c18f9535e47db56dd7fb"

    private func limits(_ text: String) -> [RateLimitConfig]? { snapshot(Self.keys + text + aServer)?.rateLimits }

    // MARK: rate_limit

    @Test func `a limit has a name, a key, a rate and a burst`() {
        #expect(
            limits("rate_limit per_ip key=ip rate=200r/m burst=50;") == [
                RateLimitConfig(
                    name: "per_ip", key: .address(prefixBits: 64), bucket: .init(requests: 200, windowMs: 60_000, burst: 50),
                    callersMax: 1 << 20)
            ])
        #expect(
            limits(
                #"""
                rate_limit per_key key=api_key rate=100r/m burst=20 message="Too many" dry_run { partner rate=1000r/m burst=200; }
                rate_limit a key=ip rate=1r/s ipv6_prefix=48 callers=5; rate_limit b key=header:X-User rate=1r/s { }
                rate_limit c key=all rate=1r/s;
                """#)?.map(\.key) == [.apiKey, .address(prefixBits: 48), .header("X-User"), .all])
        let keyed = limits(#"rate_limit k key=api_key rate=1r/s message="Too many" dry_run callers=5 { partner rate=9r/s burst=3; }"#)?
            .first
        #expect(keyed?.message == "Too many" && keyed?.isDryRun == true && keyed?.callersMax == 5)
        #expect(keyed?.exceptions == [.init(name: "partner", bucket: .init(requests: 9, windowMs: 1_000, burst: 3))])
    }

    @Test(arguments: [
        ("10r/s", 10, 1_000, 10), ("100r/m burst=1", 100, 60_000, 1), ("1000r/h burst=7", 1_000, 3_600_000, 7),
        ("100r/15m burst=100", 100, 900_000, 100), ("5r/1h30m burst=5", 5, 5_400_000, 5), ("3r/500ms", 3, 500, 3),
        ("1r/d burst=1", 1, 86_400_000, 1),
        ("10r/1s", 10, 1_000, 10),
    ])
    func `rates are of any time, and those of a second need no burst`(_ text: String, _ requests: Int, _ windowMs: Int, _ burst: Int) {
        #expect(limits("rate_limit a key=ip rate=\(text);")?.first?.bucket == .init(requests: requests, windowMs: windowMs, burst: burst))
    }

    @Test(arguments: [
        ("rate_limit a key=ip rate=100r/m;", "2:26: error: a rate of a longer time than a second needs its burst"),
        ("rate_limit a key=ip;", "2:14: error: \"rate_limit\" is missing \"rate=\""),
        ("rate_limit a rate=1r/s;", "2:14: error: \"rate_limit\" is missing \"key=\""),
        ("rate_limit a key=ipp rate=1r/s;", "2:18: error: \"ipp\" is nothing to count by"),
        ("rate_limit a key=header: rate=1r/s;", "2:18: error: \"\" is not the name of a header field"),
        ("rate_limit a key=header:a:b rate=1r/s;", "2:18: error: \"a:b\" is not the name of a header field"),
        ("rate_limit a key=ip rate=10;", "2:26: error: \"10\" is not a rate"),
        ("rate_limit a key=ip rate=10r;", "2:26: error: \"10r\" is not a rate"),
        ("rate_limit a key=ip rate=10/s;", "2:26: error: \"10/s\" is not a rate"),
        ("rate_limit a key=ip rate=10r/x;", "2:26: error: \"10r/x\" is not a rate"),
        ("rate_limit a key=ip rate=10r/60;", "2:26: error: \"10r/60\" is not a rate"),
        ("rate_limit a key=ip rate=-1r/s;", "2:26: error: \"-1r/s\" is not a rate"),
        ("rate_limit a key=ip rate=1.5r/s;", "2:26: error: \"1.5r/s\" is not a rate"),
        ("rate_limit a key=ip rate=0r/s;", "2:26: error: \"0r/s\" is out of range"),
        ("rate_limit a key=ip rate=1r/0s;", "2:26: error: \"1r/0s\" is out of range"),
        ("rate_limit a key=ip rate=1r/400d;", "2:26: error: \"1r/400d\" is out of range"),
        ("rate_limit a key=ip rate=99999999999999999999r/s;", "2:26: error: \"99999999999999999999r/s\" is not a rate"),
        ("rate_limit a key=ip rate=1r/s burst=0;", "2:37: error: \"0\" is out of range"),
        ("rate_limit a key=ip rate=1r/h burst=1000000000;", "2:37: error: this bucket would take longer than 400 days to fill up"),
        ("rate_limit a key=all rate=1r/s ipv6_prefix=64;", "2:44: error: only addresses have networks"),
        ("rate_limit a key=ip rate=1r/s ipv6_prefix=0;", "2:43: error: \"0\" is out of range"),
        ("rate_limit a key=ip rate=1r/s callers=0;", "2:39: error: \"0\" is out of range"),
        ("rate_limit a key=ip rate=1r/s message=\"\";", "2:40: error: \"\" is not a message"),
        ("rate_limit a key=ip rate=1r/s; rate_limit a key=all rate=1r/s;", "2:43: error: the rate limit \"a\" is given twice"),
        ("rate_limit a key=ip rate=1r/s { partner rate=1r/s; }", "2:33: error: exceptions are for the names of API keys"),
        ("rate_limit a key=api_key rate=1r/s { partnr rate=1r/s; }", "2:38: error: no API key has the name \"partnr\""),
        (
            "rate_limit a key=api_key rate=1r/s { partner rate=1r/s; partner rate=2r/s; }",
            "2:57: error: the exception of \"partner\" is given twice"
        ),
        ("rate_limit a key=api_key rate=1r/s { partner rate=1r/m; }", "2:51: error: a rate of a longer time than a second needs its burst"),
        ("rate_limit a key=api_key rate=1r/s { partner; }", "2:38: error: \"KEY_NAME\" is missing \"rate=\""),
        ("limit_headers draft;", "2:15: error: \"draft\" is not valid here"),
    ])
    func `what is wrong is an error at its place`(_ text: String, _ message: String) {
        #expect(messages(Self.keys + text + "\n" + aServer) == [message])
    }

    @Test func `what is near is suggested`() {
        #expect(
            diagnose(Self.keys + "rate_limit a key=api_key rate=1r/s { partnr rate=1r/s; }" + aServer).first?.contains("\"partner\"?")
                == true)
        #expect(diagnose("rate_limit per_ip key=ip rate=1r/s; limit per_up; " + aServer).first?.contains("\"per_ip\"?") == true)
    }

    // MARK: limit

    private static let limits =
        "rate_limit a key=ip rate=1r/s burst=9; rate_limit b key=all rate=1r/s burst=5; rate_limit k key=api_key rate=1r/s;\n"

    private func uses(_ main: String, _ server: String = "", _ location: String = "") -> [LimitUseConfig]? {
        let text = "\(Self.keys)\(Self.limits)\(main) server { listen 8080; \(server) location / { return 200 ok; \(location) } }"
        return snapshot(text)?.servers[0].locations[0].limits
    }

    @Test func `limits of all levels add up, an inner cost counts, and off takes them away`() {
        #expect(uses("") == [])
        #expect(uses("limit a;", "limit b;") == [.init(limit: 0), .init(limit: 1)])
        #expect(uses("", "limit a b;", "limit a cost=3;") == [.init(limit: 1), .init(limit: 0, cost: 3)])
        #expect(uses("limit a;", "limit b;", "limit off;") == [])
        #expect(uses("limit a;", "limit off;", "limit b;") == [.init(limit: 1)])
        #expect(uses("", "", "limit a cost=2; limit b;") == [.init(limit: 0, cost: 2), .init(limit: 1)])
    }

    @Test func `what nobody is asked for cannot be counted`() {
        #expect(uses("authenticate api_key;", "limit k;") == [.init(limit: 2)])
        // A location that says itself that it asks for none has no callers.
        #expect(uses("authenticate api_key; limit k a;", "", "authenticate off;") == [.init(limit: 0)])
        #expect(uses("", "", "limit k;") == nil)
        #expect(uses("", "limit k;") == nil)
        #expect(uses("authenticate api_key;", "", "authenticate off; limit k;") == nil)
        // What no location takes is answered with 404, and needs no key for that.
        #expect(uses("", "limit k;", "authenticate api_key;") == [.init(limit: 2)])
    }

    @Test(arguments: [
        ("limit;", "3:1: error: \"limit\" is missing NAME|off"),
        ("limit c;", "3:7: error: there is no rate limit \"c\""),
        ("limit a a;", "3:9: error: the limit \"a\" is given twice"),
        ("limit a; limit a;", "3:16: error: the limit \"a\" is given twice"),
        ("limit a off;", "3:9: error: \"off\" takes all limits away, and stands alone"),
        ("limit off cost=2;", "3:7: error: \"off\" takes all limits away, and stands alone"),
        ("limit a b cost=6;", "3:16: error: no request would ever get through: \"b\" has a burst of 5"),
        ("limit a cost=0;", "3:14: error: \"0\" is out of range"),
    ])
    func `a wrong use is told once, however many locations it is for`(_ text: String, _ message: String) {
        let server = "\nserver { listen 8080; location / { return 200 a; } location /b { return 200 b; } }"
        #expect(messages(Self.keys + Self.limits + text + server) == [message])
    }

    @Test func `limit_headers holds from where it is said`() {
        func style(_ main: String, _ location: String = "") -> LimitHeaderStyle? {
            snapshot("\(main) server { listen 8080; location / { return 200 ok; \(location) } }")?.servers[0].locations[0].limitHeaders
        }
        #expect(
            style("") == .ietf && style("limit_headers legacy;") == .legacy
                && style("limit_headers off;", "limit_headers openai;") == .openai)
    }
}
