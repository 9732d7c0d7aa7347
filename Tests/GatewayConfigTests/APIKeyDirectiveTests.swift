import Testing

@testable import GatewayConfig

@Suite struct APIKeyDirectiveTests {
    private static let one = "6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090"
    private static let two = "50ae61e841fac4e8f9e40baf2ad36ec868922ea48368c18f9535e47db56dd7fb"

    @Test func `keys have a name, a digest and perhaps a last day`() throws {
        let config = try #require(
            snapshot(
                """
                api_keys {
                    header X-API-Key; header Authorization bearer;
                    key mobile sha256=\(Self.one); key mobile sha256=\(Self.two.uppercased()) expires=2127-03-31;
                }
                \(aServer)
                """)?.apiKeys)
        #expect(config.fields == [.init(name: "X-API-Key", isBearer: false), .init(name: "Authorization", isBearer: true)])
        #expect(config.keys.map(\.name) == ["mobile", "mobile"])
        #expect(config.keys.map(\.digest.description) == [Self.one, Self.two])
        #expect(config.keys.map(\.lastDay) == [nil, 57_432])
    }

    @Test func `without a header keys stand where they mostly do`() {
        let config = snapshot("api_keys { key a sha256=\(Self.one); } \(aServer)")?.apiKeys
        #expect(config?.fields == [.init(name: "X-API-Key", isBearer: false), .init(name: "Authorization", isBearer: true)])
        #expect(snapshot(aServer)?.apiKeys == nil)
    }

    @Test func `keys may stand in files of their own`() {
        let files = TemporaryDirectory()
        files.write("keys.d/a.conf", "key a sha256=\(Self.one);")
        files.write("keys.d/b.conf", "key b sha256=\(Self.two);")
        let path = files.write("gateway.conf", "api_keys { include keys.d/*.conf; } \(aServer)")
        let result = ConfigLoader.load(path: path, environment: [:])
        #expect(result.snapshot?.apiKeys?.keys.map(\.name) == ["a", "b"])
    }

    @Test func `every level may ask for a key, and an inner one may not`() {
        let text =
            """
            api_keys { key a sha256=\(Self.one); }
            authenticate api_key strip;
            server {
                listen 8080;
                location / { return 200 a; }
                location /open { return 200 b; authenticate off; }
                location /kept { return 200 c; authenticate api_key; }
            }
            """
        let server = snapshot(text)?.servers[0]
        #expect(server?.locations.map { $0.authentication?.stripsKey } == [true, nil, false])
        #expect(server?.fallback.authentication == AuthenticationConfig(stripsKey: true))
        #expect(snapshot(aServer)?.servers[0].fallback.authentication == nil)
    }

    @Test(arguments: [
        ("key a;", "1:16: error: \"key\" is missing \"sha256=\""),
        ("key a sha256=abc;", "1:25: error: this is no SHA-256"),
        ("key a/b sha256=\(one);", "1:16: error: \"a/b\" is not a name"),
        ("key a sha256=\(one) expires=31.3.2027;", "1:98: error: \"31.3.2027\" is not a date"),
        ("key a sha256=\(one) expires=2027-02-29;", "1:98: error: \"2027-02-29\" is not a date"),
        ("key a sha256=\(one) expires=2027-2-9;", "1:98: error: \"2027-2-9\" is not a date"),
        ("key a sha256=\(one); key b sha256=\(one);", "1:104: error: this key is given twice"),
        ("key a sha256=\(one); header X-A; header x-a;", "1:110: error: the field \"x-a\" is given twice"),
        ("key a sha256=\(one); header Content-Length;", "1:98: error: Content-Length can't be set"),
        ("key a sha256=\(one); header X-A bearer bearer;", "1:109: error: \"bearer\" is given twice"),
        ("ky a sha256=\(one);", "1:12: error: unknown directive \"ky\""),
        ("listen 80;", "1:12: error: \"listen\" is not allowed in \"api_keys\""),
    ])
    func `what is wrong is an error at its place`(_ directives: String, _ message: String) {
        #expect(messages("api_keys { \(directives) }\n" + aServer) == [message])
    }

    @Test func `an expired key and a block without any are warnings`() {
        #expect(
            messages("api_keys { key a sha256=\(Self.one) expires=2020-01-01; } " + aServer) == [
                "1:98: warning: this key of \"a\" has expired"
            ])
        #expect(snapshot("api_keys { key a sha256=\(Self.one) expires=2020-01-01; } " + aServer) != nil)
        #expect(messages("api_keys { } " + aServer) == ["1:1: warning: there is no key: whoever is asked for one gets 401"])
    }

    @Test func `authenticate without keys would let nobody in, and off strips nothing`() {
        #expect(messages(location("return 200 a; authenticate api_key;")) == ["1:63: error: there are no \"api_keys\""])
        #expect(messages(location("return 200 a; authenticate off strip;")) == ["1:67: error: \"off\" strips nothing"])
        #expect(messages(location("return 200 a; authenticate on;")) == ["1:63: error: \"on\" is not valid here"])
    }

    @Test func `a line for the file is what the file takes`() throws {
        let digest = try CallerReader.digest(Word(text: Self.one, position: SourcePosition(path: "")))
        let line = try #require(APIKeyLine.text(name: "mobile", digest: digest))
        #expect(line == "key mobile sha256=\(Self.one);")
        for name in ["", "a b", "a;b", "é", String(repeating: "n", count: 65)] {
            #expect(APIKeyLine.text(name: name, digest: digest) == nil)
        }
    }
}
