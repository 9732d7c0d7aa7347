import Testing

@testable import GatewayConfig

@Suite struct GzipDirectiveTests {
    private func load(_ text: String) -> ConfigResult {
        ConfigLoader.load(text: text, path: "gateway.conf", environment: [:])
    }

    private func gzip(_ main: String, _ server: String = "", _ location: String = "") -> GzipConfig? {
        load("\(main) server { listen 8080; \(server) location / { return 200 ok; \(location) } }").snapshot?.servers[0].locations[0].gzip
    }

    @Test func `gzip is off by default, and on with nginx's values`() {
        #expect(gzip("") == nil)
        #expect(gzip("gzip_types text/css; gzip_comp_level 9;") == nil)
        #expect(gzip("gzip on;") == GzipConfig(level: 1, lengthMinBytes: 20, types: ["text/html"]))
    }

    @Test func `every level has its say, and text/html is always meant`() {
        let expected = GzipConfig(level: 6, lengthMinBytes: 1000, types: ["application/json", "text/html"])
        #expect(gzip("gzip on;", "gzip_min_length 1000; gzip_comp_level 6;", "gzip_types Application/JSON;") == expected)
        #expect(gzip("", "gzip on; gzip_types text/html text/css;", "gzip_min_length 1k;")?.types == ["text/html", "text/css"])
        #expect(gzip("gzip on; gzip_types *;")?.types == ["*", "text/html"])
        #expect(gzip("gzip on;", "", "gzip off;") == nil)
    }

    @Test(arguments: [
        ("gzip yes;", "\"yes\" is not valid here"), ("gzip_comp_level 0;", "\"0\" is out of range"),
        ("gzip_comp_level 10;", "\"10\" is out of range"), ("gzip_min_length 1x;", "\"1x\" has an unknown unit: \"x\""),
        ("gzip_types json;", "\"json\" is not a media type"), ("gzip_types text/;", "\"text/\" is not a media type"),
        ("gzip_types text/*;", "\"text/*\" is not a media type"), ("gzip_types a/b/c;", "\"a/b/c\" is not a media type"),
        ("gzip_vary on;", "unknown directive \"gzip_vary\""),
    ])
    func `what is wrong is an error at its place`(directive: String, message: String) {
        let result = load("\(directive)\nserver { listen 8080; return 200 ok; }")
        #expect(result.snapshot == nil)
        #expect(result.diagnostics.map(\.message) == [message])
        #expect(result.diagnostics.first?.position.line == 1)
    }

    @Test func `gzip_memory is 128 MB for each worker where nothing else is said, and enough for a few encoders`() {
        func memory(_ main: String) -> ConfigResult { load("\(main) server { listen 8080; return 200 ok; }") }
        #expect(memory("").snapshot?.gzipMemoryBytes == 128 << 20)
        #expect(memory("gzip_memory 1m;").snapshot?.gzipMemoryBytes == 1 << 20)
        #expect(memory("gzip_memory 4g;").snapshot?.gzipMemoryBytes == 4 << 30)
        for little in ["0", "1023k"] {
            let result = memory("gzip_memory \(little);")
            #expect(result.diagnostics.map(\.message) == ["\"\(little)\" is too little for the encoders"])
            #expect(result.diagnostics.first?.position.column == 13)
        }
        #expect(load("server { gzip_memory 1m; listen 8080; return 200 ok; }").diagnostics.map(\.message).count == 1)
    }

    @Test func `event streams among the types are pointed out`() {
        let result = load("gzip_types text/css text/event-stream; server { listen 8080; return 200 ok; }")
        #expect(result.snapshot != nil)
        #expect(result.diagnostics.map(\.message) == ["event streams are never compressed"])
    }
}
