import GatewayCore
import Testing

@testable import GatewayConfig

@Suite struct CacheDirectiveTests {
    private static let digest = "6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090"
    private static let keys = "api_keys { key a sha256=\(digest); }\n"
    private static let zones = "cache_zone ai memory=64m; cache_zone other memory=8m;\n"
    /// So that no zone is called unused.
    private static let user = "server { listen 8081; location / { cache other scope=shared; proxy_pass http://a:1; } }"
    private static let asking = "proxy_pass http://a:1; authenticate api_key;"

    /// They stand in the third line, from column 36 on.
    private static func conf(_ directives: String) -> String {
        keys + zones + location(directives) + user
    }

    private func cache(_ arguments: String) -> CacheConfig? {
        let text = Self.conf("cache ai \(arguments); \(Self.asking)")
        #expect(messages(text).filter { $0.hasPrefix("3:") } == [])
        return snapshot(text)?.servers[0].locations[0].cache
    }

    // MARK: cache_zone

    private func zones(_ text: String) -> [CacheZoneConfig]? { snapshot(text + Self.caching)?.cacheZones }
    private static let caching = server("location / { cache ai scope=shared; proxy_pass http://a:1; }")

    @Test func `a zone has a name, memory, and a largest answer`() {
        #expect(
            zones("cache_zone ai memory=256m entry_max=1m;") == [
                CacheZoneConfig(name: "ai", memoryBytes: 256 << 20, entryBytesMax: 1 << 20)
            ])
        #expect(
            zones("cache_zone b entry_max=128k memory=1m; cache_zone ai memory=1g;") == [
                CacheZoneConfig(name: "b", memoryBytes: 1 << 20, entryBytesMax: 128 << 10),
                CacheZoneConfig(name: "ai", memoryBytes: 1 << 30, entryBytesMax: 1 << 20),
            ])
        #expect(snapshot(aServer)?.cacheZones == [])
    }

    @Test(arguments: [
        ("cache_zone ai;", "1:12: error: \"cache_zone\" is missing \"memory=\""),
        ("cache_zone ai memory=64m; cache_zone memory=64m;", "1:38: error: \"cache_zone\" is missing NAME"),
        ("cache_zone ai memory=64m; cache_zone a/i memory=64m;", "1:38: error: \"a/i\" is not a name"),
        ("cache_zone ai memory=64;", "1:22: error: \"64\" is out of range"),
        ("cache_zone ai memory=1023k entry_max=4k;", "1:22: error: \"1023k\" is out of range"),
        ("cache_zone ai memory=2048g;", "1:22: error: \"2048g\" is out of range"),
        ("cache_zone ai memory=64M8;", "1:22: error: \"64M8\" has an unknown unit: \"M8\""),
        ("cache_zone ai memory=99999999999999999g;", "1:22: error: \"99999999999999999g\" is too large"),
        ("cache_zone ai memory=7m;", "1:22: error: \"7m\" is too little for 8 answers of 1m"),
        ("cache_zone ai memory=8m entry_max=1025k;", "1:35: error: \"1025k\" is more than an eighth of the memory"),
        ("cache_zone ai memory=8m entry_max=4095;", "1:35: error: \"4095\" is too little for an answer"),
        ("cache_zone ai memory=8m entry_max=0;", "1:35: error: \"0\" is too little for an answer"),
        ("cache_zone ai memory=8m entry_max=-1;", "1:35: error: \"-1\" is negative"),
        ("cache_zone ai memory=8m inactive=1h;", "1:25: error: \"inactive=1h\" is not an argument of \"cache_zone\""),
        ("cache_zone ai memory=8m; cache_zone ai memory=9m;", "1:37: error: the cache zone \"ai\" is given twice"),
        ("cache_zone ai memory=8m; cache_zone b memory=8m;", "1:37: warning: no location keeps answers in the cache zone \"b\""),
        ("cache_zone ai memory=8m { }", "1:1: error: \"cache_zone\" takes no block"),
    ])
    func `a wrong zone is told at its place, and those that use it are not blamed`(_ text: String, _ message: String) {
        #expect(messages(text + "\n" + Self.caching) == [message])
    }

    @Test func `what would be right is said in the units that people write`() {
        func hint(_ text: String) -> String? { diagnose(text + "\n" + Self.caching).first?.split(separator: "\n").last.map(String.init) }
        #expect(hint("cache_zone ai memory=8m entry_max=2m;")?.contains("at most 1m,") == true)
        #expect(hint("cache_zone ai memory=4m;")?.contains("at least 8m, or entry_max=512k") == true)
        #expect(hint("cache_zone ai memory=1k;")?.contains("from 1m to 1024g") == true)
        #expect(hint("cache_zone ai memory=1001001;")?.contains("from 1m") == true)
        #expect(hint("cache_zone ai memory=1500001 entry_max=1m;")?.contains("at most 187500,") == true)
    }

    // MARK: cache

    @Test func `a location keeps answers for an hour, by key where it asks for one`() {
        #expect(cache("") == CacheConfig(zone: 0))
        #expect(
            CacheConfig(zone: 0)
                == CacheConfig(
                    zone: 0, ttlMs: 3_600_000, force: false, scope: nil, ignored: [], deterministicOnly: false,
                    fields: [
                        "content-type", "anthropic-version", "anthropic-beta", "openai-beta", "openai-organization", "openai-project",
                        "accept",
                    ], bodyBytesMax: 1 << 20, staleIfErrorMs: 0, staleWhileRevalidateMs: 0, obeysOrigin: false, finishesAbandoned: false))
        let locations = snapshot(Self.conf("cache other; \(Self.asking)") + server("location / { proxy_pass http://a:1; }"))?.servers
        #expect(locations?[0].locations[0].cache?.zone == 1)
        #expect(locations?.last?.locations[0].cache == nil)
    }

    @Test func `each argument says what it is called`() {
        #expect(cache("ttl=5m")?.ttlMs == 300_000)
        #expect(cache("ttl=0")?.ttlMs == 0)
        #expect(cache("ttl=1h30m force") == CacheConfig(zone: 0, ttlMs: 5_400_000, force: true))
        #expect(cache("scope=key")?.scope == .key)
        #expect(cache("scope=shared")?.scope == .shared)
        #expect(cache("ignore=user,Meta.data,ключ")?.ignored == ["user", "Meta.data", "ключ"])
        #expect(cache("deterministic_only")?.deterministicOnly == true)
        #expect(cache("headers=Accept,X-Tenant")?.fields == ["accept", "x-tenant"])
        #expect(cache("body_max=64k")?.bodyBytesMax == 64 << 10)
        #expect(cache("stale_if_error=10m")?.staleIfErrorMs == 600_000)
        #expect(cache("stale_while_revalidate=500ms")?.staleWhileRevalidateMs == 500)
        #expect(cache("obey_origin")?.obeysOrigin == true)
        #expect(cache("finish_abandoned")?.finishesAbandoned == true)
        let all = cache(
            "obey_origin finish_abandoned stale_while_revalidate=1s stale_if_error=1d body_max=1 headers=accept deterministic_only "
                + "ignore=user scope=shared ttl=1d")
        #expect(
            all
                == CacheConfig(
                    zone: 0, ttlMs: 86_400_000, scope: .shared, ignored: ["user"], deterministicOnly: true, fields: ["accept"],
                    bodyBytesMax: 1, staleIfErrorMs: 86_400_000, staleWhileRevalidateMs: 1_000, obeysOrigin: true, finishesAbandoned: true))
    }

    @Test(arguments: [
        ("cache;", "3:36: error: \"cache\" is missing ZONE"),
        ("cache aj;", "3:42: error: there is no cache zone \"aj\""),
        ("cache off;", "3:42: error: there is no cache zone \"off\""),
        ("cache ai other;", "3:45: error: \"other\" is not an argument of \"cache\""),
        ("cache ai ttl=1h ttl=2h;", "3:52: error: \"ttl\" is given twice"),
        ("cache ai deterministic_only deterministic_only;", "3:64: error: \"deterministic_only\" is given twice"),
        ("cache ai; cache other;", "3:46: error: \"cache\" is given twice"),
        ("cache ai ttl=1y;", "3:49: error: \"1y\" has an unknown unit: \"y\""),
        ("cache ai ttl=-1;", "3:49: error: \"-1\" is negative"),
        ("cache ai ttl=366d;", "3:49: error: \"366d\" is too long"),
        ("cache ai force;", "3:45: error: \"force\" is missing its time"),
        ("cache ai force ttl=0;", "3:55: error: with \"force\" no answer would ever be fresh"),
        ("cache ai force ttl=1h obey_origin;", "3:58: error: \"force\" goes before what the origin says, so that nothing is left to obey"),
        ("cache ai force=1h;", "3:45: error: \"force=1h\" is not an argument of \"cache\""),
        ("cache ai scope=user;", "3:51: error: \"user\" is not valid here"),
        ("cache ai stale_if_error=soon;", "3:60: error: \"soon\" is not a time"),
        ("cache ai stale_while_revalidate=10x;", "3:68: error: \"10x\" has an unknown unit: \"x\""),
        ("cache ai stale_if_error=400d;", "3:60: error: \"400d\" is too long"),
        ("cache ai ignore=;", "3:52: error: \"\" is not a name"),
        ("cache ai ignore=user,;", "3:57: error: \"\" is not a name"),
        ("cache ai ignore=user,,tag;", "3:57: error: \"\" is not a name"),
        ("cache ai ignore=\"user, tag\";", "3:58: error: \" tag\" is not a name"),
        ("cache ai ignore=user,tag,user;", "3:61: error: \"user\" is given twice"),
        ("cache ai ignore=$user;", "3:52: error: variables can't be used here"),
        ("cache ai headers=accept,a:b;", "3:60: error: \"a:b\" is not a name"),
        ("cache ai headers=accept,X-A,Accept;", "3:64: error: \"Accept\" is given twice"),
        ("cache ai headers=;", "3:53: error: \"\" is not a name"),
        ("cache ai body_max=0;", "3:54: error: \"0\" is out of range"),
        ("cache ai body_max=65m;", "3:54: error: \"65m\" is out of range"),
        ("cache ai body_max=1x;", "3:54: error: \"1x\" has an unknown unit: \"x\""),
        ("cache ai body_max=2m;", "3:54: warning: longer bodies than 1m get 413 before they come to the cache"),
        ("cache ai ignore=user,messages;", "3:52: warning: requests that differ in \"messages\" get the same answer"),
        ("cache ai { }", "3:36: error: \"cache\" takes no block"),
    ])
    func `a wrong cache is told at its place`(_ text: String, _ message: String) {
        let found = messages(Self.conf("\(text) \(Self.asking)"))
        // A zone whose one user is wrong may be unused besides.
        #expect(found.filter { !$0.contains("no location keeps answers") } == [message])
    }

    @Test func `a body may be as long as the location lets in`() {
        #expect(messages(Self.conf("cache ai body_max=2m; client_max_body_size 2m; \(Self.asking)")) == [])
        #expect(messages(Self.conf("cache ai body_max=64m; client_max_body_size 0; \(Self.asking)")) == [])
    }

    @Test func `without an origin there is nothing to keep`() {
        #expect(
            messages(Self.conf("cache ai; return 200 ok; authenticate api_key;")) == [
                "3:36: error: there is no origin here whose answers could be kept"
            ])
        #expect(messages(Self.conf("cache ai ttl=1x; return 200 ok;")).count == 2)
        let both = snapshot(Self.conf("cache ai; return 200 ok; \(Self.asking)"))?.servers[0].locations[0]
        #expect(both?.cache == nil && both != nil)
        // Of a proxy_pass that is wrong nothing more is said.
        #expect(messages(Self.conf("cache ai; authenticate api_key; proxy_pass ftp://a;")).count == 1)
        #expect(messages(Self.conf("cache ai; authenticate api_key; proxy_pas http://a:1;")).count == 1)
    }

    @Test func `nobody's answers are another's by accident`() {
        let warning = "3:36: warning: requests that carry Authorization, Cookie or a key are not cached here"
        let pass = "proxy_pass http://a:1;"
        #expect(messages(Self.conf("cache ai; \(pass)")) == [warning])
        #expect(snapshot(Self.conf("cache ai; \(pass)"))?.servers[0].locations[0].cache == CacheConfig(zone: 0))
        #expect(messages(Self.conf("cache ai; authenticate off; \(pass)")) == [warning])
        #expect(messages(Self.conf("cache ai scope=shared; \(pass)")) == [])
        #expect(messages(Self.conf("cache ai scope=shared; \(Self.asking)")) == [])
        #expect(messages(Self.conf("cache ai scope=key; \(Self.asking)")) == [])
        #expect(
            messages(Self.conf("cache ai scope=key; \(pass)")) == [
                "3:51: error: \"scope=key\" keeps answers for each API key, and this asks for none"
            ])
        // Asked for further out.
        let outer = "server { listen 8080; authenticate api_key; location / { cache ai scope=key; \(pass) } }"
        #expect(messages(Self.keys + Self.zones + outer + Self.user) == [])
    }

    @Test func `zones are known wherever they stand, and near names are suggested`() {
        #expect(messages(location("cache ai scope=shared; proxy_pass http://a:1;") + "cache_zone ai memory=8m;") == [])
        #expect(diagnose(Self.conf("cache othr; \(Self.asking)")).contains { $0.contains("did you mean \"other\"?") })
        #expect(diagnose(Self.conf("cache off; \(Self.asking)")).contains { $0.contains("leave it out") })
        #expect(diagnose(location("cache ai scope=shared; proxy_pass http://a:1;")).first?.contains("cache_zone NAME memory=SIZE;") == true)
    }

    @Test func `names come from the environment, and are not shown`() {
        func found(_ value: String) -> [String] {
            diagnose(Self.conf("cache ai ignore=env:IGNORED; \(Self.asking)"), environment: ["IGNORED": value]).filter {
                $0.contains(":3:")
            }
        }
        let text = Self.conf("cache ai ignore=env:IGNORED; \(Self.asking)")
        #expect(snapshot(text, environment: ["IGNORED": "user,metadata"])?.servers[0].locations[0].cache?.ignored == ["user", "metadata"])
        #expect(found("user,,x").count == 1 && found("user,user").count == 1 && found("messages").count == 1)
        for value in ["user,,x", "user,user", "messages"] {
            #expect(found(value).allSatisfy { !$0.contains(value) && !$0.contains("\"user\"") })
        }
    }

    @Test func `a list has 64 names at the most`() {
        let names = (1...64).map { "n\($0)" }
        #expect(cache("ignore=\(names.joined(separator: ","))")?.ignored == names)
        for list in ["ignore", "headers"] {
            let text = Self.conf("cache ai \(list)=\((names + ["more"]).joined(separator: ",")); \(Self.asking)")
            let found = ConfigLoader.load(text: text, path: "gateway.conf", environment: [:]).diagnostics.filter { $0.line == 3 }
            #expect(found.map(\.message) == ["more than 64 names are given"])
            #expect(found.first?.position.length == "more".count)
        }
    }

    @Test func `cache stands in locations, and zones outside of all blocks`() {
        #expect(messages(Self.zones + server("cache ai; return 200 ok;")).contains("2:23: error: \"cache\" is not allowed in \"server\""))
        #expect(messages(server("cache_zone ai memory=8m; return 200 ok;")) == ["1:23: error: \"cache_zone\" is not allowed in \"server\""])
    }

    @Test func `the caret stands below the name that is meant`() {
        let text = diagnose(Self.conf("cache ai headers=accept,a:b; \(Self.asking)")).first { $0.contains("a:b") }
        let lines = text?.split(separator: "\n").map(String.init) ?? []
        #expect(lines.count >= 3)
        let caret = lines.dropFirst(2).first?.firstIndex(of: "^").map { lines[2].distance(from: lines[2].startIndex, to: $0) }
        #expect(caret.map { String(lines[1].dropFirst($0).prefix(3)) } == "a:b")
        #expect(lines.dropFirst(2).first?.contains("^~~") == true)
    }
}
