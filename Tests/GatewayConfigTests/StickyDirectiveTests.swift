import Testing

@testable import GatewayConfig

@Suite struct StickyDirectiveTests {
    private static let versions = "version stable weight=9 { server a:1; } version canary weight=1 { server b:1; }"

    private func upstream(_ directives: String, environment: [String: String] = [:]) -> UpstreamConfig? {
        snapshot("upstream chat { \(Self.versions) \(directives) } " + aServer, environment: environment)?.upstreams[0]
    }

    @Test func `callers are known by key, address, header or cookie`() {
        #expect(upstream("")?.sticky == nil)
        #expect(upstream("sticky key=api_key;")?.sticky == .apiKey)
        #expect(upstream("sticky key=ip;")?.sticky == .address)
        #expect(upstream("sticky key=header:X-User;")?.sticky == .header("X-User"))
        #expect(upstream("sticky key=cookie:session_id;")?.sticky == .cookie("session_id"))
    }

    @Test func `a header may name a version, from these networks`() {
        #expect(upstream("")?.versionHeader == nil)
        let header = upstream("version_header X-Version from=10.0.0.0/8,::1;")?.versionHeader
        #expect(header?.name == "X-Version" && header?.from.map(\.description) == ["10.0.0.0/8", "::1"])
        let other = upstream("version_header X-Version from=env:TESTERS;", environment: ["TESTERS": "192.0.2.1,192.0.2.2"])?.versionHeader
        #expect(other?.from.count == 2)
    }

    @Test(arguments: [
        ("sticky;", "\"sticky\" is missing \"key=\""), ("sticky key=all;", "\"all\" is nothing to know callers by"),
        ("sticky ip;", "\"ip\" is not an argument"), ("sticky key=header:;", "\"\" is not the name of a header field"),
        ("sticky key=cookie:a=b;", "\"a=b\" is not the name of a cookie"), ("sticky key=ip; sticky key=ip;", "\"sticky\" is given twice"),
        ("version_header X-Version;", "\"version_header\" is missing \"from=\""),
        ("version_header from=10.0.0.0/8;", "\"version_header\" is missing NAME"),
        ("version_header X-Version from=10.0.0.0/8,;", "\"\" is not an address"),
        ("version_header X/Y from=::1;", "\"X/Y\" is not the name"),
    ])
    func `what is wrong is an error`(directive: String, message: String) {
        let found = messages("upstream chat { \(Self.versions) \(directive) } " + aServer)
        #expect(found.count == 1 && found[0].contains("error: ") && found[0].contains(message), "\(found)")
    }

    @Test(arguments: ["sticky key=ip;", "version_header X-Version from=::1;"])
    func `without versions there is nothing to choose`(directive: String) {
        let found = messages("upstream chat { server a:1; server b:1; \(directive) } " + aServer)
        #expect(
            found.count == 1 && found[0].contains("error: ") && found[0].contains("is about versions, and the upstream has none"),
            "\(found)")
    }

    @Test func `keys that nobody looks at are warned of`() {
        let keys = "api_keys { header X-API-Key; key a sha256=6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090; }"
        func found(_ location: String) -> [String] {
            messages("\(keys) upstream chat { \(Self.versions) sticky key=api_key; } server { listen 8080; \(location) }")
        }
        #expect(found("location / { proxy_pass http://chat; }").map { $0.contains("warning: no location that passes") } == [true])
        #expect(found("location / { authenticate api_key; proxy_pass http://chat; } location /open { proxy_pass http://chat; }").isEmpty)
    }
}
