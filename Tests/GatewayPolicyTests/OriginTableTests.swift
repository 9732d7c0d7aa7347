import GatewayConfig
import GatewayCore
import GatewayHTTP
import Testing

@testable import GatewayPolicy

@Suite struct OriginTableTests {
    @Test func `what is listed is found, and nothing that only resembles it`() {
        let table = OriginTable(["https://a.example", "http://a.example:8080", "https://*.b.example", "https://*.c.example:8443"])
        func has(_ origin: String) -> Bool {
            let origin = bytes(origin)
            return table.contains(origin.rawSpan)
        }
        for origin in [
            "https://a.example", "http://a.example:8080", "https://x.b.example", "https://x.y-1.b.example", "https://x.c.example:8443",
        ] {
            #expect(has(origin), "\(origin)")
        }
        for origin in [
            "", "https://", "https://a.exampl", "https://a.example.", "https://A.example", "http://a.example", "https://a.example:443",
            "https://b.example", "https://.b.example", "https://x..b.example", "https://x.b.example:443", "https://x.b.example.",
            "https://x/.b.example", "https://x:1.b.example", "https://x@y.b.example", "https://X.b.example", "https://x.c.example",
            "http://x.b.example", "https://xb.example", "null", "*", "https://*.b.example",
            "https://\(String(repeating: "a", count: Limits.originBytesMax)).b.example",
        ] {
            #expect(!has(origin), "\(origin)")
        }
    }

    @Test func `a star takes any`() {
        let origin = bytes("null")
        let isThere = OriginTable(["*"]).contains(origin.rawSpan)
        #expect(isThere)
    }
}
